"""One document until each of its rows has an outcome: what `monday/client.py` and `monday/client.py` do, action for action.

Repeats with the same key, their end, and parts of a document. A generator stands for what is under way: it yields the moment of its next
action.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from orders_platform_tests.model.rows import Seen
from orders_platform_tests.model.switches import (
    ATTEMPTS,
    BUSY_REPEATS,
    GRACE,
    KEY_LIFETIME,
    KEY_SAFETY,
    LIMIT_WAITS,
    PATIENCE,
    Switches,
)
from orders_platform_tests.model.world import Alias, Reply, Results, World

Outcome = int | str
UNKNOWN, NOT_SENT, REFUSED = "recorded unknown", "recorded not sent", "recorded refused"
Steps = Generator[float, None, None]


class Client:
    """Sends documents.

    Args:
        before_request: commits the intent of rows under a key.
    """

    def __init__(self, world: World, switches: Switches, before_request: Callable[[Sequence[Seen], str], None]) -> None:
        self._world = world
        self._switches = switches
        self._before_request = before_request
        self._attempts = 0

    def deliver(self, rows: Sequence[Seen], key: str, outcomes: dict[Seen, Outcome]) -> Steps:
        """A document until each of its rows has an outcome."""
        batches, document, every, is_first = [(rows, key, 0)], key, rows, True
        while batches:
            rows, key, repeats = batches.pop()
            if repeats:
                yield self._world.now + repeats
            reply, maybe_executed = yield from self._request(rows, key, every, document, is_first=is_first)
            is_first = False
            if isinstance(reply, dict):
                busy = [row for row in rows if reply[row.row] is Alias.BUSY]
                for row in rows:
                    result = reply[row.row]
                    outcomes[row] = result if isinstance(result, int) else self._outcome_of(result)
                if busy and repeats < BUSY_REPEATS:
                    batches.append((busy, f"{key}.r", repeats + 1))
            elif reply is Reply.TOO_MUCH and len(rows) > 1 and not maybe_executed:
                middle = len(rows) // 2
                batches += [(rows[:middle], f"{key}.0", 0), (rows[middle:], f"{key}.1", 0)]
            else:
                outcomes.update(dict.fromkeys(rows, UNKNOWN if maybe_executed else NOT_SENT))

    def _request(
        self, rows: Sequence[Seen], key: str, every: Sequence[Seen], document: str, *, is_first: bool
    ) -> Generator[float, None, tuple[Reply | Results | None, bool]]:
        """One request and its repeats: the last reply, and whether an attempt may have been executed without an answer."""
        world, switches, rng = self._world, self._switches, self._world.rng.random
        failures = limits = 0
        waited, first_unknown = 0.0, -1.0
        reply: Reply | Results | None = None
        while True:
            if rng() < world.fault_profile.queue:
                world.seen["waited for its turn"] += 1
                yield world.now + 600.0 * rng() * rng()
            if is_first or switches.renew:
                yield from self._commit(every, document)
                world.seen["renewed"] += not is_first
                is_first = False
            if switches.recheck and first_unknown >= 0.0 and world.now - first_unknown > KEY_LIFETIME - KEY_SAFETY:
                world.seen["key too old to repeat"] += 1
                break
            began = world.now
            self._attempts += 1
            sent = [row.row for row in rows]
            request = world.send(key if switches.key else f"{key}#{self._attempts}", sent, [row.parent for row in rows])
            yield request.reply_at
            reply = request.reply
            if isinstance(reply, dict) or reply is Reply.TOO_MUCH:
                break
            if reply is Reply.UNCLEAR:
                return (reply, True) if switches.unclear else (Reply.TOO_MUCH, first_unknown >= 0.0)
            if reply in {Reply.LOST, Reply.ERROR, Reply.IN_USE} and first_unknown < 0.0:
                first_unknown = began
            if first_unknown >= 0.0 and not switches.repeat:
                break
            is_limit = reply in {Reply.NOT_NOW, Reply.IN_USE}
            limits, failures = limits + is_limit, failures + (not is_limit)
            wait = self._told_wait(reply) + min(30.0, 0.25 * 2.0 ** (limits if is_limit else failures)) * (0.5 + 0.5 * rng())
            waited += wait
            is_key_over = first_unknown >= 0.0 and world.now - first_unknown + wait > KEY_LIFETIME - KEY_SAFETY
            if is_key_over or failures >= ATTEMPTS or limits > LIMIT_WAITS or waited > PATIENCE:
                world.seen["repeats ended"] += 1
                break
            yield world.now + wait
        return reply, first_unknown >= 0.0

    def _outcome_of(self, alias: Alias) -> Outcome:
        if alias is Alias.UNCLEAR:
            return UNKNOWN if self._switches.unclear else NOT_SENT
        return REFUSED if alias is Alias.REFUSED else NOT_SENT

    def _commit(self, rows: Sequence[Seen], key: str) -> Generator[float, None, None]:
        """The intent; again when committing it took long itself."""
        world, intended_at = self._world, float("-inf")
        while world.now - intended_at > GRACE:
            intended_at = world.now
            self._before_request(rows, key)
            yield world.now + 1.2 * GRACE * world.rng.random() * world.rng.random()

    def _told_wait(self, reply: Reply | None) -> float:
        """What monday asks to wait: mostly seconds, at times long."""
        rng = self._world.rng.random
        if reply is Reply.NOT_NOW:
            return 600.0 * rng() if rng() < 0.2 else 10.0 * rng()
        return 2.0 if reply is Reply.IN_USE else 0.0
