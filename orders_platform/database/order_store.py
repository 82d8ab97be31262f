"""The OrderStore: what the platform reads from and writes to the order database, but for the merge (`merge/order_merge.py`).

Belongs here: methods in the language of the job. Does not belong here: the statements (`sql/`), what is to be sent
(`domain/plan.py`), Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path

from orders_platform.configuration import Configuration
from orders_platform.database import conversion
from orders_platform.database.engine import Database, repeated_when_lost
from orders_platform.database.schema import Schema
from orders_platform.database.statements import Statements
from orders_platform.database.write_backs import BATCHES_A_PIECE, ROWS_A_STATEMENT, chunks, require_written
from orders_platform.domain.mutations import BatchReport
from orders_platform.domain.orders import (
    CustomerSummary,
    GroupNeed,
    PendingItem,
    PendingSubitem,
    RowKind,
    RowProblem,
    RowResult,
)
from orders_platform.domain.usage import MondayUsage, Reads


class OrderStore:
    """The order database of one configuration.

    Raises `DatabaseUnavailableError`, `DatabaseRefusedError`, and what the methods name.
    """

    def __init__(self, database: Database, configuration: Configuration, sql_folder: Path) -> None:
        self.database = database
        self.configuration = configuration
        self._folder = sql_folder
        self.schema = Schema(database, configuration, sql_folder)
        self.templates = self.schema.templates
        self._statements = Statements(self.templates)

    @contextmanager
    def dry_run_transaction(self) -> Iterator[OrderStore]:
        """A store on which everything works and from which nothing stays; for dry runs."""
        with self.database.dry_run_transaction() as database:
            yield OrderStore(database, self.configuration, self._folder)

    def lock(self, customer: str) -> AbstractContextManager[None]:
        """Hold a customer alone, across processes and machines. Raises `CustomerBusyError` when another run has it."""
        return self.database.customer_lock(customer)

    # --- 4 to 6: what waits ---------------------------------------------------------------------------------------------

    def _waiting(self, statement: str, customer: str) -> Sequence[Mapping[str, object]]:
        values = {"customer": customer}
        with self.database.read() as connection:
            return [dict(row) for row in self._statements.runner(connection, values)(statement).mappings()]

    @repeated_when_lost
    def pending_groups(self, customer: str) -> list[GroupNeed]:
        """The groups that waiting orders need."""
        rows = self._waiting("4_pending_groups", customer)
        return [GroupNeed(str(row["group_name"]), int(str(row["row_count"]))) for row in rows]

    @repeated_when_lost
    def groups_sent_at(self, customer: str) -> datetime | None:
        """When the last creation of a group was sent for the customer, None when none ever was."""
        with self.database.read() as connection:
            row = self._statements.runner(connection, {"customer": customer})("4_read_groups_sent").scalar_one_or_none()
        return conversion.moment(row)

    @repeated_when_lost
    def pending_items(self, customer: str) -> list[PendingItem]:
        """The orders that wait to be sent, by group and key."""
        mapped = self.configuration.mapped_sources
        return [conversion.pending_item(row, mapped) for row in self._waiting("5_pending_items", customer)]

    @repeated_when_lost
    def pending_subitems(self, customer: str) -> list[PendingSubitem]:
        """The lines that wait to be sent, by group, order and size."""
        return [conversion.pending_subitem(row) for row in self._waiting("6_pending_subitems", customer)]

    @repeated_when_lost
    def known_item_ids(self, ids: Iterable[int]) -> set[int]:
        """Which of these items belong to an order already."""
        with self.database.read() as connection:
            run = self._statements.runner(connection, {})
            return {int(str(row)) for chunk in chunks(sorted(ids)) for row in run("read_known_ids", ids=chunk).scalars()}

    # --- 4 to 6: intents and outcomes -----------------------------------------------------------------------------------

    @repeated_when_lost
    def record_groups_sent(self, customer: str, now: datetime) -> None:
        """Commit that groups are about to be sent."""
        with self.database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer, "now": self.database.timestamp(now)})
            run("1_add_customer")
            run("4_record_groups_sent")

    @repeated_when_lost
    def record_group(self, customer: str, group_name: str, group_id: str) -> None:
        """Remember a group's id on the customer's orders."""
        with self.database.write() as connection:
            self._statements.runner(connection, {})(
                "4_record_group", customer=customer, group_name=group_name, group_id=group_id
            )

    @repeated_when_lost
    def record_intents(self, kind: RowKind, refs: Sequence[str], batch_id: str, run_id: str, now: datetime) -> None:
        """Commit that these rows are about to be sent; their outcome is unknown until it is recorded."""
        values = {"refs": list(refs), "batch_id": batch_id, "run_id": run_id, "now": self.database.timestamp(now)}
        with self.database.write() as connection:
            written = self._statements.runner(connection, values)(f"record_intents_of_{kind}").rowcount
            require_written(kind, len(refs), written)

    @repeated_when_lost
    def record_results(
        self,
        kind: RowKind,
        results: Sequence[RowResult],
        run_id: str,
        now: datetime,
        customer: str,
        report: BatchReport | None = None,
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
                written = run(f"record_results_of_{kind}", {"result_rows": len(chunk)}, **conversion.numbered(chunk)).rowcount
                require_written(kind, len(chunk), written)
            made = [result.ref for result in results if result.is_new_item]
            for chunk_of_made in chunks(made) if kind is RowKind.ITEMS else ():
                run("record_new_parents", refs=chunk_of_made)
            archived = [result.ref for result in results if result.is_archived]
            for chunk_of_archived in chunks(archived) if kind is RowKind.ITEMS else ():
                run("record_archived", refs=chunk_of_archived)
            if report is not None:
                run("record_batch", **conversion.logged(report))
            if adoption is not None:
                run("record_batch", **conversion.logged_adoption(adoption, results))

    @repeated_when_lost
    def log_batch(self, run_id: str, now: datetime, customer: str, report: BatchReport) -> None:
        """Log a document that carried no rows of ours (a group)."""
        values = {"run_id": run_id, "now": self.database.timestamp(now), "customer": customer, **conversion.logged(report)}
        with self.database.write() as connection:
            self._statements.runner(connection, values)("record_batch")

    @repeated_when_lost
    def log_reads(self, run_id: str, now: datetime, customer: str, batch_id: str, reads: Reads) -> None:
        """Log what a stage asked of monday without sending anything; it counts towards the day's calls."""
        values = {"run_id": run_id, "now": self.database.timestamp(now), "customer": customer}
        with self.database.write() as connection:
            self._statements.runner(connection, values)("record_batch", **conversion.logged_reads(batch_id, reads))

    @repeated_when_lost
    def old_batches(self, before: datetime) -> list[str]:
        """The batch ids that the log holds from before a moment, oldest first."""
        with self.database.read() as connection:
            run = self._statements.runner(connection, {"before": self.database.timestamp(before)})
            return [str(batch_id) for batch_id in run("read_old_batches").scalars()]

    @repeated_when_lost
    def trim_log(self, before: datetime) -> int:
        """Delete what the log holds from before a moment, a piece at a time; how many rows."""
        deleted = 0
        for piece in chunks(self.old_batches(before), BATCHES_A_PIECE):
            with self.database.write() as connection:
                run = self._statements.runner(connection, {"before": self.database.timestamp(before)})
                deleted += run("trim_log", batch_ids=piece).rowcount
        return deleted

    @repeated_when_lost
    def reset_failed(self, customer: str, code: str = "") -> int:
        """Give a customer's refused rows another try; how many."""
        with self.database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer, "code": code})
            return run("reset_failed_items").rowcount + run("reset_failed_subitems").rowcount

    # --- looking --------------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def summaries(self) -> list[CustomerSummary]:
        """Where each customer stands, by name."""
        with self.database.read() as connection:
            run = self._statements.runner(connection, {})
            orders = run("summarize_orders").mappings().all()
            lines = {str(row["customer_name"]): row for row in run("summarize_lines").mappings()}
        return [conversion.summary(row, lines.get(str(row["customer_name"]), {})) for row in orders]

    @repeated_when_lost
    def monday_usage(self, now: datetime) -> MondayUsage:
        """What all runs together asked of monday: calls since midnight UTC, answers over a limit in the last 24 hours."""
        moments = {"midnight": datetime.combine(now.date(), time()), "since": now - timedelta(days=1)}
        values: dict[str, object] = {name: self.database.timestamp(moment) for name, moment in moments.items()}
        with self.database.read() as connection:
            return conversion.usage(self._statements.runner(connection, values)("read_monday_usage").mappings().one())

    @repeated_when_lost
    def refused_removals(self) -> list[tuple[str, int, int]]:
        """Customers whose last load lacked too many orders: name, orders missing, rows read."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_refused_removals").mappings().all()
        return [(str(row["customer_name"]), int(row["missing_orders"]), int(row["rows_read"])) for row in rows]

    @repeated_when_lost
    def invalid_rows(self, customer: str | None = None) -> list[RowProblem]:
        """Staged rows and sizes that the merge cannot take, of one customer or of all."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_invalid_rows").mappings().all()
        found = [
            RowProblem(str(row["customer_name"]), str(row["order_key"] or ""), str(row["size_code"]), str(row["reject_code"]),
                        str(row["reason"]), int(str(row["row_count"])))
            for row in rows
        ]  # fmt: skip
        return [row for row in found if customer in {None, row.customer}]

    @repeated_when_lost
    def row_errors(self, customer: str | None = None) -> list[RowProblem]:
        """Rows that our check or monday refused, of one customer or of all."""
        with self.database.read() as connection:
            rows = self._statements.runner(connection, {})("read_row_errors").mappings().all()
        found = [
            RowProblem(str(row["customer_name"]), str(row["order_key"]), str(row["size_code"]), str(row["sync_error_code"]),
                        str(row["sync_error_message"]))
            for row in rows
        ]  # fmt: skip
        return [row for row in found if customer in {None, row.customer}]
