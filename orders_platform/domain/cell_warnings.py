"""Cells that were left out or cut while their order went on: what is wrong with each, and many of them in few lines."""

from collections.abc import Iterable
from dataclasses import dataclass

_EXAMPLES = 3
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with one cell. `reason` continues the sentence "<column>: <text> ..."; `column` is the order list's name for it."""

    column: str
    text: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class CellWarning:
    """A cell of an order or of a size that was left out or cut.

    `row_uuid` is that of the order or line that was sent without it; None when the merge left it out, of the row with that hash.
    """

    customer: str
    order_key: str
    column: str
    text: str
    code: str
    reason: str
    row_uuid: str | None = None
    row_hash: str | None = None


@dataclass(frozen=True, slots=True)
class WarningGroup:
    """Cells of one customer and column with the same trouble. `examples` are order keys; `text` is the first one's."""

    customer: str
    column: str
    code: str
    reason: str
    text: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        orders = f"{self.count} orders, for example {', '.join(self.examples)}" if self.count > 1 else self.examples[0]
        return f"{self.column}: {orders}: {preview(self.text)} {self.reason}"


def group_warnings(warnings: Iterable[CellWarning]) -> list[WarningGroup]:
    """The warnings by customer, column and what is wrong: by text as well where the reason is about the text, as labels are; most first."""
    found: dict[tuple[str, str, str, str], dict[tuple[str, str | None], CellWarning]] = {}
    for each in warnings:
        key = (each.customer, each.column, each.code, preview(each.text) if each.code.startswith("label_") else "")
        found.setdefault(key, {}).setdefault((each.order_key, each.row_hash), each)
    groups = []
    for (customer, column, code, _), by_order in found.items():
        first = next(iter(by_order.values()))
        keys = tuple(dict.fromkeys(key for key, _ in by_order))
        groups.append(WarningGroup(customer, column, code, first.reason, first.text, len(by_order), keys[:_EXAMPLES]))
    return sorted(groups, key=lambda group: (group.customer, -group.count, group.column, group.text))


def preview(text: str) -> str:
    """A text between quotes, and only its beginning when it is long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
