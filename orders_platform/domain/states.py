"""The words for the state of a row, in one place: the CHECK constraints, the queries, the reports and the checks use these.

Belongs here: the words and which of them count as waiting. Does not belong here: the statements that change them (`sql/`).

    NEW ──> PENDING ──> SYNCED        NEW: merged, to be sent; `action_type` says what
             │    └───> FAILED        PENDING: intent committed before the call, outcome not yet known
             └─ (recovery) ─> NEW     FAILED: refused; code and message kept. A later change of the row makes it NEW again
"""

from __future__ import annotations

import enum


class SyncState(enum.StrEnum):
    """Where a row stands on its way to the board."""

    NEW = "NEW"
    PENDING = "PENDING"
    SYNCED = "SYNCED"
    FAILED = "FAILED"


class Action(enum.StrEnum):
    """What is to be done, or was done last, for a row."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
