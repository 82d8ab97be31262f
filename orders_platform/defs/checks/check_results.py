"""From findings to the result of a check: passed or not, whose, how many, what next, and a table of the first of them.

Belongs here: the one shape that all checks share, which alerts read again. Does not belong here: any check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from orders_platform.database.overview import Finding
from orders_platform.domain.customers import customer_for

WARN = dg.AssetCheckSeverity.WARN
ERROR = dg.AssetCheckSeverity.ERROR

SCOPE, BAD, ERRORS, JUDGED = "scope", "customers", "errors", "judged"
UNSEEN, SETTLES = "customers_unseen", "settles"
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
        """The customers to ask about."""
        return [self.customer] if self.customer is not None else list(everybody)

    def holds(self, customer: str) -> bool:
        """Whether this customer is asked about."""
        return self.customer in {None, customer}


def verdict(
    findings: Sequence[Finding],
    *,
    scope: Scope,
    what: tuple[str, str],
    next_step: str,
    shown: int,
    severity: dg.AssetCheckSeverity | Collection[str] = WARN,
    figures: Mapping[str, dg.RawMetadataValue] | None = None,
) -> dg.AssetCheckResult:
    """Passed when there is no finding.

    Args:
        findings: everything that is wrong; the first of them are shown as a table.
        scope: whom the check was about.
        what: the findings in a few words, after their number; for one, and for several.
        next_step: what people should do.
        shown: most rows in the table.
        severity: of a failure; or the customers of whom it is an ERROR, while it is a WARN of the others.
        figures: more metadata.
    """
    bad = Counter(each.customer or NOBODY for each in findings)
    harmed = _harmed(bad, severity)
    worst = severity if isinstance(severity, dg.AssetCheckSeverity) else ERROR if harmed else WARN
    metadata: dict[str, dg.RawMetadataValue] = {
        SCOPE: scope.customer or EVERYBODY, BAD: dg.MetadataValue.json(dict(bad.most_common())), "found": len(findings), **(figures or {}),
    }  # fmt: skip
    if not findings:
        return dg.AssetCheckResult(passed=True, severity=worst, metadata=metadata)
    records = [dg.TableRecord({"customer": each.customer, **each.details}) for each in findings[:shown]]
    metadata[ERRORS] = dg.MetadataValue.json(harmed)
    metadata["rows"] = dg.MetadataValue.table(records)
    words = f"{len(findings)} {what[len(findings) > 1]} ({_whose(bad)}). {next_step}"
    return dg.AssetCheckResult(passed=False, severity=worst, description=words, metadata=metadata)


def not_judged(scope: Scope, why: str) -> dg.AssetCheckResult:
    """Passed, because nothing was looked at; alerts do not take it for a recovery."""
    return dg.AssetCheckResult(passed=True, description=why, metadata={SCOPE: scope.customer or EVERYBODY, JUDGED: False})


def _harmed(bad: Collection[str], severity: dg.AssetCheckSeverity | Collection[str]) -> list[str]:
    if isinstance(severity, dg.AssetCheckSeverity):
        return list(bad) if severity is ERROR else []
    errors = {customer or NOBODY for customer in severity}
    return [customer for customer in bad if customer in errors]


def _whose(bad: Counter[str]) -> str:
    named = ", ".join(f"{customer} {count}" for customer, count in bad.most_common(_NAMED))
    rest = len(bad) - _NAMED
    return f"{named} and {rest} customers more" if rest > 0 else named
