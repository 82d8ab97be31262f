"""The schedules: the nightly run of every customer with something to do, and the jobs that watch.

Belongs here: when, and whom the night asks for. Does not belong here: what is to be done for a customer (`domain/work.py`), the jobs
(`automation.py`, `checks/`, `alerts.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from orders_platform.defs.jobs import sync_customer
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.sensors import busy_customers, partitions_for, run_request
from orders_platform.domain.work import work_of_all
from orders_platform.operations import Automation

PRIORITY_TAG = "dagster/priority"
NIGHTLY_PRIORITY = "-1"
"""A customer that a person starts by hand goes before the night's."""


def build_schedules(automation: Automation, jobs: Mapping[str, str]) -> list[dg.ScheduleDefinition]:
    """The nightly schedule, and one for each of `jobs`, names with their crons."""
    status = dg.DefaultScheduleStatus.RUNNING if automation.starts_running else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job=sync_customer,
        cron_schedule=automation.nightly,
        execution_timezone=automation.timezone,
        default_status=status,
        description="A run for each customer with something to do; nobody is asked for who has a run queued or under way.",
    )
    def nightly_sync(
        context: dg.ScheduleEvaluationContext, orders_database: OrdersDatabase
    ) -> list[dg.RunRequest] | dg.SkipReason:
        standings, busy = orders_database.overview.standings(), busy_customers(context.instance, datetime.now(UTC))
        changes = partitions_for(context, standings, busy)
        if changes.added:
            context.instance.add_dynamic_partitions("customers", list(changes.added))
        night = context.scheduled_execution_time.isoformat()
        return [
            run_request(work, f"{night} {work.customer}", {PRIORITY_TAG: NIGHTLY_PRIORITY})
            for work in work_of_all(standings, busy)
            if work.customer not in changes.refused
        ] or dg.SkipReason(f"Nothing to do for {len(standings)} customers; {len(busy)} have a run on its way.")

    others = [
        dg.ScheduleDefinition(
            f"{job}_schedule", job_name=job, cron_schedule=cron, execution_timezone=automation.timezone, default_status=status
        )
        for job, cron in jobs.items()
    ]
    return [nightly_sync, *others]
