"""What is read of the order database without changing it: for checks, `verify`, `history` and the reports.

Every question is one statement or a few, whatever the number of customers.
"""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orders_platform.database import conversion
from orders_platform.database.conversion import read_as
from orders_platform.database.order_store import OrderStore
from orders_platform.database.statements import Statements, chunks
from orders_platform.domain.cell_warnings import CellWarning
from orders_platform.domain.customers import UNKNOWN_CUSTOMER, blank_label
from orders_platform.domain.history import LoggedBatch, OrderEvent, RowHistory
from orders_platform.domain.matching import folded_key
from orders_platform.domain.order_status import LastChanges, OrderChange, OrderStatus
from orders_platform.domain.orders import RowKind
from orders_platform.domain.verdicts import NOBODYS, Verdict, verdicts_of

_RECENT_BATCHES = 200
_REFS_A_STATEMENT = 1_000  # twice in it, and SQL Server takes 2,100 parameters
_NO_ID = -1
_NO_UUID = str(uuid.UUID(int=0))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a row or several; `details` by column name, for a table."""

    customer: str
    details: Mapping[str, str | int | float]


class Queries:
    """Questions to the order database of one store. Raises what `OrderStore` raises; an empty answer means there is none."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._read = store.read

    def customers(self) -> list[str]:
        """The customers that the order table has."""
        return sorted(str(row["customer_name"]) for row in self._read("1_read_order_customers"))

    # --- the verdict ----------------------------------------------------------------------------------------------------

    def verdicts(self, customers: Iterable[str] | None = None) -> list[Verdict]:
        """The verdict on these customers, or on all that the database knows, by name."""
        store, summaries = self._store, self._store.summaries()
        rows, guards = store.invalid_rows(), store.guards()
        warnings = Counter(each.customer for each in self.cell_warnings())
        unmatched = self._unmatched({row.customer: row.rows for row in rows if row.code == UNKNOWN_CUSTOMER})
        known = {summary.customer for summary in summaries} | {guard.customer for guard in guards}
        known |= {row.customer for row in rows if row.code not in NOBODYS}
        chosen = sorted(known if customers is None else customers)
        return verdicts_of(chosen, summaries, rows, warnings, unmatched, guards, store.paused())

    def _unmatched(self, labels: Mapping[str, int]) -> dict[str, int]:
        """How many rows with a blank customer the files of each customer hold, that nobody can be given."""
        found: Counter[str] = Counter()
        for row in self._read("read_files") if labels else ():
            found[str(row["customer_name"])] += labels.get(blank_label(str(row["file_name"])), 0)
        return found

    # --- checks ---------------------------------------------------------------------------------------------------------

    def _of_customers(
        self, statement: str, customers: Sequence[str], statements: Statements | None = None, **values: object
    ) -> list[Row]:
        return [
            row for names in chunks(customers) for row in self._read(statement, None, statements, customers=names, **values)
        ]

    def duplicates(self, customers: Sequence[str]) -> list[Finding]:
        """Keys that several orders of a customer share, and items or subitems that several of our rows have as their own."""
        by_keys = self._by_keys(customers)
        rows = [row for names, keyed in by_keys for row in self._of_customers("check_repeated_keys", names, keyed)]
        return _findings(rows + self._of_customers("check_repeated_ids", customers))

    def _by_keys(self, customers: Sequence[str]) -> Iterator[tuple[list[str], Statements]]:
        """The customers by the columns that identify their orders, with the statements that hold the names of those."""
        found: dict[tuple[Sequence[str], Sequence[str]], list[str]] = {}
        for customer in customers:
            keys = self._store.configuration.keys_of(customer)
            found.setdefault((keys.unique, keys.extra), []).append(customer)
        for (unique, extra), names in found.items():
            yield names, Statements(self._store.templates, {"unique_keys": unique, "extra_keys": extra})

    def surplus_orders(self, customers: Sequence[str]) -> list[Finding]:
        """Order numbers with more orders than the load has rows of them; the load of the customers is merged."""
        found: list[Finding] = []
        for names, keyed in self._by_keys(customers):
            rows: Counter[str] = Counter()
            for each in self._read("check_staged_numbers", None, keyed):
                rows[folded_key(each["unique_key"])] += int(each["row_count"])
            orders: dict[str, Row] = {}
            for each in self._of_customers("check_order_numbers", names, keyed):
                number = folded_key(each.pop("unique_key"))
                known = orders.setdefault(number, each | {"orders": 0, "rows": rows[number]})
                known["orders"] += int(each["orders"])
            found += _findings(row for row in orders.values() if row["orders"] > row["rows"])
        return found

    def wrong_totals(self, customers: Sequence[str]) -> list[Finding]:
        """Orders whose total is not the sum of their sizes."""
        cancelled = self._store.configuration.cleaning.cancelled
        return _findings(self._of_customers("check_wrong_totals", customers, cancelled=cancelled))

    def order_counts(self, customers: Sequence[str]) -> dict[str, int]:
        """How many orders of each customer the load holds."""
        return {str(row["customer_name"]): int(row["row_count"]) for row in self._of_customers("check_count_orders", customers)}

    def cell_warnings(self, customer: str | None = None) -> list[CellWarning]:
        """The cells that were left out or cut, of one customer or of all."""
        return read_as(CellWarning, (row for row in self._read("read_cell_warnings") if customer in {None, row["customer"]}))

    def lines_without_order(self) -> list[Finding]:
        """Lines whose order is not there; of no customer that anybody knows."""
        return _findings(self._read("check_lines_without_order"))

    def stuck_rows(self, pending_before: datetime, new_before: datetime) -> list[Finding]:
        """Rows that were sent before the one moment and never answered, or wait since before the other; oldest first.

        Those of a customer that is paused wait because somebody wants it so.
        """
        rows, paused = (
            self._read("check_stuck_rows", pending_before=pending_before, new_before=new_before),
            self._store.paused(),
        )
        return _findings(row for row in rows if row["customer"] not in paused)

    # --- history --------------------------------------------------------------------------------------------------------

    def history(self, term: str) -> list[RowHistory]:
        """What is known of an order number, or of the id of an item or subitem, one that was replaced included; orders first."""
        monday_id = int(term) if term.isdecimal() and len(term) < 19 else _NO_ID
        found = self._rows_of(term, monday_id, ())
        if not found and monday_id != _NO_ID:
            logged = self._batches(f'%"{monday_id}"%', None)
            refs = [ref for each in logged for ref, result in each.row_results.items() if str(monday_id) in {ref, result}]
            found = self._rows_of(term, monday_id, tuple(dict.fromkeys(refs)))
        return [replace(row, documents=tuple(self._batches(f'%"{row.ref}"%', row.batch_id))) for row in found]

    def recent_events(self, customer: str) -> dict[str, list[OrderEvent]]:
        """What the customer's last batches did, by order key, the newest first."""
        batches = self._as_batches(self._read("read_batches_of_customer", customer=customer, most=_RECENT_BATCHES))
        refs = _uuids(list({ref for each in batches for ref in each.row_results}))
        rows = [row for some in chunks(refs, _REFS_A_STATEMENT) for row in self._read("read_orders_of_refs", refs=some)]
        of_refs = {str(row["ref"]): (str(row["order_key"]), bool(row["size_code"])) for row in rows}
        found: dict[str, list[OrderEvent]] = {}
        for batch in batches:
            done = Counter((*of_refs[ref], batch.outcome_of(ref)) for ref in batch.row_results if ref in of_refs)
            for (key, is_size, outcome), count in done.items():
                event = OrderEvent(batch.logged_at, batch.operation, outcome, batch.run_id, count * is_size, batch.error)
                found.setdefault(key, []).append(event)
        return found

    def _rows_of(self, term: str, monday_id: int, refs: Sequence[str]) -> list[RowHistory]:
        prefix = "".join(f"!{mark}" if mark in "!%_[" else mark for mark in term) + " | %"
        orders = self._read("read_history_of_orders", term=term, prefix=prefix, monday_id=monday_id, refs=_uuids(refs))
        refs = [*refs, *(str(row["ref"]) for row in orders)]
        lines = self._read("read_history_of_lines", monday_id=monday_id, refs=_uuids(refs))
        kinds = [(RowKind.ITEMS, orders), (RowKind.SUBITEMS, lines)]
        return read_as(
            RowHistory,
            [
                {"kind": kind, "error": row["code"] and f"{row['code']}: {row['message']}", **row}
                for kind, rows in kinds
                for row in rows
            ],
        )

    def _batches(self, pattern: str, batch_id: str | None) -> list[LoggedBatch]:
        return self._as_batches(self._read("read_batches", pattern=pattern, batch_id=batch_id))

    def _as_batches(self, rows: Iterable[Row]) -> list[LoggedBatch]:
        return read_as(LoggedBatch, [row | {"row_results": json.loads(row["row_results"] or "{}")} for row in rows])

    def values_of(self, columns: Iterable[str]) -> dict[str, frozenset[str]]:
        """The different values that orders have in these columns, by column."""
        return {name: frozenset(str(row["found"]) for row in self._read("read_values", {"column": name})) for name in columns}

    # --- reports --------------------------------------------------------------------------------------------------------

    def order_statuses(self, customer: str) -> list[OrderStatus]:
        """The customer's orders by group and key, as the view `v_order_sync_status` shows them."""
        return read_as(OrderStatus, self._read("read_order_status", customer=customer))

    def last_changes(self, customer: str) -> LastChanges | None:
        """What the last run that sent anything brought; None when none ever did."""
        for last in read_as(LastChanges, self._read("read_sending_runs", customer=customer)[:1]):
            changes = self._read("read_changes_of_run", customer=customer, run_id=last.run_id)
            return replace(last, orders=tuple(read_as(OrderChange, changes)))
        return None


def _findings(rows: Iterable[Row]) -> list[Finding]:
    """Each column but `customer` is one of the table."""
    return [
        Finding(
            str(row.get("customer", "")),
            {
                name: value if isinstance(value, int | float) else conversion.text(value) or ""
                for name, value in row.items()
                if name != "customer"
            },
        )
        for row in rows
    ]


def _uuids(refs: Sequence[str]) -> list[str]:
    """Never an empty list, and no group's title: SQL Server compares its UUIDs with UUIDs only."""
    return [ref for ref in refs if re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", ref)] or [_NO_UUID]
