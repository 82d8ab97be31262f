"""The ports of the sync engine: what it needs from a board and from an order store, as Protocols.

Belongs here: the contracts, in words a test can hold both sides to. Does not belong here: any implementation
(`monday/board.py`, `database/order_store.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from orders_platform.domain.board import BoardDescription, BoardItem, Group
from orders_platform.domain.mutations import Document, DocumentReport


class Board(Protocol):
    """The two boards (items, subitems) of one monday.com account.

    Every read returns what it was asked for or raises (`TransientError`, `PermanentError`): an empty answer always means that
    monday said "empty".
    """

    def describe(self, board_id: int) -> BoardDescription:
        """Columns with labels, groups, limits and hierarchy of one board. `BoardMismatchError` when there is none."""

    def groups(self, board_id: int) -> Sequence[Group]:
        """The active groups, in board order."""

    def items(self, item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, BoardItem]:
        """Items or subitems by id with the cells asked for; archived and deleted ones included, unknown ids absent."""

    def find_items(self, board_id: int, column_id: str, values: Sequence[str]) -> Mapping[str, Sequence[BoardItem]]:
        """Active items whose text column equals one of `values` (monday folds case), under the value asked for."""

    def children(self, parent_item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, Sequence[BoardItem]]:
        """Active subitems by parent id; a parent that is gone is absent."""

    def send(self, documents: Iterable[Document]) -> Iterator[DocumentReport]:
        """Send documents at monday's pace, several in flight; one report each, in the order they finish.

        `documents` is drawn lazily, in the caller's thread, one at a time and only when its turn to be sent has come: the caller
        commits the intent of a document while yielding it. A mutation's failure is a result, never an exception. Raises
        `MondayRefusedError` when every further request would be refused (bad token, no permission): what was in flight is
        reported first.
        """
