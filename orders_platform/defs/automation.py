"""What starts by itself: the nightly run and the schedules, and the sensors that look at the order database.

Sensors see customers come and go, their loads change, and runs lose their process. A tick reads, and turns into requests what
`orders_platform.domain.needed_runs` decides.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg

from orders_platform.configuration import Automation
from orders_platform.defs.failures import dagster_failures, failed_for_good
from orders_platform.defs.jobs import SYNC_ASSETS, UNFINISHED, load_files, preview_customer, sync_customer
from orders_platform.defs.resources import LOCK_TAG, PARTITION_TAG, OrdersDatabase, make_partitions, run_lock
from orders_platform.domain.customers import customer_for, partition_key_for
from orders_platform.domain.needed_runs import CustomerSyncStatus, LastRequest, needed_runs, runs_to_request
from orders_platform.domain.text import counted
from orders_platform.errors import ConfigurationError, CustomerBusyError
from orders_platform.merge.loads import Loads, look_into
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import Settings

WILL_RETRY_TAG = "dagster/will_retry"
"""On a failed run that `run_retries` will repeat; once it has, the run also names the one that repeats it."""
_REPEATED_BY_TAG = "dagster/auto_retry_run_id"
_REPEATED_WITHIN = timedelta(minutes=10)  # by a daemon that is well; one that is not must not stop a customer for ever
SENDING_ASSETS = tuple(name for name in SYNC_ASSETS if not name.startswith("order_"))
_STOPPING = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_SILENT = timedelta(minutes=5)
_STOPPED_FOR = timedelta(days=1)  # the nightly run tries everybody again anyway


def sensor_status(is_on: bool) -> dg.DefaultSensorStatus:  # noqa: FBT001 - one word of Dagster for another
    """Whether a sensor is on after the first start."""
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def build_sensors(automation: Automation, *, by_file: bool) -> list[dg.SensorDefinition]:
    """The sensors, with the pace of the configuration; the one of order files where there is a folder of them."""

    @dg.sensor(
        minimum_interval_seconds=automation.changes_seconds,
        default_status=sensor_status(automation.is_on("new_customers", otherwise=True)),
        description="Adds a partition for each customer of the load or the order table, and deletes those of customers that neither has.",
    )
    def new_customers(context: dg.SensorEvaluationContext, orders_database: OrdersDatabase) -> dg.SensorResult:
        present, busy = orders_database.merge.present(), busy_customers(context.instance, datetime.now(UTC))
        changes = make_partitions(context.instance, present, busy)
        for reason in changes.refused.values():
            context.log.error(reason)
        words = f"{len(changes.added)} partitions added, {len(changes.deleted)} deleted. {' '.join(changes.refused.values())}"
        return dg.SensorResult(skip_reason=words)

    @dg.sensor(
        job=sync_customer,
        minimum_interval_seconds=automation.changes_seconds,
        default_status=sensor_status(automation.is_on("changed_customers")),
        description="Requests a run for each customer whose staged rows changed, or whose rows wait to be sent.",
    )
    def changed_customers(context: dg.SensorEvaluationContext, orders_database: OrdersDatabase) -> dg.SensorResult:
        now = datetime.now(UTC)
        sync_statuses, busy = customers_to_sync(context, orders_database.merge)
        runs, last_requests = runs_to_request(
            sync_statuses,
            _last_requests(context.cursor),
            busy=busy,
            stopped=stopped_customers(context.instance, now),
            now=now.timestamp(),
            repeat_seconds=automation.repeat_minutes * 60,
        )
        return dg.SensorResult(
            run_requests=[run_request(each) for each in runs],
            cursor=json.dumps({name: asdict(each) for name, each in last_requests.items()}, ensure_ascii=False),
            skip_reason=None if runs else nothing_to_do(sync_statuses, busy),
        )

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=sensor_status(automation.is_on("lost_runs", otherwise=True)),
        description="Ends runs whose process is gone, as after a power cut, so that their customers and places are free.",
    )
    def lost_runs(context: dg.SensorEvaluationContext, orders_database: OrdersDatabase) -> dg.SensorResult:
        lost = end_lost_runs(context.instance, orders_database, datetime.now(UTC))
        return dg.SensorResult(skip_reason=f"{len(lost)} runs ended whose process is gone. {' '.join(lost)}")

    @dg.sensor(
        job=load_files,
        minimum_interval_seconds=automation.changes_seconds,
        default_status=sensor_status(automation.is_on("new_files")),
        description="Requests a run when the folder of order files holds one that is new or changed, each once by its content.",
    )
    def new_files(context: dg.SensorEvaluationContext, orders_database: OrdersDatabase) -> dg.SensorResult:
        busy = context.instance.get_run_records(dg.RunsFilter(job_name=load_files.name, statuses=UNFINISHED), limit=1)
        if busy:
            return dg.SensorResult(skip_reason="A run that loads files is queued or under way.", cursor=context.cursor)
        known = {name: (size, at, content) for name, (size, at, content) in json.loads(context.cursor or "{}").items()}
        with dagster_failures("order files"):
            folder = look_into(Settings().order_folder, Loads(orders_database.store).latest(), datetime.now(UTC), known)
        reason = f"{len(folder.waiting)} new or changed, {len(folder.left)} refused and gone"
        is_needed = bool(folder.waiting or folder.left)
        return dg.SensorResult(
            run_requests=[dg.RunRequest(tags={"orders/reason": f"order files: {reason}"})] if is_needed else [],
            cursor=json.dumps(known),
            skip_reason=None if is_needed else "No file is new or changed.",
        )

    return [new_customers, changed_customers, lost_runs, *([new_files] if by_file else [])]


def end_lost_runs(instance: dg.DagsterInstance, database: OrdersDatabase, now: datetime) -> list[str]:
    """Report as failed what is STARTED and silent though its lock is free: locks end with their process. The ids of these runs.

    Dagster repeats them like any crashed run (`run_retries`). A lock on a server also ends with its connection, so a run that told
    anything of late is alive; one that has not got its lock yet, or has just given it back, has too.
    """
    lost = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        run = record.dagster_run
        told = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
        silent = now.timestamp() - (told[0].event_log_entry.timestamp if told else now.timestamp())
        if run.tags.get(LOCK_TAG) == run.run_id and silent >= _SILENT.total_seconds():
            with suppress(CustomerBusyError), database.store.database.customer_lock(run_lock(run)):
                instance.report_run_failed(run, "Its process is gone: it was killed, or its host was restarted.")
                lost.append(run.run_id)
    return lost


def nothing_to_do(sync_statuses: Collection[CustomerSyncStatus], busy: Collection[str]) -> str:
    """Why no run was requested."""
    paused = [each.customer for each in sync_statuses if each.is_paused]
    words = f"None of {counted(len(sync_statuses), 'customer')} needs a run; {len(busy)} of them have one queued or under way"
    return f"{words}; paused: {', '.join(paused)}." if paused else f"{words}."


def run_request(run: CustomerSyncStatus, run_key: str | None = None, tags: Mapping[str, str] | None = None) -> dg.RunRequest:
    """The run of a customer: all six assets, or only those that send when the load lacks it."""
    selection = None if run.load is not None else [dg.AssetKey(name) for name in SENDING_ASSETS]
    key, reason = partition_key_for(run.customer), {"orders/reason": run.need}
    return dg.RunRequest(run_key, partition_key=key, asset_selection=selection, tags={**reason, **(tags or {})})


def busy_customers(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """The customers that have a run queued or under way, whoever requested it, or whose crashed run Dagster is about to repeat."""
    failed, lately = [dg.DagsterRunStatus.FAILURE], now - _REPEATED_WITHIN
    unfinished = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    crashed = instance.get_run_records(dg.RunsFilter(statuses=failed, tags={WILL_RETRY_TAG: "true"}, updated_after=lately))
    runs = [*unfinished, *(each for each in crashed if _REPEATED_BY_TAG not in each.dagster_run.tags)]
    return {name for each in runs if (name := customer_of_run(each.dagster_run)) is not None}


def customer_of_run(run: dg.DagsterRun) -> str | None:
    """Whose orders a run sends; None of one that sends none, or those of all."""
    key = run.tags.get(PARTITION_TAG)
    return customer_for(key) if key is not None and run.job_name != preview_customer.name else None


def stopped_customers(instance: dg.DagsterInstance, now: datetime) -> set[str]:
    """The customers whose last run ended lately for a reason that repeating does not mend, or was cancelled by a person."""
    found = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=_STOPPING, updated_after=now - _STOPPED_FOR)):
        run, name = record.dagster_run, customer_of_run(record.dagster_run)
        if name is not None and (run.status is dg.DagsterRunStatus.CANCELED or failed_for_good(run)):
            key = {PARTITION_TAG: run.tags[PARTITION_TAG]}
            later = instance.get_run_records(dg.RunsFilter(tags=key, created_after=record.create_timestamp))
            if not any(customer_of_run(each.dagster_run) for each in later):
                found.add(name)
    return found


def customers_to_sync(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, merge: OrderMerge
) -> tuple[list[CustomerSyncStatus], set[str]]:
    """Where the customers stand that have a partition, or get one now, and which have a run queued or under way.

    A name that cannot be a partition is logged as an error and keeps no other from its own.
    """
    sync_statuses = merge.sync_statuses()
    changes = make_partitions(context.instance, (each.customer for each in sync_statuses))
    for reason in changes.refused.values():
        context.log.error(reason)
    busy = busy_customers(context.instance, datetime.now(UTC))
    return [each for each in sync_statuses if each.customer not in changes.refused], busy


def _last_requests(cursor: str | None) -> Mapping[str, LastRequest]:
    try:
        return {name: LastRequest(**entry) for name, entry in json.loads(cursor or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # of another version: a run is requested once for everybody with something to do


PRIORITY_TAG = "dagster/priority"
NIGHTLY_PRIORITY = "-1"  # a run that a person starts goes before those of the night


def build_schedules(automation: Automation, crons: Mapping[str, str]) -> list[dg.ScheduleDefinition]:
    """The nightly schedule, and one for each job that `crons` names, with the key of [automation] that says when.

    Raises `ConfigurationError`: Dagster takes no such cron expression.
    """

    def cron_of(key: str) -> str:
        cron = str(getattr(automation, key))
        words = "is not a cron expression of five fields (minute hour day month weekday); an example: '0 2 * * *'"
        with suppress(dg.DagsterInvalidDefinitionError):
            if len(cron.split()) == 5 and dg.ScheduleDefinition(job=sync_customer, cron_schedule=cron):
                return cron
        raise ConfigurationError(f"automation.{key}: {cron!r} {words}")

    def status(name: str) -> dg.DefaultScheduleStatus:
        return dg.DefaultScheduleStatus.RUNNING if automation.is_on(name) else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job=sync_customer,
        cron_schedule=cron_of("nightly"),
        execution_timezone=automation.timezone,
        default_status=status("nightly_sync"),
        description="Requests a run for each customer with something to do, unless one of it is queued or under way.",
    )
    def nightly_sync(
        context: dg.ScheduleEvaluationContext, orders_database: OrdersDatabase
    ) -> list[dg.RunRequest] | dg.SkipReason:
        sync_statuses, busy = customers_to_sync(context, orders_database.merge)
        night = context.scheduled_execution_time.isoformat()
        return [
            run_request(run, f"{night} {run.customer}", {PRIORITY_TAG: NIGHTLY_PRIORITY})
            for run in needed_runs(sync_statuses, busy)
        ] or dg.SkipReason(nothing_to_do(sync_statuses, busy))

    others = [
        dg.ScheduleDefinition(
            f"{job}_schedule",
            job_name=job,
            cron_schedule=cron_of(key),
            execution_timezone=automation.timezone,
            default_status=status(f"{job}_schedule"),
            description=f"Starts the job {job}; its hour is in [automation] of the configuration.",
        )
        for job, key in crons.items()
    ]
    return [nightly_sync, *others]
