"""What monday's pages leave open, or say in two ways: one switch each, with the default we believe in.

Belongs here: the switches of boards, items and the gate. Does not belong here: those of idempotency keys (`idempotency.py`),
limits (`limits.py`) and prices (`complexity.py`). `docs/sandbox.md` lists all of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Lagging(enum.StrEnum):
    """What lists and look-ups show only after the visibility lag; `items(ids)` shows the item itself at once."""

    NEW = "new"
    """New boards, groups, items and cells are missing."""
    SUBITEMS = "subitems"
    """`subitems` of an item, and of its subtasks column, lag as lists do."""
    RETIRED = "retired"
    """Archived and deleted items are still listed."""
    MOVED = "moved"
    """Moved items are still listed in their old group."""


@dataclass(frozen=True, slots=True)
class Switches:
    """Every default is documented in `docs/sandbox.md`.

    Attributes:
        accept_bearer: a token after `Bearer ` is let in; monday's samples send it bare.
        fold_label_case: mutations find labels in any case; off means the exact text, as monday's CSV import has it.
        label_limit_code: of the refusal when a column can take no more labels.
        groups_per_board: the most groups a board may hold; None for no limit.
        make_subitems_column: the first subitem of a board makes its column and board; off means a refusal.
        lock_boards: a mutation that meets another one on the same board is answered with HTTP 423.
        lag_covers: what the visibility lag applies to.
    """

    accept_bearer: bool = True
    fold_label_case: bool = False
    label_limit_code: str = "labelsLimitExceeded"
    groups_per_board: int | None = None
    make_subitems_column: bool = True
    lock_boards: bool = False
    lag_covers: frozenset[Lagging] = frozenset(Lagging)
