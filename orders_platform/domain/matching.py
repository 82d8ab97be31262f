"""Which row of the load is which order, where the key columns do not tell; and what rows of one key differ in.

The merge matches rows and orders by all key columns (`merge/row_matching.py`). What is left over of an order number is paired here, one to
one and the most alike first, so that an edit of a key column changes an order instead of replacing it. Nothing depends on the order of the
rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from operator import eq

from orders_platform.domain.text import few, fold

MOST_PAIRS = 40_000
"""So many pairs of a row and an order are compared cell by cell; of an order number with more, key columns alone decide."""

KEY_SEPARATOR = "\x1f"
"""Between the key columns of a key, which no clean cell holds; the statements write it as well."""

_VALUES, _SHOWN, _REASON = 3, 60, 1_000
_folded = lru_cache(10_000)(fold)  # parts of keys come again and again


@dataclass(frozen=True, slots=True)
class Leftover:
    """A row of the load, or an order, without a partner."""

    ref: str  # the number of the row, or the order's record_uuid
    number: str  # its unique key columns, folded: only those of one number are paired
    key: str  # all its key columns, folded
    rank: tuple[object, ...]  # decides between those that are equally alike, and is different for each


Cells = Mapping[str, Sequence[object]]  # the other columns and sizes, by `ref`
Pair = tuple[Leftover, Leftover]


def folded_key(key: str) -> str:
    """A key of a statement as that of a clean row is."""
    return KEY_SEPARATOR.join(map(_folded, key.split(KEY_SEPARATOR)))


def by_number(leftovers: Iterable[Leftover]) -> dict[str, list[Leftover]]:
    """The leftovers of each order number, by rank."""
    found: dict[str, list[Leftover]] = {}
    for leftover in sorted(leftovers, key=lambda each: (each.number, each.rank)):
        found.setdefault(leftover.number, []).append(leftover)
    return found


def pairs_of(rows: Sequence[Leftover], orders: Sequence[Leftover], cells: Cells) -> list[Pair]:
    """Rows and orders of one order number, both by rank, each with its partner, the most alike first; as many pairs as there can be.

    A `ref` without cells counts as unlike any other.
    """
    if len(rows) * len(orders) > MOST_PAIRS:
        return _pairs_of_many(rows, orders)
    keys = [_parts(each) for each in rows], [_parts(each) for each in orders]
    others = _telling([cells.get(each.ref, ()) for each in (*rows, *orders)])
    alike = sorted(
        (-sum(map(eq, row_keys, order_keys)), -sum(map(eq, others[i], others[len(rows) + j])), i, j)
        for i, row_keys in enumerate(keys[0])
        for j, order_keys in enumerate(keys[1])
    )
    found: list[Pair] = []
    taken_rows: set[int] = set()
    taken_orders: set[int] = set()
    for _, _, i, j in alike:
        if i not in taken_rows and j not in taken_orders:
            taken_rows.add(i)
            taken_orders.add(j)
            found.append((rows[i], orders[j]))
    return found


def _pairs_of_many(rows: Sequence[Leftover], orders: Sequence[Leftover]) -> list[Pair]:
    """Those that differ in one key column, then in two, then whatever is left: each step takes time in proportion to their number."""
    found: list[Pair] = []
    columns = range(len(_parts(rows[0])))
    for left_out in (*combinations(columns, 1), *combinations(columns, 2)):
        partners = _grouped(orders, left_out)
        for key, group in _grouped(rows, left_out).items():
            found += zip(group, partners.get(key, ()), strict=False)
        taken = {each.ref for pair in found for each in pair}
        rows, orders = [each for each in rows if each.ref not in taken], [each for each in orders if each.ref not in taken]
    return found + list(zip(rows, orders, strict=False))


def _grouped(leftovers: Sequence[Leftover], left_out: Sequence[int]) -> dict[tuple[str, ...], list[Leftover]]:
    found: dict[tuple[str, ...], list[Leftover]] = {}
    for each in leftovers:
        key = tuple(part for i, part in enumerate(_parts(each)) if i not in left_out)
        found.setdefault(key, []).append(each)
    return found


def _parts(leftover: Leftover) -> list[str]:
    return leftover.key.split(KEY_SEPARATOR)


def _telling(cells: list[Sequence[object]]) -> list[Sequence[object]]:
    """The cells of those columns only in which any two differ."""
    columns = [column for column in zip(*cells, strict=False) if any(cell != column[0] for cell in column)]
    return list(zip(*columns, strict=True)) or [()] * len(cells)


# --- rows that share all key columns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyedRow:
    """A row of the load that shares all its key columns, but for case, with another; `cells` are what else makes an order what it is."""

    number: int
    key: tuple[str, ...]
    file: str
    cells: tuple[object, ...]


def verdicts_on(rows: Iterable[KeyedRow], columns: Sequence[str]) -> dict[int, str]:
    """Which of the rows of one key are copies of another (an empty text), and why the others are refused; an order has no entry.

    The content of the rows decides their order; `columns` names their cells.
    """
    kept: dict[tuple[object, ...], KeyedRow] = {}
    verdicts: dict[int, str] = {}
    for row in rows:
        known = kept.setdefault(row.cells, row)
        if known is not row:
            kept[row.cells], copy = sorted((known, row), key=lambda each: each.key)
            verdicts[copy.number] = ""
    if len(kept) > 1:
        reason = _difference(list(kept.values()), columns)
        verdicts |= dict.fromkeys((row.number for row in kept.values()), reason)
    return verdicts


def _difference(rows: Sequence[KeyedRow], columns: Sequence[str]) -> str:
    """In which columns rows differ, with values and files, in at most 1,000 characters."""
    start = f"{len(rows)} rows share all key columns but differ in "
    end = ". Correct the order list, or add a column to the keys."
    rows = sorted(rows, key=lambda row: (row.file, [str(cell) for cell in row.cells]))
    differing = [
        f"{column}: {_values([(row.cells[i], row.file) for row in rows])}"
        for i, column in enumerate(columns)
        if any(row.cells[i] != rows[0].cells[i] for row in rows)
    ]
    shown: list[str] = []
    for number, words in enumerate(differing):
        rest = f"; and {len(differing) - number} columns more"
        if len(start) + len("; ".join([*shown, words])) + len(rest) + len(end) > _REASON:
            return start + "; ".join(shown) + rest + end
        shown.append(words)
    return start + "; ".join(shown) + end


def _values(cells: Iterable[tuple[object, str]]) -> str:
    """Up to three values, each with the first file that has it."""
    files: dict[object, str] = {}
    for cell, file in cells:
        files.setdefault(cell, file)
    found = [f"{_quoted(cell)}{f' ({_cut(file)})' if file else ''}" for cell, file in files.items()]
    return few(found, _VALUES)


def _quoted(cell: object) -> str:
    return "blank" if cell is None else f"'{_cut(str(cell))}'"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
