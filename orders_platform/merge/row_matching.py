"""Matching the rows of a merge with orders, as far as SQL does not do it: it hands the few rows in question to the rules of `domain/`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import RowMapping

from orders_platform.database.statements import Runner, chunks, write_rows
from orders_platform.domain.customers import StagingScan
from orders_platform.domain.matching import KeyedRow, Leftover, Pair, by_number, pairs_of, plain_key, verdicts_on
from orders_platform.domain.moves import NumbersElsewhere, OrderElsewhere

UNSURE_CUSTOMER = "unsure_customer"
"""The code of a row that may be one of several customers' orders."""

_ROWS_A_READ = 500
"""Wide rows that are in memory at once; SQL Server takes 2,100 parameters."""


def judge_shared_keys(run: Runner, key_count: int, columns: Sequence[str]) -> None:
    """Of the rows that share all key columns: mark the copies, and refuse the others with what they differ in of the other `columns`."""
    verdicts: dict[int, str] = {}
    for _, rows in groupby(run("1_read_shared_keys"), key=lambda row: row[0]):
        keyed = (_keyed(row, key_count) for row in rows)
        verdicts |= verdicts_on(keyed, [*columns, "unreadable cells"])
    write_rows(run, "1_record_verdicts", ("row", "reason"), list(verdicts.items()), code="duplicate_key")


def _keyed(row: Sequence[object], key_count: int) -> KeyedRow:
    keys = tuple("" if cell is None else str(cell) for cell in row[3 : 3 + key_count])
    return KeyedRow(int(str(row[1])), keys, str(row[2] or ""), tuple(row[3 + key_count :]))


def match_rows(run: Runner) -> None:
    """Find the order of every row that is one: first among the orders that were in the last load, then among those that left it."""
    for left in (0, 1):
        run("1_match_full_keys", left=left)
        rows = by_number(_row(row) for row in run("1_read_leftover_rows", left=left).mappings())
        orders = by_number(_order(row) for row in (run("1_read_leftover_orders", left=left).mappings() if rows else ()))
        _record_pairs(run, _pair_leftovers(run, rows, orders))


def _row(row: RowMapping) -> Leftover:
    """Of equally alike ones a row that is rejected comes last."""
    rank = (row["is_rejected"], row["full_key"], row["row_hash"])
    return Leftover(str(row["row_number"]), row["unique_key"], row["full_key"], rank)


def _order(row: RowMapping) -> Leftover:
    """Of equally alike ones an order that is on the board comes first."""
    ref = str(row["record_uuid"])
    return Leftover(ref, row["unique_key"], row["full_key"], (-row["has_item"], row["full_key"], ref))


def _pair_leftovers(
    run: Runner, rows: Mapping[str, Sequence[Leftover]], orders: Mapping[str, Sequence[Leftover]]
) -> Iterator[Pair]:
    """The pairs of every order number, those of a number the most alike first; reads the cells of those only that leave a choice."""
    batch: list[tuple[Sequence[Leftover], Sequence[Leftover]]] = []
    size = 0
    for number in [number for number in rows if number in orders]:
        both = rows[number], orders[number]
        count = len(both[0]) + len(both[1])
        if count == 2:
            yield both[0][0], both[1][0]
            continue
        if batch and size + count > _ROWS_A_READ:
            yield from _pairs_of_batch(run, batch)
            batch, size = [], 0
        batch.append(both)
        size += count
    yield from _pairs_of_batch(run, batch)


def _pairs_of_batch(run: Runner, contested: Sequence[tuple[Sequence[Leftover], Sequence[Leftover]]]) -> Iterator[Pair]:
    cells: dict[str, Sequence[object]] = {}
    few = [both for both in contested if len(both[0]) + len(both[1]) <= _ROWS_A_READ]
    if few:
        for row in run("1_read_cells_of_rows", refs=[int(each.ref) for rows, _ in few for each in rows]):
            cells[str(row[0])] = row[1:]
        for row in run("1_read_cells_of_orders", refs=[each.ref for _, orders in few for each in orders]):
            cells[str(row[0])] = row[1:]
    for rows, orders in contested:
        yield from pairs_of(rows, orders, cells)


