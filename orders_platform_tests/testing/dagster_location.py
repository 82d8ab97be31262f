"""The code location on a Dagster instance: its jobs and what they left, its sensors and schedules, a DAGSTER_HOME to run in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG, TAGS_TO_MAYBE_OMIT_ON_RETRY

from orders_platform.definitions import build_definitions
from orders_platform.defs.resources import SqliteResource, make_partitions
from orders_platform.domain.customers import customer_for, partition_key_for
from orders_platform.settings import Settings
from orders_platform_tests.testing.workplace import CHECKOUT

STAGES = ("monday_groups", "monday_items", "monday_subitems")
NIGHT = datetime(2026, 1, 6, 2, tzinfo=UTC)


@dataclass
class Location:
    """Definitions are built for each run, as a new process would."""

    instance: dg.DagsterInstance

    @property
    def customers(self) -> set[str]:
        return set(self.instance.get_dynamic_partitions("customers"))

    def survey(self) -> dg.ExecuteInProcessResult:
        return self._job("scan_staging").execute_in_process(instance=self.instance, raise_on_error=False)

    def sync(self, key: str, job: str = "sync_customer", **options: object) -> dg.ExecuteInProcessResult:
        """All six assets of one partition, which exists as if somebody had typed it in, with these options of the launchpad."""
        if key not in self.customers:
            self.instance.add_dynamic_partitions("customers", [key])
        configuration = {"resources": {"run_options": {"config": options}}}
        return self._job(job).execute_in_process(
            instance=self.instance, partition_key=key, raise_on_error=False, run_config=configuration
        )

    def sync_customer(self, customer: str, **options: object) -> dg.ExecuteInProcessResult:
        """All six assets of a customer whose partition is made in our way."""
        make_partitions(self.instance, [customer])
        return self.sync(partition_key_for(customer), **options)

    def preview(self, customer: str, **options: object) -> dg.ExecuteInProcessResult:
        """What a run of it would change."""
        make_partitions(self.instance, [customer])
        return self.sync(partition_key_for(customer), "preview_customer", **options)

    def _job(self, name: str) -> dg.JobDefinition:
        return build_definitions(Settings()).resolve_job_def(name)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    """What an asset reported."""
    found = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    assert len(found) == 1, f"{asset} was materialised {len(found)} times"
    return {name: value.value for name, value in found[0].materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> tuple[str, dg.DagsterEvent]:
    """The first step that failed, and its event."""
    failed = [event for event in result.all_events if event.is_step_failure]
    assert failed, "no step failed"
    return str(failed[0].step_key), failed[0]


@dataclass
class Ticks:
    """Sensors and schedules without a daemon: cursors are kept from tick to tick."""

    instance: dg.DagsterInstance
    cursors: dict[str, str | None] = field(default_factory=dict)

    def sensor(self, name: str) -> dg.SensorResult:
        definitions = build_definitions(Settings())
        resource = SqliteResource()
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            repository_def=definitions.get_repository_def(),
            resources={} if name == "alerts" else {"orders_database": resource},
        )
        with context:
            result = definitions.resolve_sensor_def(name)(context)
        assert isinstance(result, dg.SensorResult)
        self.cursors[name] = result.cursor
        return result

    def changed(self) -> dict[str, dg.RunRequest]:
        """The runs that `changed_customers` asks for, by customer."""
        return by_customer(self.sensor("changed_customers").run_requests or ())

    def nightly(self, at: datetime = NIGHT) -> dict[str, dg.RunRequest]:
        """The runs that the night asks for, by customer."""
        definitions = build_definitions(Settings())
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=at,
            resources={"orders_database": SqliteResource()},
            repository_def=definitions.get_repository_def(),
        )
        with context:
            data = definitions.resolve_schedule_def("nightly_sync").evaluate_tick(context)
        return by_customer(data.run_requests or ())

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run that was asked for."""
        job = build_definitions(Settings()).resolve_job_def("sync_customer")
        return job.execute_in_process(
            instance=self.instance,
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def busy(self, customer_key: str) -> dg.DagsterRun:
        """A run of a customer that is under way."""
        job = build_definitions(Settings()).resolve_job_def("sync_customer")
        return self.instance.create_run_for_job(
            job, tags={"dagster/partition": customer_key}, status=dg.DagsterRunStatus.STARTED
        )

    def cancelled(self, customer_key: str) -> None:
        """A run of a customer that was under way until a person cancelled it."""
        run = self.busy(customer_key)
        self.instance.report_run_canceling(run)
        self.instance.report_run_canceled(run)

    def handed_on(self, run_id: str) -> dict[str, str]:
        """The tags that the UI and the daemon give to a run that repeats another."""
        tags = self.instance.get_run_by_id(run_id).tags
        kept = {name: value for name, value in tags.items() if name not in TAGS_TO_MAYBE_OMIT_ON_RETRY}
        return {**kept, PARENT_RUN_ID_TAG: run_id, ROOT_RUN_ID_TAG: tags.get(ROOT_RUN_ID_TAG, run_id)}

    def repeat(self, run_id: str) -> str:
        """A person re-executes a run; the run that comes of it."""
        options = dg.ReexecutionOptions(parent_run_id=run_id)
        job, tags = dg.reconstructable(sync_job), self.handed_on(run_id)
        with dg.execute_job(job, instance=self.instance, tags=tags, reexecution_options=options) as done:
            return done.run_id

    def crashed(self, run_id: str) -> str:
        """A run that repeats another, and whose process is killed."""
        job, tags = build_definitions(Settings()).resolve_job_def("sync_customer"), self.handed_on(run_id)
        run = self.instance.create_run_for_job(
            job,
            tags=tags,
            parent_run_id=run_id,
            root_run_id=tags[ROOT_RUN_ID_TAG],
            status=dg.DagsterRunStatus.STARTED,
        )
        self.instance.report_run_failed(run)
        return run.run_id


def sync_job() -> dg.JobDefinition:
    """For Dagster, which wants to find a job again by its module and name."""
    return build_definitions(Settings()).resolve_job_def("sync_customer")


def by_customer(requests: object) -> dict[str, dg.RunRequest]:
    found = list(requests)  # type: ignore[call-overload]
    assert len({request.partition_key for request in found}) == len(found), "a customer is asked for twice"
    return {customer_for(request.partition_key): request for request in found}


def local_home(folder: Path) -> Path:
    """A DAGSTER_HOME with the repository's dagster.yaml, whose folders lie under it."""
    folder.mkdir()
    settings = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text(encoding="utf-8"))
    for part in (
        settings["storage"]["sqlite"],
        settings["local_artifact_storage"]["config"],
        settings["compute_logs"]["config"],
    ):
        part["base_dir"] = str(folder / part["base_dir"])
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder
