"""One run of the send protocol, one atomic action after the other; it can die between any two of them.

It does what `sync/` does with intents, settling, look-ups and outcomes, action for action.
"""

from __future__ import annotations

from collections.abc import Sequence

from orders_platform_tests.model.client import NOT_SENT, REFUSED, UNKNOWN, Client, Outcome, Steps
from orders_platform_tests.model.rows import Database, Kind, Row, State
from orders_platform_tests.model.switches import SETTLE, UNREACHED_BATCHES, Switches
from orders_platform_tests.model.world import World


class Crashed(Exception):
    """The process was killed."""


class Ended(Exception):
    """The run gave up: a read failed, or monday is out of reach."""


class Process:
    """A process at work on one customer.

    Args:
        dies_after: atomic actions until it is killed; 0 for never.
    """

    def __init__(self, world: World, database: Database, switches: Switches, dies_after: int, name: str) -> None:
        self._world = world
        self._database = database
        self._switches = switches
        self._left = dies_after
        self._name = name
        self._keys = 0
        self._client = Client(world, switches, self._intend, self._intended_at)
        self._in_flight = 1 + int(3 * world.rng.random())

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

    def _pass(self, seconds: float) -> None:
        self._world.advance(self._world.now + seconds)
        self._step()

    def _read(self) -> None:
        """A read takes a moment and may fail; a failed read is never an empty one."""
        self._pass(2.0 * self._world.rng.random())
        if self._world.rng.random() < self._world.fault_profile.faults / 8:
            self._world.seen["read failed"] += 1
            raise Ended

    # --- recovery -------------------------------------------------------------------------------------------------------

    def _stage(self, kind: Kind, waiting: Sequence[Row]) -> bool:
        """One pass over the rows of a stage; True when an outcome is unknown."""
        return self._groups(waiting) if kind is Kind.GROUP else self._rows(kind, waiting)

    def _groups(self, needed: Sequence[Row]) -> bool:
        self._read()
        missing = self._unlisted(needed)
        if missing and self._settle(self._database.groups_sent_at):
            self._read()
            missing = self._unlisted(needed)
        return self._send(missing)

    def _unlisted(self, needed: Sequence[Row]) -> list[Row]:
        """Those not found by title; the id of the others is committed."""
        missing = []
        for row in needed:
            found = self._world.find(row) if self._switches.lookup else row.item
            if found is None:
                missing.append(row)
            elif found != row.item:
                row.item, row.state = found, State.SYNCED
                self._world.seen["group adopted"] += 1
                self._world.tell("{} adopts {} for {}", self._name, found, row)
                self._step()
        return missing

    def _rows(self, kind: Kind, waiting: Sequence[Row]) -> bool:
        pending = [row for row in waiting if row.state is State.PENDING]
        self._settle(max((row.sent_at for row in pending if row.sent_at is not None), default=None))
        self._adopt([row for row in waiting if row.item is None])
        rows = self._placed(waiting) if kind is Kind.ITEM else waiting
        if any(row.item is not None for row in rows):
            self._read()
        there = [row for row in rows if row.item is not None and self._world.is_active(row.item)]
        self._record({row: row.item for row in there if row.item is not None})
        return self._send([row for row in rows if row not in there])

    def _settle(self, sent_at: float | None) -> bool:
        rest = 0.0 if sent_at is None or not self._switches.settle else SETTLE - (self._world.now - sent_at)
        if rest <= 0.0:
            return False
        self._world.tell("{} settles for {:.1f} s", self._name, rest)
        self._world.seen["settled"] += 1
        self._pass(rest)
        return True

    def _adopt(self, lost: Sequence[Row]) -> None:
        if not lost or not self._switches.lookup:
            return
        self._read()
        adopted = [(row, found) for row in lost if (found := self._world.find(row)) is not None]
        for row, found in adopted:
            row.item = found
            self._reset_children(row)
            self._world.seen[f"{row.kind.name.lower()} adopted"] += 1
            self._world.tell("{} adopts {} for {}", self._name, found, row)
        if adopted:
            self._step()

    def _placed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows whose group is on the board."""
        self._read()
        if not all(map(self._is_placed, rows)) and self._settle(self._database.groups_sent_at):
            self._read()
        return [row for row in rows if self._is_placed(row)]

    def _is_placed(self, row: Row) -> bool:
        return row.parent is not None and row.parent.item is not None and self._world.is_listed(row.parent.item)

    def _reset_children(self, row: Row) -> None:
        """The lines of an item that was made anew belong under the new one."""
        if row.kind is Kind.ITEM:
            for child in row.children:
                child.item, child.state, child.sent_at = None, State.NEW, None

    # --- sending --------------------------------------------------------------------------------------------------------

    def _send(self, rows: Sequence[Row]) -> bool:
        """Create rows, several documents at a time; True when an outcome is unknown."""
        waiting = list(rows)
        under_way: list[tuple[float, int, Steps, dict[Row, Outcome]]] = []
        unknown, unreached = False, 0
        while under_way or (waiting and unreached < UNREACHED_BATCHES):
            if waiting and len(under_way) < self._in_flight and unreached < UNREACHED_BATCHES:
                size = 1 + int(2 * self._world.rng.random())
                chunk, waiting = waiting[:size], waiting[size:]
                outcomes: dict[Row, Outcome] = {}
                steps = self._client.deliver(chunk, self._draw(chunk), outcomes)
                under_way.append((self._world.now, self._keys, steps, outcomes))
                continue
            if len(under_way) > 1:
                under_way.sort(reverse=True)
            moment, number, steps, outcomes = under_way.pop()
            self._world.advance(moment)
            self._step()
            if (moment := next(steps, -1.0)) >= 0.0:
                under_way.append((moment, number, steps, outcomes))
                continue
            self._record(outcomes)
            lost = [row for row, outcome in outcomes.items() if outcome == UNKNOWN]
            unknown = unknown or bool(lost)
            unreached = unreached + 1 if all(outcome in {UNKNOWN, NOT_SENT} for outcome in outcomes.values()) else 0
            # The last attempt may still be under way: from now on it is waited for.
            if lost:
                self._intend(lost)
        if unreached >= UNREACHED_BATCHES:
            self._world.seen["gave up"] += 1
            raise Ended
        return unknown

    def _draw(self, rows: Sequence[Row]) -> str:
        """Commit the intent of a document; its key."""
        self._keys += 1
        key = f"{self._name}{self._keys}"
        replaced = [row for row in rows if row.item is not None]
        if replaced:
            for row in replaced:
                row.item, row.state = None, State.PENDING
            self._world.seen["recreated"] += 1
            self._step()
        for row in rows:
            row.key = key
        self._intend(rows)
        return key

    def _intend(self, rows: Sequence[Row]) -> None:
        if not self._switches.intent:
            return
        now = self._world.now
        if rows[0].kind is Kind.GROUP:
            self._database.groups_sent_at = now
        for row in rows:
            row.state, row.sent_at = State.PENDING, now
        self._world.tell("{} commits the intent of {}", self._name, rows)
        self._step()

    def _intended_at(self, row: Row) -> float:
        sent_at = self._database.groups_sent_at if row.kind is Kind.GROUP else row.sent_at
        return -1e9 if sent_at is None else sent_at

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def _record(self, outcomes: dict[Row, int] | dict[Row, Outcome]) -> None:
        """Commit what came of rows, in one transaction."""
        if not outcomes:
            return
        for row, outcome in outcomes.items():
            if isinstance(outcome, int):
                if row.item != outcome:
                    row.item = outcome
                    self._reset_children(row)
                row.state = State.SYNCED
            elif outcome == REFUSED:
                row.state = State.FAILED
            elif outcome == NOT_SENT:
                row.state = State.NEW
            self._world.seen[outcome if isinstance(outcome, str) else "recorded done"] += 1
            self._check(row)
        self._world.tell("{} records {}", self._name, outcomes)
        self._step()

    def _check(self, row: Row) -> None:
        """What must hold after every outcome that is committed."""
        world = self._world
        if row.state is State.SYNCED and (row.item is None or world.board[row.item].row is not row):
            self._database.violations.append(f"{row} is SYNCED without the id of its creation")
        if row.state in {State.FAILED, State.NEW} and (
            world.may_still_execute(row) or any(made.row is row and world.is_active(made.id) for made in world.board)
        ):
            self._database.violations.append(f"{row} is {row.state.name} while it is, or may yet be, on the board")
