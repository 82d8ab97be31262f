"""The jobs: a customer's run and its preview, the checks, the scan of the staging table, order files, the pause of a customer, retention.

The preview is a job of its own and no switch of `sync_customer`: a dry run materialises nothing, so no asset turns green, no check gets a
verdict and no alert is over by it. What it saw is an observation of the board. The daily summary is in `defs/alerts.py`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from dagster import OpExecutionContext
from dagster._core.storage.event_log import SqliteEventLogStorage
from pydantic import Field

from orders_platform import pipeline
from orders_platform.defs import checks
from orders_platform.defs.assets import ORDER_BOARD, POOL, SWP_ORDER_LIST, observe_order_list, renew_page
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import CUSTOMERS, MondayResource, OrdersDatabase, RunOptions
from orders_platform.domain.customers import customer_for
from orders_platform.domain.differences import OrderChanges, change_table, counts_in_words
from orders_platform.domain.text import counted
from orders_platform.errors import ConfigurationError, SourceDataError
from orders_platform.merge.loads import Loads
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import Settings

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_SHOWN_CHANGES = 100
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in FINISHED]
SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems", "sync_report")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merges one customer's load and updates the board: all six assets and the report, for one partition. "
    "Options of one run (some orders, a limit, accept a guard): the arrow beside Materialize, Open launchpad. "
    "A dry run is the job preview_customer.",
)
check_orders, check_waiting_rows, verify_boards = (
    dg.define_asset_job(name, selection=dg.AssetSelection.checks(*made), description=words)
    for name, made, words in (
        ("check_orders", checks.OF_ALL_CUSTOMERS, "Checks the tables, over all customers."),
        ("check_waiting_rows", checks.OF_WAITING_ROWS, "Checks whether a row of any customer is stuck."),
        (
            "verify_boards",
            checks.OF_VALUES,
            "Compares every cell of every customer with the board. It reads much and changes nothing.",
        ),
    )
)


def job_of(name: str, description: str, *ops: dg.OpDefinition, **more: Any) -> dg.JobDefinition:
    """A job of steps none of which waits for another."""
    return dg.GraphDefinition(name, node_defs=ops).to_job(description=description, **more)


scan_staging = job_of(
    "scan_staging",
    "Counts the staged rows by customer, lists those that match no customer, and adds a partition for each new customer.",
    observe_order_list,
)


class PauseConfig(dg.Config):
    """Run configuration of `pause_customers`; names in any spelling that [customers] of the configuration has."""

    pause: list[str] = Field(default=[], description="Customers of which nothing is merged or sent from now on.")
    resume: list[str] = Field(
        default=[], description="Customers that were paused; what changed or waits is sent by the next runs."
    )


@dg.op
def record_pauses(context: OpExecutionContext, config: PauseConfig, orders_database: OrdersDatabase) -> None:
    """Pause and resume customers, renew their pages, and show who is paused now."""
    store, now = orders_database.store, datetime.now(UTC)
    with dagster_failures("customers"):
        pause, resume = (set(map(store.customer_named, names)) for names in (config.pause, config.resume))
        if both := ", ".join(sorted(pause & resume)):
            raise ConfigurationError(f"{both} is to be paused and resumed; name it once. Nothing was changed.")
        customers = [store.pause(name, now if name in pause else None) for name in sorted(pause | resume)]
        for verdict in orders_database.merge.assess(customers)[0] if customers else ():
            renew_page(store, verdict.customer, verdict)
        paused = store.paused()
    context.add_output_metadata({"paused": ", ".join(f"{name} since {at:%Y-%m-%d %H:%M} UTC" for name, at in paused.items())})


pause_customers = job_of(
    "pause_customers", "Pauses and resumes customers, named in the Launchpad; with none it shows who is paused.", record_pauses
)


@dg.op(out=dg.Out(dg.Nothing))
def load_new_files(orders_database: OrdersDatabase) -> Iterator[dg.AssetObservation]:
    """Load the files of the folder that are new or changed, together; a refused one is noted with its reason and stops no other."""
    with dagster_failures("order files"), TemporaryDirectory() as unpacked:
        load = Loads(orders_database.store).load_folder(Settings().order_folder, datetime.now(UTC), Path(unpacked))
        files = [dg.TableRecord({"file": file.path.name, "sheets": len(file.sheets), "rows": file.rows}) for file in load.files]
        metadata: dict[str, dg.RawMetadataValue] = {"rows_loaded": load.rows, "files_loaded": len(load.files)}
        metadata |= {"files_refused": len(load.refused)} | ({"files": dg.MetadataValue.table(files)} if files else {})
        metadata |= {f"refused: {name}": reason for name, reason in load.refused.items()}
        yield dg.AssetObservation(SWP_ORDER_LIST, metadata=metadata)
        if load.refused:
            count = counted(len(load.refused) + len(load.files), "file")
            raise SourceDataError(f"Refused {len(load.refused)} of {count}. {' '.join(load.refused.values())}")


load_files = job_of(
    "load_files",
    "Loads the new and changed order files of the folder that [files] names into the staging table.",
    load_new_files,
)


@dg.op(out=dg.Out(dg.Nothing), pool=POOL)
def show_changes(
    context: OpExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> Iterator[dg.AssetObservation]:
    """Merge and compare in a transaction that is rolled back, and send nothing."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer), orders_database.store.dry_run_transaction() as store:
        if run_options.limit:
            raise ConfigurationError("A preview tells all that a run would change; leave out `limit`, or name some `orders`.")
        run, merge = monday.sync_run(store, context.run.run_id, context.log.info, run_options), OrderMerge(store)
        store.require_board()
        run.preflight()
        if run_options.resync:
            store.compare_again(customer)
        run.changes = changes = OrderChanges(run_options.orders, _SHOWN_CHANGES)
        report = pipeline.sync_customer(run, merge, customer, merge.scan_staging(), run_options.guards)
    if report.error:
        raise dg.Failure(f"{customer}: {report.error}", {"customer": customer}, allow_retries=False)
    counts, rows = changes.counts, list(change_table(changes.orders.values()))
    in_words = counts_in_words(counts)
    metadata: dict[str, dg.RawMetadataValue] = {
        "customer": customer,
        "a run would change": in_words,
        **{name: count for name, count in counts.items() if count},
        "refused": report.total("failed"),
        "cells_left_out": sum(len(stage.warnings) for stage in report.stages),
    }
    if rows:
        metadata["changes"] = dg.MetadataValue.table([dg.TableRecord(dict(each)) for each in rows[:_SHOWN_CHANGES]])
        metadata["changes_shown"] = f"{min(len(rows), _SHOWN_CHANGES):,} of {len(rows) + changes.untold_sizes:,}"
    yield dg.AssetObservation(ORDER_BOARD, description=f"{customer}: a run would change {in_words}", metadata=metadata)


