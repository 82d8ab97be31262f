"""The job `preview_customer`: what a run would change on the board, as a table, before it does.

A job of its own and no switch of `sync_customer`: a dry run materialises nothing, so no asset turns green, no check gets a verdict and no
alert is over by it. What it saw is an observation of the board.
"""

from collections.abc import Iterator

import dagster as dg
from dagster import OpExecutionContext

from orders_platform.defs.assets import ORDER_BOARD, POOL
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import CUSTOMERS, MondayResource, OrdersDatabase, RunOptions
from orders_platform.domain.customers import customer_for
from orders_platform.domain.differences import OrderChanges, change_counts, change_table, counts_in_words
from orders_platform.errors import ConfigurationError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.pipeline import sync_customer

_SHOWN = 100


@dg.op(out=dg.Out(dg.Nothing), pool=POOL)
def show_changes(
    context: OpExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> Iterator[dg.AssetObservation]:
    """Merge and compare in a transaction that is rolled back, and send nothing."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer), orders_database.store.dry_run_transaction() as store:
        if run_options.limit:
            raise ConfigurationError("A preview tells all that a run would change; leave out `limit`, or name some `orders`.")
        run, merge = monday.sync_run(store, context.run.run_id, context.log.info, run_options.orders), OrderMerge(store)
        store.require_board()
        run.preflight()
        if run_options.resync:
            store.compare_again(customer)
        changes = OrderChanges(run_options.orders, _SHOWN)
        report = sync_customer(
            run, merge, customer, merge.scan_staging(),
            skip_subitems=run_options.skip_subitems, accept=run_options.guards, dry=True, changes=changes,
        )  # fmt: skip
    if report.error:
        raise dg.Failure(f"{customer}: {report.error}", {"customer": customer}, allow_retries=False)
    counts, rows = change_counts(changes.orders.values()), list(change_table(changes.orders.values()))
    in_words = counts_in_words(counts)
    metadata: dict[str, dg.RawMetadataValue] = {
        "customer": customer,
        "a run would change": in_words,
        **{name: count for name, count in counts.items() if count},
        "refused": report.total("failed"),
        "cells_left_out": sum(len(stage.warnings) for stage in report.stages),
    }
    if rows:
        metadata["changes"] = dg.MetadataValue.table([dg.TableRecord(dict(each)) for each in rows[:_SHOWN]])
        metadata["changes_shown"] = f"{min(len(rows), _SHOWN):,} of {len(rows):,}"
    yield dg.AssetObservation(ORDER_BOARD, description=f"{customer}: a run would change {in_words}", metadata=metadata)


@dg.job(
    partitions_def=CUSTOMERS,
    description="Shows what a run of a customer would change on the board, and writes nothing anywhere.",
)
def preview_customer() -> None:
    """One step: `show_changes`."""
    show_changes()
