"""What the platform reads from and writes to the order database, but for the merge (`merge/order_merge.py`).

First what sending needs: rows that wait, intents, results and the log; then what checks, `verify`, `history` and the reports read. Each of
their questions is one statement or a few, whatever the number of customers.
"""

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import RowMapping

from orders_platform.configuration import Configuration, Keys
from orders_platform.database.engine import Database, repeated_when_lost
from orders_platform.database.schema import Schema
from orders_platform.database.statements import ROWS_A_STATEMENT, Runner, Statements, Variables, chunks, numbered
from orders_platform.domain import guards
from orders_platform.domain.customers import UNKNOWN_CUSTOMER, blank_label
from orders_platform.domain.differences import ABSENT, Difference
from orders_platform.domain.guards import Guard
from orders_platform.domain.history import ADOPT, CustomerGroup, LoggedBatch, OrderEvent, RowHistory
from orders_platform.domain.mapping import subitem_name
from orders_platform.domain.matching import folded_key
from orders_platform.domain.mutations import Batch, BatchReport, MondayUsage, Outcome, Traffic
from orders_platform.domain.order_status import LastChanges, OrderChange, OrderStatus
from orders_platform.domain.orders import (
    Action,
    CellWarning,
    CustomerSummary,
    GroupIntent,
    RowKind,
    RowProblem,
    RowResult,
    SyncRow,
    SyncState,
)
from orders_platform.domain.text import few, fold
from orders_platform.domain.verdicts import NOBODYS, Verdict
from orders_platform.errors import BoardMismatchError, ConfigurationError, CustomerPausedError, RowsTakenError

