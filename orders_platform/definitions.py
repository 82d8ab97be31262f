"""All that Dagster loads. Neither database nor monday is asked; settings are read, so that a wrong one is named before anything starts."""

import dagster as dg

from orders_platform.defs import assets, checks, jobs
from orders_platform.defs.alerts import addresses_of, build_alert_sensor, daily_summary
from orders_platform.defs.asset_metadata import described
from orders_platform.defs.automation import build_schedules, build_sensors
from orders_platform.defs.failures import stop_run_retries
from orders_platform.defs.resources import MondayResource, RunOptions, database_resource
from orders_platform.errors import ConfigurationError
from orders_platform.settings import Settings


def build_definitions(settings: Settings, **overrides: object) -> dg.Definitions:
    """The code location for these settings; `overrides` replace resources by name.

    The steps of a run share one process, which is 9 times cheaper than a process a step.
    """
    resources = {
        "orders_database": database_resource(settings),
        "monday": MondayResource(),
        "run_options": RunOptions(),
        **overrides,
    }
    addresses_of(settings.alert_urls, settings.configuration.customer_names)  # a wrong URL is refused before anything fails
    automation = settings.configuration.automation
    by_file = bool(settings.configuration.files.folder)
    crons = {  # by job, its key in [automation]
        jobs.scan_staging.name: "survey",
        jobs.check_waiting_rows.name: "checks",
        jobs.check_orders.name: "checks",
        jobs.verify_boards.name: "verification",
        daily_summary.name: "summary",
        jobs.retention.name: "housekeeping",
    }
    schedules = build_schedules(automation, crons)
    sensors = [*build_sensors(automation, by_file=by_file), build_alert_sensor(automation)]
    names = {schedule.name for schedule in schedules} | {sensor.name for sensor in sensors}
    if unknown := sorted(set(automation.switches) - names):
        raise ConfigurationError(
            f"automation.switches names {unknown[0]!r}, which is no sensor or schedule: docs/reference/automation.md lists them."
        )
    return dg.Definitions(
        assets=[
            each.with_hooks({stop_run_retries}) if isinstance(each, dg.AssetsDefinition) else each
            for each in described(assets.ALL, settings)
        ],
        asset_checks=checks.ALL,
        jobs=[
            *(jobs.sync_customer, jobs.scan_staging, jobs.check_orders, jobs.check_waiting_rows, jobs.verify_boards),
            *(daily_summary, jobs.retention, jobs.preview_customer, jobs.pause_customers),
            *([jobs.load_files] if by_file else []),
        ],
        schedules=schedules,
        sensors=sensors,
        resources=resources,
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of this environment."""
    return build_definitions(Settings())
