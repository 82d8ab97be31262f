"""From findings to the result of a check: passed or not, whose, how many, what next, and a table of the first of them.

All checks share this shape, which alerts read again.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from orders_platform.database.order_store import Finding
from orders_platform.defs.resources import CUSTOMERS as PARTITIONS
from orders_platform.domain.text import few
from orders_platform.settings import Settings

WARN = dg.AssetCheckSeverity.WARN
ERROR = dg.AssetCheckSeverity.ERROR

CUSTOMERS, ERRORS, NOT_CHECKED = "customers", "errors", "not_checked"
"""Metadata that alerts read: findings by customer, customers with an ERROR, customers of whom it says nothing."""
NOBODY = "(no customer)"
_NAMED = 5


def check_of_run(
    asset: dg.AssetsDefinition, **options: Any
) -> Callable[[Callable[..., dg.AssetCheckResult]], dg.AssetChecksDefinition]:
    """A check that a customer's run makes, partitioned as its asset is: no customer's verdict hides that of another.

    Dagster 1.13 calls the partitions of a check a preview, and warns of each.
    """

    def made(check: Callable[..., dg.AssetCheckResult]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.asset_check(asset=asset, partitions_def=PARTITIONS, **options)(check)

    return made


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found; it passes when there is nothing.

    Attributes:
        found: everything that is wrong; the first `shown_rows` of them are shown as a table.
        what: the findings in a few words, after their number; for one, and for several.
        next_step: what people should do.
        severity: of a failure; or the customers of whom it is an ERROR, while it is a WARN of the others.
        figures: more metadata.
    """

    found: Sequence[Finding]
    what: tuple[str, str]
    next_step: str
    severity: dg.AssetCheckSeverity | Collection[str] = WARN
    figures: Mapping[str, dg.RawMetadataValue] = field(default_factory=dict)

    def result(self, customer: str | None) -> dg.AssetCheckResult:
        """For Dagster; the check was about this customer, or about everybody."""
        counts = Counter(each.customer or NOBODY for each in self.found)
        if isinstance(self.severity, dg.AssetCheckSeverity):
            worst, errors = self.severity, [*counts] if self.severity is ERROR else []
        else:
            theirs = {customer or NOBODY for customer in self.severity}
            errors = [customer for customer in counts if customer in theirs]
            worst = ERROR if errors else WARN
        figures: dict[str, dg.RawMetadataValue] = {"found": len(self.found), **self.figures}
        if customer is not None:  # as numbers Dagster would draw one line through those of all customers
            figures = {name: str(each) if isinstance(each, int | float) else each for name, each in figures.items()}
        metadata = {CUSTOMERS: dg.MetadataValue.json(dict(counts.most_common())), **figures}
        if not self.found:
            return dg.AssetCheckResult(passed=True, severity=worst, metadata=metadata)
        shown = self.found[: Settings().configuration.checks.shown_rows]
        metadata[ERRORS] = dg.MetadataValue.json(errors)
        rows = [dg.TableRecord({"customer": each.customer, **each.details}) for each in shown]
        metadata["rows"] = dg.MetadataValue.table(rows)
        whose = [f"{name} {count}" for name, count in counts.most_common()]
        words = f"{len(self.found)} {self.what[len(self.found) > 1]} ({few(whose, _NAMED)}). {self.next_step}"
        return dg.AssetCheckResult(passed=False, severity=worst, description=words, metadata=metadata)


def not_checked(customer: str, why: str) -> dg.AssetCheckResult:
    """Passed, though the check says nothing of the customer: alerts do not take it for a recovery."""
    return dg.AssetCheckResult(passed=True, description=why, metadata={NOT_CHECKED: dg.MetadataValue.json([customer])})
