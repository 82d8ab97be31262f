"""From the staging table to orders and lines: whose rows the load holds, and the three merges of a customer.

Each merge is one transaction. Its statements stand below in the order in which they run; each is a file of `sql/` that says what it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, RowMapping

from orders_platform.database import conversion
from orders_platform.database.engine import repeated_when_lost
from orders_platform.database.order_store import OrderStore
from orders_platform.database.queries import Queries
from orders_platform.database.statements import WORK_TABLES, Runner, Statements, write_rows
from orders_platform.domain import guards
from orders_platform.domain.cell_texts import meaning
from orders_platform.domain.customers import UNKNOWN_CUSTOMER, CustomerRows, SpellingCount, StagingScan
from orders_platform.domain.guards import Guard, GuardKind
from orders_platform.domain.matching import plain_key
from orders_platform.domain.merges import HeaderMerge, LineMerge
from orders_platform.domain.names import MAX_NAME
from orders_platform.domain.needed_runs import CustomerSyncStatus
from orders_platform.errors import SourceDataError
from orders_platform.merge.merge_rules import MergeRules
from orders_platform.merge.row_matching import find_moves, judge_shared_keys, match_rows, take_over

_EXAMPLES = 3


class OrderMerge:
    """The merges into one order database; what a lost transaction ended is repeated.

    Every method raises `DatabaseUnavailableError`, `DatabaseRefusedError`, and `SourceDataError` where the staging table cannot be read
    safely; nothing was written then.
    """

    def __init__(self, store: OrderStore) -> None:
        self.database = store.database
        self._store = store
        self._queries = Queries(store)
        self._configuration = store.configuration
        self._schema = store.schema
        self._templates = store.templates
        self._statements = Statements(store.templates)
        self._statements_of: dict[str, Statements] = {}

    @cached_property
    def rules(self) -> MergeRules:
        """The merge rules, read from the catalogue at first use, when the login's rights are looked at as well."""
        self._schema.require_daily_rights()
        return MergeRules(self._configuration, self._schema, self.database.dialect.types)

    def _statements_for(self, customer: str) -> Statements:
        """The statements with this customer's keys; made once, since the context of 400 columns takes milliseconds."""
        if customer not in self._statements_of:
            self._statements_of[customer] = Statements(self._templates, self.rules.context(customer))
        return self._statements_of[customer]

    def _read(self, statement: str, statements: Statements | None = None, /, **values: object) -> Sequence[RowMapping]:
        with self.database.read() as connection:
            return (statements or self._statements).runner(connection, values)(statement).mappings().all()

    # --- the load -------------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def scan_staging(self) -> StagingScan:
        """Whose rows the staging table holds."""
        counts = [
            SpellingCount(
                conversion.text(row["spelling"]),
                conversion.text(row["file_name"]),
                int(row["row_count"]),
                has_orders=row["order_count"] > 0,
            )
            for row in self._read("0_scan_staging", self._statements_for(""))
        ]
        return self._configuration.customer_names.scan(counts)

    def require_columns(self, connection: Connection, columns: Collection[str]) -> None:
        """Refuse staged rows, in the transaction that holds them, without columns in which their orders have values: they would be cleared.

        Raises:
            SourceDataError: names each column and how many orders have it.
        """
        shown = {name for sources in self.rules.watched for name in sources} | set(self.rules.sizes)
        absent = [column.name for column in self.rules.business if column.name in shown - set(columns)]
        if not absent:
            return
        key = self._configuration.keys.unique[0]
        statements = Statements(self._templates, {"absent": absent, "key_column": key})
        counts = statements.runner(connection, {})("0_count_absent").mappings().one()
        lost = {name: int(counts[f"orders_{i}"] or 0) for i, name in enumerate(absent)}
        named = [f"{name} ({count} orders have it)" for name, count in lost.items() if count]
        if named:
            columns_word = "column" if len(named) == 1 else "columns"
            raise SourceDataError(
                f"The load lacks {len(named)} {columns_word} that its orders had: {', '.join(named)}. Nothing was loaded. "
                "Add what is missing to the file, or clear it everywhere: orders-platform load --accept-missing"
            )

    def sync_statuses(self) -> list[CustomerSyncStatus]:
        """Where every customer stands that the load or the order table has, by name. Reads the whole staging table once."""
        scan = self.scan_staging()
        loads = self._load_fingerprints(scan)
        merges = {str(row["customer_name"]): row for row in self._read("read_merges")}
        waiting: Counter[str] = Counter()
        for row in self._read("count_waiting"):
            waiting[str(row["customer_name"])] += int(row["row_count"])
        names = sorted({*scan.customers, *self._queries.customers()})
        return [_sync_status(name, loads.get(name), merges.get(name), waiting[name]) for name in names]

    def present(self) -> list[str]:
        """The customers that the load or the order table has, by name."""
        return sorted({*self.scan_staging().customers, *self._queries.customers()})

    def _load_fingerprints(self, scan: StagingScan) -> dict[str, str]:
        """The content of each customer's load, as its merge records it."""
        parts: dict[str, list[str]] = {}
        for row in self._read("0_fingerprint_loads", self._statements_for("")):
            owner = scan.owner_of(conversion.text(row["spelling"]), conversion.text(row["file_name"]))
            if owner is not None:
                parts.setdefault(owner, []).append(str(row["fingerprint"]))
        add = self.database.dialect.add_fingerprints
        return {name: f"{self.rules.configuration_hash(name)}:{add(found)}" for name, found in parts.items()}

    def _load_fingerprint(self, customer: str, rows: CustomerRows) -> str:
        """The same for one customer."""
        (row,) = self._read("1_fingerprint_load", self._statements_for(customer), **_selection(rows))
        return f"{self.rules.configuration_hash(customer)}:{row['fingerprint']}"

    def _last_merge(self, key: str) -> RowMapping | None:
        return next(iter(self._read("1_read_customer", customer=key)), None)

    # --- rows that match no customer, customers that have no rows ---------------------------------------------------------

    @repeated_when_lost
    def record_scan(self, scan: StagingScan, now: datetime) -> None:
        """Record what the staging table has of nobody, and of whom it has nothing. Unchanged: no write.

        The rows that match no customer are listed among the rejects. A customer with orders of which there is no row is guarded, and its
        last load forgotten: when its rows come back they are merged, and the guard goes.
        """
        self._record_unmatched(scan, now)
        self._guard_absent(scan)

    def _guard_absent(self, scan: StagingScan) -> None:
        orders = {each.customer: each.orders for each in self._store.summaries()}
        recorded: dict[str, list[Guard]] = {name: [] for name in orders}
        for guard in self._store.guards():
            recorded.setdefault(guard.customer, []).append(guard)
        for name, known in recorded.items():
            if {name, self._configuration.customer_names.resolve(name)} & scan.customers.keys():
                continue
            kept = [guard for guard in known if guard.kind is not GuardKind.VANISHED_ORDERS]
            if orders.get(name):
                kept.append(guards.vanished_orders(name, orders[name], orders[name], []))
            if kept != known:
                self._record_guards(name, kept, forget_load=True)

    def _record_unmatched(self, scan: StagingScan, now: datetime) -> None:
        unmatched = scan.unmatched_by_label
        for label, (rows, reason) in unmatched.items():
            self._reject_unmatched(label, rows, reason, now)
        recorded = [str(row["customer_name"]) for row in self._read("0_read_unmatched", code=UNKNOWN_CUSTOMER)]
        gone = [label for label in recorded if label not in unmatched]
        if gone:
            with self.database.write() as connection:
                run = self._statements.runner(connection, {"now": self.database.timestamp(now), "code": UNKNOWN_CUSTOMER})
                run("0_resolve_unmatched", labels=gone)
                run("0_forget_loads", keys=[_unmatched_key(label) for label in gone])

    def _reject_unmatched(self, label: str, rows: CustomerRows, reason: str, now: datetime) -> None:
        key = _unmatched_key(label)
        fingerprint = self._load_fingerprint(label, rows)
        known = self._last_merge(key)
        if known and known["fingerprint"] == fingerprint:
            return
        with self._header_transaction(label, key, rows, now) as run:
            self._clean(run)
            run("1_judge_orders")
            run("0_reject_unmatched", code=UNKNOWN_CUSTOMER, reason=reason)
            run("1_mark_copies")
            self._record_rejects(run)
            rows_read = run("1_count_merge").mappings().one()["rows_read"]
            run("1_record_merge", customer=key, fingerprint=fingerprint, rows_read=rows_read, missing_orders=0, missing_kept=0,
                row_hash_rule=None, unsettled=0)  # fmt: skip

    # --- the three merges -----------------------------------------------------------------------------------------------

    @repeated_when_lost
    def merge_headers(self, customer: str, scan: StagingScan, now: datetime, accept: Collection[GuardKind] = ()) -> HeaderMerge:
        """Merge a customer's staged rows into the orders, unless the load is the one that was merged last.

        A guard of a kind in `accept` does not act. Where one blocks, nothing is merged and only the guard is recorded.

        Raises:
            SourceDataError: the staging table has none, and `accept` does not say that its orders may vanish: nothing is removed then.
        """
        rows = scan.customers.get(customer, CustomerRows.of([]))
        if not rows.rows and GuardKind.VANISHED_ORDERS not in accept:
            raise SourceDataError(
                f"{self._configuration.tables.staging} holds no row of customer {customer!r}. Nothing was changed and nothing removed. "
                "Check the load, the spelling, and the customer's aliases in [customers]."
            )
        fingerprint = self._load_fingerprint(customer, rows)
        known = self._last_merge(customer)
        recorded = guards.read(customer, known["guards"] if known else None)
        # The same load is merged again where orders were deleted behind our back: they come back, and find their items.
        is_same = known and known["fingerprint"] == fingerprint and known["orders_now"] == known["order_count"]
        if known and is_same and not known["unsettled_orders"] and not (
            GuardKind.VANISHED_ORDERS in accept and any(guard.kind is GuardKind.VANISHED_ORDERS for guard in recorded)
        ):  # fmt: skip
            # A load with emptied columns was another one: it was never merged.
            kept = tuple(guard for guard in recorded if guard.kind is not GuardKind.EMPTIED_COLUMNS)
            if kept != recorded:
                self._record_guards(customer, kept)
            return HeaderMerge(known["rows_read"], missing=known["missing_orders"], guards=kept, was_unchanged=True)
        policies, keys = self._configuration.policies, self._configuration.keys_of(customer)
        row_hash_rule = self.rules.row_hash_rule(customer)
        names = self._configuration.customer_names
        former = sorted(name for name in self._queries.customers() if name != customer and names.resolve(name) == customer)
        # A run that was started before a customer was renamed, or before an order came from it, may be sending.
        with ExitStack() as locks, self._header_transaction(customer, customer, rows, now) as run:

            def hold(name: str) -> None:
                locks.enter_context(self.database.customer_lock(name))

            for name in former:
                hold(name)
            self._rename(run, former)
            if known and known["row_hash_rule"] != row_hash_rule:
                run("1_rehash_orders")
            self._clean(run)
            run("1_judge_orders")
            run("1_mark_copies")
            judge_shared_keys(run, len(keys.unique + keys.extra), self.rules.other_columns(customer))
            self._read_known_orders(run)
            match_rows(run)
            moves = find_moves(run, customer, scan)
            found = {name: int(count) for name, count in run("1_count_merge").mappings().one().items()}
            acted = tuple(guard for guard in self._load_guards(run, customer, found) if guard.kind not in accept)
            run("record_guards", guards=guards.written(acted), forget_load=0)
            if any(guard.blocks for guard in acted):
                return HeaderMerge(found["rows_read"], rejected=found["rejected"], copies=found["copies"], guards=acted)
            take_over(run, moves, hold)
            updated = self._update(run, customer)
            created = run("1_insert_orders").rowcount
            removed, refused = 0, bool(acted)
            if found["missing"] and not refused:
                removed = run("1_mark_removed", archives=int(policies.removed_orders == "archive")).rowcount
            if removed:
                run("1_end_unsent_lines")
            self._record_rejects(run)
            run("1_record_merge", fingerprint=fingerprint, rows_read=found["rows_read"], missing_orders=found["missing"],
                missing_kept=int(refused), row_hash_rule=row_hash_rule, unsettled=moves.unsettled)  # fmt: skip
        return HeaderMerge(
            found["rows_read"], created, updated, found["rejected"], found["copies"], found["missing"], removed, acted,
            unsettled=moves.unsettled,
        )  # fmt: skip

    def _update(self, run: Runner, customer: str) -> int:
        """Write what is changed of known orders; how many are to be sent for it."""
        updated = run("1_update_orders").rowcount
        if self.rules.bookkeeping(customer):
            run("1_update_sources")
        return updated

    def _rename(self, run: Runner, former: Sequence[str]) -> None:
        """Give the customer the orders that it had under other canonical names."""
        if former:
            run("1_rename_customer", former=former)
            run("1_resolve_former_rejects", former=former)
            run("2_clear_staged_lines", customers=former)
            run("0_forget_loads", keys=former)

    def _load_guards(self, run: Runner, customer: str, found: Mapping[str, int]) -> Iterator[Guard]:
        """What guards see in a load before anything of it is written."""
        rules = self._configuration.guard_rules
        counts = run("1_count_emptied", cancelled=self._configuration.cleaning.cancelled).mappings().one()
        titles = [" or ".join(sources) for sources in self.rules.watched] + ["all sizes"]
        columns = [(title, int(counts[f"emptied_{i}"] or 0), int(counts[f"filled_{i}"] or 0)) for i, title in enumerate(titles)]
        emptied = [each for each in columns if rules[GuardKind.EMPTIED_COLUMNS].acts(*each[1:])]
        if emptied:
            yield guards.emptied_columns(customer, emptied)
        if rules[GuardKind.VANISHED_ORDERS].acts(found["newly_missing"], found["known"]):
            examples = [str(row["order_key"]) for row in run("1_read_missing_orders").mappings().all()[:_EXAMPLES]]
            yield guards.vanished_orders(customer, found["newly_missing"], found["known"], examples)

    def _record_guards(self, customer: str, acted: Iterable[Guard], *, forget_load: bool = False) -> None:
        with self.database.write() as connection:
            run = self._statements.runner(connection, {"customer": customer})
            run("1_add_customer")
            run("record_guards", guards=guards.written(acted), forget_load=int(forget_load))

    @repeated_when_lost
    def unpivot_sizes(self, customer: str) -> int:
        """Stage the lines of the orders that changed since their lines were last merged; their number."""
        numbers = _merge_numbers(self._require_merged(customer))
        if numbers["sizes_number"] == numbers["merge_number"]:
            return 0
        with self.database.write() as connection:
            values = {
                "customer": customer,
                "cancelled": self._configuration.cleaning.cancelled,
                **numbers,
                **self.rules.parameters,
            }
            run = self._statements_for(customer).runner(connection, values)
            run("2_clear_staged_lines", customers=[customer])
            staged = run("2_unpivot_sizes").rowcount
            run("2_record_sizes")
        return staged

    @repeated_when_lost
    def merge_lines(self, customer: str, now: datetime, accept: Collection[GuardKind] = ()) -> LineMerge:
        """Merge the staged lines of a customer, and look whether its totals match its sizes. A guard of a kind in `accept` does not act.

        Raises:
            SourceDataError: the sizes were not unpivoted after the last merge of the orders.
        """
        known = self._require_merged(customer)
        numbers, recorded = _merge_numbers(known), guards.read(customer, known["guards"])
        if numbers["lines_number"] == numbers["merge_number"]:
            kept = guards.accepted(recorded, accept)
            if kept != recorded:
                self._record_guards(customer, kept)
            return LineMerge(guards=kept)
        if numbers["sizes_number"] != numbers["merge_number"]:
            raise SourceDataError(
                f"The sizes of {customer!r} are older than its orders. Materialise order_sizes before order_lines."
            )
        sizes, archives = self._configuration.sizes, self._configuration.policies.removed_lines == "archive"
        values = {
            "customer": customer, "now": self.database.timestamp(now), "archives": int(archives), "one_size_code": sizes.one_size_code,
            "one_size_columns": list(sizes.one_size_columns), **numbers,
        }  # fmt: skip
        with self.database.write() as connection:
            run = self._statements.runner(connection, values)
            updated = run("3_update_lines").rowcount
            created = run("3_insert_lines").rowcount
            removed = run("3_drop_unsent_lines").rowcount + run("3_end_gone_lines").rowcount
            run("3_record_lines")
            kept = (
                *(guard for guard in recorded if guard.kind is not GuardKind.WRONG_TOTALS),
                *self._total_guards(run, customer),
            )
            kept = guards.accepted(kept, accept)
            if kept != recorded:
                run("record_guards", guards=guards.written(kept), forget_load=0)
        return LineMerge(created, updated, removed, kept)

    def _total_guards(self, run: Runner, customer: str) -> Iterator[Guard]:
        wrong = (
            run("check_wrong_totals", customers=[customer], cancelled=self._configuration.cleaning.cancelled).mappings().all()
        )
        counted = run("check_count_orders", customers=[customer]).mappings().first()
        orders = int(counted["row_count"]) if counted else 0
        if self._configuration.guard_rules[GuardKind.WRONG_TOTALS].acts(len(wrong), orders):
            examples = [f"{row['order']}: total {row['total']}, sizes {row['sizes']}" for row in wrong[:_EXAMPLES]]
            yield guards.wrong_totals(customer, len(wrong), orders, examples)

    def require_unique_keys(self, customer: str) -> None:
        """Refuse to send where two orders would overwrite each other on the board.

        Raises:
            SourceDataError: two of the customer's orders share every key column, or two of its rows an item or subitem.
        """
        shared = self._queries.duplicates([customer])
        if shared:
            first = shared[0].details
            example = f"the {first['what']} {first['shared']} by {first['rows']} rows"
            raise SourceDataError(
                f"{len(shared)} keys or board ids of {customer} are shared, for example {example}. Nothing was sent. Look at ORDER_LIST_V2 "
                "and ORDER_LIST_LINES: rows were added or changed by hand."
            )

    def _require_merged(self, customer: str) -> RowMapping:
        known = self._last_merge(customer)
        if known is None:
            raise SourceDataError(f"The orders of {customer!r} were never merged. Materialise order_headers first.")
        return known

    # --- what header merges share ---------------------------------------------------------------------------------------

    @contextmanager
    def _header_transaction(self, customer: str, key: str, rows: CustomerRows, now: datetime) -> Iterator[Runner]:
        """A transaction with empty work tables, in which other merges under the same key wait; runs its statements."""
        statements = self._statements_for(customer)
        values = {
            "customer": customer, "now": self.database.timestamp(now), "max_name": MAX_NAME, "ellipsis": "…", **_selection(rows),
            **self.rules.parameters,
        }  # fmt: skip
        with self.database.write() as connection:
            self.database.dialect.lock_merge(connection, key)
            prepare = statements.runner(connection, values)
            prepare("1_add_customer", customer=key)
            number = int(prepare("1_read_customer", customer=key).mappings().one()["merge_number"]) + 1
            tables = WORK_TABLES if self.database.dialect.reads_cells else WORK_TABLES[1:]
            for table in tables:
                prepare("1_drop_work_table", {"work_table": table})
                prepare(f"1_create_{table}")
            yield statements.runner(connection, {**values, "merge_number": number})
            for table in tables:
                prepare("1_drop_work_table", {"work_table": table})

    def _clean(self, run: Runner) -> None:
        if self.database.dialect.reads_cells:
            run("1_read_cells")
            read_odd_cells(run, self.rules)
        run("1_clean_orders")
        run("1_identify_orders")
        run("1_shorten_names")

    def _read_known_orders(self, run: Runner) -> None:
        run("1_read_known_orders")
        found = [(str(row["record_uuid"]), *(plain_key(str(row[key])) for key in ("full_key", "unique_key")))
                 for row in run("1_read_odd_keys").mappings().all()]  # fmt: skip
        write_rows(run, "1_replace_keys", ("ref", "full", "unique"), found)

    def _record_rejects(self, run: Runner) -> None:
        run("1_resolve_rejects")
        run("1_refresh_rejects")
        run("1_record_rejected_rows")
        run("1_record_cell_warnings")


