"""What became of a load: the figures of its merges, and the guards that stop a customer before a broken load does harm on the board.

A guard stops until a person corrects the load or accepts it once.
"""

import enum
import json
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace


class GuardKind(enum.StrEnum):
    """What a guard saw; the word that `--accept` takes."""

    # the load lacks many orders of the customer, or all: none of them is removed, the others go on
    VANISHED_ORDERS = "vanished_orders"
    EMPTIED_COLUMNS = "emptied_columns"  # a column that the board shows, or all sizes, turned empty: the load is not merged
    WRONG_TOTALS = "wrong_totals"  # many totals are not the sum of their sizes: nothing is sent


@dataclass(frozen=True, slots=True)
class GuardRule:
    """When a guard acts: at least `min_orders` orders, and more than `max_share` (0 to 1) of the customer's orders, are concerned."""

    max_share: float
    min_orders: int

    def acts(self, concerned: int, orders: int) -> bool:
        return concerned >= self.min_orders and concerned > self.max_share * orders


@dataclass(frozen=True, slots=True)
class Guard:
    """A guard that acted on a customer's load. `message` says what it saw, of how many orders, and what was not done."""

    customer: str
    kind: GuardKind
    message: str
    is_accepted: bool = False

    @property
    def blocks(self) -> bool:
        """Whether nothing of the customer is sent."""
        return not self.is_accepted and self.kind is not GuardKind.VANISHED_ORDERS

    def __str__(self) -> str:
        command = f"orders-platform sync --execute --customer {shlex.quote(self.customer)} --accept {self.kind}"
        return f"{self.message} Correct the load, or accept it once: {command}"


def vanished_orders(customer: str, missing: int, orders: int, examples: Sequence[str]) -> Guard:
    """The guard of orders that the load lacks."""
    such_as = f" ({_such_as(examples, missing)})" if examples else ", which names no order of it"
    words = f"{missing:,} of {orders:,} orders of {customer} are missing from the load{such_as}; none was removed."
    return Guard(customer, GuardKind.VANISHED_ORDERS, words)


def emptied_columns(customer: str, columns: Iterable[tuple[str, int, int]]) -> Guard:
    """The guard of columns that turned empty: (column, orders where it is blank now, orders where it was filled)."""
    named = "; ".join(f"{name}: blank in {emptied:,} of {filled:,} orders that had it" for name, emptied, filled in columns)
    words = f"Columns of {customer} turned empty in the load ({named}); the load was not merged and nothing was sent."
    return Guard(customer, GuardKind.EMPTIED_COLUMNS, words)


def wrong_totals(customer: str, wrong: int, orders: int, examples: Sequence[str]) -> Guard:
    """The guard of totals that do not match the sizes."""
    such_as = _such_as(examples, wrong)
    words = f"The totals of {wrong:,} of {orders:,} orders of {customer} are not the sum of their sizes ({such_as}); nothing was sent."
    return Guard(customer, GuardKind.WRONG_TOTALS, words)


def _such_as(examples: Sequence[str], count: int) -> str:
    return ", ".join(examples) + (", ..." if count > len(examples) else "")


def accepted(guards: Iterable[Guard], kinds: Collection[GuardKind]) -> tuple[Guard, ...]:
    """The guards, those of these kinds accepted."""
    return tuple(replace(guard, is_accepted=guard.is_accepted or guard.kind in kinds) for guard in guards)


def written(guards: Iterable[Guard]) -> str | None:
    """The guards of one customer as the database keeps them; None when there are none."""
    found = [{"kind": guard.kind, "message": guard.message, "is_accepted": guard.is_accepted} for guard in guards]
    return json.dumps(found, ensure_ascii=False) if found else None


def read(customer: str, text: str | None) -> tuple[Guard, ...]:
    """The guards of one customer back from `written`."""
    return tuple(
        Guard(customer, GuardKind(found["kind"]), found["message"], found["is_accepted"]) for found in json.loads(text or "[]")
    )


@dataclass(frozen=True, slots=True)
class HeaderMerge:
    """What became of a customer's staged rows. `rows_read` = orders in the load + `copies` + `rejected`; the load lacks the `missing`."""

    rows_read: int
    created: int = 0
    updated: int = 0
    rejected: int = 0
    copies: int = 0
    missing: int = 0
    removed: int = 0
    guards: tuple[Guard, ...] = ()  # that acted, accepted ones included. One that blocks left the load unmerged.
    was_unchanged: bool = False  # the load is the one merged last; nothing was written
    # orders that the load has at another customer, whose merge takes them over; and rows of which it cannot be told whose order
    # they are
    unsettled: int = 0


@dataclass(frozen=True, slots=True)
class LineMerge:
    """What became of the lines of the orders that changed; `guards` as for headers."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    guards: tuple[Guard, ...] = ()
