"""The schedules: the nightly run of every customer with something to do, and one for each other job."""

from collections.abc import Mapping

import dagster as dg

from orders_platform.configuration import Automation
from orders_platform.defs.jobs import sync_customer
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.sensors import customers_to_sync, nothing_to_do, run_request
from orders_platform.domain.needed_runs import needed_runs

PRIORITY_TAG = "dagster/priority"
NIGHTLY_PRIORITY = "-1"
"""A run that a person starts goes before those of the night."""


def build_schedules(automation: Automation, crons: Mapping[str, str]) -> list[dg.ScheduleDefinition]:
    """The nightly schedule, and one for each job that `crons` names."""

    def status(name: str) -> dg.DefaultScheduleStatus:
        return dg.DefaultScheduleStatus.RUNNING if automation.is_on(name) else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job=sync_customer,
        cron_schedule=automation.nightly,
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
            cron_schedule=cron,
            execution_timezone=automation.timezone,
            default_status=status(f"{job}_schedule"),
            description=f"Starts the job {job}; its hour is in [automation] of the configuration.",
        )
        for job, cron in crons.items()
    ]
    return [nightly_sync, *others]
