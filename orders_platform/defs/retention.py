"""The job `retention`: it deletes old rows of `ORDER_SYNC_LOG` and Dagster's old runs, each after the time that the configuration says.

Orders and lines are never deleted. Dagster's daemon trims the ticks itself (`retention` in `dagster.yaml`).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import OpExecutionContext
from dagster._core.storage.event_log import SqliteEventLogStorage

from orders_platform.defs.automation import FINISHED
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.settings import Settings

_SAY_EVERY = 500
_PAGE = 1_000


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


@dg.job(
    description="Deletes old rows of ORDER_SYNC_LOG and Dagster's old runs, each after its retention. No order is ever deleted."
)
def retention() -> None:
    """Two steps, neither of which waits for the other."""
    trim_sync_log()
    trim_runs()