preview_customer = job_of(
    "preview_customer",
    "Shows what a run of a customer would change on the board, and writes nothing anywhere.",
    show_changes,
    partitions_def=CUSTOMERS,
)


_SAY_EVERY, _PAGE = 500, 1_000


def runs_to_forget(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Ids of the runs that ended before then, oldest first, except those of the latest event of an asset or a partition.

    Without that exception a customer that had nothing to do for a month would look as if it had never been sent.
    """
    kept = set[str]()
    for key in instance.get_asset_keys():
        last = instance.fetch_materializations(key, limit=1).records, instance.fetch_observations(key, limit=1).records
        kept.update(record.run_id for records in last for record in records)
        ids = sorted(instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION).values())
        for start in range(0, len(ids), _PAGE):
            chosen = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + _PAGE])
            kept.update(record.run_id for record in instance.fetch_materializations(chosen, limit=_PAGE).records)
    ended = dg.RunsFilter(statuses=FINISHED, updated_before=before)
    return [run_id for run_id in reversed(instance.get_run_ids(ended)) if run_id not in kept]


def forget_runs(instance: dg.DagsterInstance, before: datetime, progress: Callable[[str], None]) -> int:
    """Delete what `runs_to_forget` names, its events and its captured output; how many. The next night goes on where this was stopped."""
    old, events = runs_to_forget(instance, before), instance.event_log_storage
    for count, run_id in enumerate(old, start=1):
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        if isinstance(events, SqliteEventLogStorage):  # a file a run, which Dagster only empties: 200 kB each
            for ending in ("", "-wal", "-shm", "-journal"):
                Path(events.path_for_shard(run_id) + ending).unlink(missing_ok=True)
        if count % _SAY_EVERY == 0:
            progress(f"{count} of {len(old)} old runs forgotten")
    return len(old)


@dg.op
def trim_runs(context: OpExecutionContext) -> None:
    """Delete Dagster's runs that ended more than `run_retention_days` ago, but not the last one of a customer."""
    with dagster_failures("retention"):
        days = Settings().configuration.upkeep.run_retention_days
    forgotten = forget_runs(context.instance, datetime.now(UTC) - timedelta(days=days), context.log.info)
    context.add_output_metadata({"forgotten_runs": forgotten, "run_retention_days": days})


@dg.op
def trim_sync_log(context: OpExecutionContext, orders_database: OrdersDatabase) -> None:
    """Delete batches of the log that are older than `log_retention_days`."""
    with dagster_failures("retention"):
        configuration = Settings().configuration
        deleted = orders_database.store.trim_log(configuration.monday.log_kept_from(datetime.now(UTC)))
    context.add_output_metadata({"deleted_documents": deleted, "log_retention_days": configuration.monday.log_retention_days})


retention = job_of(
    "retention",
    "Deletes old rows of ORDER_SYNC_LOG and Dagster's old runs, each after its retention. No order is ever deleted.",
    *(trim_sync_log, trim_runs),
)
