"""The Overview: what the checks read, over all customers at once.

Belongs here: those reads, each one statement or a few, whatever the number of customers. Does not belong here: what waits of one
customer (`order_store.py`), what follows from the answers (`domain/pending_runs.py`, `checks/`), the statements (`sql/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orders_platform.configuration import Configuration
from orders_platform.database import rows as rows_of
from orders_platform.database.order_store import OrderStore
from orders_platform.database.statements import Statements

_NAMES_A_READ = 1000  # SQL Server takes 2,100 parameters

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a row or several; `details` by column name, for a table."""

    customer: str
    details: Mapping[str, str | int | float]


class Overview:
    """Reads over the whole order database of one configuration. Raises what `OrderStore` raises; an empty answer means there is none."""

    def __init__(self, store: OrderStore, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration
        self._statements = Statements(store.templates)

    def _read(self, statement: str, statements: Statements | None = None, **values: object) -> list[Row]:
        with self._store.database.read() as connection:
            run = (statements or self._statements).runner(connection, values)
            return [dict(row) for row in run(statement).mappings()]

    def customers(self) -> list[str]:
        """The customers that the order table has."""
        return sorted(str(row["customer_name"]) for row in self._read("1_read_order_customers"))

    # --- checks ---------------------------------------------------------------------------------------------------------

    def _of_customers(
        self, statement: str, customers: Sequence[str], statements: Statements | None = None, **values: object
    ) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(customers), _NAMES_A_READ):
            found += self._read(statement, statements, customers=customers[start : start + _NAMES_A_READ], **values)
        return found

    def repeated(self, customers: Sequence[str]) -> list[Finding]:
        """Keys that several orders of a customer share, and items or subitems that several of our rows have as their own."""
        rows = [("order key", row) for names in self._by_keys(customers) for row in self._of_keys(names)]
        rows += [("id on the board", row) for row in self._of_customers("check_repeated_ids", customers)]
        return [
            Finding(str(row["customer_name"]), {"what": what, "shared": str(row["shared"]), "rows": int(str(row["row_count"]))})
            for what, row in rows
        ]

    def _by_keys(self, customers: Sequence[str]) -> Iterable[list[str]]:
        """The customers by the columns that identify their orders: the statement holds the names of those."""
        found: dict[object, list[str]] = {}
        for customer in customers:
            keys = self._configuration.keys_of(customer)
            found.setdefault((keys.unique, keys.extra), []).append(customer)
        return found.values()

    def _of_keys(self, customers: Sequence[str]) -> list[Row]:
        keys = self._configuration.keys_of(customers[0])
        statements = Statements(self._store.templates, {"unique_keys": keys.unique, "extra_keys": keys.extra})
        return self._of_customers("check_repeated_keys", customers, statements)

    def wrong_totals(self, customers: Sequence[str]) -> list[Finding]:
        """Orders whose total is not the sum of their sizes."""
        rows = self._of_customers("check_wrong_totals", customers, cancelled=self._configuration.cleaning.cancelled)
        return [_finding(row, order="order_key", total="total", sizes="sizes") for row in rows]

    def order_counts(self, customers: Sequence[str]) -> dict[str, int]:
        """How many orders of each customer the load holds."""
        return {
            str(row["customer_name"]): int(str(row["row_count"])) for row in self._of_customers("check_count_orders", customers)
        }

    def orphan_lines(self) -> list[Finding]:
        """Lines whose order is not there; of no customer that anybody knows."""
        rows = self._read("check_orphan_lines")
        return [_finding(row, line="line_uuid", order="record_uuid", size="size_code", qty="qty") for row in rows]

    def stuck_rows(self, pending_before: datetime, new_before: datetime) -> list[Finding]:
        """Rows that were sent before the one moment and never answered, or wait since before the other; oldest first."""
        at: Callable[[datetime], object] = self._store.database.timestamp
        rows = self._read("check_stuck_rows", pending_before=at(pending_before), new_before=at(new_before))
        names = {"order": "order_key", "size": "size_code", "state": "sync_state", "waits_since": "waits_since",
                 "sent_at": "sync_pending_at", "batch": "sync_batch_id", "code": "sync_error_code"}  # fmt: skip
        return [_finding(row, **names) for row in rows]


def _finding(row: Row, **columns: str) -> Finding:
    """`columns` are the names of the table, each with the statement's."""
    values = {shown: row[name] for shown, name in columns.items()}
    cells = {shown: value if isinstance(value, int | float) else rows_of.text(value) or "" for shown, value in values.items()}
    return Finding(str(row.get("customer_name", "")), cells)
