"""Who needs a run: decided from values alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orders_platform.domain.customers import customer_for
from orders_platform.domain.needed_runs import (
    CustomerSyncStatus,
    LastRequest,
    needed_runs,
    partition_changes,
    runs_to_request,
    stale_loads,
)

DONE = CustomerSyncStatus("ACME", "load 1", "load 1")
NEW = CustomerSyncStatus("ACME", "load 1")
CHANGED = CustomerSyncStatus("ACME", "load 2", "load 1")
WAITS = CustomerSyncStatus("ACME", "load 1", "load 1", waiting=3)
GONE = CustomerSyncStatus("ACME", None, "load 1")
HOUR = 3600.0


def due(
    sync_status: CustomerSyncStatus,
    last: LastRequest | None = None,
    *,
    busy: bool = False,
    stopped: bool = False,
    now: float = 0.0,
) -> bool:
    """Whether a run is requested, one hour being the time after which the same is requested again."""
    names = {"ACME"}
    runs, _ = runs_to_request(
        [sync_status], {"ACME": last} if last else {}, busy=names if busy else (), stopped=names if stopped else (), now=now,
        repeat_seconds=HOUR,
    )  # fmt: skip
    return bool(runs)


@pytest.mark.parametrize(
    ("sync_status", "reason"),
    [
        (NEW, "first load"),
        (CHANGED, "changed load"),
        (replace(DONE, is_whole=False), "unfinished merge"),
        (WAITS, "3 rows wait"),
        (replace(CHANGED, waiting=3), "changed load"),
    ],
)
def test_a_customer_with_something_to_do_says_what(sync_status: CustomerSyncStatus, reason: str) -> None:
    assert sync_status.need == reason
    assert needed_runs([sync_status], ()) == [sync_status]


@pytest.mark.parametrize("sync_status", [DONE, GONE])
def test_a_customer_with_nothing_to_do_needs_no_run(sync_status: CustomerSyncStatus) -> None:
    assert sync_status.need == ""
    assert needed_runs([sync_status], ()) == []


def test_what_waits_of_a_customer_that_left_the_load_is_sent_without_merging() -> None:
    gone = replace(GONE, waiting=2)
    assert (gone.need, gone.load) == ("2 rows wait", None)  # without a load only the steps that send are requested


def test_a_customer_whose_run_is_on_its_way_gets_no_second_one() -> None:
    assert [run.customer for run in needed_runs([CHANGED, replace(CHANGED, customer="RHONE")], {"ACME"})] == ["RHONE"]
    assert due(CHANGED)
    assert not due(CHANGED, busy=True)


def test_the_same_run_is_requested_again_only_after_a_while() -> None:
    last = LastRequest("load 2", 0, at=0.0)
    assert not due(CHANGED, last, now=HOUR - 1)
    assert due(CHANGED, last, now=HOUR)


def test_another_load_or_other_rows_are_requested_at_once() -> None:
    assert due(replace(CHANGED, load="load 3"), LastRequest("load 2", 0, at=0.0), now=1)
    assert due(WAITS, LastRequest("load 1", 2, at=0.0), now=1)


def test_a_load_that_comes_back_after_another_is_requested_again() -> None:
    """A request is forgotten once it is done: content may return."""
    _, requests = runs_to_request([CHANGED], {}, busy=(), stopped=(), now=0, repeat_seconds=HOUR)
    assert requests == {"ACME": LastRequest("load 2", 0, 0)}
    _, requests = runs_to_request(
        [replace(DONE, load="load 2", merged="load 2")], requests, busy=(), stopped=(), now=1, repeat_seconds=HOUR
    )
    assert requests == {}
    runs, _ = runs_to_request(
        [CustomerSyncStatus("ACME", "load 1", "load 2")], requests, busy=(), stopped=(), now=2, repeat_seconds=HOUR
    )
    assert len(runs) == 1


def test_what_was_requested_is_remembered_while_it_runs() -> None:
    last = {"ACME": LastRequest("load 2", 0, at=0.0)}
    for sync_status in (CHANGED, DONE):
        assert runs_to_request([sync_status], last, busy={"ACME"}, stopped=(), now=1, repeat_seconds=HOUR) == ([], last)


def test_a_customer_that_repeating_does_not_mend_is_left_alone_until_its_load_changes() -> None:
    last = LastRequest("load 2", 0, at=0.0)
    assert not due(replace(CHANGED, waiting=7), last, stopped=True, now=9 * HOUR)
    assert due(replace(CHANGED, load="load 3"), last, stopped=True, now=1)


def test_a_stopped_customer_that_was_not_requested_is_remembered_as_it_is_and_requested_when_its_load_changes() -> None:
    runs, requests = runs_to_request([CHANGED], {}, busy=(), stopped={"ACME"}, now=5, repeat_seconds=HOUR)
    assert (runs, requests) == ([], {"ACME": LastRequest("load 2", 0, 5)})
    done = replace(CHANGED, merged="load 2")
    assert runs_to_request([done], requests, busy=(), stopped={"ACME"}, now=6, repeat_seconds=HOUR) == ([], requests)
    runs, _ = runs_to_request(
        [replace(CHANGED, load="load 3")], requests, busy=(), stopped={"ACME"}, now=7, repeat_seconds=HOUR
    )
    assert [each.customer for each in runs] == ["ACME"]


# --- loads that stand still

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
OLD = replace(DONE, merged_at=NOW - timedelta(hours=80))
FRESH = replace(OLD, customer="RHONE", merged_at=(NOW - timedelta(hours=1)).replace(tzinfo=None))
UNMERGED = replace(OLD, load="load 2")
BEHIND = {"ACME": "its load is not what was merged last, 80 hours ago"}


@pytest.mark.parametrize(
    ("sync_statuses", "found"),
    [
        ([], {"": "the staging table holds no row of any customer"}),
        ([GONE], {"": "the staging table holds no row of any customer"}),
        ([OLD], {"": "no load changed for 80 hours"}),
        ([OLD, FRESH], {}),
        ([NEW], {}),
        ([replace(CHANGED, merged_at=NOW - timedelta(hours=72))], {}),
        ([UNMERGED], BEHIND),
        ([UNMERGED, FRESH], BEHIND),
        ([UNMERGED, replace(FRESH, load="load 2")], BEHIND),
        ([UNMERGED, replace(UNMERGED, customer="RHONE")], BEHIND | {"RHONE": BEHIND["ACME"]}),
        ([OLD, replace(NEW, customer="RHONE")], {}),
        ([replace(GONE, merged_at=OLD.merged_at), FRESH], {}),
    ],
)
def test_a_load_is_stale_when_it_stays_unmerged_and_the_table_when_nothing_moves(
    sync_statuses: list[CustomerSyncStatus], found: dict[str, str]
) -> None:
    assert stale_loads(sync_statuses, NOW, 72) == found


# --- partitions


def test_every_customer_has_a_partition_and_nobody_else() -> None:
    changes = partition_changes(["ACME", "B,C", "RHONE"], ["ACME", "OLD NAME"], busy=())
    assert (changes.added, changes.deleted, changes.refused) == (("B%2CC", "RHONE"), ("OLD NAME",), {})


def test_a_partition_with_a_run_on_its_way_stays_until_that_ended() -> None:
    assert partition_changes([], ["OLD%2C NAME"], busy={"OLD, NAME"}).deleted == ()


@pytest.mark.parametrize("name", ["", "A" * 65])
def test_a_name_that_cannot_be_a_partition_keeps_no_other_from_its_own(name: str) -> None:
    changes = partition_changes([name, "ACME"], [], busy=())
    assert changes.added == ("ACME",)
    assert list(changes.refused) == [name]


def test_two_names_that_differ_in_capitals_only_are_one_too_many() -> None:
    changes = partition_changes(["ACME", "Acme"], [], busy=())
    assert changes.added == ("ACME",)
    assert changes.refused == {"Acme": "Customer 'Acme' differs from 'ACME' only in capitals; make one an alias."}


@pytest.mark.parametrize(
    "name",
    ["B'HOOD", "DAVID JONES(UNE PIECE)", "STARLIGHT CHILDREN'S FOUNDATION (AU)", "Ærøskøbing ∆ 東京", "A/B, C...", "50% OFF"],
)
def test_an_odd_name_survives_as_a_partition(name: str) -> None:
    (key,) = partition_changes([name], [], busy=()).added
    assert customer_for(key) == name
    assert "," not in key
    assert "..." not in key
    assert partition_changes([name], [key], busy=()).added == ()
