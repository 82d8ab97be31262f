"""The job `housekeeping`: the log becomes shorter, everything else stays."""

from __future__ import annotations

import dagster as dg
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.defs.location import Location
from orders_platform_tests.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"


@pytest.fixture
def synced(workplace: Workplace, location: Location) -> Workplace:
    workplace.stage(samples_of("B'HOOD", "BHOOD"))
    assert location.sync_customer(CUSTOMER).success
    return workplace


def housekeeping(location: Location) -> dg.ExecuteInProcessResult:
    job = build_definitions(Settings()).resolve_job_def("housekeeping")
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
    result = housekeeping(location)
    assert result.success
    assert logged(synced) == young
    assert without_log(synced) == before
    assert len(synced.sandbox.requests) == asked


def test_the_retention_is_a_setting(synced: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.write("UPDATE ORDER_SYNC_LOG SET logged_at = datetime('now', '-4 days')")
    assert housekeeping(location).success
    assert logged(synced)
    monkeypatch.setenv("ORDERS_CONFIG", str(synced.configure(("log_retention_days = 180", "log_retention_days = 3"))))
    assert housekeeping(location).success
    assert logged(synced) == set()


def test_nothing_old_is_nothing_written(synced: Workplace, location: Location) -> None:
    before = synced.dump()
    assert housekeeping(location).success
    assert synced.dump() == before


def test_a_database_that_refuses_fails_the_run_in_words(workplace: Workplace, location: Location) -> None:
    result = housekeeping(location)
    failed = [event for event in result.all_events if event.is_step_failure]
    assert "init-db" in str(failed[0].step_failure_data.error)
