"""Pages of items: what a cursor stands for.

Belongs here: cutting a list of ids into pages, and how long a cursor lives. Does not belong here: which items a query wants
(`filters.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orders_platform.sandbox.identities import Identities
from orders_platform.sandbox.refusals import Refusal, invalid_argument

LARGEST_PAGE = 500
LIFE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of one page, and the cursor of the next one, None after the last."""

    item_ids: Sequence[int]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Chain:
    item_ids: Sequence[int]
    started_at: float


class Cursors:
    """The open chains of pages; they live in memory and end 60 minutes after their first page.

    Args:
        clock: epoch seconds.
        ids: where the keys of chains come from.
    """

    def __init__(self, clock: Callable[[], float], ids: Identities) -> None:
        self._clock = clock
        self._ids = ids
        self._chains: dict[str, _Chain] = {}

    def first(self, item_ids: Sequence[int], limit: int) -> Page:
        """The first page of a list.

        Raises:
            Refusal: InvalidArgumentException for a page size outside 1-500.
        """
        _check(limit)
        if len(item_ids) <= limit:
            return Page(item_ids, None)
        now = self._clock()
        self._chains = {key: chain for key, chain in self._chains.items() if now - chain.started_at < LIFE_SECONDS}
        key = self._ids.next()
        self._chains[key] = _Chain(item_ids, now)
        return Page(item_ids[:limit], f"{key}:{limit}")

    def following(self, cursor: str, limit: int) -> Page:
        """The page after a cursor; the same cursor gives the same page again.

        Raises:
            Refusal: CursorExpiredError when the hour is over, CursorException for one that was never given.
        """
        _check(limit)
        key, _, offset = cursor.rpartition(":")
        chain = self._chains.get(key)
        if chain is None or not offset.isdecimal():
            raise Refusal("CursorException", "The cursor provided for pagination is invalid or has expired")
        if self._clock() - chain.started_at >= LIFE_SECONDS:
            raise Refusal(
                "CursorExpiredError",
                "The cursor provided for pagination has expired. Please refresh your query and obtain a new cursor",
            )
        end = int(offset) + limit
        return Page(chain.item_ids[int(offset) : end], f"{key}:{end}" if end < len(chain.item_ids) else None)


def _check(limit: int) -> None:
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid_argument(f"Limit must be between 1 and {LARGEST_PAGE}, was {limit}")
