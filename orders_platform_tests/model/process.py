"""One run of the send protocol, one atomic action after the other; it can die between any two of them.

It does what `sync/` does with intents, settling, look-ups and outcomes, action for action. Two of them may be at work at once, as when
the lock of the customer is lost: each yields between any two actions, and knows the rows as it read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orders_platform_tests.model.client import NOT_SENT, REFUSED, UNKNOWN, Client, Outcome, Steps
from orders_platform_tests.model.rows import Database, Kind, Row, Seen, Sent, State
from orders_platform_tests.model.switches import SETTLE, UNREACHED_BATCHES, Switches
from orders_platform_tests.model.world import World


class Crashed(Exception):
    """The process was killed."""


class Ended(Exception):
    """The run gave up: a read failed, monday is out of reach, or another run has its rows."""


class Process:
    """A process at work on one customer.

    Args:
        dies_after: atomic actions until it is killed; 0 for never.
        wait_until: lets time pass until a moment, and others act.
        stalls: share of the actions after which the process stands still for minutes.
    """

    def __init__(
        self,
        world: World,
        database: Database,
        switches: Switches,
        dies_after: int,
        name: str,
        wait_until: Callable[[float], None],
        stalls: float = 0.0,
    ) -> None:
        self._world = world
        self._database = database
        self._switches = switches
        self._left = dies_after
        self._name = name
        self._wait_until = wait_until
        self._stalls = stalls
        self._keys = 0
        self._client = Client(world, switches, self._intend)
        self._in_flight = 1 + int(3 * world.rng.random())
        self._groups_sent = database.groups_sent

    def run(self) -> None:
        """All stages. Raises `Crashed`, `Ended`."""
        for kind in Kind:
            for _ in range(2):
                waiting = self._database.waiting(kind)
                if not waiting or not self._stage(kind, waiting):
                    break

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Crashed
        self._world.may_jump()
        if self._stalls:
            stands_still = self._world.rng.random() < self._stalls
            self._wait_until(self._world.now + (400.0 * self._world.rng.random() if stands_still else 0.0))

    def _pass(self, seconds: float) -> None:
        self._wait_until(self._world.now + seconds)
        self._step()

    def _read(self) -> None:
        """A read takes a moment and may fail; a failed read is never an empty one."""
        self._pass(2.0 * self._world.rng.random())
        if self._world.rng.random() < self._world.fault_profile.faults / 8:
            self._world.seen["read failed"] += 1
            raise Ended

    # --- recovery -------------------------------------------------------------------------------------------------------

    def _stage(self, kind: Kind, waiting: Sequence[Seen]) -> bool:
        """One pass over the rows of a stage; True when an outcome is unknown."""
        return self._groups(waiting) if kind is Kind.GROUP else self._rows(kind, waiting)

    def _groups(self, needed: Sequence[Seen]) -> bool:
        self._groups_sent = self._database.groups_sent  # before the look-up
        self._read()
        missing = self._unlisted(needed)
        if missing and self._settle([self._groups_sent[1]]):
            self._read()
            missing = self._unlisted(needed)
        return self._send(missing)

    def _unlisted(self, needed: Sequence[Seen]) -> list[Seen]:
        """Those not found by title; the id of the others is committed."""
        missing = []
        for seen in needed:
            row = seen.row
            found = self._world.find(row, None) if self._switches.lookup else row.item
            if found is None:
                missing.append(seen)
            elif found != row.item:
                row.item, row.state = found, State.SYNCED
                self._world.seen["group adopted"] += 1
                self._world.tell("{} adopts {} for {}", self._name, found, row)
                self._step()
        return missing

    def _rows(self, kind: Kind, waiting: Sequence[Seen]) -> bool:
        self._settle([seen.sent for seen in waiting if seen.fence[0] is State.PENDING])
        self._adopt([seen for seen in waiting if seen.item is None])
        rows = self._placed(waiting) if kind is Kind.ITEM else waiting
        if any(seen.item is not None for seen in rows):
            self._read()
        there = [seen for seen in rows if seen.item is not None and self._world.is_active(seen.item)]
        self._record({seen: seen.item for seen in there if seen.item is not None})
        return self._send([seen for seen in rows if seen not in there])

    def _settle(self, moments: Sequence[Sent]) -> bool:
        world, forward = self._world, self._switches.forward
        ages = [world.now - own if forward else world.now + world.ahead - day for day, own in moments if day is not None]
        rest = SETTLE - max(0.0, min(ages, default=SETTLE)) if self._switches.settle else 0.0
        if rest <= 0.0:
            return False
        self._world.tell("{} settles for {:.1f} s", self._name, rest)
        self._world.seen["settled"] += 1
        self._pass(rest)
        return True

    def _adopt(self, lost: Sequence[Seen]) -> None:
        if not lost or not self._switches.lookup:
            return
        self._read()
        found = {seen: made for seen in lost if (made := self._world.find(seen.row, seen.parent)) is not None}
        if not found:
            return
        self._keys += 1
        ours = self._ours(found)
        for seen in ours:
            row = seen.row
            row.item, row.key = found[seen], f"{self._name}adopts{self._keys}"
            self._reset_children(row)
            seen.fence, seen.item = row.fence, row.item
            self._world.seen[f"{row.kind.name.lower()} adopted"] += 1
            self._world.tell("{} adopts {} for {}", self._name, row.item, row)
        self._step()
        self._require_all(ours, found)

    def _placed(self, rows: Sequence[Seen]) -> list[Seen]:
        """The rows whose group is on the board."""
        self._read()
        if not all(map(self._is_placed, rows)) and self._settle([self._database.groups_sent[1]]):
            self._read()
        return [seen for seen in rows if self._is_placed(seen)]

    def _is_placed(self, seen: Seen) -> bool:
        return seen.parent is not None and self._world.is_listed(seen.parent)

    def _reset_children(self, row: Row) -> None:
        """The lines of an item that was made anew belong under the new one."""
        if row.kind is Kind.ITEM:
            for child in row.children:
                child.item, child.key = None, ""
                child.state = State.PENDING if child.state is State.PENDING else State.NEW

    # --- the fence ------------------------------------------------------------------------------------------------------

    def _ours(self, rows: Mapping[Seen, object]) -> list[Seen]:
        """Those that nobody else has written since they were read."""
        return [seen for seen in rows if seen.fence == seen.row.fence or not self._switches.fence]

    def _require_all(self, ours: Sequence[Seen], rows: Mapping[Seen, object]) -> None:
        if len(ours) < len(rows):
            self._world.seen["rows taken"] += 1
            self._world.tell("{} finds rows taken", self._name)
            raise Ended

    # --- sending --------------------------------------------------------------------------------------------------------

    def _send(self, rows: Sequence[Seen]) -> bool:
        """Create rows, several documents at a time; True when an outcome is unknown."""
        waiting = list(rows)
        under_way: list[tuple[float, int, Steps, dict[Seen, Outcome]]] = []
        unknown, unreached = False, 0
        while under_way or (waiting and unreached < UNREACHED_BATCHES):
            if waiting and len(under_way) < self._in_flight and unreached < UNREACHED_BATCHES:
                size = 1 + int(2 * self._world.rng.random())
                chunk, waiting = waiting[:size], waiting[size:]
                outcomes: dict[Seen, Outcome] = {}
                self._keys += 1
                steps = self._client.deliver(chunk, f"{self._name}{self._keys}", outcomes)
                under_way.append((self._world.now, self._keys, steps, outcomes))
                continue
            if len(under_way) > 1:
                under_way.sort(reverse=True)
            moment, number, steps, outcomes = under_way.pop()
            self._wait_until(moment)
            if (moment := next(steps, -1.0)) >= 0.0:
                self._step()
                under_way.append((moment, number, steps, outcomes))
                continue
            self._step()
            self._record(outcomes)
            lost = [seen for seen, outcome in outcomes.items() if outcome == UNKNOWN]
            unknown = unknown or bool(lost)
            unreached = unreached + 1 if all(outcome in {UNKNOWN, NOT_SENT} for outcome in outcomes.values()) else 0
        if unreached >= UNREACHED_BATCHES:
            self._world.seen["gave up"] += 1
            raise Ended
        return unknown

    def _intend(self, rows: Sequence[Seen], key: str) -> None:
        """Commit that a document is about to be sent; raises `Ended` when another process has some of its rows."""
        if not self._switches.intent:
            return
        now = self._world.now + self._world.ahead, self._world.now
        if rows[0].row.kind is Kind.GROUP:
            if self._switches.fence and self._database.groups_sent not in {self._groups_sent, (key, now)}:
                self._require_all([], dict.fromkeys(rows))
            self._database.groups_sent = self._groups_sent = key, now
        else:
            every = dict.fromkeys(rows)
            self._require_all(self._ours(every), every)
        for seen in rows:
            self._world.seen["recreated"] += seen.row.item is not None
            seen.row.state, seen.row.sent, seen.row.key, seen.row.item = State.PENDING, now, key, None
            seen.fence, seen.sent = seen.row.fence, now
        self._world.tell("{} commits the intent of {}", self._name, rows)
        self._step()

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def _record(self, outcomes: dict[Seen, int] | dict[Seen, Outcome]) -> None:
        """Commit what came of rows, in one transaction."""
        if not outcomes:
            return
        ours = self._ours(outcomes) if next(iter(outcomes)).row.kind is not Kind.GROUP else list(outcomes)
        for seen in ours:
            row, outcome = seen.row, outcomes[seen]
            if isinstance(outcome, int):
                if row.item != outcome:
                    row.item = outcome
                    self._reset_children(row)
                row.state = State.SYNCED
            elif outcome == REFUSED:
                row.state = State.FAILED
            elif outcome == NOT_SENT:
                row.state, row.key = State.NEW, ""
            seen.fence, seen.item = row.fence, row.item
            self._world.seen[outcome if isinstance(outcome, str) else "recorded done"] += 1
            self._check(row)
        self._world.tell("{} records {}", self._name, {seen: outcomes[seen] for seen in ours})
        self._step()
        self._require_all(ours, outcomes)

    def _check(self, row: Row) -> None:
        """What must hold after every outcome that is committed."""
        world = self._world
        if row.state is State.SYNCED and (row.item is None or world.board[row.item].row is not row):
            self._database.violations.append(f"{row} is SYNCED without the id of its creation")
        if row.state in {State.FAILED, State.NEW} and (
            world.may_still_execute(row) or any(made.row is row and world.is_active(made.id) for made in world.board)
        ):
            self._database.violations.append(f"{row} is {row.state.name} while it is, or may yet be, on the board")
