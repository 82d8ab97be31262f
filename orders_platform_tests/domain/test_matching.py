"""Which row is which order where the key columns do not tell, and what rows of one key differ in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.matching import MOST_PAIRS, KeyedRow, Leftover, by_number, folded_key, pairs_of, verdicts_on

Made = tuple[list[Leftover], dict[str, tuple[object, ...]]]


def leftovers(kind: str, *keys: str, cells: tuple[tuple[object, ...], ...] = ()) -> Made:
    """Rows or orders of one number, each with its key columns (a text with blanks between them) and cells."""
    made = [Leftover(f"{kind}{i}", "N", key.replace(" ", "\x1f"), (key, i)) for i, key in enumerate(keys)]
    return made, dict(zip((each.ref for each in made), cells, strict=False))


def paired(rows: Made, orders: Made) -> dict[str, str]:
    found = pairs_of(
        sorted(rows[0], key=lambda each: each.rank), sorted(orders[0], key=lambda each: each.rank), rows[1] | orders[1]
    )
    assert len(found) == len({row.ref for row, _ in found}) == len({order.ref for _, order in found})
    return {row.ref: order.ref for row, order in found}


def test_key_columns_come_before_everything_else() -> None:
    rows = leftovers("r", "air PO2 navy", "sea PO2 navy", cells=((50, 60), (5, 6)))
    orders = leftovers("o", "air PO1 navy", "sea PO1 navy", cells=((5, 6), (50, 60)))
    assert paired(rows, orders) == {"r0": "o0", "r1": "o1"}


def test_where_keys_are_equally_alike_the_other_cells_decide() -> None:
    rows = leftovers("r", "x PO2", "y PO2", cells=((50, "a"), (5, "a")))
    orders = leftovers("o", "air PO1", "sea PO1", cells=((5, "a"), (50, "a")))
    assert paired(rows, orders) == {"r0": "o1", "r1": "o0"}


def test_where_all_is_equally_alike_the_rank_decides() -> None:
    assert paired(leftovers("r", "D", "C"), leftovers("o", "B", "A")) == {"r1": "o1", "r0": "o0"}


@pytest.mark.parametrize(("rows", "orders"), [(1, 3), (3, 1), (3, 3), (0, 2)])
def test_there_are_as_many_pairs_as_there_can_be(rows: int, orders: int) -> None:
    found = paired(leftovers("r", *map(str, range(rows))), leftovers("o", *"abc"[:orders]))
    assert len(found) == min(rows, orders)


def test_only_leftovers_of_one_number_come_together() -> None:
    found = by_number([Leftover("2", "B", "", (1,)), Leftover("1", "A", "", (2,)), Leftover("0", "A", "", (1,))])
    assert {number: [each.ref for each in group] for number, group in found.items()} == {"A": ["0", "1"], "B": ["2"]}


@given(st.data())
def test_the_order_of_the_rows_decides_nothing(data: st.DataObject) -> None:
    words = st.lists(st.tuples(*[st.sampled_from("AB")] * 3, st.integers(0, 2)), min_size=1, max_size=6)
    found = []
    rows, orders = data.draw(words), data.draw(words)
    for _ in range(2):
        shuffled = data.draw(st.permutations(list(enumerate(rows))))
        made = [Leftover(f"r{i}", "N", "\x1f".join(row[:3]), (row, i)) for i, row in shuffled]
        known = [Leftover(f"o{i}", "N", "\x1f".join(row[:3]), (row, i)) for i, row in enumerate(orders)]
        cells = {f"r{i}": row[3:] for i, row in enumerate(rows)} | {f"o{i}": row[3:] for i, row in enumerate(orders)}
        found.append(pairs_of(by_number(made)["N"], by_number(known)["N"], cells))
    assert found[0] == found[1]


def test_a_number_with_thousands_of_rows_is_paired_in_seconds_and_sensibly() -> None:
    count = 20_000
    assert count * count > MOST_PAIRS
    started = time.process_time()
    rows = leftovers("r", *[f"S{i:05} PO2 {'navy' if i % 9 else 'red'}" for i in range(count)])
    orders = leftovers("o", *[f"S{i:05} PO1 navy" for i in range(count)])
    found = paired(rows, orders)
    assert len(found) == count
    assert all(row[1:] == order[1:] for row, order in found.items())
    assert time.process_time() - started < 10  # minutes, if every row were compared with every order


# --- rows that share all key columns


def keyed(number: int, key: str = "K", file: str = "F1", **cells: object) -> KeyedRow:
    return KeyedRow(number, (key,), file, tuple(cells.values()))


def test_rows_that_differ_in_the_case_of_a_key_are_one() -> None:
    rows = [keyed(1, "gre-3", L=6), keyed(2, "GRE-3", L=6), keyed(3, "Gre-3", L=6)]
    assert verdicts_on(rows, ["L"]) == {1: "", 3: ""}
    assert verdicts_on(rows[::-1], ["L"]) == {1: "", 3: ""}


def test_the_reason_names_the_columns_that_differ_their_values_and_the_files() -> None:
    rows = [
        keyed(1, S=1, L=6, T=11, N=None),
        keyed(2, file="F2", S=1, L=7, T=12, N="rush"),
        keyed(3, "k", S=1, L=6, T=11, N=None),
    ]
    reason = (
        "2 rows share all key columns but differ in L: '6' (F1), '7' (F2); T: '11' (F1), '12' (F2); N: blank (F1), 'rush' (F2). "
        "Correct the order list, or add a column to the keys."
    )
    assert verdicts_on(rows, ["S", "L", "T", "N"]) == {1: reason, 2: reason, 3: ""}


def test_a_reason_is_never_longer_than_its_column_and_ends_whole() -> None:
    rows = [KeyedRow(i, ("K",), "f" * 300, tuple(f"{'x' * 200}{i}{j}" for j in range(40))) for i in range(5)]
    (reason,) = set(verdicts_on(rows, [f"COLUMN {j}" for j in range(40)]).values())
    assert len(reason) <= 1_000
    assert "and 2 more; and 3" in reason
    assert reason.endswith("columns more. Correct the order list, or add a column to the keys.")


def test_of_very_many_rows_of_one_key_each_is_refused() -> None:
    verdicts = verdicts_on([keyed(i, L=i) for i in range(5_000)], ["L"])
    assert set(verdicts) == set(range(5_000))
    (reason,) = set(verdicts.values())
    assert reason.startswith("5000 rows share all key columns but differ in L: '0' (F1), '1' (F1), '10' (F1) and 4997 more.")


@pytest.mark.parametrize("staged", ["GRE-1\x1fPO", "gre\u200b-1 \x1f\ufeffPo", "GRE\u00ad-1\x1f\u2003PO\u3000"])
def test_a_staged_key_is_the_same_whatever_was_pasted_into_it(staged: str) -> None:
    assert folded_key(staged) == "gre-1\x1fpo"
