"""What became of a load: the figures of the merges of headers and of lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeaderMerge:
    """What became of a customer's staged rows. `rows_read` = orders in the load + `copies` + `rejected`.

    Attributes:
        was_unchanged: the load is the one merged last; nothing was written.
        unsettled: orders that the load has at another customer, whose merge takes them over; and rows of which it cannot be told whose
            order they are.
        missing: orders that the load lacks; `removal_refused` when too many at once were, and none was marked.
    """

    rows_read: int
    created: int = 0
    updated: int = 0
    rejected: int = 0
    copies: int = 0
    missing: int = 0
    removed: int = 0
    removal_refused: bool = False
    was_unchanged: bool = False
    unsettled: int = 0


@dataclass(frozen=True, slots=True)
class LineMerge:
    """What became of the lines of the orders that changed."""

    created: int = 0
    updated: int = 0
    removed: int = 0
