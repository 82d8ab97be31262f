"""The verdict on a customer: are its orders on the board as the list has them? Made here alone; every surface shows it."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from orders_platform.domain.customers import UNKNOWN_CUSTOMER, UNMATCHED_NO_ORDER
from orders_platform.domain.guards import Guard
from orders_platform.domain.orders import CustomerSummary, RowProblem
from orders_platform.domain.text import counted, few

NO_ORDERS = frozenset({"phantom", "repeated_header", "total"})
"""Codes of staged rows that are no orders (totals, headers): nothing of them belongs on the board."""

REFUSED_FILE = "refused_file"
"""The code of an order file of the folder that was refused as it is: none of its rows is in the list."""

NOBODYS = frozenset({UNKNOWN_CUSTOMER, UNMATCHED_NO_ORDER, REFUSED_FILE})  # codes of what is no customer's


class CustomerState(enum.StrEnum):
    """The worst that is so of a customer; the first that holds."""

    GUARD = "guard"
    FAILED = "failed"
    DIFFERENT = "different"
    UNMATCHED = "unmatched"
    PAUSED = "paused"
    WAITING = "waiting"
    WARNINGS = "warnings"
    ON_BOARD = "on_board"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a customer stands."""

    customer: str
    orders: int = 0  # that its last merged load has, without the invalid rows; `on_board` of these have an item
    on_board: int = 0
    waiting: int = 0  # orders and sizes to be sent, or sent without a known outcome
    failed: int = 0  # orders and sizes that our check or monday refused, and sizes that wait for such an order
    invalid: int = 0  # rows of the load that the merge cannot take; the board lacks them
    unmatched: int = 0  # rows of its files that name no known customer
    warnings: int = 0  # cells that were left out, and rows that are no orders
    # between board and database, when they were last compared; orders that were missing then are not `on_board`
    differences: int = 0
    guards: tuple[Guard, ...] = ()  # that acted on its last load and were not accepted
    paused_at: datetime | None = None  # since when somebody keeps it from being merged and sent; UTC
    # its load is not the one that was merged last, or was not merged whole: what it holds is not counted here
    is_unmerged: bool = False

    @classmethod
    def of(cls, stand: CustomerSummary, invalid: Sequence[RowProblem], warnings: int, **more: Any) -> Self:
        """The verdict on a customer, out of its invalid rows and the number of its cells that were left out."""
        no_orders = sum(row.rows for row in invalid if row.code in NO_ORDERS)
        return cls(
            stand.customer, orders=stand.orders, on_board=stand.items - stand.missing, waiting=stand.new + stand.pending,
            failed=stand.failed + stand.blocked, invalid=sum(row.rows for row in invalid) - no_orders,
            warnings=no_orders + warnings, differences=stand.differences, **more,
        )  # fmt: skip

    @property
    def state(self) -> CustomerState:
        """In one word."""
        if self.guards:
            return CustomerState.GUARD
        if self.failed or self.invalid:
            return CustomerState.FAILED
        if self.differences:
            return CustomerState.DIFFERENT
        if self.unmatched:
            return CustomerState.UNMATCHED
        if self.paused_at:
            return CustomerState.PAUSED
        if self.waiting or self.is_unmerged or self.on_board < self.orders:
            return CustomerState.WAITING
        return CustomerState.WARNINGS if self.warnings else CustomerState.ON_BOARD

    def is_well(self, *, strict: bool = False) -> bool:
        """Whether all is on the board; warnings are well unless `strict`."""
        return self.state is CustomerState.ON_BOARD or (self.state is CustomerState.WARNINGS and not strict)

    @property
    def sentence(self) -> str:
        """In a sentence, guards apart: they have their own."""
        orders = counted(self.orders, "order")
        some = f"{self.on_board:,} of {orders} on the board"
        every = f"{orders}, {'all ' if self.orders > 1 else ''}on the board"
        none = "no orders merged" if self.is_unmerged else "no orders"
        head = none if not self.orders else every if self.is_well() else some
        counts = (
            (self.waiting, "row waits", "rows wait"),
            (self.failed, "row failed", "rows failed"),
            (self.invalid, "row of the list is invalid", "rows of the list are invalid"),
            (self.unmatched, "row of its files names no known customer", "rows of its files name no known customer"),
            (self.differences, "difference between board and database", "differences between board and database"),
            (self.warnings, "warning", "warnings"),
        )
        said = [counted(*each) for each in counts if each[0]]
        stopped = ["a guard stops it" if any(guard.blocks for guard in self.guards) else "a guard acted"] if self.guards else []
        paused = [f"paused since {self.paused_at:%Y-%m-%d %H:%M} UTC"] if self.paused_at else []
        unmerged = ["its load is not merged yet"] if self.is_unmerged else []
        return f"{self.customer}: {'; '.join([head, *unmerged, *said, *stopped, *paused])}"


def all_well(verdicts: Iterable[Verdict], invalid: Iterable[RowProblem] = (), *, strict: bool = False) -> bool:
    """Whether the board has all that the list holds; `invalid` is what of it the merge cannot take, rows and files of nobody among them."""
    rows = list(invalid)
    is_odd = strict and any(row.code == UNMATCHED_NO_ORDER for row in rows)
    return all(each.is_well(strict=strict) for each in verdicts) and not nobodys(rows) and not is_odd


def no_orders(invalid: Iterable[RowProblem]) -> str:
    """How many of these rows are no orders, in a sentence; empty for none."""
    count = sum(row.rows for row in invalid if row.code in {*NO_ORDERS, UNMATCHED_NO_ORDER})
    rows = counted(count, "staged row is", "staged rows are")
    return f"{rows} no order (a total, a repeated header, a note); `orders-platform status` says which." if count else ""


def nobodys(invalid: Iterable[RowProblem]) -> list[str]:
    """What of the list should be on the board and is no customer's, in sentences."""
    rows = list(invalid)
    unmatched = sum(row.rows for row in rows if row.code == UNKNOWN_CUSTOMER)
    files = [row.order_key for row in rows if row.code == REFUSED_FILE]
    said = [
        f"{counted(unmatched, 'staged row matches', 'staged rows match')} no configured customer; `orders-platform customers` says why.",
        f"{counted(len(files), 'order file was', 'order files were')} refused ({few(files, 3)}); `orders-platform status` says why.",
    ]
    return [sentence for sentence, count in zip(said, (unmatched, len(files)), strict=True) if count]
