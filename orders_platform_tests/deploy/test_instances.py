"""The variants of dagster.yaml: the same rules everywhere, loaded by Dagster, on SQLite and on Postgres."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._daemon.monitoring import execute_concurrency_slots_iteration, execute_run_monitoring_iteration
from sqlalchemy import text

from orders_platform.definitions import build_definitions
from orders_platform.defs.jobs import forget_runs
from orders_platform.settings import Settings
from orders_platform_tests.deploy.postgres import Postgres
from orders_platform_tests.testing.dagster_location import Location, local_home
from orders_platform_tests.testing.workplace import CHECKOUT, Workplace, samples_of

COMPOSE = CHECKOUT / "deploy" / "compose" / "dagster.yaml"
RULES = ("concurrency", "run_coordinator", "run_monitoring", "run_retries", "schedules", "sensors", "retention")
AT_ONCE = """
import os, sys
import dagster as dg
processes = []
for customer in sys.argv[1:]:
    if not (process := os.fork()):
        with dg.DagsterInstance.get() as instance:
            instance.add_dynamic_partitions("customers", [customer])
            instance.get_run_ids(limit=1)
            instance.all_instigator_state()
        sys.exit()
    processes.append(process)
sys.exit(any(os.waitpid(process, 0)[1] for process in processes))
"""


def read(path: Path) -> dict[str, object]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def helm_instance() -> dict[str, object]:
    return read(CHECKOUT / "deploy" / "helm" / "values.yaml")["additionalInstanceConfig"]


def rules_of(settings: Mapping[str, object]) -> dict[str, object]:
    """Without the one figure that is the machine's and not the platform's."""
    rules = {name: settings[name] for name in RULES}
    runs = {name: value for name, value in rules["concurrency"]["runs"].items() if name != "max_concurrent_runs"}
    return {**rules, "concurrency": {**rules["concurrency"], "runs": runs}}


@pytest.mark.parametrize("other", [read(COMPOSE), helm_instance()], ids=["compose", "helm"])
def test_every_variant_has_the_rules_of_the_local_one(other: Mapping[str, object]) -> None:
    assert rules_of(other) == rules_of(read(CHECKOUT / "dagster.yaml"))


@pytest.fixture(params=["local", "compose", "helm"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME of each variant; the two on Postgres get a database of their own."""
    if request.param == "local":
        return local_home(tmp_path / "home")
    server: Postgres = request.getfixturevalue("postgres")
    for name, value in server.new_database(f"d{uuid4().hex}").items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "home"
    folder.mkdir()
    settings = read(COMPOSE)
    if request.param == "helm":
        settings = {"storage": settings["storage"], **helm_instance()}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def test_dagster_reads_every_variant_as_it_is_meant(instance: dg.DagsterInstance) -> None:
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 7200
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
    assert (instance.run_retries_enabled, instance.run_retries_max_retries) == (True, 1)
    limits = instance.get_concurrency_config().run_queue_config
    assert limits.tag_concurrency_limits[0]["key"] == "dagster/partition"
    assert limits.max_concurrent_runs in {4, 8, 16}
    assert instance.get_tick_retention_settings(InstigatorType.SENSOR)[TickStatus.SKIPPED] == 2
    assert instance.get_tick_retention_settings(InstigatorType.SCHEDULE)[TickStatus.SUCCESS] == 30


def test_every_storage_keeps_a_verdict_for_each_customer(workplace: Workplace, instance: dg.DagsterInstance) -> None:
    """The checks of a run are partitioned, which Dagster calls a preview."""
    bhood, rhone = samples_of("B'HOOD", "BHOOD")[:3], samples_of("RHONE")[:3]
    workplace.stage([*({**row, "TOTAL QTY": 1} for row in bhood), *rhone])
    location = Location(instance)
    assert [location.sync_customer(customer).success for customer in ("B'HOOD", "RHONE")] == [False, True]
    key = dg.AssetCheckKey(dg.AssetKey("order_lines"), "totals_match_sizes")
    kept = instance.event_log_storage.get_asset_check_partition_info([key])
    assert {each.partition_key: each.latest_execution_status.value for each in kept} == {
        "B'HOOD": "FAILED", "RHONE": "SUCCEEDED",
    }  # fmt: skip