def _merge_numbers(merge: RowMapping) -> dict[str, int]:
    """How far each step of a customer's merge has come."""
    return {name: int(merge[name]) for name in ("merge_number", "sizes_number", "lines_number")}


def _selection(rows: CustomerRows) -> Mapping[str, object]:
    return {
        "spellings": list(rows.spellings), "blank_spellings": list(rows.blank_spellings), "files": list(rows.files),
        "no_file": int(rows.takes_rows_without_file),
    }  # fmt: skip


def read_odd_cells(run: Runner, rules: MergeRules) -> None:
    """Give each cell of the work table that is not plain its meaning, as SQLite does row by row."""
    columns = {column.position: column for column in rules.business}
    found: dict[str, list[tuple[str, str | None]]] = {}
    for row in run("1_read_odd_cells").mappings().all():
        column, cell = columns[int(row["position"])], str(row["cell"])
        shown = meaning(column.reader, cell, rules.null_words[column.words])
        if shown != cell:
            found.setdefault(column.name, []).append((cell, shown))
    for name, pairs in found.items():
        write_rows(run, "1_replace_cells", ("raw", "meaning"), pairs, name)


def _unmatched_key(label: str) -> str:
    """Under which name the customer table remembers what unmatched rows looked like."""
    return f"({UNKNOWN_CUSTOMER}) {label}"


def _sync_status(customer: str, load: str | None, merge: RowMapping | None, waiting: int) -> CustomerSyncStatus:
    if merge is None:
        return CustomerSyncStatus(customer, load, waiting=waiting)
    is_whole = len(set(_merge_numbers(merge).values())) == 1 and merge["orders_now"] == merge["order_count"]
    return CustomerSyncStatus(customer, load, conversion.text(merge["fingerprint"]), is_whole, waiting, int(merge["orders_now"]),
                              conversion.moment(merge["merged_at"]))  # fmt: skip
