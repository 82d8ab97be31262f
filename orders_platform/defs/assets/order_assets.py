"""Assets 0 to 3: the staged order list, and the three tables that the database merges it into.

Belongs here: shells around the OrderStore, and what they report. Does not belong here: merging (`database/`, `sql/`), anything
that talks to monday (`monday_board.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
from dagster import AssetExecutionContext, OpExecutionContext

from orders_platform.database.order_reports import OrderReports
from orders_platform.database.order_store import OrderStore
from orders_platform.defs.assets.refused_rows import rejected_rows
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.partitions import CUSTOMERS, add_customers
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.customers import Survey, customer_for
from orders_platform.errors import SourceDataError

SWP_ORDER_LIST = dg.AssetKey("swp_order_list")
GROUP = "order_tables"


swp_order_list = dg.AssetSpec(
    SWP_ORDER_LIST,
    group_name=GROUP,
    description="The staging table as it arrives, 40+ workbooks in one. The job survey_customers observes it.",
)


@contextmanager
def customer_alone(customer: str, orders_database: OrdersDatabase) -> Iterator[OrderStore]:
    """The store, with the customer held against other runs; our errors leave as Dagster's, settings that are wrong included."""
    with dagster_failures(customer):
        store = orders_database.store
        with store.lock(customer):
            yield store


@dg.op(out=dg.Out(dg.Nothing))
def observe_order_list(context: OpExecutionContext, orders_database: OrdersDatabase) -> Iterator[dg.AssetObservation]:
    """Observe the staging table: rows, customers, rows of nobody (listed among the rejects). New customers become partitions.

    A name that cannot be a partition fails the run, after what was seen is recorded: Dagster keeps only what was yielded by then.
    """
    with dagster_failures("swp_order_list"):
        store = orders_database.store
        survey = store.survey()
        store.record_unassigned(survey, datetime.now(UTC))
        known, refused = set(context.instance.get_dynamic_partitions("customers")), None
        try:
            add_customers(context.instance, survey.customers)
        except SourceDataError as error:
            refused = error
        metadata: dict[str, dg.RawMetadataValue] = {
            "dagster/row_count": survey.rows,
            "customers": len(survey.customers),
            "new_customers": len(set(context.instance.get_dynamic_partitions("customers")) - known),
            "rows_of": _survey_table(survey),
        }
        yield dg.AssetObservation(SWP_ORDER_LIST, metadata=metadata)
        if refused is not None:
            raise refused


@dg.asset(partitions_def=CUSTOMERS, deps=[SWP_ORDER_LIST], group_name=GROUP, retry_policy=RETRIES)
def order_headers(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """Orders, clean and keyed: new, changed and missing ones of the load are marked; unchanged ones are not touched."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        merge = store.merge_headers(customer, store.survey(), datetime.now(UTC))
        rejected = OrderReports(store).rejected(customer)
    figures = {"created": merge.created, "updated": merge.updated, "rejected": merge.rejected, "identical_copies": merge.copies}
    found = {"missing": merge.missing, "removed": merge.removed, "was_unchanged": merge.was_unchanged}
    metadata: dict[str, dg.RawMetadataValue] = {"dagster/partition_row_count": merge.rows_read, **figures, **found}
    return dg.MaterializeResult(metadata=metadata | rejected_rows(rejected))


@dg.asset(partitions_def=CUSTOMERS, deps=[order_headers], group_name=GROUP, retry_policy=RETRIES)
def order_sizes(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """The sizes of the orders that changed, a row per size with a quantity."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        staged = store.unpivot_sizes(customer)
    return dg.MaterializeResult(metadata={"staged_lines": staged})


@dg.asset(partitions_def=CUSTOMERS, deps=[order_sizes], group_name=GROUP, retry_policy=RETRIES)
def order_lines(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """Lines: one row per order and size; new, changed and gone ones are marked."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        merge = store.merge_lines(customer, datetime.now(UTC))
    return dg.MaterializeResult(metadata={"created": merge.created, "updated": merge.updated, "removed": merge.removed})


def _survey_table(survey: Survey) -> dg.TableMetadataValue:
    records = [dg.TableRecord({"customer": name, "rows": rows.rows, "note": ""}) for name, rows in survey.customers.items()]
    records += [
        dg.TableRecord({"customer": entry.label, "rows": entry.rows, "note": entry.reason}) for entry in survey.unassigned
    ]
    return dg.MetadataValue.table(records)
