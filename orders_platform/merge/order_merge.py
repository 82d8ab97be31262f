"""From the staging table to orders and lines: whose rows the load holds, and the three merges of a customer.

Each merge is one transaction. Its statements stand below in the order in which they run; each is a file of `sql/` that says what it does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache, cached_property, reduce
from operator import attrgetter, or_
from typing import Any

from orders_platform.configuration import Keys
from orders_platform.database import order_store
from orders_platform.database.engine import repeated_when_lost
from orders_platform.database.order_store import OrderStore, Row
from orders_platform.database.statements import Runner, Statements, chunks, write_rows
from orders_platform.domain import guards
from orders_platform.domain.customers import (
    TOTALS,
    UNKNOWN_CUSTOMER,
    UNMATCHED_NO_ORDER,
    CustomerRows,
    SpellingCount,
    StagingScan,
)
from orders_platform.domain.guards import Guard, GuardKind, HeaderMerge, LineMerge
from orders_platform.domain.needed_runs import CustomerSyncStatus
from orders_platform.domain.orders import RowProblem
from orders_platform.domain.verdicts import NO_ORDERS, Verdict
from orders_platform.errors import SourceDataError
from orders_platform.merge.cleaning import REASONS, Cleaner, KnownCells, beginning
from orders_platform.merge.merge_rules import MergeRules
from orders_platform.merge.row_matching import Change, Reject, StagedLoad, rehashed
from orders_platform.merge.staging import rarely_collected

_EXAMPLES = 3
_NAMES_A_READ = 100  # of customers; SQL Server takes 2,100 parameters, and the words of totals are many, for each column
_WHOLE_LIST = ""  # under which name the fingerprints have the one of the whole list

_OF_ROWS = ("order_key", "row_hash", "staged_hash", "group_name", "item_name")
"""What a row says besides its cells, in columns of the same names."""


class OrderMerge:
    """The merges into one order database; what a lost transaction ended is repeated.

    Every method raises `DatabaseUnavailableError`, `DatabaseRefusedError`, and `SourceDataError` where the staging table cannot be read
    safely; nothing was written then.
    """

    def __init__(self, store: OrderStore) -> None:
        self.database = store.database
        self._store = store
        self._configuration = store.configuration
        self._schema = store.schema
        self._statements_of: dict[Keys, Statements] = {}
        self._known_cells: dict[Sequence[str], list[KnownCells]] = {}
        self._require_rights = cache(self._schema.require_daily_rights)

    @cached_property
    def rules(self) -> MergeRules:
        """The merge rules, read from the catalogue at first use."""
        return MergeRules(self._configuration, self._schema, self.database.dialect.types)

    def _statements_for(self, customer: str) -> Statements:
        """The statements with this customer's keys; made once for these, since the context of 400 columns takes milliseconds."""
        keys = self._configuration.keys_of(customer)
        if keys not in self._statements_of:
            self._statements_of[keys] = Statements(self._store.templates, self.rules.context(customer))
        return self._statements_of[keys]

    # --- the load -------------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def scan_staging(self) -> StagingScan:
        """Whose rows the staging table holds."""
        return self._configuration.customer_names.scan(self.staged_counts())

    def staged_counts(self) -> list[SpellingCount]:
        """How many rows the staging table holds of each spelling of a customer and file."""
        text, statements = order_store.text, self._statements_for("")
        is_configured = self._configuration.customer_names.is_configured

        def group(row: Row) -> tuple[str | None, ...]:
            """SQL Server takes texts for the same that differ in spaces at their ends, and shows one of them."""
            return tuple(value and value.rstrip(" ") for value in (text(row["spelling"]), text(row["file_name"])))

        found = self._store.read("0_scan_staging", None, statements)
        # What is no text is found under none: it may be an order.
        unsure = [row for row in found if isinstance(row["spelling"], str | None) and not is_configured(row["spelling"])]
        with_orders = {
            group(row)
            for spellings in chunks(sorted({row["spelling"] or "" for row in unsure}), _NAMES_A_READ)
            for row in self._store.read("0_scan_orders", None, statements, spellings=spellings, totals=sorted(TOTALS))
        }
        without = {(row["spelling"], row["file_name"]) for row in unsure if group(row) not in with_orders}
        return [
            SpellingCount(text(spelling), text(file), rows, has_orders=(spelling, file) not in without)
            for spelling, file, rows in map(dict.values, found)
        ]

    def assess(self, customers: Collection[str] | None = None) -> tuple[list[Verdict], list[RowProblem]]:
        """The verdict on these customers, or on all, and the invalid rows of all, as the staging table is now.

        What it has that is not merged yet is told, but not looked at. Reads it twice.
        """
        scan = self.scan_staging()
        loads, merges = self._load_fingerprints(scan), self._merges()
        unmerged = {each.customer for each in self._sync_statuses(scan, loads, merges) if each.is_unmerged}
        recorded, labels = self._store.invalid_rows(), {UNKNOWN_CUSTOMER, UNMATCHED_NO_ORDER}
        keys = {label: _unmatched_key(label) for label in scan.unmatched_by_label}
        known = {label for label, key in keys.items() if key in merges and merges[key]["fingerprint"] == loads.get(key)}
        invalid = [row for row in recorded if row.code not in labels or row.customer in known]
        for entry in (entry for entry in scan.unmatched if entry.label not in known):
            code = UNKNOWN_CUSTOMER if entry.has_orders else UNMATCHED_NO_ORDER
            invalid.append(RowProblem(entry.label, "", "", code, entry.reason, entry.rows))
        return self._store.verdicts(customers, invalid=invalid, unmerged=unmerged), invalid

    def _merges(self) -> dict[str, Row]:
        """The last merge of each customer, and of rows of nobody by their key."""
        return {str(row["customer_name"]): row for row in self._store.read("read_merges")}

    def sync_statuses(self) -> list[CustomerSyncStatus]:
        """Where every customer stands that the load or the order table has, by name. Reads the whole staging table twice."""
        scan = self.scan_staging()
        return self._sync_statuses(scan, self._load_fingerprints(scan), self._merges())

    def _sync_statuses(
        self, scan: StagingScan, loads: Mapping[str, str], merges: Mapping[str, Row]
    ) -> list[CustomerSyncStatus]:
        waiting: Counter[str] = Counter()
        for row in self._store.read("count_waiting"):
            waiting[str(row["customer_name"])] += int(row["row_count"])
        paused, known, found = self._store.paused(), self._store.customers(), []
        resolved = {name: self._configuration.customer_names.resolve(name) for name in known}
        renamed = {customer for name, customer in resolved.items() if customer != name}
        for name in sorted({*scan.customers, *known}):
            status = CustomerSyncStatus(name, loads.get(name), waiting=waiting[name], is_paused=name in paused)
            if merge := merges.get(name):
                others = f":{_others(name, loads, merges)}" if merge["unsettled_orders"] else ""
                status = _merged(replace(status, load=status.load and status.load + others), merge)
            found.append(replace(status, is_whole=status.is_whole and name not in renamed))
        return found

    def present(self) -> list[str]:
        """The customers that the load or the order table has, by name."""
        return sorted({*self.scan_staging().customers, *self._store.customers()})

    def _load_fingerprints(self, scan: StagingScan) -> dict[str, str]:
        """The content of each customer's load, of the rows of nobody by their key, and of the whole list, as merges record it."""
        parts: dict[str, list[str]] = {_WHOLE_LIST: []}
        for row in self._store.read("0_fingerprint_loads", None, self._statements_for("")):
            spelling, file = order_store.text(row["spelling"]), order_store.text(row["file_name"])
            owner = scan.owner_of(spelling, file) or _unmatched_key(SpellingCount(spelling, file, 0).label)
            for name in (owner, _WHOLE_LIST):
                parts.setdefault(name, []).append(str(row["fingerprint"]))
        add = self.database.dialect.add_fingerprints
        return {name: f"{self.rules.configuration_hash(name)}:{add(found)}" for name, found in parts.items()}

    def _fingerprint(self, customer: str, row_hashes: Sequence[str]) -> str:
        """The same for one customer, out of the hashes of the rows."""
        return f"{self.rules.configuration_hash(customer)}:{self.database.dialect.fingerprint(row_hashes)}"

    def _merged_load(self, run: Runner, customer: str, scan: StagingScan) -> str:
        """The fingerprint of another customer's load; empty where it is not the one that was merged last."""
        selection = _selection(scan.customers.get(customer, CustomerRows.of([])))
        rows = Runner(self._statements_for(customer), run.connection, selection)("1_read_row_hashes").all()
        load, known = (
            self._fingerprint(customer, [row[0] for row in rows]),
            run("1_read_customer", customer=customer).mappings().first(),
        )
        return load if known and str(known["fingerprint"]).startswith(load) else ""

    def _row_hashes(self, customer: str, rows: CustomerRows) -> Sequence[Sequence[Any]]:
        """The hash of each row of a customer's load first, and where it is last."""
        with self.database.read() as connection:
            return Runner(self._statements_for(customer), connection, _selection(rows))("1_read_row_hashes").all()

    def _last_merge(self, key: str) -> Row | None:
        return next(iter(self._store.read("1_read_customer", customer=key)), None)

    # --- rows that match no customer, customers that have no rows ---------------------------------------------------------

    @repeated_when_lost
    def record_scan(self, scan: StagingScan, now: datetime) -> None:
        """Record what the staging table has of nobody, and of whom it has nothing. Unchanged: no write.

        The rows that match no customer are listed among the rejects. The last load of a customer of which there is no row is forgotten, so
        that its rows are merged when they come back; if it has orders it is guarded until then.
        """
        self._record_unmatched(scan, now)
        orders = {each.customer: each.orders for each in self._store.summaries()}
        recorded: dict[str, list[Guard]] = {name: [] for name in orders}
        for guard in self._store.guards():
            recorded.setdefault(guard.customer, []).append(guard)
        merged = {
            name for name, merge in self._merges().items() if merge["fingerprint"] and not name.startswith(_unmatched_key(""))
        }
        for name in merged:
            recorded.setdefault(name, [])
        for name, known in sorted(recorded.items()):
            if {name, self._configuration.customer_names.resolve(name)} & scan.customers.keys():
                continue
            kept = [guard for guard in known if guard.kind is not GuardKind.VANISHED_ORDERS]
            if orders.get(name):
                kept.append(guards.vanished_orders(name, orders[name], orders[name], []))
            if kept != known or name in merged:
                self._record_guards(name, kept, forgets_at=now)

    def _record_unmatched(self, scan: StagingScan, now: datetime) -> None:
        unmatched = scan.unmatched_by_label
        for label, (rows, reason) in unmatched.items():
            self._reject_unmatched(label, rows, reason, now)
        recorded = [str(row["customer_name"]) for row in self._store.read("0_read_unmatched", code=UNKNOWN_CUSTOMER)]
        gone = [label for label in recorded if label not in unmatched]
        if gone:
            with self._store.writing(now=now, code=UNKNOWN_CUSTOMER) as run:
                run("0_resolve_unmatched", labels=gone)
                run("0_forget_loads", keys=[_unmatched_key(label) for label in gone])

    def _reject_unmatched(self, label: str, rows: CustomerRows, reason: str, now: datetime) -> None:
        key = _unmatched_key(label)
        fingerprint = self._fingerprint(label, [row[0] for row in self._row_hashes(label, rows)])
        known = self._last_merge(key)
        if known and known["fingerprint"] == fingerprint:
            return
        with self._header_transaction(label, key, rows, now) as run:
            load = StagedLoad(run, self._cleaner(label), is_known=False)
            for row in load.rows:
                is_order = row.reject_code not in NO_ORDERS
                row.reject_code, row.reason = (UNKNOWN_CUSTOMER, reason) if is_order else (UNMATCHED_NO_ORDER, row.reason)
            self._record_rejects(run, load, self._read_rejects(run))
            run("1_record_merge", customer=key, fingerprint=fingerprint, rows_read=len(load.staged), missing_orders=0, missing_kept=0,
                row_hash_rule=None, unsettled=0, compares_lines=0)  # fmt: skip

    # --- the three merges -----------------------------------------------------------------------------------------------

    @repeated_when_lost
    @rarely_collected()
    def merge_headers(self, customer: str, scan: StagingScan, now: datetime, accept: Collection[GuardKind] = ()) -> HeaderMerge:
        """Merge a customer's staged rows into the orders, unless the load is the one that was merged last.

        A guard of a kind in `accept` does not act. Where one blocks, nothing is merged and only the guard is recorded.

        Raises `SourceDataError`: the staging table has none, and `accept` does not say that its orders may vanish: nothing is removed then.
        """
        rows = scan.customers.get(customer, CustomerRows.of([]))
        if not rows.rows and GuardKind.VANISHED_ORDERS not in accept:
            raise SourceDataError(
                f"{self._configuration.tables.staging} holds no row of customer {customer!r}. Nothing was changed and nothing removed. "
                "Check the load, the spelling, and the customer's aliases in [customers]."
            )
        known, names = self._last_merge(customer), self._configuration.customer_names
        former = sorted(name for name in self._store.customers() if name != customer and names.resolve(name) == customer)
        staged = self._row_hashes(customer, rows) if known else ()
        fingerprint = self._fingerprint(customer, [row[0] for row in staged])
        others = ""
        if known and known["unsettled_orders"]:
            others = _others(customer, self._load_fingerprints(scan), self._merges())
            fingerprint = f"{fingerprint}:{others}"
        recorded = guards.read(customer, known["guards"] if known else None)
        # The same load is merged again where orders were deleted behind our back: they come back, and find their items.
        is_same = known and known["fingerprint"] == fingerprint and known["orders_now"] == known["order_count"] and not former
        if known and is_same and not (
            GuardKind.VANISHED_ORDERS in accept and any(guard.kind is GuardKind.VANISHED_ORDERS for guard in recorded)
        ):  # fmt: skip
            # A load with emptied columns was another one: it was never merged.
            kept = tuple(guard for guard in recorded if guard.kind is not GuardKind.EMPTIED_COLUMNS)
            if kept != recorded:
                self._record_guards(customer, kept)
            unsettled = int(known["unsettled_orders"] or 0)
            return HeaderMerge(
                known["rows_read"], missing=known["missing_orders"], guards=kept, was_unchanged=True, unsettled=unsettled
            )
        try:
            return self._merge_rows(customer, rows, scan, now, accept, known, former, staged, others)
        except _GuardBlocks as blocked:  # nothing else of the transaction stays, a new name of the customer neither
            self._record_guards(customer, blocked.merge.guards)
            return blocked.merge

    def _merge_rows(
        self, customer: str, rows: CustomerRows, scan: StagingScan, now: datetime, accept: Collection[GuardKind], known: Row | None,
        former: Sequence[str], staged: Sequence[Sequence[Any]], others: str,
    ) -> HeaderMerge:  # fmt: skip
        rule, configuration = self.rules.row_hash_rule(customer), self.rules.configuration_hash(customer)
        is_configured_so = known is not None and str(known["fingerprint"]).startswith(f"{configuration}:")
        # A run that was started before a customer was renamed, or before an order came from it, may be sending.
        with ExitStack() as locks, self._header_transaction(customer, customer, rows, now) as run:

            def hold(name: str) -> None:
                locks.enter_context(self.database.customer_lock(name))

            for name in former:
                hold(name)
            self._rename(run, former)
            cleaner, rejects = self._cleaner(customer), self._read_rejects(run)
            if not known or known["row_hash_rule"] != rule:
                self._write(run, ["record_uuid", "row_hash"], rehashed(run, cleaner, rejects))
            load = StagedLoad(run, cleaner, staged)
            rows_read = len(load.staged)
            load.judge_shared_keys()
            load.match(customer, scan, self._configuration.customer_names)
            changes, shown = load.compare()
            acted = tuple(guard for guard in self._load_guards(customer, load, shown) if guard.kind not in accept)
            copies, rejected = (
                rows_read - load.settled.total() - len(load.rows),
                sum(bool(row.reject_code) for row in load.rows),
            )
            if any(guard.blocks for guard in acted):
                raise _GuardBlocks(HeaderMerge(rows_read, rejected=rejected, copies=copies, guards=acted))
            run("record_guards", guards=guards.written(acted), forget_load=0)
            load.take_over(hold, lambda name: self._merged_load(run, name, scan))
            self._update(run, changes, load)
            created = self._insert(run, load)
            missing = [order.ref for order in load.missing]
            removed = 0 if acted else self._remove(run, missing)
            self._record_rejects(run, load, rejects)
            fingerprint = self._fingerprint(customer, load.staged)
            number = run.values["merge_number"]
            if (
                known
                and str(known["fingerprint"]).startswith(fingerprint)
                and not (created or changes or removed or load.arrived)
            ):
                number = known["merge_number"]  # nothing that concerns another customer
            fingerprint += f":{others}" if load.unsettled else ""
            run("1_record_merge", merge_number=number, fingerprint=fingerprint, rows_read=rows_read, missing_orders=len(missing),
                row_hash_rule=rule, missing_kept=int(bool(acted and missing)), unsettled=load.unsettled,
                compares_lines=int(not is_configured_so))  # fmt: skip
        counts = (rows_read, created, len(changes), rejected, copies, len(missing), removed)
        return HeaderMerge(*counts, acted, unsettled=load.unsettled)

    def _update(self, run: Runner, changes: Sequence[Change], load: StagedLoad) -> None:
        """Write what changed of known orders, the columns that did so alone; the sizes of those that were away are compared again."""
        written: dict[tuple[int, ...], list[Sequence[object]]] = {}
        for change in (*changes, *load.moved_sources()):
            places = tuple(sorted(change.cells))
            if places:
                written.setdefault(places, []).append([change.row.ref, *(change.cells[i] for i in places)])
        for places, rows in written.items():
            self._write(run, ["record_uuid", *(self._quoted[i] for i in places)], rows)
        self._write(run, ["record_uuid", "staged_hash", "order_key"], load.read_anew())
        changed = [change.row for change in changes]
        found = [(row.ref, row.order_key, row.row_hash, row.group_name, row.item_name) for row in changed]
        write_rows(run, "1_update_orders", ("ref", "key", "hash", "group", "item"), found)
        for refs in chunks([ref for ref, *_ in found if ref in load.left]):
            run("1_compare_lines", refs=refs)

    def _write(self, run: Runner, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        if written := list(rows):
            self.database.dialect.update_rows(run.connection, self._schema.table("orders"), columns, written)

    def _insert(self, run: Runner, load: StagedLoad) -> int:
        """Write the orders that are new, each under a record_uuid of its own for ever; how many."""
        now, count = run.values["now"], 0
        ours = {"merge_number": run.values["merge_number"], "sync_state": "NEW", "action_type": "INSERT", "retry_count": 0,
                "created_at": now, "updated_at": now}  # fmt: skip
        for batch in load.new():
            places = sorted(set[int]().union(*(cells for _, cells in batch)))
            columns = [*(self._quoted[i] for i in places), *_OF_ROWS, *ours]
            rows = ([*map(cells.get, places), *attrgetter(*_OF_ROWS)(row), *ours.values()] for row, cells in batch)
            table = self._schema.table("orders")
            count += self.database.dialect.insert_rows(run.connection, table, columns, rows, uuid="record_uuid")
        return count

    def _remove(self, run: Runner, missing: Sequence[str]) -> int:
        archives = int(self._configuration.policies.removed_orders == "archive")
        removed = sum(run("1_mark_removed", refs=refs, archives=archives).rowcount for refs in chunks(missing))
        if removed:
            run("1_end_unsent_lines")
        return removed

    def _rename(self, run: Runner, former: Sequence[str]) -> None:
        """Give the customer the orders that it had under other canonical names."""
        if former:
            run("1_rename_customer", former=former)
            run("1_rename_record", former=former)
            run("1_resolve_former_rejects", former=former)
            run("2_clear_staged_lines", customers=former)
            run("0_forget_loads", keys=former)

    def _load_guards(self, customer: str, load: StagedLoad, shown: Mapping[tuple[int, int], int]) -> Iterator[Guard]:
        """What guards see in a load before anything of it is written."""
        rules = self._configuration.guard_rules
        titles = [" or ".join(sources) for sources in self.rules.watched] + ["all sizes"]
        filled, emptied = Counter[int](), Counter[int]()
        lost = reduce(or_, (before & ~after for before, after in shown), 0)
        for i in (i for i in range(len(titles)) if lost >> i & 1):
            for (before, after), count in shown.items():
                filled[i] += count * (before >> i & 1)
                emptied[i] += count * ((before & ~after) >> i & 1)
        rule = rules[GuardKind.EMPTIED_COLUMNS]
        columns = [(title, emptied[i], filled[i]) for i, title in enumerate(titles) if rule.acts(emptied[i], filled[i])]
        if columns:
            yield guards.emptied_columns(customer, columns)
        gone = [order.order_key for order in load.missing if not order.has_left]
        known = load.settled.total() + sum(not order.has_left for order in load.known.values())
        if rules[GuardKind.VANISHED_ORDERS].acts(len(gone), known):
            yield guards.vanished_orders(customer, len(gone), known, gone[:_EXAMPLES])

    def _record_guards(self, customer: str, acted: Iterable[Guard], *, forgets_at: datetime | None = None) -> None:
        with self._customer_transaction(customer) as run:
            run("1_add_customer")
            run("record_guards", guards=guards.written(acted), forget_load=int(forgets_at is not None))
            if forgets_at:
                run("1_resolve_rejects", now=forgets_at)

    @repeated_when_lost
    def unpivot_sizes(self, customer: str) -> int:
        """Stage the lines of the orders that changed since their lines were last merged; their number."""
        numbers = _merge_numbers(self._require_merged(customer))
        if numbers["sizes_number"] == numbers["merge_number"]:
            return 0
        sizes = [column for column in self.rules.business if column.kind == "quantity"]
        codes = {f"size_code_{column.position}": self._configuration.sizes.size_code(column.name) for column in sizes}
        values = {"cancelled": self._configuration.cleaning.cancelled, **numbers, **codes}
        with self._customer_transaction(customer, self._statements_for(customer), **values) as run:
            run("2_clear_staged_lines", customers=[customer])
            staged = run("2_unpivot_sizes").rowcount
            run("2_record_sizes")
        return staged

    @repeated_when_lost
    def merge_lines(self, customer: str, now: datetime, accept: Collection[GuardKind] = ()) -> LineMerge:
        """Merge the staged lines of a customer, and look whether its totals match its sizes. A guard of a kind in `accept` does not act.

        Raises `SourceDataError`: the sizes were not unpivoted after the last merge of the orders.
        """
        known = self._require_merged(customer)
        numbers, recorded = _merge_numbers(known), guards.read(customer, known["guards"])
        if numbers["lines_number"] == numbers["merge_number"]:
            kept = guards.accepted(recorded, accept)
            if kept != recorded:
                self._record_guards(customer, kept)
            return LineMerge(guards=kept)
        if numbers["sizes_number"] != numbers["merge_number"]:
            older = f"The sizes of {customer!r} are older than its orders."
            raise SourceDataError(f"{older} Materialise order_sizes before order_lines.")
        sizes, archives = self._configuration.sizes, self._configuration.policies.removed_lines == "archive"
        values = {
            "now": now, "archives": int(archives), "one_size_code": sizes.one_size_code,
            "one_size_columns": list(sizes.one_size_columns), **numbers,
        }  # fmt: skip
        with self._customer_transaction(customer, **values) as run:
            removed = run("3_drop_unsent_lines").rowcount + run("3_end_gone_lines").rowcount
            updated = run("3_update_lines").rowcount
            created = run("3_insert_lines").rowcount  # last: the others look at each line that is there
            run("3_record_lines")
            run("2_clear_staged_lines", customers=[customer])
            others = (guard for guard in recorded if guard.kind is not GuardKind.WRONG_TOTALS)
            kept = guards.accepted((*others, *self._total_guards(run, customer)), accept)
            if kept != recorded:
                run("record_guards", guards=guards.written(kept), forget_load=0)
        return LineMerge(created, updated, removed, kept)

    def _total_guards(self, run: Runner, customer: str) -> Iterator[Guard]:
        cancelled = self._configuration.cleaning.cancelled
        of_customer = {"customers": [customer], "cancelled": cancelled}
        for _, orders, wrong in run("check_count_orders", **of_customer).all():
            if self._configuration.guard_rules[GuardKind.WRONG_TOTALS].acts(wrong, orders):
                with run("check_wrong_totals", **of_customer) as found:
                    some = found.fetchmany(_EXAMPLES)
                examples = sorted(f"{key}: total {total}, sizes {sizes}" for _, key, total, sizes in some)
                yield guards.wrong_totals(customer, wrong, orders, examples)

    def require_unique_keys(self, customer: str) -> None:
        """Refuse to send where two orders would overwrite each other on the board.

        Raises `SourceDataError`: two of the customer's orders share every key column, or two of its rows an item or subitem.
        """
        shared = self._store.duplicates([customer])
        if shared:
            first = shared[0].details
            example = f"the {first['what']} {first['shared']} by {first['rows']} rows"
            raise SourceDataError(
                f"{len(shared)} keys or board ids of {customer} are shared, for example {example}. Nothing was sent. Look at ORDER_LIST_V2 "
                "and ORDER_LIST_LINES: rows were added or changed by hand."
            )

    def _require_merged(self, customer: str) -> Row:
        known = self._last_merge(customer)
        if known is None:
            raise SourceDataError(f"The orders of {customer!r} were never merged. Materialise order_headers first.")
        return known

    # --- what merges share ----------------------------------------------------------------------------------------------

    @contextmanager
    def _customer_transaction(
        self, customer: str, statements: Statements | None = None, /, **values: object
    ) -> Iterator[Runner]:
        """A transaction in which other merges of the customer wait; runs its statements."""
        self._require_rights()
        with self._store.writing(statements, customer=customer, **values) as run:
            self.database.dialect.lock_merge(run.connection, customer)
            yield run

    @contextmanager
    def _header_transaction(self, customer: str, key: str, rows: CustomerRows, now: datetime) -> Iterator[Runner]:
        """The same for a merge of headers that is recorded under `key`."""
        with self._customer_transaction(key, self._statements_for(customer), now=now, **_selection(rows)) as run:
            run("1_add_customer")
            number = int(run("1_read_customer").mappings().one()["merge_number"]) + 1
            yield replace(run, values={**run.values, "customer": customer, "merge_number": number})

    def _cleaner(self, customer: str) -> Cleaner:
        kept = self._known_cells.setdefault(tuple(self.rules.bookkeeping(customer)), [])
        return Cleaner(self._configuration, self.rules, self.database.dialect, customer, kept)

    @cached_property
    def _quoted(self) -> Sequence[str]:
        """The business columns."""
        return [str(self.database.dialect.quote(column.name)) for column in self.rules.business]

    @staticmethod
    def _read_rejects(run: Runner) -> Mapping[Reject, str]:
        return {(row_hash, size, code): text or "" for row_hash, size, code, text in run("1_read_rejects")}

    def _record_rejects(self, run: Runner, load: StagedLoad, recorded: Collection[Reject]) -> None:
        """Rows that cannot be sent, with the reason, identical ones once with their number; and cells that were left out, or cut."""
        found: dict[Reject, tuple[object, ...]] = {}
        for row in load.rows:
            if row.reject_code:
                key = row.row_hash, "", row.reject_code
                found[key] = beginning(row.reason, 1_000), load.counts[row.row_hash], row.order_key, None
            else:
                for code, column, text in row.bad_cells:
                    found[row.row_hash, column, code] = REASONS[code], 1, row.order_key, beginning(text, 1_000)
        run("1_resolve_rejects")
        again = [(*key, *values[:3]) for key, values in found.items() if key in recorded]
        write_rows(run, "1_refresh_rejects", ("hash", "size", "code", "reason", "count", "key"), again)
        columns = ["customer_name", "row_hash", "size_code", "reject_code", "reason", "row_count", "order_key", "cell_text",
                   "first_seen_at", "last_seen_at"]  # fmt: skip
        customer, now = run.values["customer"], run.values["now"]
        new = [(customer, *key, *values, now, now) for key, values in found.items() if key not in recorded]
        self.database.dialect.insert_rows(run.connection, self._schema.table("rejects"), columns, new)


class _GuardBlocks(Exception):
    """Ends a merge, with what it would say of itself."""

    def __init__(self, merge: HeaderMerge) -> None:
        super().__init__()
        self.merge = merge


def _others(customer: str, loads: Mapping[str, str], merges: Mapping[str, Row]) -> str:
    """What a customer's orders may wait for: the rows of the whole list, and the merges of the other customers that changed anything.

    A customer with such orders is merged again when this is another value than before its last merge.
    """
    merged = sum(int(merge["merge_number"]) for name, merge in merges.items() if name != customer)
    return f"{loads[_WHOLE_LIST].rpartition(':')[2][:20]}:{merged}"


def _merge_numbers(merge: Row) -> dict[str, int]:
    """How far each step of a customer's merge has come."""
    return {name: int(merge[name]) for name in ("merge_number", "sizes_number", "lines_number")}


def _selection(rows: CustomerRows) -> Mapping[str, object]:
    return {
        "spellings": list(rows.spellings), "blank_spellings": list(rows.blank_spellings), "files": list(rows.files),
        "no_file": int(rows.takes_rows_without_file),
    }  # fmt: skip


def _unmatched_key(label: str) -> str:
    """Under which name the customer table remembers what unmatched rows looked like."""
    return f"({UNKNOWN_CUSTOMER}) {label}"


def _merged(status: CustomerSyncStatus, merge: Row) -> CustomerSyncStatus:
    """With the customer's last merge."""
    is_whole = len(set(_merge_numbers(merge).values())) == 1 and merge["orders_now"] == merge["order_count"]
    return replace(
        status,
        merged=order_store.text(merge["fingerprint"]),
        rows=int(merge["rows_read"]),
        is_whole=is_whole,
        merged_at=order_store.moment(merge["merged_at"]),
    )