T = TypeVar("T")

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # stands for no moment in a comparison, where NULL is equal to nothing
BATCHES_A_TRANSACTION = 500  # a log of millions must not be locked for minutes while it is trimmed
_SHOWN = 5
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
        self._groups: list[CustomerGroup] | None = None
        self._locks: dict[str, Callable[[], None]] = {}

    @contextmanager
    def dry_run_transaction(self) -> Iterator["OrderStore"]:
        """A store on which everything works and from which nothing stays; for dry runs."""
        with self.database.dry_run_transaction() as database:
            yield OrderStore(database, self.configuration, self._folder)

    @contextmanager
    def lock(self, customer: str) -> Iterator[None]:
        """Hold a customer alone, across processes and machines. Raises `CustomerBusyError` when another run has it."""
        with self.database.customer_lock(customer) as require_held:
            self._locks[customer] = require_held
            try:
                yield
            finally:
                del self._locks[customer]

    def _require_lock(self, customer: str) -> None:
        """Before each request, where this store holds the customer. Raises `CustomerBusyError` when the lock is lost."""
        if customer in self._locks:
            self._locks[customer]()

    @contextmanager
    def writing(self, statements: Statements | None = None, /, **values: object) -> Iterator[Runner]:
        """A transaction in which statements run that bind these values."""
        with self.database.write() as connection:
            yield Runner(statements or self._statements, connection, self._bound(values))

    def _bound(self, values: Mapping[str, object]) -> dict[str, object]:
        stored = self.database.dialect.timestamp
        return {name: stored(value) if isinstance(value, datetime) else value for name, value in values.items()}

    def read(
        self, statement: str, variables: Variables | None = None, statements: Statements | None = None, /, **values: object
    ) -> list[Row]:
        """What a statement finds, a column by its name."""
        names, rows = self._fetch(statement, variables, statements, **values)
        return [dict(zip(names, row, strict=True)) for row in rows]

    @repeated_when_lost
    def _fetch(
        self, statement: str, variables: Variables | None, statements: Statements | None = None, /, **values: object
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        with self.database.read() as connection:
            found = Runner(statements or self._statements, connection, self._bound(values))(statement, variables)
            return list(found.keys()), found.all()

    @repeated_when_lost
    def _write(self, statement: str, /, *variables: Variables, **values: object) -> int:
        """Run a statement in a transaction of its own, once or for each of the variables; how many rows it wrote."""
        with self.writing(**values) as run:
            return sum(run(statement, each).rowcount for each in variables or ({},))

    # --- what waits -----------------------------------------------------------------------------------------------------

    def waiting_groups(self, customer: str) -> list[str]:
        return sorted(str(row["group_name"]) for row in self.read("4_waiting_groups", customer=customer))

    def groups(self) -> list[CustomerGroup]:
        """The groups that orders belong into, of all customers. A dry run reads them once: it records none."""
        if self._groups is None or not self.database.is_dry_run:
            self._groups = read_as(CustomerGroup, self.read("read_groups"))
        return self._groups

    def groups_sent(self, customer: str) -> GroupIntent:
        return next(iter(read_as(GroupIntent, self.read("4_read_groups_sent", customer=customer))), GroupIntent())

    def orders(self, customer: str, sent_by: str = "", *, waiting: bool = False) -> list[SyncRow]:
        """A customer's orders by group and key, those that left the load too: all, or those that a run sent, or that wait to be sent."""
        return self._sync_rows(RowKind.ITEMS, customer, sent_by, waiting=waiting)

    def lines(self, customer: str, sent_by: str = "", *, waiting: bool = False) -> list[SyncRow]:
        """A customer's lines by group, order and size: all, or those that a run sent, or that wait to be sent."""
        return self._sync_rows(RowKind.SUBITEMS, customer, sent_by, waiting=waiting)

    def new_lines(self, customer: str, told: Collection[str]) -> list[tuple[str, int, bool, int]]:
        """Of how many lines of each size and quantity, new or not, the orders that are made consist, but for those that are told."""
        return [tuple(row) for row in self._fetch("count_new_lines", None, customer=customer, told=[*told] or [_NO_UUID])[1]]

    def lines_not_counted(self, customer: str, told: Collection[str], odd: Collection[str]) -> list[SyncRow]:
        """The lines that wait: of the orders of `new_lines` only those of odd sizes."""
        return self._sync_rows(RowKind.SUBITEMS, customer, "", waiting=True, told=[*told] or [_NO_UUID], odd=[*odd])

    def _sync_rows(self, kind: RowKind, customer: str, sent_by: str, *, waiting: bool, **counted: list[str]) -> list[SyncRow]:
        is_order, pattern = kind is RowKind.ITEMS, self.configuration.names.subitem
        shown = self.configuration.mapped_sources if is_order else ("size_code", "qty")
        statement = "read_orders" if is_order else "read_lines"
        variables = {"waiting": int(waiting), "is_counted": int(bool(counted)), "is_some": int(bool(counted.get("odd")))}
        names, rows = self._fetch(statement, variables, customer=customer, sent_by=sent_by, **counted)
        first = len(names) - len(shown)  # the values stand last
        return [sync_row(kind, row[:first], dict(zip(shown, row[first:], strict=True)), pattern) for row in rows]

    def known_ids(self, ids: Iterable[int]) -> set[int]:
        """Which of these items and subitems belong to an order or a line already; monday never gives both the same id."""
        found = (self.read("read_known_ids", ids=chunk) for chunk in chunks(sorted(ids)))
        return {int(row["monday_id"]) for rows in found for row in rows}

    # --- intents and results --------------------------------------------------------------------------------------------

    @repeated_when_lost
    def record_groups_sent(
        self, customer: str, known: GroupIntent, batch_id: str, now: datetime, uptime: str | None = None
    ) -> GroupIntent:
        """Commit that groups are about to be sent, if none were since `known` was read; the intent that is recorded now.

        Raises `RowsTakenError` when another run sent groups of the customer meanwhile, `CustomerBusyError` when its lock is lost.
        """
        self._require_lock(customer)
        values = {"was_batch": known.batch_id or "", "was_sent": known.sent_at or NEVER}
        with self.writing(customer=customer, batch_id=batch_id, now=now, uptime=uptime, **values) as run:
            run("1_add_customer")
            if not run("4_record_groups_sent").rowcount and run("4_read_groups_sent").one().batch_id != batch_id:
                taken = f"Another run sent groups of customer {customer!r} since this one looked for them."
                raise RowsTakenError(f"{taken} Nothing of this batch was sent. {_LOCK_LOST}")
        return GroupIntent(batch_id, now, uptime)

    def record_group(self, customer: str, group_name: str, group_id: str) -> None:
        self._write("4_record_group", customer=customer, group_name=group_name, group_id=group_id)

    @repeated_when_lost
    def record_intents(
        self, rows: Sequence[SyncRow], batch: Batch, run_id: str, now: datetime, customer: str, uptime: str | None = None
    ) -> list[SyncRow]:
        """Commit that these rows are about to be sent, or sent once more, if all of them are as they were read; the rows as they are now.

        Their outcome is unknown until it is recorded. Raises `RowsTakenError` when another run has some of them, and records nothing;
        `CustomerBusyError` when the customer's lock is lost.
        """
        self._require_lock(customer)
        kind, creates = rows[0].kind, batch.operation.creates
        with self.writing(batch_id=batch.key, run_id=run_id, now=now, uptime=uptime, creates=int(creates)) as run:
            for chunk in chunks(rows, ROWS_A_STATEMENT):
                variables: Variables = {"kind": kind, "result_rows": len(chunk)}
                if run("record_intents", variables, **self._bound(as_read(chunk))).rowcount != len(chunk):
                    ours = {ref for ref, row in self._written(run, kind, chunk).items() if row["sync_batch_id"] == batch.key}
                    if lost := [row for row in chunk if row.ref not in ours]:
                        raise _taken(kind, lost, len(rows), "Nothing of this batch was sent.")
        sent = (row._replace(state=SyncState.PENDING, batch_id=batch.key, pending_at=now, uptime=uptime) for row in rows)
        return [row._replace(monday_id=None) if creates else row for row in sent]

    @repeated_when_lost
    def record_results(
        self,
        results: Sequence[RowResult],
        run_id: str,
        now: datetime,
        customer: str,
        report: BatchReport | None = None,
        adoption: str | None = None,
    ) -> None:
        """Commit what came of rows, in one transaction with the line of the log: the report of their batch, or their adoption.

        `adoption` is the batch id of rows that were found on the board, which is theirs now. Raises `RowsTakenError` when another run has
        some of the rows; what came of the others is committed.
        """
        kind, lost = results[0].row.kind, dict[str, SyncRow]()
        with self.writing(run_id=run_id, now=now, customer=customer, adoption=adoption or "") as run:
            for chunk in chunks(results, ROWS_A_STATEMENT):
                variables: Variables = {"kind": kind, "result_rows": len(chunk)}
                if run("record_results", variables, **self._bound(as_found(chunk))).rowcount != len(chunk):
                    found = self._written(run, kind, [result.row for result in chunk])
                    lost |= {each.row.ref: each.row for each in chunk if not _is_written(each, found.get(each.row.ref), run_id)}
            kept = [result for result in results if result.row.ref not in lost]
            self._record_warnings(run, kind, kept)
            if kind is RowKind.ITEMS:
                for made in chunks([result.row.ref for result in kept if result.is_new_item]):
                    run("record_new_parents", refs=made)
                for archived in chunks([result.row.ref for result in kept if result.is_archived]):
                    run("record_archived", refs=archived)
            if report is not None:
                run("record_batch", **logged(report))
            if adoption is not None:
                ids = {result.row.ref: str(result.monday_id) for result in results}
                run("record_batch", **log_line(adoption, ADOPT, ids, Traffic(), len(results)))
        if lost:
            raise _taken(kind, list(lost.values()), len(results), "What came of them here was not recorded.")

    @staticmethod
    def _written(run: Runner, kind: RowKind, rows: Sequence[SyncRow]) -> dict[str, RowMapping]:
        """Rows as they are after a statement that did not write them all, by ref."""
        found = run("read_written_rows", {"kind": kind}, refs=[row.ref for row in rows]).mappings()
        return {str(row["ref"]): row for row in found}

    def record_gone_items(self, order_refs: Sequence[str], now: datetime) -> None:
        """Commit that the items of these orders were removed by hand: they go through their stage again."""
        for chunk in chunks(order_refs):
            self._write("record_gone_items", refs=chunk, now=now)

    def _record_warnings(self, run: Runner, kind: RowKind, results: Sequence[RowResult]) -> None:
        """Keep what is wrong with cells that rows were sent without, and resolve what is wrong no longer."""
        for refs in chunks([result.row.ref for result in results if result.warnings is not None]):
            run("resolve_cell_warnings", refs=refs)
        warnings = ((result.row.ref, each) for result in results for each in result.warnings or ())
        found = [(ref, each.column[:100], each.code, each.reason[:1000], each.text[:1000]) for ref, each in warnings]
        for chunk in chunks(found, ROWS_A_STATEMENT):
            values = numbered(("ref", "column", "code", "reason", "text"), chunk)
            run("repeat_cell_warnings", {"result_rows": len(chunk)}, **values)
            run("record_cell_warnings", {"kind": kind, "result_rows": len(chunk)}, **values)

    def rows_without_labels(self, kind: RowKind, customer: str) -> list[tuple[SyncRow, int]]:
        """The rows that were sent without a label that the board did not have, and how many labels each lacks."""
        lacking = {str(row["row_uuid"]): int(row["label_count"]) for row in self.read("read_missing_labels", customer=customer)}
        if not lacking:
            return []
        rows = self.orders(customer) if kind is RowKind.ITEMS else self.lines(customer)
        sent = [row for row in rows if row.state is SyncState.SYNCED and row.action is not Action.DELETE]
        return [(row, lacking[row.ref]) for row in sent if row.ref in lacking]

    def record_differences(self, customer: str, found: Sequence[Difference], *, is_whole: bool) -> None:
        """Remember how much differed when the board was looked at: instead of what was known, or if not `is_whole` where it is more."""
        missing = sum(each.kind in ABSENT and each.row_kind is RowKind.ITEMS for each in found)
        self._write("record_differences", customer=customer, differences=len(found), missing=missing, is_whole=int(is_whole))

    def log_batch(self, run_id: str, now: datetime, customer: str, report: BatchReport) -> None:
        """Log a batch that carried no rows of ours (a group)."""
        self._write("record_batch", run_id=run_id, now=now, customer=customer, **logged(report))

    def log_reads(self, run_id: str, now: datetime, customer: str, batch_id: str, reads: Traffic) -> None:
        """Log what a stage asked of monday without sending anything; it counts towards the day's calls."""
        line = log_line(batch_id, "read", None, reads)
        self._write("record_batch", run_id=run_id, now=now, customer=customer, **line)

    def reset_failed(self, customer: str, code: str = "") -> int:
        """Make a customer's FAILED rows NEW, of one error code or of all; how many."""
        return self._write("reset_failed", *({"kind": kind} for kind in RowKind), customer=customer, code=code)

    def old_batches(self, before: datetime) -> list[str]:
        """The ids of the batches that the log holds from before a moment, oldest first."""
        return [str(row["batch_id"]) for row in self.read("read_old_batches", before=before)]

    def trim_log(self, before: datetime) -> int:
        """Delete what the log holds from before a moment, in several transactions; how many rows."""
        batches = chunks(self.old_batches(before), BATCHES_A_TRANSACTION)
        return sum(self._write("trim_log", batch_ids=batch_ids, before=before) for batch_ids in batches)

    # --- status ---------------------------------------------------------------------------------------------------------

    def summaries(self) -> list[CustomerSummary]:
        return read_as(CustomerSummary, self.read("summarize_customers"))

    def monday_usage(self, now: datetime) -> MondayUsage:
        """What all runs together asked of monday: calls since midnight UTC, answers over a limit in the last 24 hours."""
        since = {"midnight": datetime.combine(now.date(), time()), "since": now - timedelta(days=1)}
        return read_as(MondayUsage, self.read("read_monday_usage", **since))[0]

    def guards(self, customer: str | None = None) -> list[Guard]:
        """The guards that acted on the last loads, accepted ones included, of one customer or of all."""
        rows = self.read("read_customers")
        found = [guard for row in rows for guard in guards.read(str(row["customer_name"]), row["guards"])]
        return [guard for guard in found if customer in {None, guard.customer}]

    # --- customers that are paused --------------------------------------------------------------------------------------

    def paused(self) -> dict[str, datetime]:
        """The customers that are paused, and since when, by name; a renamed one also by its new name."""
        resolve, found = self.configuration.customer_names.resolve, dict[str, datetime]()
        for row in self.read("read_customers"):
            name, since = str(row["customer_name"]), moment(row["paused_at"])
            found |= {each: since for each in (name, resolve(name)) if each and since}
        return found

    def require_not_paused(self, customer: str) -> None:
        """Raises `CustomerPausedError` for a customer that is paused."""
        if since := self.paused().get(customer):
            raise CustomerPausedError(
                f"{customer} is paused since {since:%Y-%m-%d %H:%M} UTC; nothing was merged or sent, and its orders wait. Resume it: "
                "the job pause_customers in Dagster, or `orders-platform customers resume NAME`."
            )

    def customer_named(self, spelling: str) -> str:
        """The customer that is written so. Raises `ConfigurationError` when none is."""
        customer = self.configuration.customer_names.resolve(spelling)
        if customer is None:
            known = few(sorted(self.configuration.customers), _SHOWN)
            raise ConfigurationError(
                f"No customer is called {spelling!r}; [customers] of the configuration has {known}. Nothing was changed."
            )
        return customer

    @repeated_when_lost
    def pause(self, customer: str, since: datetime | None) -> str:
        """Pause a customer from now on, or resume it with None; its name. A pause that there is stays as it is."""
        resolve, paused = self.configuration.customer_names.resolve, self.paused()
        if (customer in paused) == (since is None):
            with self.writing(customer=customer, paused_at=since) as run:
                run("1_add_customer")
                run("pause_customer", customers=[customer, *(name for name in paused if resolve(name) == customer)])
        return customer

    # --- where rows are sent --------------------------------------------------------------------------------------------

    @cached_property
    def _target(self) -> dict[str, int | str]:
        """The two boards that rows are sent to, and a hash of what each row is sent as; kept with what was sent.

        Rows that were sent under another mapping are compared with the board again. Ids of another board are of no use on this one.
        """
        items, subitems = self.configuration.items, self.configuration.subitems
        more = self.configuration.names.subitem, self.configuration.monday.may_create_labels  # what else decides what is sent
        facts = (json.dumps(asdict(each) | {"more": more}, sort_keys=True, default=str) for each in (items, subitems))
        hashes = (hashlib.sha256(text.encode()).hexdigest()[:32] for text in facts)
        boards = {"items_board_id": items.board_id, "subitems_board_id": subitems.board_id}
        return {**boards, **dict(zip(("items_mapping", "subitems_mapping"), hashes, strict=True))}

    def require_board(self, customer: str | None = None) -> None:
        """Refuse, by `BoardMismatchError`, boards other than those that a customer's rows, or anybody's, were sent to."""
        other: dict[tuple[int, int], list[str]] = {}
        for row in self.read("read_customers"):
            if row["items_board_id"] is None or customer not in {None, row["customer_name"]}:
                continue
            for board in ("items_board_id", "subitems_board_id"):
                configured, recorded = int(self._target[board]), int(row[board])
                if recorded != configured:
                    other.setdefault((configured, recorded), []).append(str(row["customer_name"]))
        if other:
            (configured, recorded), names = next(iter(other.items()))
            raise BoardMismatchError(
                f"The configuration names board {configured}, but the ids of {few(names, _SHOWN)} belong to board {recorded}. "
                f"Nothing was read or sent. Name board {recorded} again, or start over on the new one: orders-platform resync --new-board"
            )

    @repeated_when_lost
    def aim(self, customer: str) -> int:
        """Remember where a customer's rows are sent, and as what. Those sent under another mapping are NEW again; how many.

        Where an earlier version sent them, its FAILED rows get another try: what it refused for a cell is left out now. Raises
        `BoardMismatchError` when they were sent to another board.
        """
        self.require_board(customer)
        known = self._target_of(customer)
        if all(known.get(name) == value for name, value in self._target.items()):
            return 0
        compared = 0
        with self.writing(customer=customer, **self._target) as run:
            run("1_add_customer")
            for kind in RowKind:
                mapping = f"{kind}_mapping"
                if known.get(mapping) is None:
                    run("reset_failed", {"kind": kind}, code="")
                elif known[mapping] != self._target[mapping]:
                    compared += run("compare_again", {"kind": kind}).rowcount
            run("record_target")
        return compared

    def _target_of(self, customer: str) -> Mapping[str, Any]:
        return next((row for row in self.read("read_customers") if row["customer_name"] == customer), {})

    def compare_again(self, customer: str) -> int:
        """Have all rows of a customer compared with the board again, as if they had changed; how many."""
        return self._write("compare_again", *({"kind": kind} for kind in RowKind), customer=customer)

    @repeated_when_lost
    def start_over(self, customer: str) -> int:
        """Forget a customer's items and subitems, so that they are made on the board that is configured; how many orders.

        Raises `BoardMismatchError` when its rows were not sent to another board; made anew they would be there twice.
        """
        known = self._target_of(customer)
        boards = ("items_board_id", "subitems_board_id")
        if any(known.get(board) is None for board in boards) or all(known[board] == self._target[board] for board in boards):
            raise BoardMismatchError(
                f"The rows of {customer} were not sent to another board than {self._target['items_board_id']}, which the configuration "
                "names. Nothing was changed. Use --new-board after another board_id is configured; without it, resync compares every row."
            )
        with self.writing(customer=customer, **self._target) as run:
            run("1_add_customer")
            orders, _lines = [run("forget_ids", {"kind": kind}).rowcount for kind in RowKind]
            run("record_differences", differences=0, missing=0, is_whole=1)  # of the former board
            run("record_target")
        return orders

    def left_orders(self, customer: str) -> list[str]:
        """The orders that the load no longer has and whose items stay on the board, by key."""
        return [str(row["order_key"]) for row in self.read("read_left_orders", customer=customer)]

    # --- rows that are not on the board, and the verdict ----------------------------------------------------------------

    def invalid_rows(self, customer: str | None = None) -> list[RowProblem]:
        """Staged rows that the merge cannot take, and order files that were refused, of one customer or of all."""
        return read_as(RowProblem, self._rows_of_customer("read_invalid_rows", customer))

    def row_errors(self, customer: str | None = None) -> list[RowProblem]:
        return read_as(RowProblem, self._rows_of_customer("read_row_errors", customer))

    def cell_warnings(self, customer: str | None = None) -> list[CellWarning]:
        return read_as(CellWarning, self._rows_of_customer("read_cell_warnings", customer))

    def _rows_of_customer(self, statement: str, customer: str | None) -> Iterable[Row]:
        return (row for row in self.read(statement) if customer in {None, row["customer"]})

    def customers(self) -> list[str]:
        return sorted(str(row["customer_name"]) for row in self.read("1_read_order_customers"))

    def verdicts(
        self,
        customers: Iterable[str] | None = None,
        *,
        invalid: Sequence[RowProblem] | None = None,
        unmerged: Collection[str] = (),
        summaries: Sequence[CustomerSummary] | None = None,
    ) -> list[Verdict]:
        """The verdict on these customers, or on all that the database knows, by name, as of their last merges.

        `OrderMerge.assess` says with `invalid` and `unmerged` what the staging table has beyond these. `summaries` need not be read again.
        """
        stands = {each.customer: each for each in (self.summaries() if summaries is None else summaries)}
        acted, paused = self.guards(), self.paused()
        rows = self.invalid_rows() if invalid is None else invalid
        warnings = Counter(each.customer for each in self.cell_warnings())
        unmatched = self._unmatched({row.customer: row.rows for row in rows if row.code == UNKNOWN_CUSTOMER})
        known = {*stands, *unmerged, *(guard.customer for guard in acted)}
        known |= {row.customer for row in rows if row.code not in NOBODYS}
        return [
            Verdict.of(
                stands.get(name, CustomerSummary(name)), [row for row in rows if row.customer == name], warnings[name],
                unmatched=unmatched.get(name, 0), paused_at=paused.get(name), is_unmerged=name in unmerged,
                guards=tuple(guard for guard in acted if guard.customer == name and not guard.is_accepted),
            )
            for name in sorted(known if customers is None else customers)
        ]  # fmt: skip

    def _unmatched(self, labels: Mapping[str, int]) -> dict[str, int]:
        """How many rows with a blank customer the files of each customer hold, that nobody can be given."""
        found: Counter[str] = Counter()
        for row in self.read("read_files") if labels else ():
            found[str(row["customer_name"])] += labels.get(blank_label(str(row["file_name"])), 0)
        return found

    # --- checks ---------------------------------------------------------------------------------------------------------

    def _of_customers(
        self, statement: str, customers: Sequence[str], variables: Variables | None = None, **values: object
    ) -> list[Row]:
        return [row for names in chunks(customers) for row in self.read(statement, variables, customers=names, **values)]

    def duplicates(self, customers: Sequence[str]) -> list[Finding]:
        """Keys that several orders of a customer share, and items or subitems that several of our rows have as their own."""
        orders: dict[tuple[str, str], Row] = {}
        for names, keys in self._by_keys(customers):
            # Nearly no order shares its number, and a number is read sooner than a whole key.
            numbers: dict[str, list[str]] = {}
            for row in self._of_customers("check_numbers", names, keys):
                numbers.setdefault(folded_key(row["order_number"]), []).append(row["order_number"])
            for shared in chunks(sorted({each for same in numbers.values() if len(same) > 1 for each in same})):
                for each in self._of_customers("check_repeated_keys", names, keys, numbers=shared):
                    known = orders.setdefault((str(each["customer"]), folded_key(each.pop("full_key"))), each)
                    if known is not each:
                        known["rows"] += int(each["rows"])
        repeated = [row for row in orders.values() if row["rows"] > 1]
        return _findings(repeated + self._of_customers("check_repeated_ids", customers))

    def _by_keys(self, customers: Sequence[str]) -> list[tuple[list[str], Variables]]:
        """The customers by the columns that identify their orders, with the names of those."""
        found: dict[Keys, list[str]] = {}
        for customer in customers:
            found.setdefault(self.configuration.keys_of(customer), []).append(customer)
        return [(names, {"unique_keys": keys.unique, "extra_keys": keys.extra}) for keys, names in found.items()]

    def surplus_orders(self, customers: Sequence[str]) -> list[Finding]:
        """Order numbers with more orders than the load has rows of them; the load of the customers is merged."""
        found: list[Finding] = []
        for names, keys in self._by_keys(customers):
            rows: Counter[str] = Counter()
            for each in self.read("check_staged_numbers", keys):
                rows[folded_key(each["unique_key"])] += int(each["row_count"])
            orders: dict[str, Row] = {}
            for each in self._of_customers("check_order_numbers", names, keys):
                number = folded_key(each.pop("unique_key"))
                known = orders.setdefault(number, each | {"orders": 0, "rows": rows[number]})
                known["orders"] += int(each["orders"])
            found += _findings(row for row in orders.values() if row["orders"] > row["rows"])
        return found

    def wrong_totals(self, customers: Sequence[str]) -> list[Finding]:
        cancelled = self.configuration.cleaning.cancelled
        return _findings(self._of_customers("check_wrong_totals", customers, cancelled=cancelled))

    def wrong_totals_shares(self, customers: Sequence[str]) -> dict[str, float]:
        """Which share of the orders of each customer has a wrong total; only of customers with orders in the load."""
        found = self._of_customers("check_count_orders", customers, cancelled=self.configuration.cleaning.cancelled)
        return {str(row["customer"]): row["wrong"] / row["orders"] for row in found}

    def lines_without_order(self) -> list[Finding]:
        """Lines whose order is not there; of no customer that anybody knows."""
        return _findings(self.read("check_lines_without_order"))

    def stuck_rows(self, pending_before: datetime, new_before: datetime) -> list[Finding]:
        """Rows that were sent before the one moment and never answered, or wait since before the other; oldest first.

        Those of a customer that is paused wait because somebody wants it so.
        """
        paused, rows = self.paused(), self.read("check_stuck_rows", pending_before=pending_before, new_before=new_before)
        return _findings(row for row in rows if row["customer"] not in paused)

    # --- history and reports --------------------------------------------------------------------------------------------

    def history(self, term: str) -> list[RowHistory]:
        """What is known of an order number, or of the id of an item or subitem, one that was replaced included; orders first."""
        monday_id = int(term) if term.isdecimal() and len(term) < 19 else _NO_ID
        found = self._rows_of(term, monday_id, ())
        if not found and monday_id != _NO_ID:
            logged = self._batches("read_batches", pattern=f'%"{monday_id}"%', batch_id=None)
            refs = [ref for each in logged for ref, result in each.row_results.items() if str(monday_id) in {ref, result}]
            found = self._rows_of(term, monday_id, tuple(dict.fromkeys(refs)))
        if not found:  # databases fold plain letters alone
            column = self.configuration.keys.unique[0]
            alike = (each for each in self.values_of([column])[column] if fold(each) == fold(term))
            found = next((self._rows_of(each, _NO_ID, ()) for each in alike), [])
        return [
            replace(row, documents=tuple(self._batches("read_batches", pattern=f'%"{row.ref}"%', batch_id=row.batch_id)))
            for row in found
        ]

    def recent_events(self, customer: str) -> dict[str, list[OrderEvent]]:
        """What the customer's last batches did, by order key, the newest first."""
        batches = self._batches("read_batches_of_customer", customer=customer, most=_RECENT_BATCHES)
        refs = _uuids(list({ref for each in batches for ref in each.row_results}))
        rows = [row for some in chunks(refs, _REFS_A_STATEMENT) for row in self.read("read_orders_of_refs", refs=some)]
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
        orders = self.read("read_history_of_orders", term=term, prefix=prefix, monday_id=monday_id, refs=_uuids(refs))
        refs = [*refs, *(str(row["ref"]) for row in orders)]
        lines = self.read("read_history_of_lines", monday_id=monday_id, refs=_uuids(refs))
        found = [{"kind": kind, **row} for kind, rows in zip(RowKind, (orders, lines), strict=True) for row in rows]
        return read_as(RowHistory, [{"error": row["code"] and f"{row['code']}: {row['message']}", **row} for row in found])

    def _batches(self, statement: str, **values: object) -> list[LoggedBatch]:
        rows = self.read(statement, **values)
        return read_as(LoggedBatch, [row | {"row_results": json.loads(row["row_results"] or "{}")} for row in rows])

    def values_of(self, columns: Iterable[str]) -> dict[str, frozenset[str]]:
        """The different values that orders have in these columns, by column."""
        return {name: frozenset(str(row["found"]) for row in self.read("read_values", {"column": name})) for name in columns}

    def order_statuses(self, customer: str) -> list[OrderStatus]:
        """The customer's orders by group and key, as the view `v_order_sync_status` shows them."""
        return read_as(OrderStatus, self.read("read_order_status", customer=customer))

    def last_changes(self, customer: str) -> LastChanges | None:
        """What the last run that sent anything brought; None when none ever did."""
        for last in read_as(LastChanges, self.read("read_sending_runs", customer=customer)[:1]):
            changes = self.read("read_changes_of_run", customer=customer, run_id=last.run_id)
            return replace(last, orders=tuple(read_as(OrderChange, changes)))
        return None


_LOCK_LOST = "The lock between the two was lost: its file was removed, or its connection broke. The next run goes on."


def _is_written(result: RowResult, row: RowMapping | None, run_id: str) -> bool:
    """Whether a row holds a result of this run; NEW in place of its state where a merge wrote the row meanwhile."""
    if row is None or row["sync_run_id"] != run_id or row["sync_state"] not in {result.state, SyncState.NEW}:
        return False
    return result.monday_id == (None if row["monday_id"] is None else int(row["monday_id"]))


def _taken(kind: RowKind, lost: Sequence[SyncRow], asked: int, consequence: str) -> RowsTakenError:
    shown = few(sorted({row.order_key for row in lost}), _SHOWN)
    taken = f"Another run sent, changed or deleted {len(lost)} of {asked} {kind} (orders {shown}) since this one read them."
    return RowsTakenError(f"{taken} {consequence} {_LOCK_LOST}")


def _findings(rows: Iterable[Row]) -> list[Finding]:
    """Each column but `customer` is one of the table."""

    def shown(value: object) -> str | int | float:
        return value if isinstance(value, int | float) else text(value) or ""

    return [Finding(str(row.pop("customer", "")), {name: shown(value) for name, value in row.items()}) for row in rows]


def _uuids(refs: Sequence[str]) -> list[str]:
    """Never an empty list, and no group's title: SQL Server compares its UUIDs with UUIDs only."""
    return [ref for ref in refs if re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", ref)] or [_NO_UUID]


# --- between rows of the driver and values of ours, both ways ---------------------------------------------------------------


@cache
def _reader(kind: type[T]) -> tuple[TypeAdapter[list[T]], frozenset[str]]:
    texts = frozenset(field.name for field in fields(kind) if field.type in {str, "str"} and field.default is MISSING)  # type: ignore[arg-type]
    return TypeAdapter(list[kind], config=ConfigDict(coerce_numbers_to_str=True)), texts  # type: ignore[valid-type]


def read_as(kind: type[T], rows: Iterable[Mapping[str, object]]) -> list[T]:
    """Rows as values of a dataclass: a field is what the column of its name holds, as the field's type.

    For NULL it has its default, and a text that has none is empty.
    """
    adapter, texts = _reader(kind)  # type: ignore[arg-type]
    return adapter.validate_python(
        [
            {name: "" if value is None else value for name, value in row.items() if value is not None or name in texts}
            for row in rows
        ]
    )


def text(value: object) -> str | None:
    """A text, or None for NULL."""
    return None if value is None else str(value)


def moment(value: object) -> datetime | None:
    """A UTC moment: ISO text on SQLite, a datetime on SQL Server."""
    return value if isinstance(value, datetime) else None if value is None else datetime.fromisoformat(str(value))


_STATES, _ACTIONS = {str(each): each for each in SyncState}, {str(each): each for each in Action}


def sync_row(kind: RowKind, row: Sequence[Any], values: Mapping[str, object], subitem: str) -> SyncRow:
    """An order or a line as `read_orders` and `read_lines` find it. There are many: this takes a sixth of the time of `read_as`."""
    (
        ref, order_ref, order_key, name, state, action, monday_id, batch_id, pending_at, uptime, tries, last_code, version,
        size_code, group_name, group_id, parent_id, sent_parent_id, has_left,
    ) = row  # fmt: skip
    name = (name or "") if kind is RowKind.ITEMS else subitem_name(subitem, size_code)
    return SyncRow(
        kind, ref, order_ref, order_key or "", name, values, _STATES[state], _ACTIONS[action],
        None if monday_id is None else int(monday_id), batch_id, None if pending_at is None else moment(pending_at), uptime,
        int(tries or 0), last_code, int(version or 0), size_code, group_name or "", group_id,
        None if parent_id is None else int(parent_id), None if sent_parent_id is None else int(sent_parent_id), bool(has_left),
    )  # fmt: skip


def as_read(rows: Iterable[SyncRow]) -> dict[str, object]:
    """What a compare-and-set names of rows, numbered."""
    names = ("ref", "was_state", "was_batch", "was_sent", "was_tries", "was_action", "was_version")
    return numbered(names, ((row.ref, row.state.value, row.batch_id or "", row.pending_at or NEVER, row.tries, row.action.value,
                             row.version) for row in rows))  # fmt: skip


def as_found(results: Sequence[RowResult]) -> dict[str, object]:
    """The parameters of `record_results`, numbered by row."""
    names = ("state", "monday", "code", "message", "parent", "tried")
    return as_read(result.row for result in results) | numbered(names, (
        (each.state.value, each.monday_id, each.code, each.message and each.message[:1000], each.row.parent_id, int(each.was_tried))
        for each in results
    ))  # fmt: skip


def logged(report: BatchReport) -> dict[str, object]:
    """The parameters of `record_batch`."""
    outcomes = sorted({result.outcome.value for result in report.results.values()}) or [Outcome.NOT_SENT.value]
    results = {ref: result.monday_id or result.outcome.value for ref, result in report.results.items()}
    refusals = {ref: f"{result.code}: {result.message}" for ref, result in report.results.items() if result.code}
    trouble = report.error or (json.dumps(refusals, ensure_ascii=False) if refusals else None)
    return log_line(
        report.batch.key, report.batch.operation.value, results, report, len(report.batch.mutations),
        outcome=outcomes[0] if len(outcomes) == 1 else "partial", request_id=report.request_id, error_message=trouble and trouble[:1000],
    )  # fmt: skip


def log_line(
    batch_id: str, operation: str, results: Mapping[str, str] | None, asked: Traffic, row_count: int = 0, **more: object
) -> dict[str, object]:
    """The parameters of `record_batch` for what is no batch that was answered: reads, and rows that were found on the board."""
    return {
        "batch_id": batch_id, "operation": operation, "row_count": row_count, "call_count": asked.calls,
        "rate_limited_count": asked.rate_limited, "complexity": asked.complexity, "seconds": round(asked.seconds, 3), "outcome": "done",
        "request_id": None, "error_message": None, "row_results": None if results is None else json.dumps(results), **more,
    }  # fmt: skip
