"""The process dies at every boundary, once and again while it recovers. Every order is on the board once, or in a list with its reason."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from orders_platform.sandbox.server import Fault
from orders_platform_tests.crash import scenario
from orders_platform_tests.crash.boundaries import SENT
from orders_platform_tests.crash.evidence import items_by_number
from orders_platform_tests.crash.matrix import LATEST_COMMIT, Ended, Scene
from orders_platform_tests.crash.worker import Task

STARTS = ("empty", "loaded")
KINDS = ("before commit", "after commit", "before request", SENT, "after answer")
OPERATIONS = {
    "CreateGroup": "create_group",
    "CreateItem": "create_item",
    "CreateSubitem": "create_subitem",
    "ChangeMultipleColumnValues": "change_multiple_column_values",
    "MoveItemToGroup": "move_item_to_group",
    "ArchiveItem": "archive_item",
}
MUTATIONS = {"empty": list(OPERATIONS)[:3], "loaded": list(OPERATIONS)}
EVERY_PAIR = os.environ.get("CRASH_FULL") == "1"
SEED = 20_261_121
IN_FLIGHT_STEP = 1 if EVERY_PAIR else 6

SHOWN = 5
"""Histories that end wrong, in a message; most of them have one cause."""

Untouched = Mapping[str, tuple[Ended, list[str]]]


def shortened(red: Sequence[str]) -> str:
    return "\n\n".join([f"{len(red)} histories end wrong, the first of them:", *red[:SHOWN]])


def first_sent(ended: Ended, mutation: str) -> int:
    """The boundary at which the first document of this mutation is on its way."""
    return next(number for number, line in enumerate(ended.boundaries, 1) if f"{SENT}: {mutation}" in line)


class SecondKills:
    """Which boundaries of a recovery are killed: all of them, or one for each first kill and each of them somewhere."""

    def __init__(self, every: bool) -> None:
        self._every = every
        self._rng = random.Random(SEED)
        self._used: set[int] = set()
        self._recoveries: dict[int, int] = {}

    def after(self, first: int, recovery: int) -> Sequence[int]:
        """For a first kill whose recovery has so many boundaries."""
        self._recoveries[first] = recovery
        possible = range(1, recovery + 1)
        if self._every or not possible:
            return possible
        chosen = self._rng.choice([last for last in possible if last not in self._used] or possible)
        self._used.add(chosen)
        return [chosen]

    def left(self) -> Iterator[tuple[int, int]]:
        """First and second kill for every boundary of the longest recovery that was none yet."""
        for second in range(1, max(self._recoveries.values()) + 1) if not self._every else ():
            if second not in self._used:
                yield self._rng.choice([n for n, recovery in self._recoveries.items() if recovery >= second]), second


class Walk:
    """All histories of one start."""

    def __init__(self, scene: Scene, start: str, wanted: list[str]) -> None:
        self._scene = scene
        self._start = start
        self._wanted = wanted
        self._died: dict[int, str] = {}
        self.killed_twice = 0
        self.red: list[str] = []

    def once(self, last: int) -> tuple[bool, int]:
        """Kill the run at that boundary; whether it got as far, and the boundaries of its recovery."""
        self._scene.restore(self._start)
        ended = self._scene.kill(Task(last=last))
        self._scene.keep(f"killed {last}")
        self._died[last] = ended.boundaries[-1]
        return ended.was_killed, self._judge(f"killed at {self._died[last]}" if ended.was_killed else "not killed")

    def again(self, first: int, last: int) -> None:
        """Kill the recovery from a first kill at that boundary."""
        self._scene.restore(f"killed {first}")
        ended, died = self._scene.kill(Task(last=last)), self._died[first]
        assert ended.was_killed, f"after {died} a recovery once had {last} boundaries and now {len(ended.boundaries)}"
        self.killed_twice += 1
        self._judge(f"killed at {died}, its recovery at {ended.boundaries[-1]}")

    def _judge(self, history: str) -> int:
        cell = self._scene.recover(self._wanted)
        if cell.wrong:
            self.red.append("\n  ".join([f"{self._start} board, {history}", *cell.wrong]))
        return cell.recovery


@pytest.mark.parametrize("start", STARTS)
def test_a_run_that_nobody_kills_leaves_every_staged_row_on_the_board_or_in_a_list(
    scene: Scene, untouched: Untouched, start: str
) -> None:
    scene.restore(start)
    scene.run(Task())
    assert items_by_number(scene.sandbox) == scenario.BOARDS[start]
    _ended, evidence = untouched[start]
    for number, code in scenario.NOT_SENT[start].items():
        assert [line for line in evidence if number in line and code in line], number
    staged = scenario.FIRST_LOAD if start == "empty" else scenario.SECOND_LOAD
    assert {str(row["AAG ORDER NUMBER"]) for row in staged} <= {*scenario.BOARDS[start], *scenario.NOT_SENT[start]}
    assert not [line for line in evidence if "PENDING" in line or "stray" in line]


@pytest.mark.parametrize("start", STARTS)
def test_there_is_a_boundary_around_every_commit_and_every_request(untouched: Untouched, start: str) -> None:
    ended, _evidence = untouched[start]
    counts = Counter(line.split(" ", 1)[1].split(":")[0] for line in ended.boundaries)
    assert set(counts) == set(KINDS)
    assert counts["before commit"] == counts["after commit"]
    assert counts["before request"] == counts[SENT] == counts["after answer"]
    assert {line.rsplit(" ", 1)[1] for line in ended.boundaries if SENT in line} >= set(MUTATIONS[start])


def test_what_was_sent_by_a_process_that_died_is_carried_out_all_the_same(scene: Scene, untouched: Untouched) -> None:
    ended, _evidence = untouched["empty"]
    scene.restore("empty")
    assert scene.kill(Task(last=first_sent(ended, "CreateItem"))).was_killed
    assert len(items_by_number(scene.sandbox)) == 2
    waiting = [line for line in scene.evidence() if line.startswith("order") and "sync_state=PENDING" in line]
    assert len(waiting) == 2
    assert all("monday_item_id=None" in line for line in waiting)


@pytest.mark.parametrize("start", STARTS)
def test_nothing_is_lost_or_doubled_wherever_the_process_dies_and_dies_again(
    scene: Scene, untouched: Untouched, start: str, record_property: Callable[[str, object], None]
) -> None:
    ended, wanted = untouched[start]
    walk, seconds, last = Walk(scene, start, wanted), SecondKills(EVERY_PAIR), 1
    while (reached := walk.once(last))[0]:
        for second in seconds.after(last, reached[1]):
            walk.again(last, second)
        last += 1
    for first, second in seconds.left():
        walk.again(first, second)
    figures = f"{last - 1} boundaries, {walk.killed_twice} histories with a second kill, {len(walk.red)} wrong"
    record_property(f"crash matrix, {start} board", figures)
    assert not walk.red, shortened(walk.red)
    assert last - 1 == len(ended.boundaries)


def may_stand_still(boundary: str) -> bool:
    """Not with a transaction open, in which nobody else writes; nor between an intent and its request, which the protocol excludes."""
    return "before commit" not in boundary and not any(f"before request: {name}" in boundary for name in OPERATIONS)


@pytest.mark.parametrize("start", STARTS)
def test_nothing_is_lost_or_doubled_wherever_the_lock_is_lost_and_a_second_run_comes(
    scene: Scene, untouched: Untouched, start: str, record_property: Callable[[str, object], None]
) -> None:
    ended, wanted = untouched[start]
    red, met = [], 0
    for last, boundary in enumerate(ended.boundaries, 1):
        if may_stand_still(boundary):
            scene.restore(start)
            met += scene.meet(last).was_killed
            cell = scene.recover(wanted)
            if cell.wrong:
                red.append("\n  ".join([f"{start} board, a second run at {boundary}", *cell.wrong]))
    record_property(f"crash matrix, {start} board, two runs", f"{met} boundaries, {len(red)} wrong")
    assert not red, shortened(red)
    assert met > len(ended.boundaries) // 2


@pytest.mark.parametrize(("start", "mutation"), [(start, mutation) for start in STARTS for mutation in MUTATIONS[start]])
def test_what_is_carried_out_a_minute_after_its_sender_died_is_neither_lost_nor_doubled(
    scene: Scene, untouched: Untouched, start: str, mutation: str
) -> None:
    ended, wanted = untouched[start]
    scene.restore(start)
    scene.sandbox.faults.queue(Fault.LATE_COMMIT, operation=OPERATIONS[mutation])
    assert scene.kill(Task(last=first_sent(ended, mutation))).was_killed
    assert scene.sandbox.faults.waiting == 0
    before = scene.evidence()
    scene.let_pass(LATEST_COMMIT)
    assert scene.evidence() != before
    assert scene.recover(wanted).wrong == []


@pytest.mark.parametrize("start", STARTS)
def test_nothing_is_lost_or_doubled_with_three_documents_in_flight(
    scene: Scene, untouched: Untouched, start: str, record_property: Callable[[str, object], None]
) -> None:
    ended, wanted = untouched[start]
    walked = range(1 + STARTS.index(start), len(ended.boundaries) + 1, IN_FLIGHT_STEP)
    red, killed = [], 0
    for last in walked:
        scene.restore(start)
        first = scene.kill(Task(last=last, max_in_flight=3))
        killed += first.was_killed
        cell = scene.recover(wanted, Task(max_in_flight=3))
        if cell.wrong:
            red.append("\n  ".join([f"killed at {first.boundaries[-1]}", *cell.wrong]))
    record_property(f"crash matrix, {start} board, three in flight", f"{killed} boundaries, {len(red)} wrong")
    assert not red, shortened(red)
    assert killed >= len(walked) - 1
