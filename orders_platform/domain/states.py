"""The words for the state of a row; the CHECK constraints, the queries, the reports and the checks use them.

NEW ──> PENDING ──> SYNCED        NEW: merged, to be sent; `action_type` says what
         │    └───> FAILED        PENDING: intent committed before the request, outcome not yet known
         └─ (recovery) ─> NEW     FAILED: refused; code and message kept. A later change of the row makes it NEW again
"""

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
