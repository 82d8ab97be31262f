"""Whatever order of edits, runs, deaths, faults and meddling: the board holds each order at most once, and in the end exactly once.

Hypothesis chooses the course and shrinks a bad one to the shortest; `test_simulation_*.py` runs many more courses, chosen by seeds.
"""

from __future__ import annotations

import atexit
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.faults import Fault
from orders_platform_tests.simulation import manual_edits as people  # Hypothesis draws by the words of the class below
from orders_platform_tests.simulation.list_edits import change_list
from orders_platform_tests.simulation.world import KINDS, Death, World
from orders_platform_tests.testing.order_stores import SIZES, FileStores
from orders_platform_tests.testing.platform import NUMBER_COLUMN

NUMBERS = st.integers(min_value=0, max_value=1_000)


@cache
def stores() -> FileStores:
    """One narrow database for all courses; its folder goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="stateful-")
    made = FileStores(Path(folder.name), SIZES)
    made.folder = folder  # type: ignore[attr-defined]  # kept alive
    atexit.register(made.database.close)
    return made


class BoardEqualsList(RuleBasedStateMachine):
    """The order list and the board on one side, a count of orders on the other."""

    @initialize(seed=NUMBERS)
    def begin(self, seed: int) -> None:
        self.world = World(stores(), seed)
        self.world.sandbox.faults.quiet()

    @rule(number=NUMBERS)
    def edit_list(self, number: int) -> None:
        change_list(Random(number), self.world.load, self.world.left)

    @rule(number=NUMBERS)
    def meddle(self, number: int) -> None:
        people.meddle(Random(number), self.world.platform)

    @rule(fault=st.sampled_from(sorted(set(KINDS))), times=st.integers(1, 3))
    def fault(self, fault: Fault, times: int) -> None:
        self.world.sandbox.faults.queue(fault, times=times)

    @rule(seconds=st.sampled_from([1.0, 30.0, 120.0, 4_000.0]))
    def wait(self, seconds: float) -> None:
        self.world.clock.sleep(seconds)

    @rule()
    def run(self) -> None:
        self.world.run()

    @rule(boundary=st.integers(1, 60))
    def run_and_die(self, boundary: int) -> None:
        self.world.run(Death("boundary", boundary))

    @rule(creation=st.integers(1, 3))
    def run_and_die_after_creating(self, creation: int) -> None:
        self.world.run(Death("creation", creation))

    @invariant()
    def no_order_is_there_twice(self) -> None:
        items = [item for group in self.world.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items]
        shown = Counter(item.values[NUMBER_COLUMN] for item in items if item.values.get(NUMBER_COLUMN))
        orders = Counter(row["AAG ORDER NUMBER"] for row in self.world.platform.rows("SELECT * FROM ORDER_LIST_V2"))
        assert not {number: count for number, count in shown.items() if count > orders[number]}
        for item in items:
            sizes = Counter(child.name for child in item.subitems)
            assert not {size: count for size, count in sizes.items() if count > 1}, item.name

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.come_to_peace()
                assert not self.world.judgement()
            finally:
                self.world.close()


BoardEqualsList.TestCase.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, derandomize=True, print_blob=True, database=None
)
TestBoardEqualsList = BoardEqualsList.TestCase
