"""Processor time of a tick of `changed_customers` or `nightly_sync`, over 100,000 wide rows of 300 customers: who changed, who waits.

Usage: python benchmarks/sync_statuses.py [rows] [customers]
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_orders import wide_orders
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder


def loaded(folder: Path, rows: int, names: list[str]) -> OrderStore:
    """A store whose staging table holds the rows; every customer is accepted."""
    document = read_configuration(default_folder("config") / "order_sync.toml", "sandbox").model_dump(
        mode="json", by_alias=True
    )
    document["policies"]["unknown_customers"] = "accept"
    configuration = Configuration.model_validate(document)
    store = OrderStore(open_database(SecretStr(f"sqlite:///{folder / 'orders.db'}")), configuration, default_folder("sql"))
    store.schema.apply()
    staged = list(wide_orders(rows, names))
    columns = list(dict.fromkeys(column for row in staged for column in row))
    replace_staged_rows(store, columns, ([row.get(column) for column in columns] for row in staged))
    return store


def main(rows: int = 100_000, customers: int = 300) -> None:
    """Measure before and after everything is merged, and print both."""
    names = [f"CUSTOMER {number:03d}" for number in range(customers)]
    with tempfile.TemporaryDirectory() as folder:
        store = loaded(Path(folder), rows, names)
        merge = OrderMerge(store)
        for label in ("first load", "merged"):
            started = time.process_time()
            sync_statuses = merge.sync_statuses()
            changed = sum(each.is_changed for each in sync_statuses)
            print(
                f"{label}: {rows:,} rows, {len(sync_statuses)} customers, {changed} changed: {time.process_time() - started:.1f} s"
            )
            if label == "first load":
                scan, now = merge.scan_staging(), datetime.now(UTC)
                for name in names:
                    merge.merge_headers(name, scan, now)
                    merge.unpivot_sizes(name)
                    merge.merge_lines(name, now)
        store.database.close()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
