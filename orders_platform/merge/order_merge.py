"""Merging a customer's load: staging to orders, orders to staged lines, staged lines to lines.

Each of the three is one transaction of set-based statements. Belongs here: their order, and their reports. Does not belong here:
the statements (`sql/1_*`, `2_*`, `3_*`), who the customer's rows are (`domain/customers.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime

from sqlalchemy import Connection

from orders_platform.configuration import Configuration
from orders_platform.database.engine import Database
from orders_platform.database.locks import customer_lock, lock_merge
from orders_platform.database.statements import Statements
from orders_platform.database.templates import WORK_TABLES
from orders_platform.domain.customers import CustomerRows, Survey
from orders_platform.domain.merges import HeaderMerge, LineMerge
from orders_platform.domain.names import MAX_NAME
from orders_platform.errors import SourceDataError
from orders_platform.merge.merge_rules import MergeRules


class Merge:
    """The three merges of one customer."""

    def __init__(self, database: Database, configuration: Configuration, rules: MergeRules, statements: Statements) -> None:
        self._database = database
        self._configuration = configuration
        self._rules = rules
        self._statements = statements

    def headers(self, customer: str, rows: CustomerRows, now: datetime) -> HeaderMerge:
        """Merge a customer's staged rows into the orders, unless the load is the one that was merged last.

        Raises:
            SourceDataError: the load cannot be read safely; nothing was written.
        """
        self._statements.for_customer(customer)
        selection = _selection(rows)
        fingerprint = self._fingerprint(customer, selection)
        known = self._read_customer(customer)
        # The same load is merged again where orders were deleted behind our back: they come back, and find their items.
        if known and known["fingerprint"] == fingerprint and known["orders_now"] == known["order_count"]:
            return HeaderMerge(int(str(known["rows_read"])), missing=int(str(known["missing_orders"])),
                               removal_refused=bool(known["missing_kept"]), was_unchanged=True)  # fmt: skip
        former = self._former_names(customer)
        with ExitStack() as stack:
            # A run that was started before the customer was renamed may be sending these orders under the old name.
            for name in former:
                stack.enter_context(customer_lock(self._database, name))
            connection = stack.enter_context(self._database.write())
            stage = _HeaderStage(connection, self._statements, customer, self._database.timestamp(now))
            stage.rename(former)
            return stage.run(selection, self._configuration, fingerprint, self._rules.parameters)

    def _former_names(self, customer: str) -> list[str]:
        """The names under which orders were merged that are another spelling of this customer's today."""
        names = self._configuration.customer_names
        with self._database.read() as connection:
            known = [str(name) for name in self._statements.runner(connection, {})("1_read_order_customers").scalars()]
        return sorted(name for name in known if name != customer and names.resolve(name) == customer)

    def rejected_rows(self, label: str, rows: CustomerRows, code: str, reason: str, now: datetime) -> bool:
        """Record staged rows that belong to no customer; False when they were recorded before and nothing was written."""
        self._statements.for_customer(label)
        selection = _selection(rows)
        key = f"({code}) {label}"
        fingerprint = self._fingerprint(label, selection)
        known = self._read_customer(key)
        if known and known["fingerprint"] == fingerprint:
            return False
        with self._database.write() as connection:
            stage = _HeaderStage(connection, self._statements, label, self._database.timestamp(now), key)
            stage.reject_all(selection, code, reason, fingerprint, self._rules.parameters)
        return True

    def sizes(self, customer: str) -> int:
        """Unpivot the sizes of the orders that changed since their lines were last merged; the number of staged lines."""
        self._statements.for_customer(customer)
        numbers = self._merged(customer)
        if numbers["sizes_number"] == numbers["merge_number"]:
            return 0
        with self._database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer})
            run("2_clear_staged_lines")
            staged = run("2_unpivot_sizes", lines_number=numbers["lines_number"],
                         cancelled=self._configuration.cleaning.cancelled, **self._rules.parameters).rowcount  # fmt: skip
            run("2_record_sizes", merge_number=numbers["merge_number"])
            return staged

    def lines(self, customer: str, now: datetime) -> LineMerge:
        """Merge the staged lines of a customer.

        Raises:
            SourceDataError: the sizes were not unpivoted after the last merge of the orders.
        """
        self._statements.for_customer(customer)
        numbers = self._merged(customer)
        if numbers["lines_number"] == numbers["merge_number"]:
            return LineMerge()
        if numbers["sizes_number"] != numbers["merge_number"]:
            raise SourceDataError(
                f"The sizes of {customer!r} are older than its orders. Materialise order_sizes before order_lines."
            )
        archives = int(self._configuration.policies.removed_lines == "archive")
        with self._database.write() as connection:
            sizes = self._configuration.sizes
            stamps = {
                "customer": customer,
                "now": self._database.timestamp(now),
                "lines_number": numbers["lines_number"],
                "one_size_code": sizes.one_size_code,
                "one_size_columns": list(sizes.one_size_columns),
            }
            run = self._statements.runner(connection, stamps)
            updated, created = run("3_update_lines").rowcount, run("3_insert_lines").rowcount
            removed = run("3_drop_unsent_lines").rowcount + run("3_end_gone_lines", archives=archives).rowcount
            run("3_record_lines", merge_number=numbers["merge_number"])
            return LineMerge(created, updated, removed)

    def _fingerprint(self, customer: str, selection: Mapping[str, object]) -> str:
        with self._database.read() as connection:
            load = self._statements.runner(connection, selection)("1_fingerprint_load").scalar_one()
        return f"{self._rules.digest(customer)}:{load}"

    def _read_customer(self, customer: str) -> Mapping[str, object] | None:
        with self._database.read() as connection:
            row = self._statements.runner(connection, {"customer": customer})("1_read_customer").mappings().one_or_none()
        return dict(row) if row else None

    def _merged(self, customer: str) -> dict[str, int]:
        known = self._read_customer(customer)
        if known is None:
            raise SourceDataError(f"The orders of {customer!r} were never merged. Materialise order_headers first.")
        return {name: int(str(known[name])) for name in ("merge_number", "sizes_number", "lines_number")}


