"""How much processor time a merge takes, as a ratio to copying the same rows with plain SQL, in one run.

    python benchmarks/merge.py [--rows 100000] [--customers 50]

The copy is `INSERT INTO a table of the same columns SELECT * FROM the staging table`, in one transaction per customer as the merge
has. Each load is merged as by a new process: nothing is remembered of the one before. Of the one of which 1 % of the rows changed, 1 % of
each customer's did. Design targets: first load <= 15 x the copy, the same load again <= 8 % of a first load, 1 % changed <= 12 % of it,
memory <= 300 MB.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from orders_platform.configuration import read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_orders import wide_orders
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder


@contextmanager
def timed(what: str, seconds: dict[str, float]) -> Iterator[None]:
    """Note how much processor time the block took."""
    started = time.process_time()
    yield
    seconds[what] = time.process_time() - started


def stage(store: OrderStore, rows: int, customers: list[str]) -> None:
    """Fill the staging table."""
    orders = iter(wide_orders(rows, customers, 1))
    first = next(orders)
    columns = list(first)
    cells = ([row.get(name) for name in columns] for row in itertools.chain([first], orders))
    replace_staged_rows(store, columns, cells)


def copy(store: OrderStore, staging: str, customer_column: str, customers: list[str]) -> None:
    """The yardstick."""
    with store.database.write() as connection:
        connection.exec_driver_sql(f'CREATE TABLE yardstick AS SELECT * FROM "{staging}" WHERE 0')
    for customer in customers:
        with store.database.write() as connection:
            rows = f'SELECT rowid FROM "{staging}" WHERE "{customer_column}" = ?'  # as they lie, not as the index has them
            connection.exec_driver_sql(f'INSERT INTO yardstick SELECT * FROM "{staging}" WHERE rowid IN ({rows})', (customer,))


def merge(store: OrderStore) -> int:
    """Everything up to the lines, for every customer; the number of orders and lines written."""
    merging, written = OrderMerge(store), 0
    scan = merging.scan_staging()
    for customer in scan.customers:
        headers = merging.merge_headers(customer, scan, datetime.now(UTC))
        merging.unpivot_sizes(customer)
        lines = merging.merge_lines(customer, datetime.now(UTC))
        written += headers.created + headers.updated + lines.created + lines.updated
    return written


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=50)
    arguments = parser.parse_args()
    configuration = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
    customers = list(configuration.customers)[: arguments.customers]
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(SecretStr(f"sqlite:///{Path(folder) / 'orders.db'}"))
        store = OrderStore(database, configuration, default_folder("sql"))
        store.schema.apply()
        stage(store, arguments.rows, customers)
        with timed("copy", seconds):
            copy(store, configuration.tables.staging, configuration.columns.customer, customers)
        with timed("first load", seconds):
            written = merge(store)
        with timed("same load again", seconds):
            again = merge(store)
        with store.database.write() as connection:  # the customers take turns
            connection.exec_driver_sql(
                f'UPDATE "{configuration.tables.staging}" SET "NOTES" = \'changed\' WHERE (rowid - 1) / ? % 100 = 0',
                (len(customers),),
            )
        with timed("1 % changed", seconds):
            changed = merge(store)
        database.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{arguments.rows:,} rows, {len(customers)} customers; orders and lines written: {written:,}, then {again}, then {changed}"
    )
    for what, took in seconds.items():
        print(
            f"{what:16} {took:7.1f} s  {took / seconds['copy']:5.2f} x copy  {took / seconds['first load']:6.1%} of first load"
        )
    print(f"peak memory {memory:.0f} MB")


if __name__ == "__main__":
    main()
