"""Ticks: who gets a partition, and for whom a run is requested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.defs.failures import failed_for_good
from orders_platform.demo.sample_orders import EXPECTED
from orders_platform.errors import ConfigurationError, SourceDataError
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import NIGHT, Ticks
from orders_platform_tests.testing.workplace import Row, Workplace, samples_of

BHOOD = ("B'HOOD", "BHOOD")
NAME = "CUSTOMER NAME"


@pytest.fixture
def ticks(tmp_path: Path) -> Iterator[Ticks]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Ticks(instance)


def rows() -> list[Row]:
    return [*samples_of(*BHOOD)[:6], *samples_of("RHONE")[:6]]


@pytest.fixture
def two(workplace: Workplace) -> Workplace:
    """B'HOOD and RHONE are in the load."""
    workplace.stage(rows())
    return workplace


def partitions(ticks: Ticks) -> set[str]:
    return set(ticks.instance.get_dynamic_partitions("customers"))


# --- partitions


def test_every_customer_of_the_load_becomes_a_partition_by_itself(sampled: Workplace, ticks: Ticks) -> None:
    ticks.sensor("new_customers")
    assert partitions(ticks) == set(EXPECTED)
    assert "0 partitions added" in ticks.sensor("new_customers").skip_reason.skip_message


def test_a_renamed_customer_takes_its_partition_along_once_its_orders_are_renamed(
    two: Workplace, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    assert partitions(ticks) == {"B'HOOD", "RHONE"}
    changed = two.configure(('"RHONE" = {}\n', ""), ('"NOBULL" = {}', '"NOBULL" = {}\n"RHONE (US)" = { aliases = ["RHONE"] }'))
    changed.write_text(changed.read_text("utf-8").replace('labels = "reject"', 'labels = "create"'), "utf-8")
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    ticks.sensor("new_customers")
    assert partitions(ticks) == {"B'HOOD", "RHONE", "RHONE (US)"}  # its orders still have the old name
    requests = ticks.changed()
    assert set(requests) == {"RHONE (US)"}
    assert ticks.run(requests["RHONE (US)"]).success
    ticks.sensor("new_customers")
    assert partitions(ticks) == {"B'HOOD", "RHONE (US)"}
    assert ticks.changed() == {}
    assert ticks.nightly() == {}


def test_a_partition_that_was_typed_in_by_hand_goes_and_one_with_a_run_under_way_stays(two: Workplace, ticks: Ticks) -> None:
    ticks.instance.add_dynamic_partitions("customers", ["NOBODY", "TYPO"])
    ticks.busy("TYPO")
    ticks.sensor("new_customers")
    assert partitions(ticks) == {"B'HOOD", "RHONE", "TYPO"}


def test_an_empty_staging_table_takes_no_partition_of_a_customer_with_orders(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    two.write('DELETE FROM "swp_ORDER_LIST_V2"')
    ticks.sensor("new_customers")
    assert partitions(ticks) == {"B'HOOD", "RHONE"}
    assert ticks.changed() == {}


def test_a_staging_table_that_cannot_be_read_ends_the_tick_and_changes_nothing(two: Workplace, ticks: Ticks) -> None:
    ticks.sensor("new_customers")
    two.write('ALTER TABLE "swp_ORDER_LIST_V2" RENAME TO elsewhere')
    for name in ("new_customers", "changed_customers"):
        with pytest.raises(SourceDataError, match="init-db"):
            ticks.sensor(name)
    assert partitions(ticks) == {"B'HOOD", "RHONE"}


# --- changed_customers


def test_a_run_is_requested_for_each_customer_whose_rows_changed_and_for_nobody_else(two: Workplace, ticks: Ticks) -> None:
    first = ticks.changed()
    assert set(first) == {"B'HOOD", "RHONE"}
    assert {request.tags["orders/reason"] for request in first.values()} == {"first load"}
    for request in first.values():
        assert ticks.run(request).success
    assert ticks.changed() == {}
    two.write(f'UPDATE "swp_ORDER_LIST_V2" SET "NOTES" = \'by hand\' WHERE "{NAME}" = \'RHONE\'')
    assert {name: request.tags["orders/reason"] for name, request in ticks.changed().items()} == {"RHONE": "changed load"}
    assert ticks.changed() == {}  # requested once


def test_a_load_of_the_same_rows_in_another_order_asks_for_nothing(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    two.stage(reversed(rows()))
    assert ticks.changed() == {}
    assert ticks.nightly() == {}


def test_rows_that_wait_ask_for_a_run(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    two.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE \"CUSTOMER NAME\" = 'RHONE' AND rowid % 2 = 0")
    (request,) = ticks.changed().values()
    assert request.partition_key == "RHONE"
    assert request.tags["orders/reason"].endswith("rows wait")


def test_a_customer_whose_run_is_under_way_gets_no_second_run(two: Workplace, ticks: Ticks) -> None:
    ticks.busy("RHONE")
    assert set(ticks.changed()) == {"B'HOOD"}
    assert set(ticks.nightly()) == {"B'HOOD"}


def test_a_customer_whose_crashed_run_is_about_to_be_repeated_gets_no_other_run(two: Workplace, ticks: Ticks) -> None:
    crashed = ticks.busy("RHONE")
    ticks.instance.add_run_tags(crashed.run_id, {"dagster/will_retry": "true"})
    ticks.instance.report_run_failed(crashed)
    assert set(ticks.changed()) == set(ticks.nightly()) == {"B'HOOD"}
    ticks.instance.add_run_tags(crashed.run_id, {"dagster/auto_retry_run_id": "the run that repeats it, which has ended"})
    assert set(ticks.changed()) == {"RHONE"}


def test_a_customer_that_failed_for_good_is_left_alone_until_its_load_changes_or_the_night(
    two: Workplace, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "not a token")
    for request in ticks.changed().values():
        run = ticks.run(request)
        assert not run.success
        assert failed_for_good(ticks.instance.get_run_by_id(run.run_id))
    assert ticks.changed() == {}  # although its orders were merged and wait now
    assert set(ticks.nightly()) == {"B'HOOD", "RHONE"}
    two.write(f'UPDATE "swp_ORDER_LIST_V2" SET "NOTES" = \'by hand\' WHERE "{NAME}" = \'RHONE\'')
    assert set(ticks.changed()) == {"RHONE"}


def test_a_repetition_that_was_killed_has_not_failed_for_good_although_it_was_handed_the_tags(
    two: Workplace, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "not a token")
    failed = {name: ticks.run(request).run_id for name, request in ticks.changed().items()}
    assert ticks.changed() == {}
    ticks.crashed(failed["RHONE"])
    assert set(ticks.changed()) == {"RHONE"}


@pytest.mark.parametrize("requested", [True, False])
def test_a_customer_whose_run_a_person_cancelled_is_left_alone_until_its_load_changes_or_the_night(
    two: Workplace, ticks: Ticks, *, requested: bool
) -> None:
    """The sensor's run, or one that a person started before the sensor looked."""
    if requested:
        assert set(ticks.changed()) == {"B'HOOD", "RHONE"}
    ticks.cancelled("RHONE")
    assert set(ticks.changed()) == (set() if requested else {"B'HOOD"})
    two.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW'")
    assert ticks.changed() == {}
    assert set(ticks.nightly()) == {"B'HOOD", "RHONE"}
    two.write(f'UPDATE "swp_ORDER_LIST_V2" SET "NOTES" = \'by hand\' WHERE "{NAME}" = \'RHONE\'')
    requests = ticks.changed()
    assert set(requests) == {"RHONE"}
    assert ticks.run(requests["RHONE"]).success


def test_rows_that_a_cancelled_run_left_behind_ask_for_nothing(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    assert ticks.changed() == {}
    ticks.cancelled("RHONE")
    two.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE \"CUSTOMER NAME\" = 'RHONE'")
    assert ticks.changed() == ticks.changed() == {}
    assert set(ticks.nightly()) == {"RHONE"}


def test_what_waits_of_a_customer_that_left_the_load_is_sent_without_merging(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    two.write(f'DELETE FROM "swp_ORDER_LIST_V2" WHERE "{NAME}" = \'RHONE\'')
    two.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE \"CUSTOMER NAME\" = 'RHONE'")
    (request,) = ticks.changed().values()
    assert [key.to_user_string() for key in request.asset_selection] == [
        "monday_groups",
        "monday_items",
        "monday_subitems",
        "sync_report",
    ]
    assert ticks.run(request).success
    assert two.rows("SELECT COUNT(*) FROM ORDER_LIST_V2 WHERE sync_state <> 'SYNCED'") == [(0,)]
    assert ticks.changed() == {}


def test_a_cursor_of_another_version_asks_for_everybody_with_something_to_do(two: Workplace, ticks: Ticks) -> None:
    for cursor in ("not json", '{"RHONE": {"other": 1}}', "[]"):
        ticks.cursors["changed_customers"] = cursor
        assert set(ticks.changed()) == {"B'HOOD", "RHONE"}


# --- nightly_sync


def test_the_night_asks_for_everybody_with_something_to_do_after_those_that_people_start(two: Workplace, ticks: Ticks) -> None:
    requests = ticks.nightly()
    assert partitions(ticks) == set(requests) == {"B'HOOD", "RHONE"}
    assert {request.tags["dagster/priority"] for request in requests.values()} == {"-1"}
    again, tomorrow = ticks.nightly(), ticks.nightly(NIGHT + timedelta(days=1))
    assert {request.run_key for request in again.values()} == {request.run_key for request in requests.values()}
    assert {request.run_key for request in tomorrow.values()}.isdisjoint({request.run_key for request in again.values()})
    assert ticks.run(requests["RHONE"]).success
    assert set(ticks.nightly()) == {"B'HOOD"}


def test_a_name_that_cannot_be_a_partition_keeps_no_other_from_the_night(
    two: Workplace, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", str(two.configure(('unknown_customers = "reject"', 'unknown_customers = "accept"'))))
    two.stage([{**row, NAME: "A" * 65} for row in samples_of(*BHOOD)[:1]], append=True)
    assert set(ticks.nightly()) == set(ticks.changed()) == {"B'HOOD", "RHONE"}


# --- what is on


def test_people_switch_automation_on_in_the_sandbox_and_it_is_on_elsewhere(
    offline: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def running() -> set[str]:
        definitions = build_definitions(Settings())
        made = [*(definitions.schedules or ()), *(definitions.sensors or ())]
        return {each.name for each in made if each.default_status.value == "RUNNING"}

    assert running() == {"new_customers", "lost_runs", "alerts"}
    monkeypatch.setenv("ORDERS_CONFIG", str(offline.configure(
        ("starts_running = false", "starts_running = false\nswitches = { changed_customers = true, new_customers = false }"))))  # fmt: skip
    assert running() == {"changed_customers", "lost_runs", "alerts"}
    monkeypatch.setenv("ORDERS_CONFIG", str(offline.configure(
        ("starts_running = false", "switches = { nightly = false }"))))  # fmt: skip
    with pytest.raises(ConfigurationError, match="'nightly', which is no sensor or schedule"):
        running()
    monkeypatch.delenv("ORDERS_CONFIG")
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "production")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "mssql+pyodbc://user:pa55@nowhere/db?driver=none")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not-the-sandbox-token")
    assert running() == {
        "new_customers", "lost_runs", "alerts", "changed_customers", "nightly_sync", "scan_staging_schedule", "check_orders_schedule",
        "check_waiting_rows_schedule", "verify_boards_schedule", "daily_summary_schedule", "retention_schedule",
    }  # fmt: skip
