"""From findings to the result of a check: passed or not, whose, how many, what next, and a table of the first of them.

All checks share this shape, which alerts read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from orders_platform.database.queries import Finding
from orders_platform.domain.customers import customer_for
from orders_platform.settings import Settings

WARN = dg.AssetCheckSeverity.WARN
ERROR = dg.AssetCheckSeverity.ERROR

SCOPE, CUSTOMERS, ERRORS, NOT_CHECKED = "scope", "customers", "errors", "not_checked"
"""Metadata that alerts read: whom a check was about, findings by customer, customers with an ERROR, customers of whom it says nothing."""
EVERYBODY = "all customers"
NOBODY = "(no customer)"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a check is about: the customer of the run, or everybody (`customer` is None)."""

    customer: str | None = None

    @classmethod
    def of(cls, context: dg.AssetCheckExecutionContext) -> Scope:
        """The customer of a partitioned run; everybody in a job of checks only."""
        return cls(customer_for(context.partition_key) if context.has_partition_key else None)

    def names(self, everybody: Iterable[str]) -> Sequence[str]:
        """The customers that the check reads."""
        return [self.customer] if self.customer is not None else list(everybody)


def check_result(
    findings: Sequence[Finding],
    *,
    scope: Scope,
    what: tuple[str, str],
    next_step: str,
    severity: dg.AssetCheckSeverity | Collection[str] = WARN,
    figures: Mapping[str, dg.RawMetadataValue] | None = None,
) -> dg.AssetCheckResult:
    """Passed when there is no finding.

    Args:
        findings: everything that is wrong; the first `shown_rows` of them are shown as a table.
        scope: whom the check was about.
        what: the findings in a few words, after their number; for one, and for several.
        next_step: what people should do.
        severity: of a failure; or the customers of whom it is an ERROR, while it is a WARN of the others.
        figures: more metadata.
    """
    counts = Counter(each.customer or NOBODY for each in findings)
    errors = _errors(counts, severity)
    worst = severity if isinstance(severity, dg.AssetCheckSeverity) else ERROR if errors else WARN
    metadata: dict[str, dg.RawMetadataValue] = {
        SCOPE: scope.customer or EVERYBODY,
        CUSTOMERS: dg.MetadataValue.json(dict(counts.most_common())),
        "found": len(findings),
        **(figures or {}),
    }
    if not findings:
        return dg.AssetCheckResult(passed=True, severity=worst, metadata=metadata)
    shown = findings[: Settings().configuration.checks.shown_rows]
    metadata[ERRORS] = dg.MetadataValue.json(errors)
    metadata["rows"] = dg.MetadataValue.table([dg.TableRecord({"customer": each.customer, **each.details}) for each in shown])
    words = f"{len(findings)} {what[len(findings) > 1]} ({_whose(counts)}). {next_step}"
    return dg.AssetCheckResult(passed=False, severity=worst, description=words, metadata=metadata)


def not_checked(scope: Scope, why: str) -> dg.AssetCheckResult:
    """Passed, though the check says nothing of the customer: alerts do not take it for a recovery."""
    customer = scope.customer or NOBODY
    return dg.AssetCheckResult(
        passed=True, description=why, metadata={SCOPE: customer, NOT_CHECKED: dg.MetadataValue.json([customer])}
    )


def _errors(customers: Collection[str], severity: dg.AssetCheckSeverity | Collection[str]) -> list[str]:
    if isinstance(severity, dg.AssetCheckSeverity):
        return list(customers) if severity is ERROR else []
    errors = {customer or NOBODY for customer in severity}
    return [customer for customer in customers if customer in errors]


def _whose(counts: Counter[str]) -> str:
    named = ", ".join(f"{customer} {count}" for customer, count in counts.most_common(_NAMED))
    rest = len(counts) - _NAMED
    return f"{named} and {rest} customers more" if rest > 0 else named
