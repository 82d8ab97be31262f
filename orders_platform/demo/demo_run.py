"""The main job on the embedded default: sample orders, sandbox, and all six assets for every sample customer through Dagster."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from orders_platform.cli.output import Figures, JsonObject, run_result
from orders_platform.database.engine import translated_errors
from orders_platform.database.order_store import OrderStore
from orders_platform.definitions import build_definitions
from orders_platform.defs.resources import make_partitions
from orders_platform.demo.sample_orders import EXPECTED, sample_orders
from orders_platform.domain.customers import partition_key_for
from orders_platform.errors import ConfigurationError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import Settings
from orders_platform.sync.results import StageReport

_LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("orders_platform"), "__repository__")
"""By which the UI knows whose a run is; without it Overview and Jobs do not show it."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def clear(settings: Settings) -> None:
    """Forget an earlier demo: database, boards and Dagster's storage of it."""
    shutil.rmtree(settings.data_folder, ignore_errors=True)


def load_sample_orders(store: OrderStore, settings: Settings) -> int:
    """Put the sample orders into the staging table, in place of what is there; how many rows."""
    rows = sample_orders()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if set(columns) - {"record_uuid"} - settings.configuration.order_list.keys():
        raise ConfigurationError(
            f"The samples are an apparel maker's orders, and {settings.config_path} describes another list; run the demo without it."
        )
    store.schema.apply()
    return replace_staged_rows(store, columns, ([row.get(name) for name in columns] for row in rows))


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, or of this folder as for `dagster dev`; where there is no dagster.yaml, one in the data folder."""
    folder = settings.data_folder.parent
    if not (folder / "dagster.yaml").exists():
        folder = settings.data_folder / "dagster"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return dg.DagsterInstance.from_config(str(folder))


def materialise(
    settings: Settings, store: OrderStore, instance: dg.DagsterInstance, progress: Callable[[str], None]
) -> JsonObject:
    """One Dagster run per customer; the JSON object of the whole. A full disk of Dagster's storage is an error of ours."""
    sent: dict[str, Figures] = {}
    errors: dict[str, str] = {}
    with translated_errors(store.database.engine, f"Dagster's storage at {instance.root_directory}"):
        staged = OrderMerge(store).scan_staging().customers
        make_partitions(instance, staged)
        definitions = build_definitions(settings)
        _execute(definitions.resolve_job_def("scan_staging"), instance)
        job = definitions.resolve_job_def("sync_customer")
        for place, customer in enumerate(staged, 1):
            started = time.monotonic()
            result = _execute(job, instance, partition_key_for(customer))
            sent[customer] = {**_figures(result), "seconds": round(time.monotonic() - started, 3)}
            if not result.success:
                errors[customer] = f"run {result.run_id} failed; see it in the Dagster UI"
            progress(
                f"{place} of {len(staged)}: {customer}: {sent[customer]['created']:,} created in {sent[customer]['seconds']:.1f} s"
            )
        return run_result(store.summaries(), store.invalid_rows(), sent, errors, store.verdicts(sent))


def _execute(job: dg.JobDefinition, instance: dg.DagsterInstance, partition: str | None = None) -> dg.ExecuteInProcessResult:
    """Execute it here, as a run of the code location: Dagster's own `execute_in_process` makes runs of none."""
    made = partial(type(instance).create_run_for_job, instance, remote_job_origin=_LOCATION.get_job_origin(job.name))
    vars(instance)["create_run_for_job"] = made
    return job.execute_in_process(_QUIET, instance, partition, raise_on_error=partition is None)


def _figures(result: dg.ExecuteInProcessResult) -> Figures:
    names = [name for name in StageReport().figures() if name != "seconds"]
    total: Figures = dict.fromkeys(names, 0)
    for event in result.get_asset_materialization_events():
        if event.asset_key is not None and event.asset_key.path[-1].startswith("monday_"):
            metadata = event.materialization.metadata
            for name in names:
                total[name] += int(str(metadata[name].value))
    updated = total["updated"] + total["moved"] + total["archived"]
    return {**{name: total[name] for name in ("created", "adopted", "documents", "mutations")}, "updated": updated}


def unexpected(customers: dict[str, Figures]) -> list[str]:
    """What differs from what the sample orders must give; empty when all is well."""
    problems = []
    for customer, expected in EXPECTED.items():
        found = customers.get(customer)
        want = {"orders": expected.orders, "lines": expected.lines, "groups": expected.groups, "failed": 0, "items": expected.orders,
                "subitems": expected.lines}  # fmt: skip
        for name, value in want.items():
            if found is None or found[name] != value:
                problems.append(f"{customer}: {name} {'absent' if found is None else found[name]}, expected {value}")
    return problems
