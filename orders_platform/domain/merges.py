"""What became of a load: the figures of the merges of headers and of lines."""

from dataclasses import dataclass

from orders_platform.domain.guards import Guard


@dataclass(frozen=True, slots=True)
class HeaderMerge:
    """What became of a customer's staged rows. `rows_read` = orders in the load + `copies` + `rejected`; the load lacks the `missing`.

    Attributes:
        was_unchanged: the load is the one merged last; nothing was written.
        unsettled: orders that the load has at another customer, whose merge takes them over; and rows of which it cannot be told whose
            order they are.
        guards: that acted, accepted ones included. One that blocks left the load unmerged.
    """

    rows_read: int
    created: int = 0
    updated: int = 0
    rejected: int = 0
    copies: int = 0
    missing: int = 0
    removed: int = 0
    guards: tuple[Guard, ...] = ()
    was_unchanged: bool = False
    unsettled: int = 0


@dataclass(frozen=True, slots=True)
class LineMerge:
    """What became of the lines of the orders that changed; `guards` as for headers."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    guards: tuple[Guard, ...] = ()
