"""Two runs of one customer at once, although a lock should keep them apart: nothing is lost and nothing is made twice."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from typing import Any

import pytest
from pydantic import SecretStr

from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder
from orders_platform.sync.results import CustomerReport
from orders_platform_tests.testing.platform import SETTLE, Platform, order

ROWS = [order(f"GRE-{n:05}", {"S": 1}) for n in range(60)]
SMALL = {"batch_size": 10}
WRITES = ("record_intents", "record_results", "record_groups_sent", "record_group")


class Rival:
    """A store; around one of its writes a second run comes, does all its work, and goes.

    Args:
        at: the number of the write, counted from 1; a negative one: right after the write instead of right before it.
        has_lock: whether the lock is what it should be.
    """

    def __init__(self, platform: Platform, at: int, comes: Callable[[], None], *, has_lock: bool = False) -> None:
        self._store = platform.store
        self._at = at
        self._comes = comes
        self._has_lock = has_lock
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "lock" and not self._has_lock:
            return nullcontext
        if name not in WRITES:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self.writes += 1
            number = self.writes
            if number == self._at:
                self._comes()
            found = method(*arguments, **named)
            if number == -self._at:
                self._comes()
            return found

        return call


def unlocked(platform: Platform) -> Rival:
    """A store without locks, to which nobody comes."""
    return Rival(platform, 0, lambda: None)


def require_all_once(platform: Platform, rows: int = 60) -> None:
    assert Counter(platform.numbers).most_common(1)[0][1] == 1
    assert len(platform.items()) == rows
    assert {tuple(item.sizes) for item in platform.items()} == {("Size S",)}
    assert platform.groups.count("GREYSON 2025 FALL") == 1


def test_a_run_whose_lock_file_is_removed_sends_nothing_more_and_says_why(platform: Platform) -> None:
    platform.load(ROWS)
    reports: list[CustomerReport] = []

    def comes() -> None:
        shutil.rmtree(f"{platform.file}.locks")
        other = OrderStore(platform.store.database, platform.configuration, default_folder("sql"))
        reports.append(platform.sync(store=other, board=SMALL))

    report = platform.sync(store=Rival(platform, 5, comes, has_lock=True), board=SMALL)
    assert report.error is not None
    assert report.error.startswith("CustomerBusyError: The lock of customer 'GREYSON' is lost")
    assert reports[0].is_done
    require_all_once(platform)
    assert platform.sync().total("mutations") == 0


@pytest.fixture
def linked(platform: Platform) -> Iterator[OrderStore]:
    """The same file under another name."""
    assert platform.file is not None
    link = platform.file.with_name("link.db")
    link.unlink(missing_ok=True)
    link.symlink_to(platform.file)
    with closing(open_database(SecretStr(f"sqlite:///{link}"))) as database:
        yield OrderStore(database, platform.configuration, default_folder("sql"))
    link.unlink()


def test_a_database_that_is_named_by_a_link_is_the_same_database(platform: Platform, linked: OrderStore) -> None:
    platform.load(ROWS)
    reports: list[CustomerReport] = []

    def comes() -> None:
        reports.append(platform.sync(store=linked, merge=OrderMerge(linked), board=SMALL))

    assert platform.sync(store=Rival(platform, 5, comes, has_lock=True), board=SMALL).is_done
    assert (reports[0].error or "").startswith("CustomerBusyError: Another run is at work on customer")
    require_all_once(platform)


@pytest.mark.parametrize("at", [4, -5, 7])
def test_neither_does_one_with_three_batches_at_a_time(platform: Platform, at: int) -> None:
    """Each thread that sends commits the intents of its batches."""
    platform.load(ROWS)
    reports: list[CustomerReport] = []
    three = {**SMALL, "max_in_flight": 3}

    def comes() -> None:
        reports.append(platform.sync(store=unlocked(platform), board=three))

    platform.sync(store=Rival(platform, at, comes), board=three)
    assert reports
    platform.clock.sleep(SETTLE)
    assert platform.sync(board=three).is_done
    require_all_once(platform)
    assert platform.states() == {"SYNCED"}


@pytest.mark.parametrize("at", [*range(1, 11), *range(-10, 0)])
def test_a_second_run_without_any_lock_makes_nothing_twice(platform: Platform, at: int) -> None:
    platform.load(ROWS[:20])
    reports: list[CustomerReport] = []

    four = {"batch_size": 5}  # two batches of orders and two of lines

    def comes() -> None:
        reports.append(platform.sync(store=unlocked(platform), board=four))

    rival = Rival(platform, at, comes)
    report = platform.sync(store=rival, board=four)
    errors = [each.error for each in (report, *reports) if each.error]
    assert reports
    assert rival.writes <= 10
    assert all(error.startswith("RowsTakenError: Another run sent") for error in errors)
    platform.clock.sleep(SETTLE)
    assert platform.sync().is_done
    require_all_once(platform, 20)
    assert platform.states() == {"SYNCED"}
    assert platform.sync().total("mutations") == 0


def test_a_database_of_an_earlier_version_goes_on_after_init_db(platform: Platform) -> None:
    """It has no batch of groups, and a row whose last request was never answered."""
    platform.load(ROWS[:3])
    platform.sync()
    platform.execute("ALTER TABLE ORDER_SYNC_CUSTOMERS DROP COLUMN groups_batch_id")
    platform.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING' WHERE order_key = 'GRE-00002'")
    assert platform.store.schema.apply() == ['ALTER TABLE "ORDER_SYNC_CUSTOMERS" ADD "groups_batch_id" VARCHAR(64)']
    assert platform.sync().total("mutations") == 0
    assert platform.states() == {"SYNCED"}
    platform.load([*ROWS[:3], order("GRE-77777", {"S": 1}, AAG_SEASON="2026 SPRING")])
    assert platform.sync().is_done
    assert "GREYSON 2026 SPRING" in platform.groups
