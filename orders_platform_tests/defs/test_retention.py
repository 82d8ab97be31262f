"""The job `retention`: old documents of the log and old runs of Dagster go, but never a customer's last run; no order does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from orders_platform.definitions import build_definitions
from orders_platform.defs.jobs import forget_runs, runs_to_forget
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Location, local_home
from orders_platform_tests.testing.workplace import Workplace, samples_of

SYNCED = {"B'HOOD": samples_of("B'HOOD", "BHOOD")}
LATER = datetime.now(UTC) + timedelta(days=1)


def retention(location: Location) -> dg.ExecuteInProcessResult:
    job = build_definitions(Settings()).resolve_job_def("retention")
    return job.execute_in_process(instance=location.instance, raise_on_error=False)


def without_log(place: Workplace) -> list[str]:
    return [line for line in place.dump() if 'INSERT INTO "ORDER_SYNC_LOG"' not in line]


def logged(place: Workplace) -> set[str]:
    return {row[0] for row in place.rows("SELECT batch_id FROM ORDER_SYNC_LOG")}


def test_documents_older_than_the_retention_go_and_nothing_else(synced: Workplace, location: Location) -> None:
    old = sorted(logged(synced))[0]
    young = logged(synced) - {old}
    synced.write("UPDATE ORDER_SYNC_LOG SET logged_at = datetime('now', '-181 days') WHERE batch_id = ?", old)
    before, asked = without_log(synced), len(synced.sandbox.requests)
    result = retention(location)
    assert result.success
    assert logged(synced) == young
    assert without_log(synced) == before
    assert len(synced.sandbox.requests) == asked


def test_the_retention_is_a_setting(synced: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.write("UPDATE ORDER_SYNC_LOG SET logged_at = datetime('now', '-4 days')")
    assert retention(location).success
    assert logged(synced)
    monkeypatch.setenv("ORDERS_CONFIG", str(synced.configure(("log_retention_days = 180", "log_retention_days = 3"))))
    assert retention(location).success
    assert logged(synced) == set()


def test_nothing_old_is_nothing_written(synced: Workplace, location: Location) -> None:
    before = synced.dump()
    assert retention(location).success
    assert synced.dump() == before


def test_a_database_that_refuses_fails_the_run_in_words(workplace: Workplace, location: Location) -> None:
    result = retention(location)
    failed = [event for event in result.all_events if event.is_step_failure]
    assert "init-db" in str(failed[0].step_failure_data.error)


# --- runs


@pytest.fixture
def on_disk(workplace: Workplace) -> Iterator[Location]:
    """On an instance in files, as the local one is."""
    home = local_home(workplace.folder / "home")
    workplace.stage(samples_of("B'HOOD", "BHOOD", "RHONE"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Location(instance)


def files_of(run: dg.ExecuteInProcessResult, place: Workplace) -> list[Path]:
    return [path for path in (place.folder / "home").rglob("*") if run.run_id in str(path)]


def materialised(on_disk: Location) -> dict[str, set[str]]:
    return {
        key.to_user_string(): on_disk.instance.get_materialized_partitions(key) for key in on_disk.instance.get_asset_keys()
    }


def test_of_a_customers_runs_the_last_one_stays_and_the_older_ones_go_with_all_their_files(
    workplace: Workplace, on_disk: Location
) -> None:
    survey, newer_survey = on_disk.survey(), on_disk.survey()
    old, last, other = on_disk.sync("B'HOOD"), on_disk.sync("B'HOOD"), on_disk.sync("RHONE")
    assert all(run.success for run in (survey, newer_survey, old, last, other))
    before = materialised(on_disk)
    assert files_of(old, workplace)
    said: list[str] = []
    assert forget_runs(on_disk.instance, LATER, said.append) == 2
    assert set(on_disk.instance.get_run_ids()) == {newer_survey.run_id, last.run_id, other.run_id}
    assert files_of(old, workplace) == files_of(survey, workplace) == []
    assert files_of(last, workplace)
    assert materialised(on_disk) == before
    assert before["monday_subitems"] == {"B'HOOD", "RHONE"}
    assert on_disk.customers >= {"B'HOOD", "RHONE"}
    assert forget_runs(on_disk.instance, LATER, said.append) == 0


def test_a_run_that_failed_half_way_takes_the_last_word_only_on_what_it_did(
    on_disk: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = on_disk.sync("B'HOOD")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not a token")
    half, failed = on_disk.sync("B'HOOD"), on_disk.sync("NOBODY")
    assert (whole.success, half.success, failed.success) == (True, False, False)
    assert runs_to_forget(on_disk.instance, LATER) == [failed.run_id]  # `whole` still has the subitems, `half` the order tables


def test_a_run_that_has_not_ended_or_is_young_stays(on_disk: Location) -> None:
    young = on_disk.sync("RHONE")
    job = build_definitions(Settings()).resolve_job_def("scan_staging")
    started = on_disk.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    last = on_disk.sync("RHONE")
    assert runs_to_forget(on_disk.instance, LATER) == [young.run_id]
    assert runs_to_forget(on_disk.instance, datetime.now(UTC) - timedelta(days=1)) == []
    assert on_disk.instance.has_run(started.run_id)
    assert on_disk.instance.has_run(last.run_id)


def test_the_job_forgets_what_is_older_than_the_setting_and_says_how_many(on_disk: Location) -> None:
    old, last = on_disk.sync("RHONE"), on_disk.sync("RHONE")

    def forgotten() -> object:
        result = retention(on_disk)
        (event,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT" and e.step_key == "trim_runs"]
        return event.event_specific_data.metadata["forgotten_runs"].value

    assert forgotten() == 0
    age(on_disk.instance, old.run_id, last.run_id, days=31)
    assert forgotten() == 1
    assert on_disk.instance.has_run(last.run_id)
    assert not on_disk.instance.has_run(old.run_id)


def age(instance: dg.DagsterInstance, *run_ids: str, days: int) -> None:
    """Runs that ended so long ago."""
    then = datetime.fromtimestamp(time.time() - days * 86400, UTC).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        for run_id in run_ids:
            connection.execute(
                text("UPDATE runs SET update_timestamp = :then WHERE run_id = :id"), {"then": then, "id": run_id}
            )
