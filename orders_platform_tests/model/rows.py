"""The rows of one customer as the send protocol sees them: what is in the database and survives every crash."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """Stages in their order; each row is created under a recorded row of the kind before."""

    GROUP = 0
    ITEM = 1
    SUBITEM = 2


class State(IntEnum):
    """`sync_state` of a row."""

    NEW = 0
    PENDING = 1
    SYNCED = 2
    FAILED = 3


Sent = tuple["float | None", float]
"""When an intent was committed, by the time of day and by the clock that only goes forward."""

Fence = tuple[State, str, "float | None"]
"""What a compare-and-set names: state, key and time of day of the last intent."""


class Row:
    """A row of the order database: what survives every crash.

    Attributes:
        item: id of its creation on the board, once committed.
        key: of the document that it was last sent in.
        sent: when its intent was last committed.
        is_bad: monday refuses to create it whatever happens.
    """

    __slots__ = ("children", "index", "is_bad", "item", "key", "kind", "parent", "sent", "state")

    def __init__(self, index: int, kind: Kind, parent: Row | None, *, is_bad: bool) -> None:
        self.index = index
        self.kind = kind
        self.parent = parent
        self.children: list[Row] = []
        self.is_bad = is_bad
        self.state = State.NEW
        self.item: int | None = None
        self.sent: Sent = (None, 0.0)
        self.key = ""

    def __repr__(self) -> str:
        return f"{self.kind.name.lower()} {self.index}"

    @property
    def fence(self) -> Fence:
        """Another one whenever a process has sent the row, or recorded what came of it."""
        return self.state, self.key, self.sent[0]


class Seen:
    """A row as a process read it, or wrote it last."""

    __slots__ = ("fence", "item", "parent", "row", "sent")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.fence = row.fence
        self.sent = row.sent
        self.item = row.item
        self.parent = row.parent.item if row.parent is not None else None

    def __repr__(self) -> str:
        return repr(self.row)


class Database:
    """The rows by stage, and the customer's intent for groups: key and time."""

    __slots__ = ("groups_sent", "rows", "violations")

    def __init__(self, rows: tuple[list[Row], list[Row], list[Row]]) -> None:
        self.rows = rows
        self.groups_sent: tuple[str, Sent] = ("", (None, 0.0))
        self.violations: list[str] = []

    def waiting(self, kind: Kind) -> list[Seen]:
        """What a stage finds to do; groups are needed by waiting items."""
        if kind is Kind.GROUP:
            return [Seen(row) for row in self.rows[kind] if any(child.state <= State.PENDING for child in row.children)]
        rows = (row for row in self.rows[kind] if row.state <= State.PENDING)
        return [Seen(row) for row in rows if row.parent and row.parent.item is not None]
