"""The job `housekeeping`, its other half: Dagster's runs are forgotten, with what they wrote, but never a customer's last one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from orders_platform.definitions import build_definitions
from orders_platform.defs.retention import forget_runs, runs_to_forget
from orders_platform.settings import Settings
from orders_platform_tests.defs.instances import local_home
from orders_platform_tests.defs.location import Location
from orders_platform_tests.workplace import Workplace, samples_of

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def location(workplace: Workplace) -> Iterator[Location]:
    """On an instance in files, as the local one is."""
    home = local_home(workplace.folder / "home")
    workplace.stage(samples_of("B'HOOD", "BHOOD", "RHONE"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Location(instance)


def files_of(run: dg.ExecuteInProcessResult, place: Workplace) -> list[Path]:
    return [path for path in (place.folder / "home").rglob("*") if run.run_id in str(path)]


def materialised(location: Location) -> dict[str, set[str]]:
    return {
        key.to_user_string(): location.instance.get_materialized_partitions(key) for key in location.instance.get_asset_keys()
    }


def test_of_a_customers_runs_the_last_one_stays_and_the_older_ones_go_with_all_their_files(
    workplace: Workplace, location: Location
) -> None:
    survey, newer_survey = location.survey(), location.survey()
    old, last, other = location.sync("B'HOOD"), location.sync("B'HOOD"), location.sync("RHONE")
    assert all(run.success for run in (survey, newer_survey, old, last, other))
    before = materialised(location)
    assert files_of(old, workplace)
    said: list[str] = []
    assert forget_runs(location.instance, LATER, said.append) == 2
    assert set(location.instance.get_run_ids()) == {newer_survey.run_id, last.run_id, other.run_id}
    assert files_of(old, workplace) == files_of(survey, workplace) == []
    assert files_of(last, workplace)
    assert materialised(location) == before
    assert before["monday_subitems"] == {"B'HOOD", "RHONE"}
    assert location.customers >= {"B'HOOD", "RHONE"}
    assert forget_runs(location.instance, LATER, said.append) == 0


def test_a_run_that_failed_half_way_takes_the_last_word_only_on_what_it_did(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = location.sync("B'HOOD")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not a token")
    half, failed = location.sync("B'HOOD"), location.sync("NOBODY")
    assert (whole.success, half.success, failed.success) == (True, False, False)
    assert runs_to_forget(location.instance, LATER) == [
        failed.run_id
    ]  # `whole` still has the subitems, `half` the order tables


def test_a_run_that_has_not_ended_or_is_young_stays(location: Location) -> None:
    young = location.sync("RHONE")
    job = build_definitions(Settings()).resolve_job_def("survey_customers")
    started = location.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    last = location.sync("RHONE")
    assert runs_to_forget(location.instance, LATER) == [young.run_id]
    assert runs_to_forget(location.instance, datetime.now(UTC) - timedelta(days=1)) == []
    assert location.instance.has_run(started.run_id)
    assert location.instance.has_run(last.run_id)


def test_the_job_forgets_what_is_older_than_the_setting_and_says_how_many(location: Location) -> None:
    old, last = location.sync("RHONE"), location.sync("RHONE")
    job = build_definitions(Settings()).resolve_job_def("housekeeping")

    def forgotten() -> object:
        result = job.execute_in_process(instance=location.instance)
        (event,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT" and e.step_key == "trim_runs"]
        return event.event_specific_data.metadata["forgotten_runs"].value

    assert forgotten() == 0
    age(location.instance, old.run_id, last.run_id, days=31)
    assert forgotten() == 1
    assert location.instance.has_run(last.run_id)
    assert not location.instance.has_run(old.run_id)


def age(instance: dg.DagsterInstance, *run_ids: str, days: int) -> None:
    """Runs that ended so long ago."""
    then = datetime.fromtimestamp(time.time() - days * 86400, UTC).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        for run_id in run_ids:
            connection.execute(
                text("UPDATE runs SET update_timestamp = :then WHERE run_id = :id"), {"then": then, "id": run_id}
            )
