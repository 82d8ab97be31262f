"""monday.com as the send protocol meets it: requests that arrive late or never, replies that are lost, a board that shows itself late.

It keeps the board, the memory of idempotency keys, what a fault does, the people who delete things, and virtual time. Pure: standard
library only, nothing is read or written.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from heapq import heapify, heappop, heappush

from orders_platform_tests.model.fault_profiles import NO_FAULTS
from orders_platform_tests.model.rows import Kind, Row


class Reply(Enum):
    """What a client can be told of a request as a whole."""

    LOST = "lost"
    UNREACHABLE = "unreachable"
    NOT_NOW = "not now"
    TOO_MUCH = "too much"
    IN_USE = "key in use"
    ERROR = "5xx"
    UNCLEAR = "does not say what happened"


class Alias(Enum):
    """What a client can be told of one row that was not created."""

    BUSY = "busy"
    REFUSED = "refused"
    UNCLEAR = "no result, or an id that cannot be"


Results = dict[Row, "int | Alias"]


class Creation:
    """One execution of a create: a group, an item or a subitem that is on the board, or was."""

    __slots__ = ("id", "is_deleted", "parent", "row", "shown_at")

    def __init__(self, id_: int, row: Row, parent: int | None, shown_at: float) -> None:
        self.id = id_
        self.row = row
        self.parent = parent
        self.shown_at = shown_at
        self.is_deleted = False


class Request:
    """One HTTP request; `reply` counts from `reply_at` on."""

    __slots__ = ("busy", "hidden", "key", "parents", "reply", "reply_at", "rows", "took")

    def __init__(
        self, key: str, rows: Sequence[Row], parents: Sequence[int | None], reply: Reply | Results | None, reply_at: float
    ) -> None:
        self.key = key
        self.rows = rows
        self.parents = parents
        self.reply = reply
        self.reply_at = reply_at
        self.busy: Row | None = None
        self.hidden: Row | None = None
        self.took = 0.0


class Remembered:
    """A key: in use until the request is executed, then its reply until it is forgotten."""

    __slots__ = ("results", "until")

    def __init__(self) -> None:
        self.results: Results | None = None
        self.until = float("inf")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the proof takes for granted of monday.com; change one to see what it carries.

    Attributes:
        latest: seconds after it was sent until which a request may still be executed (monday ends requests after 60).
        lag: most seconds until a creation is listed.
        key_lifetime: seconds for which a reply is remembered.
        forgotten: share of the executed requests whose reply is not remembered (memory budget of the keys).
    """

    latest: float = 60.0
    lag: float = 25.0
    key_lifetime: float = 1_800.0
    forgotten: float = 0.0


