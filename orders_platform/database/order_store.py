"""The OrderStore: everything the platform reads from and writes to the order database.

Belongs here: methods in the language of the job. Does not belong here: the statements (`sql/`), what is to be sent
(`domain/plan.py`), Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

from orders_platform.configuration import Configuration
from orders_platform.database import rows as rows_of
from orders_platform.database.column_types import ColumnTypes
from orders_platform.database.engine import Database
from orders_platform.database.locks import customer_lock
from orders_platform.database.repeating import each_repeated
from orders_platform.database.schema import Schema
from orders_platform.database.statements import Statements
from orders_platform.database.write_backs import ROWS_A_STATEMENT, chunks, require_written
from orders_platform.domain.customers import SpellingCount, Survey
from orders_platform.domain.merges import HeaderMerge, LineMerge
from orders_platform.domain.mutations import DocumentReport
from orders_platform.domain.orders import (
    CustomerSummary,
    GroupNeed,
    PendingItem,
    PendingSubitem,
    RejectedRow,
    RowCount,
    RowKind,
    RowResult,
)
from orders_platform.domain.states import SyncState
from orders_platform.domain.usage import MondayUsage, Reads
from orders_platform.errors import SourceDataError
from orders_platform.merge.merge_rules import MergeRules
from orders_platform.merge.order_merge import Merge, unassigned_by_label

UNKNOWN_CUSTOMER = "unknown_customer"


@each_repeated(but=("lock", "rehearsal", "rules"))
class OrderStore:
    """The order database of one configuration.

    Every method is one transaction, repeated when it is lost. Raises `DatabaseUnavailableError`, `DatabaseRefusedError`, and what its
    own lines name.
    """

    def __init__(self, database: Database, configuration: Configuration, sql_folder: Path) -> None:
        self.database = database
        self._configuration = configuration
        self._folder = sql_folder
        self.schema = Schema(database, configuration, sql_folder)
        self.templates = self.schema.templates
        self._rules: MergeRules | None = None
        self._types = ColumnTypes(database.dialect)
        self._statements = Statements(self.templates, self.rules)

    def rules(self) -> MergeRules:
        """The merge rules, read from the catalogue at first use, when the login's rights are looked at as well."""
        if self._rules is None:
            self.schema.require_daily_rights()
            self._rules = MergeRules(self._configuration, self.schema, self._types)
        return self._rules

    @contextmanager
    def rehearsal(self) -> Iterator[OrderStore]:
        """A store on which everything works and from which nothing stays; for dry runs."""
        with self.database.rehearsal() as database:
            yield OrderStore(database, self._configuration, self._folder)

    def lock(self, customer: str) -> AbstractContextManager[None]:
        """Hold a customer alone, across processes and machines. Raises `CustomerBusyError` when another run has it."""
        return customer_lock(self.database, customer)

    # --- 0: who is there ------------------------------------------------------------------------------------------------

    def survey(self) -> Survey:
        """Who is in the staging table. Raises `SourceDataError` when the table or a column it needs is absent."""
        _ = self.rules().business
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("0_survey_customers").mappings().all()
        counts = [
            SpellingCount(rows_of.text(row["spelling"]), rows_of.text(row["file_name"]), int(row["row_count"])) for row in rows
        ]
        return self._configuration.customer_names.survey(counts)

    def record_unassigned(self, survey: Survey, now: datetime) -> None:
        """List the rows that belong to nobody among the rejects, and resolve those that no longer do. Unchanged: no write."""
        unassigned = unassigned_by_label(survey)
        for label, (rows, reason) in unassigned.items():
            self._merge.rejected_rows(label, rows, UNKNOWN_CUSTOMER, reason, now)
        with self.database.read() as connection:
            recorded = self._statements.runner(connection, {})("0_read_unassigned", code=UNKNOWN_CUSTOMER).scalars().all()
        gone = [str(label) for label in recorded if label not in unassigned]
        if gone:
            with self.database.write() as connection:
                run = self._statements.runner(connection, {"now": self.database.timestamp(now), "code": UNKNOWN_CUSTOMER})
                run("0_resolve_unassigned", labels=gone)
                run("0_forget_unassigned", keys=[f"({UNKNOWN_CUSTOMER}) {label}" for label in gone])

    # --- 1 to 3: merging ------------------------------------------------------------------------------------------------

    @property
    def _merge(self) -> Merge:
        return Merge(self.database, self._configuration, self.rules(), self._statements)

    def merge_headers(self, customer: str, survey: Survey, now: datetime) -> HeaderMerge:
        """Merge a customer's staged rows. Raises `SourceDataError` when the staging table has none: nothing is removed then."""
        rows = survey.customers.get(customer)
        if rows is None:
            raise SourceDataError(
                f"{self._configuration.tables.staging} holds no row of customer {customer!r}. Nothing was changed and nothing removed. "
                "Check the load, the spelling, and the customer's aliases in [customers]."
            )
        return self._merge.headers(customer, rows, now)

    def unpivot_sizes(self, customer: str) -> int:
        """Stage the lines of the orders that changed; their number."""
        return self._merge.sizes(customer)

    def merge_lines(self, customer: str, now: datetime) -> LineMerge:
        """Merge the staged lines of a customer."""
        return self._merge.lines(customer, now)

    # --- 4 to 6: what waits ---------------------------------------------------------------------------------------------

    def _waiting(self, statement: str, customer: str) -> Sequence[Mapping[str, object]]:
        values = {"customer": customer}
        with self.database.read() as connection:
            return [dict(row) for row in self._statements.runner(connection, values)(statement).mappings()]

    def pending_groups(self, customer: str) -> list[GroupNeed]:
        """The groups that waiting orders need."""
        rows = self._waiting("4_pending_groups", customer)
        return [GroupNeed(str(row["group_name"]), int(str(row["row_count"]))) for row in rows]

    def groups_sent_at(self, customer: str) -> datetime | None:
        """When the last creation of a group was sent for the customer, None when none ever was."""
        with self.database.read() as connection:
            row = self._statements.runner(connection, {"customer": customer})("4_read_groups_sent").scalar_one_or_none()
        return rows_of.moment(row)

    def pending_items(self, customer: str) -> list[PendingItem]:
        """The orders that wait to be sent, by group and key."""
        mapped = self._configuration.mapped_sources
        return [rows_of.pending_item(row, mapped) for row in self._waiting("5_pending_items", customer)]

    def pending_subitems(self, customer: str) -> list[PendingSubitem]:
        """The lines that wait to be sent, by group, order and size."""
        return [rows_of.pending_subitem(row) for row in self._waiting("6_pending_subitems", customer)]

    def known_item_ids(self, ids: Iterable[int]) -> set[int]:
        """Which of these items belong to an order already."""
        with self.database.read() as connection:
            run = self._statements.runner(connection, {})
            return {int(str(row)) for chunk in chunks(sorted(ids)) for row in run("read_known_ids", ids=chunk).scalars()}

    # --- 4 to 6: intents and outcomes -----------------------------------------------------------------------------------

    def record_groups_sent(self, customer: str, now: datetime) -> None:
        """Commit that groups are about to be sent."""
        with self.database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer, "now": self.database.timestamp(now)})
            run("1_add_customer")
            run("4_record_groups_sent")

    def record_group(self, customer: str, group_name: str, group_id: str) -> None:
        """Remember a group's id on the customer's orders."""
        with self.database.write() as connection:
            self._statements.runner(connection, {})(
                "4_record_group", customer=customer, group_name=group_name, group_id=group_id
            )

    def record_intents(self, kind: RowKind, refs: Sequence[str], batch_id: str, run_id: str, now: datetime) -> None:
        """Commit that these rows are about to be sent; their outcome is unknown until it is recorded."""
        values = {"refs": list(refs), "batch_id": batch_id, "run_id": run_id, "now": self.database.timestamp(now)}
        with self.database.write() as connection:
            written = self._statements.runner(connection, values)(f"record_intents_of_{kind}").rowcount
            require_written(kind, len(refs), written)

    def record_results(
        self,
        kind: RowKind,
        results: Sequence[RowResult],
        run_id: str,
        now: datetime,
        customer: str,
        report: DocumentReport | None = None,
        adoption: str | None = None,
    ) -> None:
        """Commit what came of rows, in one transaction with the line of the log.

        Args:
            kind: of the rows.
            results: what came of them.
            run_id: of the run.
            now: UTC.
            customer: whose they are.
            report: of the document that carried them.
            adoption: the rows were found on the board; logged under this batch id.
        """
        stamps: dict[str, object] = {"run_id": run_id, "now": self.database.timestamp(now), "customer": customer}
        with self.database.write() as connection:
            run = self._statements.runner(connection, stamps)
            for chunk in chunks(results, ROWS_A_STATEMENT):
                written = run(f"record_results_of_{kind}", result_rows=len(chunk), **rows_of.numbered(chunk)).rowcount
                require_written(kind, len(chunk), written)
            made = [result.ref for result in results if result.is_new_item]
            for chunk_of_made in chunks(made) if kind is RowKind.ITEMS else ():
                run("record_new_parents", refs=chunk_of_made)
            archived = [result.ref for result in results if result.is_archived]
            for chunk_of_archived in chunks(archived) if kind is RowKind.ITEMS else ():
                run("record_archived", refs=chunk_of_archived)
            if report is not None:
                run("record_document", **rows_of.logged(report))
            if adoption is not None:
                run("record_document", **rows_of.logged_adoption(adoption, results))

    def log_document(self, run_id: str, now: datetime, customer: str, report: DocumentReport) -> None:
        """Log a document that carried no rows of ours (a group)."""
        values = {"run_id": run_id, "now": self.database.timestamp(now), "customer": customer, **rows_of.logged(report)}
        with self.database.write() as connection:
            self._statements.runner(connection, values)("record_document")

    def log_reads(self, run_id: str, now: datetime, customer: str, batch_id: str, reads: Reads) -> None:
        """Log what a stage asked of monday without sending anything; it counts towards the day's calls."""
        values = {"run_id": run_id, "now": self.database.timestamp(now), "customer": customer}
        with self.database.write() as connection:
            self._statements.runner(connection, values)("record_document", **rows_of.logged_reads(batch_id, reads))

    def reset_failed(self, customer: str, code: str = "") -> int:
        """Give a customer's refused rows another try; how many."""
        with self.database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer, "code": code})
            return run("reset_failed_items").rowcount + run("reset_failed_subitems").rowcount

    # --- looking --------------------------------------------------------------------------------------------------------

    def counts(self, kind: RowKind) -> list[RowCount]:
        """How many rows there are by customer, state and action."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})(f"count_{kind}").mappings().all()
        return [
            RowCount(str(row["customer_name"]), SyncState(str(row["sync_state"])), str(row["action_type"]), int(str(row["row_count"])),
                     int(str(row["on_board_count"])), int(str(row["removed_count"])), rows_of.moment(row["oldest_at"]))
            for row in rows
        ]  # fmt: skip

    def summaries(self) -> list[CustomerSummary]:
        """Where each customer stands, by name."""
        with self.database.read() as connection:
            run = self._statements.runner(connection, {})
            orders = run("summarize_orders").mappings().all()
            lines = {str(row["customer_name"]): row for row in run("summarize_lines").mappings()}
        return [rows_of.summary(row, lines.get(str(row["customer_name"]), {})) for row in orders]

    def monday_usage(self, now: datetime) -> MondayUsage:
        """What all runs together asked of monday: calls since midnight UTC, answers over a limit in the last 24 hours."""
        moments = {"midnight": datetime.combine(now.date(), time()), "since": now - timedelta(days=1)}
        values: dict[str, object] = {name: self.database.timestamp(moment) for name, moment in moments.items()}
        with self.database.read() as connection:
            return rows_of.usage(self._statements.runner(connection, values)("read_monday_usage").mappings().one())

    def refused_removals(self) -> list[tuple[str, int, int]]:
        """Customers whose last load lacked too many orders: name, orders missing, rows read."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_refused_removals").mappings().all()
        return [(str(row["customer_name"]), int(row["missing_orders"]), int(row["rows_read"])) for row in rows]

    def rejects(self) -> list[RejectedRow]:
        """What the loads hold and cannot be sent."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_rejects").mappings().all()
        return [
            RejectedRow(str(row["customer_name"]), str(row["order_key"] or ""), str(row["size_code"]), str(row["reject_code"]),
                        str(row["reason"]), int(str(row["row_count"])))
            for row in rows
        ]  # fmt: skip

    def failed(self) -> list[RejectedRow]:
        """What was refused on its way to the board."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_failed").mappings().all()
        return [
            RejectedRow(str(row["customer_name"]), str(row["order_key"]), str(row["size_code"]), str(row["sync_error_code"]),
                        str(row["sync_error_message"]))
            for row in rows
        ]  # fmt: skip
