"""A customer that is paused in Dagster: no tick asks for it, a run that has it stops, nothing of it is stuck, and its page says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Ticks
from orders_platform_tests.testing.workplace import Workplace, samples_of


@pytest.fixture
def ticks(tmp_path: Path) -> Iterator[Ticks]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Ticks(instance)


@pytest.fixture
def two(workplace: Workplace) -> Workplace:
    workplace.stage([*samples_of("B'HOOD", "BHOOD")[:3], *samples_of("RHONE")[:3]])
    return workplace


def job(ticks: Ticks, name: str, **config: list[str]) -> dg.ExecuteInProcessResult:
    made = build_definitions(Settings()).resolve_job_def(name)
    ops = {"record_pauses": {"config": config}} if config else {}
    return made.execute_in_process(instance=ticks.instance, run_config={"ops": ops}, raise_on_error=False)


def pause(ticks: Ticks, **names: list[str]) -> dg.ExecuteInProcessResult:
    return job(ticks, "pause_customers", **names)


def test_no_tick_asks_for_it_until_it_is_resumed(two: Workplace, ticks: Ticks) -> None:
    assert pause(ticks, pause=["rhone"]).success
    assert set(ticks.changed()) == set(ticks.nightly()) == {"B'HOOD"}
    assert set(ticks.changed()) == set()
    assert "paused: RHONE" in ticks.sensor("changed_customers").skip_reason.skip_message
    assert pause(ticks, resume=["RHONE"]).success
    assert set(ticks.changed()) == {"RHONE"}


def test_a_run_that_was_requested_before_stops_and_is_asked_for_again_once_it_is_resumed(two: Workplace, ticks: Ticks) -> None:
    request = ticks.changed()["RHONE"]
    pause(ticks, pause=["RHONE"])
    run = ticks.run(request)
    assert not run.success
    (failed,) = [event for event in run.all_events if event.is_step_failure]
    assert "RHONE is paused since 2" in failed.step_failure_data.user_failure_data.description
    assert two.mutations == 0
    assert ticks.changed() == {}
    pause(ticks, resume=["RHONE"])
    (again,) = ticks.changed().values()
    assert ticks.run(again).success


def test_what_waits_of_it_is_not_stuck(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success
    two.write("UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING', sync_pending_at = datetime('now', '-9 hours')")
    pause(ticks, pause=["RHONE"])
    (seen,) = job(ticks, "check_waiting_rows").get_asset_check_evaluations()
    assert "(B'HOOD 3)" in seen.description
    assert seen.metadata["not_checked"].value == ["RHONE"]


def test_its_page_says_so(two: Workplace, ticks: Ticks) -> None:
    for request in ticks.changed().values():
        assert ticks.run(request).success

    def says_so() -> bool:
        return any("updates are paused" in page.read_text("utf-8") for page in Settings().report_folder.glob("*.html"))

    pause(ticks, pause=["RHONE"])
    assert says_so()
    pause(ticks, resume=["RHONE"])
    assert not says_so()


def test_a_name_that_nobody_has_fails_the_job_in_words(two: Workplace, ticks: Ticks) -> None:
    run = pause(ticks, pause=["RHONDA"])
    (failed,) = [event for event in run.all_events if event.is_step_failure]
    assert "No customer is called 'RHONDA'" in failed.step_failure_data.user_failure_data.description
