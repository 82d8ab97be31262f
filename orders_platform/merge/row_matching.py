"""Matching the rows of a merge with orders, as far as SQL does not do it: it hands the few rows in question to `domain/matching.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from orders_platform.database.statements import Runner
from orders_platform.domain.matching import KeyedRow, Leftover, Pair, by_number, pairs_of, verdicts_on

_ROWS_A_STATEMENT = 100
_ROWS_A_READ = 500
"""Wide rows that are in memory at once; SQL Server takes 2,100 parameters."""


def judge_shared_keys(run: Runner, key_count: int, columns: Sequence[str]) -> None:
    """Of the rows that share all key columns: mark the copies, and refuse the others with what they differ in.

    Args:
        run: the merge's.
        key_count: how many columns the keys are.
        columns: what else the rows hold.
    """
    found = run("1_read_shared_keys")
    verdicts: dict[int, str] = {}
    for _, rows in groupby(found, key=lambda row: row[0]):
        keyed = (_keyed(row, key_count) for row in rows)
        verdicts |= verdicts_on(keyed, [*columns, "unreadable cells", "unreadable sizes"])
    for chunk in _chunks(sorted(verdicts.items()), _ROWS_A_STATEMENT):
        values = {
            f"{name}_{i}": value for i, (row, reason) in enumerate(chunk) for name, value in (("row", row), ("reason", reason))
        }
        run("1_record_shared_keys", {"result_rows": len(chunk)}, **values)


def _keyed(row: Sequence[object], key_count: int) -> KeyedRow:
    keys = tuple("" if cell is None else str(cell) for cell in row[3 : 3 + key_count])
    return KeyedRow(int(str(row[1])), keys, str(row[2] or ""), tuple(row[3 + key_count :]))


def match_rows(run: Runner) -> None:
    """Find the order of every row that is one: first among the orders that were in the last load, then among those that left it."""
    for left in (0, 1):
        run("1_match_full_keys", left=left)
        rows = by_number(
            Leftover(
                str(row["row_number"]),
                row["unique_key"],
                row["full_key"],
                (row["is_rejected"], row["full_key"], row["row_hash"]),
            )
            for row in run("1_read_leftover_rows", left=left).mappings()
        )
        orders = by_number(
            Leftover(
                str(row["record_uuid"]),
                row["unique_key"],
                row["full_key"],
                (-row["has_item"], row["full_key"], str(row["record_uuid"])),
            )
            for row in (run("1_read_leftover_orders", left=left).mappings() if rows else ())
        )
        record_pairs(run, pair_leftovers(run, rows, orders))


def pair_leftovers(
    run: Runner, rows: Mapping[str, Sequence[Leftover]], orders: Mapping[str, Sequence[Leftover]]
) -> Iterator[Pair]:
    """The pairs of every order number, those of a number the most alike first; reads the cells of those only that leave a choice."""
    numbers = [number for number in rows if number in orders]
    batch: list[str] = []
    size = 0
    for number in numbers:
        both = len(rows[number]) + len(orders[number])
        if both == 2:
            yield rows[number][0], orders[number][0]
            continue
        if batch and size + both > _ROWS_A_READ:
            yield from _pairs_of_batch(run, [(rows[each], orders[each]) for each in batch])
            batch, size = [], 0
        batch.append(number)
        size += both
    yield from _pairs_of_batch(run, [(rows[each], orders[each]) for each in batch])


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


def record_pairs(run: Runner, pairs: Iterator[Pair]) -> None:
    """Write to the work table which order a row is."""
    for chunk in _chunks([(int(row.ref), order.ref) for row, order in pairs], _ROWS_A_STATEMENT):
        values = {f"{name}_{i}": value for i, (row, ref) in enumerate(chunk) for name, value in (("row", row), ("ref", ref))}
        run("1_record_pairs", {"result_rows": len(chunk)}, **values)


def _chunks(values: Sequence[tuple[int, str]], size: int) -> Iterator[Sequence[tuple[int, str]]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