# --- a power cut ---------------------------------------------------------------------------------------------------------


@dataclass
class Daemon:
    """The part of Dagster's daemon that the monitoring asks for: run workers are gone, so there is no code to load."""

    instance: dg.DagsterInstance

    def create_request_context(self) -> None:
        return None

    def looks(self) -> None:
        for look in (execute_run_monitoring_iteration, execute_concurrency_slots_iteration):
            assert [error for error in look(self, logging.getLogger("daemon")) if error] == []


def test_after_a_power_cut_the_run_is_ended_and_its_place_and_its_customer_are_free(
    offline: Workplace, instance: dg.DagsterInstance
) -> None:
    """What it leaves behind: a run that stays STARTED and holds a slot of the pool, and nobody who would end it."""
    job = build_definitions(Settings()).resolve_job_def("sync_customer")
    tags = {"dagster/partition": "RHONE"}
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    slots = instance.event_log_storage
    slots.initialize_concurrency_limit_to_default("monday_api")
    slots.claim_concurrency_slot("monday_api", run.run_id, "monday_items")
    daemon = Daemon(instance)

    since(instance, run.run_id, start_time=7_000)
    daemon.looks()
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.STARTED
    since(instance, run.run_id, start_time=7_300)
    daemon.looks()
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert slots.get_concurrency_info("monday_api").active_slot_count == 1
    since(instance, run.run_id, end_time=90, update_timestamp=90)
    daemon.looks()
    assert slots.get_concurrency_info("monday_api").active_slot_count == 0
    assert instance.get_run_ids(dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.STARTED])) == []


def since(instance: dg.DagsterInstance, run_id: str, **seconds_ago: float) -> None:
    """Turns the clock of a run back."""
    with instance.run_storage.connect() as connection:
        for column, ago in seconds_ago.items():
            then = time.time() - ago
            value = datetime.fromtimestamp(then, UTC).replace(tzinfo=None) if column == "update_timestamp" else then
            statement = f"UPDATE runs SET {column} = :value WHERE run_id = :id"
            connection.execute(text(statement), {"value": value, "id": run_id})


# --- upkeep and first start ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", ["compose"], indirect=True)
def test_old_runs_are_forgotten_on_postgres_too(workplace: Workplace, instance: dg.DagsterInstance) -> None:
    workplace.stage(samples_of("B'HOOD", "BHOOD")[:2])
    location = Location(instance)
    old, last = location.sync("B'HOOD"), location.sync("B'HOOD")
    assert forget_runs(instance, datetime.now(UTC) + timedelta(days=1), str) == 1
    assert set(instance.get_run_ids()) == {last.run_id}
    assert instance.all_logs(old.run_id) == []
    assert instance.get_materialized_partitions(dg.AssetKey("monday_subitems")) == {"B'HOOD"}


@pytest.mark.parametrize("home", ["local", "compose"], indirect=True)
def test_several_processes_may_open_a_new_instance_at_once_once_it_is_migrated(home: Path) -> None:
    """Without the migration, as `make ui` and compose do it first, SQLite's is broken for good in most tries."""
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    migrate = [Path(sys.executable).parent / "dagster", "instance", "migrate"]
    assert subprocess.run(migrate, env=environment, capture_output=True, timeout=120, check=False).returncode == 0
    opening = [sys.executable, "-c", AT_ONCE, "C0", "C1", "C2"]
    opened = subprocess.run(opening, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert opened.returncode == 0, opened.stderr
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert set(instance.get_dynamic_partitions("customers")) == {"C0", "C1", "C2"}


def test_a_first_make_ui_migrates_before_it_starts_anything(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "setup.cfg", "constraints.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    said = subprocess.run(["make", "-n", "ui"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert 0 < said.index("dagster instance migrate") < said.index("orders_platform.webserver dev")
    (tmp_path / ".dagster" / "storage").mkdir(parents=True)
    again = subprocess.run(["make", "-n", "ui"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "instance migrate" not in again