def _record_pairs(run: Runner, pairs: Iterable[Pair]) -> None:
    """Write to the work table which order a row is."""
    write_rows(run, "1_record_pairs", ("row", "ref"), [(int(row.ref), order.ref) for row, order in pairs])


# --- a corrected customer -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moves:
    """Orders that came from each of other customers, and how many orders and rows this merge leaves unsettled."""

    arrived: Mapping[str, Sequence[str]]
    unsettled: int


def find_moves(run: Runner, customer: str, scan: StagingScan) -> Moves:
    """Match rows with the orders of other customers that they were, and let those orders alone that went to one."""
    missing = by_number(
        Leftover(ref := str(row["record_uuid"]), row["unique_key"], "", (ref,))
        for row in run("1_read_missing_orders").mappings()
    )
    elsewhere = _numbers_elsewhere(run, customer, scan, missing)
    # Of a customer without a row somebody has said that its orders left; another's merge takes them over then.
    is_loaded = customer in scan.customers
    moving = [order.ref for number, orders in missing.items() if is_loaded and elsewhere.arrives(number) for order in orders]
    for refs in chunks(moving):
        run("1_leave_orders", refs=refs)
    arrived, unsure = _match_arrivals(run, elsewhere)
    return Moves(arrived, len(moving) + unsure)


def take_over(run: Runner, moves: Moves, hold: Callable[[str], None]) -> None:
    """Make the orders that came from other customers this one's.

    `hold` holds another customer until the merge has ended, and raises `CustomerBusyError` when a run is at work on it.
    """
    for customer, orders in sorted(moves.arrived.items()):
        hold(customer)
        run("1_release_orders", former=customer, taken=len(orders))
        for refs in chunks(orders):
            run("1_take_orders", refs=refs)
            run("2_clear_lines_of_orders", refs=refs)


def _numbers_elsewhere(run: Runner, customer: str, scan: StagingScan, missing: Collection[str]) -> NumbersElsewhere:
    orders: dict[str, list[OrderElsewhere]] = {}
    for row in run("1_read_orders_elsewhere").mappings():
        found = OrderElsewhere(_order(row), str(row["customer_name"]), has_left=bool(row["has_left"]))
        orders.setdefault(found.order.number, []).append(found)
    rows: dict[str, dict[str | None, set[str]]] = {}
    for numbers in chunks(sorted({*missing, *orders})):
        for row in run("1_read_staged_numbers", numbers=numbers).mappings():
            owner = scan.owner_of(row["spelling"], row["file_name"])
            if owner != customer:
                rows.setdefault(plain_key(row["unique_key"]), {}).setdefault(owner, set()).add(plain_key(row["full_key"]))
    return NumbersElsewhere(orders, rows, scan.customers)


def _match_arrivals(run: Runner, elsewhere: NumbersElsewhere) -> tuple[Mapping[str, Sequence[str]], int]:
    """The orders by the customers that they come from, and how many rows cannot be told to be any, and are rejected for it."""
    new = by_number(
        _row(row) for numbers in chunks(sorted(elsewhere.orders)) for row in run("1_read_new_rows", numbers=numbers).mappings()
    )
    arrived: dict[str, list[str]] = {}
    unsure: list[tuple[int, str]] = []
    for number, rows in new.items():
        found = elsewhere.candidates(number, rows)
        if found.reason:
            unsure += [(int(row.ref), found.reason) for row in rows]
        elif found.orders:
            moved = list(_pair_leftovers(run, {number: rows}, {number: found.orders}))[: found.most]
            arrived.setdefault(found.customer, []).extend(order.ref for _, order in moved)
            _record_pairs(run, moved)
    write_rows(run, "1_record_verdicts", ("row", "reason"), unsure, code=UNSURE_CUSTOMER)
    return arrived, len(unsure)
