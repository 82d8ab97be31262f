"""A corrected customer: orders that leave one customer of the load and arrive at another are the same orders.

The customers are merged one at a time, in any order. The one that an order leaves lets it alone while the load has its number elsewhere;
the one that it arrives at takes it over. Pure functions of what the merge of either has read.
"""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orders_platform.domain.matching import Leftover


@dataclass(frozen=True, slots=True)
class OrderElsewhere:
    """An order of another customer, under a number that this merge looks for; `has_left` the load earlier."""

    order: Leftover
    customer: str
    has_left: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """Orders of another customer that new rows of a number may be: at most `most` of `orders`, by rank.

    `reason` says why none of them can be told to be one; the rows must not become orders then.
    """

    orders: Sequence[Leftover] = ()
    customer: str = ""
    most: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NumbersElsewhere:
    """Who has certain order numbers besides the customer that is merged."""

    orders: Mapping[str, Sequence[OrderElsewhere]] = field(default_factory=dict)  # what the order table has, by number
    # the different keys of the rows that the load has, by number and customer; None stands for rows that match no customer
    rows: Mapping[str, Mapping[str | None, Collection[str]]] = field(default_factory=dict)
    loaded: Collection[str] = ()  # the customers that the load has any row of

    def _live(self, number: str, customer: str | None) -> int:
        return sum(each.customer == customer and not each.has_left for each in self.orders.get(number, ()))

    def arrives(self, number: str) -> bool:
        """Whether the load has more rows of the number at some other customer than that one has orders."""
        return any(len(keys) > self._live(number, customer) for customer, keys in self.rows.get(number, {}).items())

    def leaving(self, number: str, customer: str) -> int:
        """How many orders of the number a customer has more than the load has rows of it there."""
        return self._live(number, customer) - len(self.rows.get(number, {}).get(customer, ()))

    def _free(self, number: str) -> list[OrderElsewhere]:
        """The orders of a number that no row at their own customer is already: however alike, those go nowhere."""
        rows = self.rows.get(number, {})
        free = (each for each in self.orders.get(number, ()) if each.order.key not in rows.get(each.customer, ()))
        return sorted(free, key=lambda each: (each.customer, each.order.rank))

    def candidates(self, number: str, rows: Iterable[Leftover]) -> Candidates:
        """Which orders that are in the load of other customers the new rows of a number may be."""
        keys, orders = {row.key for row in rows}, self._free(number)
        absent = [each for each in orders if each.customer not in self.loaded and each.order.key in keys and not each.has_left]
        live = [
            each
            for each in orders
            if each.customer in self.loaded and not each.has_left and self.leaving(number, each.customer) > 0
        ]
        found = [each for each in live if each.order.key in keys] or live
        if found and len({each.customer for each in found}) == 1:
            customer = found[0].customer
            return Candidates([each.order for each in found], customer, self.leaving(number, customer))
        if found or absent:
            return Candidates(reason=_reason(sorted({each.customer for each in found or absent}), is_loaded=bool(found)))
        return Candidates()

    def returning(self, number: str, rows: Iterable[Leftover]) -> Candidates:
        """Which order that left the load of another customer the new rows of a number may be."""
        keys = {row.key for row in rows}
        gone = [each for each in self._free(number) if each.has_left and each.order.key in keys]
        return Candidates([each.order for each in gone[:1]], gone[0].customer, 1) if gone else Candidates()


def _reason(customers: Sequence[str], *, is_loaded: bool) -> str:
    named = " and ".join(customers[:3])
    if is_loaded:
        return (
            f"an order of this number left each of {named} in this load, so it cannot be told which of them came here. "
            "Nothing was moved; correct the order number or the customer of one, or load the list once without this row"
        )[:1_000]
    return (
        f"{named} has the same order, and this load has no row of {named}, so it cannot be told whether the order moved. "
        f"Load the rows of {named} as well, make the name an alias in [customers], or say that the orders left: "
        f"orders-platform sync --execute --customer {shlex.quote(customers[0])} --accept vanished_orders"
    )[:1_000]