def unassigned_by_label(survey: Survey) -> dict[str, tuple[CustomerRows, str]]:
    """The rows of nobody under each label, with a reason; spellings that differ only in spaces share a label."""
    found: dict[str, tuple[CustomerRows, str]] = {}
    for entry in survey.unassigned:
        rows, reason = found.get(entry.label, (CustomerRows(), entry.reason))
        found[entry.label] = _both(rows, entry.selection), reason
    return found


def _both(one: CustomerRows, other: CustomerRows) -> CustomerRows:
    return CustomerRows(
        tuple(sorted({*one.spellings, *other.spellings})),
        tuple(sorted({*one.blank_spellings, *other.blank_spellings})),
        tuple(sorted({*one.files, *other.files})),
        one.rows + other.rows,
        takes_rows_without_file=one.takes_rows_without_file or other.takes_rows_without_file,
    )


def _selection(rows: CustomerRows) -> dict[str, object]:
    return {
        "spellings": list(rows.spellings), "blank_spellings": list(rows.blank_spellings), "files": list(rows.files),
        "no_file": int(rows.takes_rows_without_file),
    }  # fmt: skip


class _HeaderStage:
    """The statements of one header merge, on one transaction."""

    def __init__(
        self, connection: Connection, statements: Statements, customer: str, now: object, key: str | None = None
    ) -> None:
        self._customer = customer
        self._key = key or customer
        self._run = statements.runner(connection, {"customer": customer, "now": now})
        lock_merge(connection, self._key)
        self._run("1_add_customer", customer=self._key)
        self._merge_number = int(self._run("1_read_customer", customer=self._key).mappings().one()["merge_number"]) + 1
        self._reads_cells = connection.dialect.name == "mssql"
        self._work_tables = WORK_TABLES if self._reads_cells else WORK_TABLES[1:]
        for table in self._work_tables:
            self._run(f"1_drop_{table}")
            self._run(f"1_create_{table}")

    def run(
        self, selection: Mapping[str, object], configuration: Configuration, fingerprint: str, parameters: Mapping[str, object]
    ) -> HeaderMerge:
        self._clean(selection, parameters, "", "")
        self._run("1_reject_collisions")
        self._run("1_read_known_orders")
        self._run("1_match_full_keys")
        self._run("1_match_unique_keys")
        counts = {name: int(value) for name, value in self._run("1_count_merge").mappings().one().items()}
        refused = counts["newly_missing"] > configuration.policies.max_removed_share * counts["known"]
        updated = self._run("1_update_orders", merge_number=self._merge_number).rowcount
        created = self._run("1_insert_orders", merge_number=self._merge_number).rowcount
        archives = int(configuration.policies.removed_orders == "archive")
        removed = 0 if refused or not counts["missing"] else self._run("1_mark_removed", archives=archives).rowcount
        if removed:
            self._run("1_end_unsent_lines")
        self._record_rejects(parameters)
        self._finish(fingerprint, counts["rows_read"], counts["missing"], int(refused))
        return HeaderMerge(
            counts["rows_read"], created, updated, counts["rejected"], counts["copies"], counts["missing"], removed, refused
        )

    def rename(self, former: Sequence[str]) -> None:
        """Take over the orders that were merged under these names."""
        if former:
            self._run("1_rename_customer", former=list(former))
            self._run("1_resolve_former_rejects", former=list(former))
            for name in former:
                self._run("2_clear_staged_lines", customer=name)
            self._run("0_forget_unassigned", keys=list(former))

    def reject_all(
        self, selection: Mapping[str, object], code: str, reason: str, fingerprint: str, parameters: Mapping[str, object]
    ) -> None:
        self._clean(selection, parameters, code, reason)
        self._record_rejects(parameters)
        self._finish(fingerprint, int(self._run("1_count_merge").mappings().one()["rows_read"]), 0, 0)

    def _clean(self, selection: Mapping[str, object], parameters: Mapping[str, object], code: str, reason: str) -> None:
        if self._reads_cells:
            self._run("1_read_cells", **selection, **parameters)
        self._run("1_clean_orders", **selection, **parameters)
        self._run("1_identify_orders")
        self._run("1_judge_orders", forced_code=code, forced_reason=reason, max_name=MAX_NAME)
        self._run("1_mark_copies")

    def _record_rejects(self, parameters: Mapping[str, object]) -> None:
        self._run("1_resolve_rejects")
        self._run("1_refresh_rejects")
        self._run("1_record_rejected_rows", **parameters)
        self._run("1_record_rejected_sizes")

    def _finish(self, fingerprint: str, rows_read: int, missing: int, refused: int) -> None:
        self._run("1_record_merge", customer=self._key, fingerprint=fingerprint, merge_number=self._merge_number, rows_read=rows_read,
                  missing_orders=missing, missing_kept=refused)  # fmt: skip
        for table in self._work_tables:
            self._run(f"1_drop_{table}")