class World:
    """monday.com, the people and the clock.

    Args:
        rng: the one source of rng of the schedule.
        seen: counts what happened, over all schedules.
        trace: takes one line for each event, when there is one.
    """

    def __init__(self, rng: random.Random, assumptions: Assumptions, seen: Counter[str], trace: list[str] | None) -> None:
        self.rng = rng
        self.assumptions = assumptions
        self.seen = seen
        self.trace = trace
        self.now = 0.0
        self.ahead = 0.0
        self.jumps = random.Random(rng.getrandbits(32))
        self.fault_profile = NO_FAULTS
        self.board: list[Creation] = []
        self._keys: dict[str, Remembered] = {}
        self._events: list[tuple[float, int, Request | None]] = []
        self._serial = 0

    def tell(self, line: str, *parts: object) -> None:
        """Add a line to the trace; `{}` stand for the parts."""
        if self.trace is not None:
            self.trace.append(f"{self.now:9.1f}  {line.format(*parts)}")

    # --- time -----------------------------------------------------------------------------------------------------------

    def advance(self, moment: float) -> None:
        """Let time pass and everything happen that is due."""
        events = self._events
        while events and events[0][0] <= moment:
            self.now, _, request = heappop(events)
            if request is None:
                self._person_deletes()
            elif request.took >= 0:
                self._arrive(request)
            else:
                self._execute(request)
        if moment > self.now:
            self.now = moment

    def may_jump(self) -> None:
        """At times somebody sets the time of day by an hour or a day."""
        if self.jumps.random() < 0.01:
            self.ahead += self.jumps.choice((-86_400.0, -3_600.0, 3_600.0, 86_400.0))
            self.seen["clock set"] += 1
            self.tell("the time of day is set to {:+.0f} s", self.ahead)

    def person_at(self, moment: float) -> None:
        """Somebody will delete something then."""
        self._at(moment, None)

    def people_leave(self) -> None:
        """Nobody deletes anything any more."""
        self._events = [event for event in self._events if event[2] is not None]
        heapify(self._events)

    def _at(self, moment: float, request: Request | None) -> None:
        self._serial += 1
        heappush(self._events, (moment, self._serial, request))

    # --- requests -------------------------------------------------------------------------------------------------------

    def send(self, key: str, rows: Sequence[Row], parents: Sequence[int | None]) -> Request:
        """A request leaves now."""
        rng = self.rng.random
        kinds = self.fault_profile.kinds
        fault = kinds[int(rng() * len(kinds))] if rng() < self.fault_profile.faults else ""
        answered = self.now + 0.1 + 3.0 * rng()
        request = Request(key, rows, parents, None, answered)
        if fault == "too much" and len(rows) == 1:
            fault = ""
        if fault:
            self.seen[fault] += 1
        self.tell("  request {} for {} leaves {}", key, rows, fault and f"({fault})")
        arrives = self.now
        if fault in _UNEXECUTED:
            request.reply = _UNEXECUTED[fault]
            if fault == "lost before":
                request.reply_at = self.now + 60.0 * rng()
            return request
        if fault == "alias busy":
            request.busy = rows[int(rng() * len(rows))]
        elif fault == "alias unclear":
            request.hidden = rows[int(rng() * len(rows))]
        elif fault in _EXECUTED:
            request.reply = _EXECUTED[fault]
        elif fault:
            # The client gives up before the request is over, at the latest when monday would end it.
            request.reply = Reply.LOST
            delay = self.assumptions.latest * rng()
            request.reply_at = self.now + delay * rng()
            if fault == "late arrival":
                arrives += delay
            else:
                request.took = delay
        self._at(arrives, request)
        return request

    def _arrive(self, request: Request) -> None:
        known = self._keys.get(request.key)
        if known is not None and known.until > self.now:
            reply: Reply | Results = Reply.IN_USE if known.results is None else known.results
            self.seen["key in use" if known.results is None else "replayed"] += 1
            self.tell("  request {} arrives: {}", request.key, reply)
            if request.reply is None or (request.reply is Reply.ERROR and known.results is None):
                request.reply = reply
            return
        if known is not None:
            self.seen["key expired"] += 1
        self._keys[request.key] = Remembered()
        took, request.took = request.took, -1.0
        if took:
            self._at(self.now + took, request)
        else:
            self._execute(request)

    def _execute(self, request: Request) -> None:
        results: Results = {}
        for row, parent in zip(request.rows, request.parents, strict=True):
            if row is request.busy:
                results[row] = Alias.BUSY
            elif row.is_bad or (parent is not None and not self.is_active(parent)):
                results[row] = Alias.REFUSED
                self.seen["alias refused"] += 1
            else:
                results[row] = len(self.board)
                shown_at = self.now + self.assumptions.lag * self.rng.random()
                self.board.append(Creation(len(self.board), row, parent, shown_at))
        remembered = self._keys[request.key]
        remembered.results, remembered.until = results, self.now + self.assumptions.key_lifetime
        if self.assumptions.forgotten and self.rng.random() < self.assumptions.forgotten:
            del self._keys[request.key]
            self.seen["reply not remembered"] += 1
        if request.reply is None:
            request.reply = {**results, request.hidden: Alias.UNCLEAR} if request.hidden else results
        self.tell("  request {} is executed: {}", request.key, results)

    # --- the board ------------------------------------------------------------------------------------------------------

    def is_active(self, id_: int) -> bool:
        """By id: exact at once."""
        creation = self.board[id_]
        return not creation.is_deleted and (creation.parent is None or self.is_active(creation.parent))

    def is_listed(self, id_: int) -> bool:
        """Whether a list of the board shows it yet."""
        return self.board[id_].shown_at <= self.now and self.is_active(id_)

    def find(self, row: Row, parent: int | None) -> int | None:
        """Look up by key: items on the whole board, groups by title, subitems among the children of `parent`."""
        parent = parent if row.kind is Kind.SUBITEM else None
        for creation in self.board:
            if creation.row is row and (parent is None or creation.parent == parent) and self.is_listed(creation.id):
                return creation.id
        return None

    def _person_deletes(self) -> None:
        active = [creation for creation in self.board if self.is_active(creation.id)]
        if active:
            creation = active[int(self.rng.random() * len(active))]
            creation.is_deleted = True
            self.seen[f"person deletes {creation.row.kind.name.lower()}"] += 1
            self.tell("a person deletes {} ({})", creation.row, creation.id)

    def may_still_execute(self, row: Row) -> bool:
        """Whether a request under way could create the row."""
        return any(
            request is not None
            and row in request.rows
            and not row.is_bad
            and (request.took < 0 or request.key not in self._keys)
            and all(parent is None or self.is_active(parent) for parent in request.parents)
            for _, _, request in self._events
        )


_EXECUTED = {"lost after": Reply.LOST, "5xx after": Reply.ERROR, "unclear after": Reply.UNCLEAR}
_UNEXECUTED = {
    "lost before": Reply.LOST,
    "5xx before": Reply.ERROR,
    "not now": Reply.NOT_NOW,
    "unreachable": Reply.UNREACHABLE,
    "too much": Reply.TOO_MUCH,
    "unclear before": Reply.UNCLEAR,
}
