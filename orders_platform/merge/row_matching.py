"""A customer's staged rows beside its known orders: which row is a copy, which is no order, and which order each of the others is."""

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from operator import attrgetter
from typing import Any, TypeVar

from orders_platform.database.statements import VALUES_A_STATEMENT, Runner, chunks
from orders_platform.domain.customers import CustomerNames, StagingScan
from orders_platform.domain.matching import KeyedRow, Leftover, Pair, by_number, pairs_of, verdicts_on
from orders_platform.domain.moves import Candidates, NumbersElsewhere, OrderElsewhere
from orders_platform.domain.text import fold
from orders_platform.merge.cleaning import BadCell, Cleaner, StagedOrder, clean_number, key_of, written

UNSURE_CUSTOMER = "unsure_customer"  # the code of a row that may be one of several customers' orders
_ROWS_A_READ = 500  # wide rows that are in memory at once; SQL Server takes 2,100 parameters
Cells = dict[int, object]
Reject = tuple[str, str, str]
"""What is rejected: the hash of its row, the column of a cell or nothing for the row, and the code."""

Staged = Sequence[Any]  # a row as it is read: its hash first
# The id of an order, which columns it shows, and its keys and names as `kept_hash` takes them.
Settled = tuple[Any, str, bytes | str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order of the customer, as far as a merge has to know it: `StagedOrder` says what its attributes are."""

    ref: str
    order_number: str | None
    order_key: str
    full_key: str
    unique_key: str
    row_hash: str | None
    group_name: str | None
    item_name: str | None
    bookkeeping: tuple[str | None, ...]
    has_left: bool
    has_item: bool
    staged_hash: str | None

    @property
    def leftover(self) -> Leftover:
        """Of equally alike ones an order that is on the board comes first."""
        return Leftover(self.ref, self.unique_key, self.full_key, (-self.has_item, self.full_key, self.ref))


@dataclass(frozen=True, slots=True)
class Change:
    """What an order has of a row that it did not have: cells by position, None where it becomes blank."""

    row: StagedOrder
    cells: Cells


class StagedLoad:
    """The rows of one merge, which are copies of none.

    An order whose row stands in the load as it was merged is settled, and no more than counted, unless another row or order has its number:
    which row is which order is a matter of those with the same number alone.

    Attributes:
        rows: those that are not settled.
        counts: how many of them have a hash.
        known: the customer's orders by `ref`, without settled ones and those that went to another customer.
        settled: how many settled orders show which columns, as in `StagedOrder.shown`.
        unsettled: orders and rows whose customer cannot be told yet.
        arrived: orders that come from other customers, by customer.
        left: orders that were not in the last load.
        staged: the hashes of all rows.
    """

    def __init__(self, run: Runner, cleaner: Cleaner, staged: Sequence[Staged] = (), *, is_known: bool = True) -> None:
        """`staged` are the load's rows, each its hash and its place; none where no order can keep a hash yet."""
        self._run = run
        self._cleaner = cleaner
        self.counts: Counter[str] = Counter()
        self.unsettled = 0
        self.arrived: dict[str, list[str]] = {}
        self._returned: set[str] = set()  # those of them that had left the load
        self.known: dict[str, KnownOrder] = {}
        self.left: set[str] = set()
        self._same: dict[tuple[str | None, ...], str] = {}
        settled = self._settle({row[0] for row in staged}) if is_known else {}
        self.staged: list[str] = []
        self.rows = list(self._read_rows(staged, settled))
        self._unsettle(settled)
        self.settled = Counter[int]()
        for columns, number in Counter(columns for _, columns, _ in settled.values()).items():
            self.settled[int(columns, 16)] += number

    def _settle(self, present: Container[str]) -> dict[str, Settled]:
        """The orders that may be settled, by the hash of their row; the others become known."""
        settled: dict[str, Settled] = {}
        others, kept_hash = [], self._cleaner.kept_hash
        for ref, staged_hash, names in self._run("1_read_kept_hashes").all():
            row_hash, shown, kept = _parts(staged_hash)
            # It has the key and the names that a merge under this configuration gave it.
            if row_hash in present and row_hash not in settled and kept == kept_hash(names):
                settled[row_hash] = ref, shown, names
            else:
                others.append(ref)
        self._know(others)
        return settled

    def _know(self, refs: Sequence[Any]) -> list[KnownOrder]:
        """Read orders that are no settled ones."""
        read = self._run
        return [self._keep(order) for chunk in chunks(refs) for order in read("1_read_known_orders", refs=chunk).all()]

    def _keep(self, order: Sequence[Any]) -> KnownOrder:
        ref, order_key, row_hash, group, item, has_left, has_item, staged_hash, *cells = order
        keys, unique = len(self._cleaner.keys), self._cleaner.unique_count
        full_key = key_of(cells[:keys])
        known = KnownOrder(
            str(ref), written(cells[0]), order_key or "", full_key, full_key if keys == unique else key_of(cells[:unique]), row_hash,
            group, item, tuple(map(written, cells[keys:])), bool(has_left), bool(has_item), staged_hash,
        )  # fmt: skip
        self.known[known.ref] = known
        if has_left:
            self.left.add(known.ref)
        else:
            self._same[full_key, row_hash, group, item] = known.ref
        return known

    def _read_rows(self, staged: Sequence[Staged], settled: Container[str]) -> Iterator[StagedOrder]:
        """Those that differ from each other, and are of no settled order; what is read of these is counted."""
        numbers = count(1)
        for batch in self._batches(staged, settled):
            columns = self._cleaner.dialect.filled_columns([row[1:] for row in batch])
            for row in self._cleaner.clean({number: row[0] for row, number in zip(batch, numbers, strict=False)}, columns):
                self.counts[row.row_hash] += 1
                if self.counts[row.row_hash] == 1:
                    if self._same_as(row):
                        row.cells = None
                    yield row

    def _batches(self, staged: Sequence[Staged], settled: Container[str]) -> Iterator[Sequence[Staged]]:
        """The rows of no settled order, each with its hash and its cells. Where such rows changed since they were read, all are read."""
        unknown = [row for row in staged if row[0] not in settled]
        if staged and len(unknown) <= VALUES_A_STATEMENT:
            places = [row[-1] for row in unknown]
            found = list(chain.from_iterable(self._read_staged(1, places))) if unknown else []
            if sorted(row[0] for row in found) == sorted(row[0] for row in unknown):
                self.staged = [row[0] for row in staged]
                yield found
                return
        for batch in self._read_staged(0):
            self.staged += [row[0] for row in batch]
            yield [row for row in batch if row[0] not in settled]

    def _read_staged(self, is_some: int, places: Sequence[object] = ()) -> Iterator[list[Staged]]:
        for batch in self._run("1_read_staged_rows", {"is_some": is_some}, places=places).partitions(_ROWS_A_READ):
            yield list(map(self._cleaner.dialect.staged_row, batch))

    def _unsettle(self, settled: dict[str, Settled]) -> None:
        """Take those orders out whose row has gone since, or whose number another row or order has."""
        copies = Counter(filter(settled.__contains__, self.staged))
        self._know([settled.pop(row_hash)[0] for row_hash in settled.keys() - copies.keys()])
        numbers = {row.unique_key for row in self.rows} | {order.unique_key for order in self.known.values()}
        unique = self._cleaner.unique_count
        shared = [row_hash for row_hash, (*_, names) in settled.items() if clean_number(names, unique) in numbers]
        known = sorted(self._know([settled.pop(row_hash)[0] for row_hash in shared]), key=attrgetter("ref"))
        merged = [_as_merged(number, order) for number, order in enumerate(known, len(self.staged) + 1)]
        for row, order in zip(merged, known, strict=True):
            self.counts[row.row_hash] += copies[_parts(order.staged_hash)[0]]
        different: dict[str, StagedOrder] = {}
        # Of rows that differ in where they come from alone an order keeps the one that it has.
        for row in (*merged, *self.rows):
            different.setdefault(row.row_hash, row)
        self.rows = list(different.values())

    def _same_as(self, row: StagedOrder) -> str | None:
        """The order that has the cells and names of a row already, and is in the load."""
        return self._same.get((row.full_key, row.row_hash, row.group_name, row.item_name))

    def _cells_of(self, rows: Sequence[StagedOrder]) -> Mapping[int, Cells]:
        """The cells of rows by number; an order has those that were dropped."""
        found = {row.number: row.cells for row in rows if row.cells is not None}
        dropped = {self._same_as(row): row for row in rows if row.cells is None}
        for ref, cells in _stored(self._run, self._cleaner, [ref for ref in dropped if ref]):
            row = dropped[ref]
            found[row.number] = cells | dict(zip(self._cleaner.bookkeeping, row.bookkeeping, strict=True))
        return found

    def _others(self, cells: Cells) -> tuple[str | None, ...]:
        """What a row or an order holds besides its keys, for comparing."""
        return tuple(written(cells.get(i)) for i in self._cleaner.others)

    # --- copies and collisions ------------------------------------------------------------------------------------------

    def judge_shared_keys(self) -> None:
        """Of the rows that share all key columns: drop the copies, and refuse the others with what they differ in."""
        sharing: dict[str, list[StagedOrder]] = {}
        for row in self.rows:
            if not row.reject_code:
                sharing.setdefault(row.full_key, []).append(row)
        verdicts: dict[int, str] = {}
        columns = [self._cleaner.names[i] for i in self._cleaner.others] + ["unreadable cells"]
        for batch in _batches([rows] for rows in sharing.values() if len(rows) > 1):
            cells = self._cells_of([row for (rows,) in batch for row in rows])
            for (rows,) in batch:
                keyed = (self._keyed(row, cells[row.number]) for row in sorted(rows, key=lambda row: row.row_hash))
                verdicts |= verdicts_on(keyed, columns)
        for row in self.rows:
            if verdicts.get(row.number):
                row.reject_code, row.reason = "duplicate_key", verdicts[row.number]
        self.rows = [row for row in self.rows if verdicts.get(row.number) != ""]

    def _keyed(self, row: StagedOrder, cells: Cells) -> KeyedRow:
        bad = ", ".join(f"{column}: {text}" for _, column, text in row.bad_cells) or None
        keys = tuple(written(cells.get(i)) or "" for i in self._cleaner.keys)
        return KeyedRow(row.number, keys, written(cells.get(self._cleaner.file_at)) or "", (*self._others(cells), bad))

    # --- which order a row is -------------------------------------------------------------------------------------------

    def match(self, customer: str, scan: StagingScan, names: CustomerNames) -> None:
        """Find the order of every row that is one.

        First among the customer's orders that were in the last load, then among those that other customers lose in this one, and only then
        among those that left: what a customer loses it leaves to the other, which must not take an older order instead.
        """
        self._match_own(has_left=False)
        elsewhere = self._find_moves(customer, scan, names)
        self.unsettled += self._match_arrivals(elsewhere, elsewhere.candidates)
        self._match_own(has_left=True)
        live = {ref for refs in self.arrived.values() for ref in refs}
        self._match_arrivals(elsewhere, elsewhere.returning)
        self._returned = {ref for refs in self.arrived.values() for ref in refs} - live

    def _match_own(self, *, has_left: bool) -> None:
        self._match_full_keys([order for order in self.known.values() if order.has_left is has_left])
        orders = by_number(order.leftover for order in self.missing if order.has_left is has_left)
        rows = by_number(_leftover(row) for row in self._of_orders if row.ref is None and row.unique_key in orders)
        self._pair(self._pair_leftovers(rows, orders))

    def _match_full_keys(self, orders: Iterable[KnownOrder]) -> None:
        """An order is the one with the same key columns, all of them; of several the one with the same hash.

        A rejected row holds its order too, where no other row has its key; of several rejected ones the first.
        """
        by_key: dict[str, list[KnownOrder]] = {}
        for order in orders:
            by_key.setdefault(order.full_key, []).append(order)
        for row in sorted(self._of_orders, key=lambda row: bool(row.reject_code)):
            found = by_key.pop(row.full_key, None)
            if found and row.ref is None:
                row.ref = min(found, key=lambda order: (order.row_hash != row.row_hash, order.ref)).ref

    @property
    def _of_orders(self) -> list[StagedOrder]:
        """The rows that may be orders: one that was made of a row of totals, by an earlier version, has left the list."""
        return [row for row in self.rows if row.reject_code != "total"]

    @property
    def missing(self) -> list[KnownOrder]:
        """The orders that no row is, by key."""
        taken = {row.ref for row in self.rows}
        found = (order for order in self.known.values() if order.ref not in taken)
        return sorted(found, key=lambda order: (order.order_key, order.ref))

    def _pair_leftovers(
        self, rows: Mapping[str, Sequence[Leftover]], orders: Mapping[str, Sequence[Leftover]]
    ) -> Iterator[Pair]:
        """The pairs of every order number, those of a number the most alike first; reads the cells of those only that leave a choice."""
        both = [(rows[number], orders[number]) for number in rows if number in orders]
        yield from ((each[0][0], each[1][0]) for each in both if len(each[0]) == len(each[1]) == 1)
        for batch in _batches(each for each in both if len(each[0]) + len(each[1]) > 2):
            yield from self._pairs_of_batch(batch)

    def _pairs_of_batch(self, batch: Sequence[Sequence[Sequence[Leftover]]]) -> Iterator[Pair]:
        few = [both for both in batch if sum(map(len, both)) <= _ROWS_A_READ]
        numbers = {int(each.ref) for rows, _ in few for each in rows}
        of_rows = self._cells_of([row for row in self.rows if row.number in numbers])
        cells = {str(number): self._others(found) for number, found in of_rows.items()}
        refs = [each.ref for _, orders in few for each in orders]
        cells |= {ref: self._others(found) for ref, found in _stored(self._run, self._cleaner, refs)}
        for rows, orders in batch:
            yield from pairs_of(rows, orders, cells)

    def _pair(self, pairs: Iterable[Pair]) -> None:
        found = {int(row.ref): order.ref for row, order in pairs}
        for row in self.rows if found else ():
            row.ref = found.get(row.number, row.ref)

    # --- a corrected customer -------------------------------------------------------------------------------------------

    @property
    def _unmatched(self) -> list[StagedOrder]:
        return [row for row in self.rows if row.ref is None and not row.reject_code]

    def _find_moves(self, customer: str, scan: StagingScan, names: CustomerNames) -> NumbersElsewhere:
        """Let those orders alone that went to other customers; what these have of the numbers that are left over."""
        gone = [order for order in self.missing if not order.has_left]
        missing = by_number(Leftover(order.ref, order.unique_key, "", (order.ref,)) for order in gone)
        found = {order.order_number for order in gone} | {row.order_number for row in self._unmatched}
        sought = sorted({fold(each) for each in found if each is not None})
        elsewhere = self._numbers_elsewhere(customer, scan, names, missing, sought)
        # Of a customer without a row somebody has said that its orders left; another's merge takes them over then.
        is_loaded = customer in scan.customers
        moved = [orders for number, orders in missing.items() if is_loaded and elsewhere.arrives(number)]
        moving = [order.ref for orders in moved for order in orders]
        for ref in moving:
            del self.known[ref]
        self.unsettled = len(moving)
        return elsewhere

    def _numbers_elsewhere(
        self, customer: str, scan: StagingScan, names: CustomerNames, missing: Collection[str], sought: Sequence[str]
    ) -> NumbersElsewhere:
        keys, unique = len(self._cleaner.keys), self._cleaner.unique_count
        orders: dict[str, list[OrderElsewhere]] = {}
        for chunk in chunks(sought):
            for ref, owner, has_left, has_item, *cells in self._run("1_read_orders_elsewhere", numbers=chunk):
                key, number = key_of(cells[:keys]), key_of(cells[:unique])
                order = Leftover(str(ref), number, key, (-has_item, key, str(ref)))
                owner = names.resolve(owner) or str(owner)  # it may be kept under a former name
                orders.setdefault(number, []).append(OrderElsewhere(order, owner, has_left=bool(has_left)))
                self.left |= {order.ref} if has_left else set()
        rows: dict[str, dict[str | None, set[str]]] = {}
        for chunk in chunks(sorted({*missing, *orders})):
            for spelling, file, *cells in self._run("1_read_staged_numbers", numbers=chunk):
                holder = scan.owner_of(written(spelling), written(file))
                if holder != customer:
                    cells = self._cleaner.key_cells(cells)
                    rows.setdefault(key_of(cells[:unique]), {}).setdefault(holder, set()).add(key_of(cells[:keys]))
        return NumbersElsewhere(orders, rows, scan.customers)

    def _match_arrivals(self, elsewhere: NumbersElsewhere, candidates: Callable[[str, Sequence[Leftover]], Candidates]) -> int:
        """Find the orders of other customers that new rows are; how many cannot be told to be any, and are rejected for it."""
        unsure = 0
        by_ref = {str(row.number): row for row in self._unmatched if row.unique_key in elsewhere.orders}
        for number, rows in by_number(map(_leftover, by_ref.values())).items():
            found = candidates(number, rows)
            if found.reason:
                unsure += len(rows)
                for each in rows:
                    by_ref[each.ref].reject_code, by_ref[each.ref].reason = UNSURE_CUSTOMER, found.reason
            elif found.orders:
                moved = list(self._pair_leftovers({number: rows}, {number: found.orders}))[: found.most]
                self.arrived.setdefault(found.customer, []).extend(order.ref for _, order in moved)
                self._pair(moved)
        return unsure

    def take_over(self, hold: Callable[[str], None], merged_load: Callable[[str], str]) -> None:
        """Make the orders that came from other customers this one's.

        `hold` holds another customer until the merge has ended, and raises `CustomerBusyError` when a run is at work on it. One whose
        load is not the one that was merged last (`merged_load` is empty) is merged again in any case: it may get that one back.
        """
        for customer in sorted(self.arrived):
            hold(customer)
        loads = {customer: merged_load(customer) for customer in self.arrived}  # before anything of these is written
        for customer, orders in sorted(self.arrived.items()):
            counts = {"taken": len(orders), "live": len(orders) - len(self._returned.intersection(orders))}
            self._run("1_release_orders", former=customer, load=loads[customer], **counts)
            for refs in chunks(orders):
                self._run("1_take_orders", refs=refs)
                self._run("2_clear_lines_of_orders", former=customer, refs=refs)

    # --- what changed ---------------------------------------------------------------------------------------------------

    def new(self) -> Iterator[list[tuple[StagedOrder, Cells]]]:
        """The rows that become orders, with their cells; those with the same sizes together, so that few columns are written for them."""
        new = self._unmatched
        new.sort(key=lambda row: [i for i in row.cells or () if i in self._cleaner.sizes])
        for chunk in chunks(new, _ROWS_A_READ):
            cells = self._cells_of(chunk)
            yield [(row, cells[row.number]) for row in chunk]

    def _taken(self) -> Iterator[tuple[str, StagedOrder]]:
        """The rows that are orders, with these."""
        return ((row.ref, row) for row in self.rows if row.ref is not None and not row.reject_code)

    def compare(self) -> tuple[list[Change], Counter[tuple[int, int]]]:
        """The orders that changed, with their cells that did; and how many live orders showed which columns before and do so now."""
        shown = Counter({(columns, columns): count for columns, count in self.settled.items()})
        changed: dict[str, StagedOrder] = {}
        for ref, row in self._taken():
            if self._same_as(row) == ref:
                shown[row.shown, row.shown] += 1
            else:
                changed[ref] = row
        return list(self._changes(changed, shown)), shown

    def _changes(self, changed: Mapping[str, StagedOrder], shown: Counter[tuple[int, int]]) -> Iterator[Change]:
        for ref, before in _stored(self._run, self._cleaner, list(changed)):
            row = changed[ref]
            after = before if row.cells is None else row.cells
            if ref not in self.left:
                sizes = self._cleaner.sizes_bit if row.is_cancelled else 0  # a cancelled order loses its sizes rightly
                shown[self._cleaner.shown(before), row.shown | sizes] += 1
            cells = {i: cell for i, cell in after.items() if written(before.get(i)) != written(cell)}
            cells |= dict.fromkeys(before.keys() - after.keys())
            row.cells = None
            yield Change(row, cells)

    def read_anew(self) -> Iterator[tuple[str, str | None, str]]:
        """The orders whose rows read otherwise than those that they were merged from, with what they keep of these, and their key."""
        for ref, row in self._taken():
            order = self.known.get(ref)  # none for one that another customer had
            if order is None or order.staged_hash != row.staged_hash:
                yield ref, row.staged_hash, row.order_key

    def moved_sources(self) -> Iterator[Change]:
        """Where the rows of orders come from now, if that alone is new; it changes no order, so nothing of it is sent."""
        for ref, row in self._taken():
            if self._same_as(row) == ref and self.known[ref].bookkeeping != row.bookkeeping:
                yield Change(row, dict(zip(self._cleaner.bookkeeping, row.bookkeeping, strict=True)))


def rehashed(run: Runner, cleaner: Cleaner, rejects: Mapping[Reject, str]) -> list[tuple[str, str]]:
    """The customer's orders hashed by the rule of today from what is stored, so that only those that changed count as changed."""
    bad: dict[str, list[BadCell]] = {}
    for (row_hash, column, code), text in rejects.items():
        if column:
            bad.setdefault(row_hash, []).append((code, column, text))
    refs = [order[0] for order in run("1_read_kept_hashes").all()]
    known = (order for chunk in chunks(refs) for order in run("1_read_known_orders", refs=chunk).all())
    former = {str(ref): row_hash for ref, _, row_hash, *_ in known if row_hash is not None}
    return [(ref, cleaner.hash_of(cells, bad.get(former[ref], ()))) for ref, cells in _stored(run, cleaner, list(former))]


def _stored(run: Runner, cleaner: Cleaner, refs: Sequence[str]) -> Iterator[tuple[str, Cells]]:
    """What orders hold."""
    for chunk in chunks(refs, _ROWS_A_READ):
        for ref, *cells in run("1_read_cells_of_orders", refs=chunk).all():
            yield str(ref), cleaner.dialect.filled_cells(cells)


def _batches(groups: Iterable[Sequence[Sequence[T]]]) -> Iterator[list[Sequence[Sequence[T]]]]:
    """Groups of rows together, in batches of so many rows as may be in memory; a larger group by itself."""
    batch: list[Sequence[Sequence[T]]] = []
    size = 0
    for group in groups:
        count = sum(map(len, group))
        if batch and size + count > _ROWS_A_READ:
            yield batch
            batch, size = [], 0
        batch.append(group)
        size += count
    if batch:
        yield batch


def _as_merged(number: int, order: KnownOrder) -> StagedOrder:
    """A row that an order was merged from as it stands, of which only its hash was read."""
    return StagedOrder(
        number, None, order.bookkeeping, order.order_number, order.order_key, order.full_key, order.unique_key, order.row_hash or "",
        order.group_name or "", order.item_name or "", int(_parts(order.staged_hash)[1] or "0", 16), is_cancelled=False,
        bad_cells=(), reject_code="", reason="", staged_hash=order.staged_hash,
    )  # fmt: skip


def _parts(staged_hash: str | None) -> list[str]:
    """What an order keeps of its row: the hash, which columns it shows, and the hash of the key and names that a merge gave it."""
    return f"{staged_hash or ''}::".split(":")[:3]


def _leftover(row: StagedOrder) -> Leftover:
    """Of equally alike ones a row that is rejected comes last."""
    return Leftover(str(row.number), row.unique_key, row.full_key, (bool(row.reject_code), row.full_key, row.row_hash))
