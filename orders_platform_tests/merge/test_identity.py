"""An edit of a key column changes an order and never replaces it; copies are one order; an order number has no more orders than rows."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_platform.domain.guards import HeaderMerge
from orders_platform_tests.testing.order_list import FILE, GREYSON, KEY, PO, STYLE, OrderList, Row, order

DELIVERY, COLOUR, TYPE = "PLANNED DELIVERY METHOD", "CUSTOMER COLOUR DESCRIPTION", "ORDER TYPE"
KEYS = (DELIVERY, STYLE, PO, TYPE, COLOUR, "PATTERN ID")
OTHERS = [order(f"ZZ-{i}") for i in range(10)]


def twins(**cells: object) -> list[Row]:
    """Two rows of one order number."""
    return [
        order("AA-1", PLANNED_DELIVERY_METHOD="AIR", S=5, **cells),
        order("AA-1", PLANNED_DELIVERY_METHOD="SEA", S=50, **cells),
    ]


def known(order_list: OrderList, *columns: str) -> dict[object, tuple[object, ...]]:
    """Orders by record_uuid."""
    return {row[0]: row[1:] for row in order_list.orders("record_uuid", *columns, "removed_at")}


def numbers(order_list: OrderList) -> Counter[str]:
    """Live orders by number."""
    return Counter(str(key).upper() for key, removed_at in order_list.orders("order_key", "removed_at") if removed_at is None)


@pytest.mark.parametrize(
    "edit",
    [{PO: "NEW"}, {TYPE: "CANCELLED"}, {COLOUR: "NAVY"}, {STYLE: "S2", PO: "NEW", COLOUR: None}, {"PATTERN ID": "P-9"},
     {PO: None, STYLE: "only this"}],
)  # fmt: skip
def test_an_edit_on_every_row_of_a_number_changes_its_orders(order_list: OrderList, edit: Row) -> None:
    order_list.merge(*OTHERS, *twins())
    order_list.sent()
    before = known(order_list, DELIVERY)
    rows = [row | edit for row in twins()]
    assert order_list.merge(*rows[::-1], *OTHERS) == HeaderMerge(rows_read=12, updated=2)
    assert known(order_list, DELIVERY) == before


def test_an_edit_of_the_one_column_that_tells_them_apart_leaves_it_to_the_sizes(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, *twins())
    before = known(order_list, "S")
    rows = [twins()[0] | {DELIVERY: "TRUCK"}, twins()[1] | {DELIVERY: "RAIL"}]
    assert order_list.merge(*OTHERS, *rows[::-1]).updated == 2
    assert known(order_list, "S") == before
    assert {row[0] for row in order_list.orders(DELIVERY)} == {"SEA", "TRUCK", "RAIL"}


def test_one_row_of_two_that_is_edited_is_the_order_it_is_most_like(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, *twins())
    merged = order_list.merge(*OTHERS, twins(PO_NUMBER="NEW")[1])
    assert (merged.created, merged.updated, merged.missing) == (0, 1, 1)
    assert order_list.orders(DELIVERY, PO, "removed_at")[1 if order_list.orders(DELIVERY)[0][0] == "AIR" else 0] == (
        "SEA",
        "NEW",
        None,
    )


def test_a_third_row_of_a_number_is_a_new_order(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, *twins())
    before = known(order_list)
    third = order("AA-1", PLANNED_DELIVERY_METHOD="RAIL", S=7)
    merged = order_list.merge(*OTHERS, *[row | {PO: "NEW"} for row in twins()], third)
    assert (merged.created, merged.updated, merged.missing) == (1, 2, 0)
    assert known(order_list).items() >= before.items()


def test_a_new_order_number_is_a_new_order(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA-1"))
    assert order_list.merge(*OTHERS, order("AA-2")).created == 1


def test_an_order_that_left_comes_back_although_its_keys_were_edited_meanwhile(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, *twins())
    order_list.merge(*OTHERS)
    merged = order_list.merge(*OTHERS, *[row | {PO: "NEW"} for row in twins()])
    assert (merged.created, merged.updated, merged.missing) == (0, 2, 0)


def test_an_order_in_the_load_comes_before_one_that_left_whatever_their_keys(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="OLD"), order("AA-1", PO_NUMBER="A"))
    order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="A"))
    (live,) = (uuid for uuid, (key, at) in known(order_list, "order_key").items() if key == "AA-1" and at is None)
    merged = order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="OLD"))
    assert (merged.updated, merged.missing) == (1, 1)  # the one that left is missing still
    assert known(order_list, PO)[live] == ("OLD", None)


@pytest.mark.parametrize("state", ["NEW", "PENDING", "FAILED", "SYNCED"])
def test_the_state_of_an_order_does_not_matter_for_what_it_is(order_list: OrderList, state: str) -> None:
    order_list.merge(*OTHERS, *twins())
    order_list.sql("UPDATE ORDER_LIST_V2 SET sync_state = ?, sync_error_code = 'x' WHERE order_key = 'AA-1'", state)
    before = known(order_list, DELIVERY)
    assert order_list.merge(*OTHERS, *[row | {PO: "NEW"} for row in twins()]).updated == 2
    assert known(order_list, DELIVERY) == before
    expected = "PENDING" if state == "PENDING" else "NEW"
    assert {row[0] for row in order_list.orders("sync_state", "order_key") if row[1] == "AA-1"} == {expected}


def test_of_equally_alike_orders_the_one_on_the_board_stays(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="A"), order("AA-1", PO_NUMBER="B"))
    order_list.sql('UPDATE ORDER_LIST_V2 SET monday_item_id = 7 WHERE "PO NUMBER" = ?', "B")
    order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="C"))
    assert {row[0]: row[1] for row in order_list.orders(PO, "monday_item_id")}["C"] == 7


@pytest.mark.parametrize("number", ["aa-1", " AA-1 ", "Aa-1\u00a0"])
def test_case_and_blanks_make_no_other_number(order_list: OrderList, number: str) -> None:
    order_list.merge(*OTHERS, *twins())
    before = known(order_list, DELIVERY)
    merged = order_list.merge(*OTHERS, *[row | {KEY: number, PO: "NEW"} for row in twins()])
    assert (merged.created, merged.updated, merged.missing) == (0, 2, 0)
    assert known(order_list, DELIVERY) == before


def test_inner_blanks_are_one_in_a_number(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA 1"))
    merged = order_list.merge(*OTHERS, order("AA \t 1", PO_NUMBER="PO-AA 1"))
    assert (merged.created, merged.missing) == (0, 0)


# --- a rejected row is a row of its number


def test_a_rejected_row_holds_one_order_and_not_all_of_its_number(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, *twins(), order("AA-1", PLANNED_DELIVERY_METHOD="RAIL"))
    merged = order_list.merge(*OTHERS, twins()[0], twins()[0] | {"S": 6})
    assert (merged.rejected, merged.created, merged.updated) == (2, 0, 0)
    assert numbers(order_list)["AA-1"] == 2


def test_an_edited_order_beside_a_rejected_row_stays_the_order_it_is_most_like(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="A", NOTES="n"))
    rejected = [order("AA-1", PO_NUMBER="C", FREIGHT=freight) for freight in (1, 2)]
    merged = order_list.merge(*OTHERS, order("AA-1", PO_NUMBER="B", NOTES="n"), *rejected)
    assert (merged.updated, merged.created, merged.rejected, merged.missing) == (1, 0, 2, 0)


def test_a_number_that_every_row_shares_is_merged_all_the_same(order_list: OrderList) -> None:
    rows = [order("TBC", PO_NUMBER=f"P{i:03}", S=i % 7) for i in range(300)]
    order_list.merge(*rows)
    before = known(order_list)
    random.Random(5).shuffle(rows)
    merged = order_list.merge(*[row | {PO: f"{row[PO]}-A"} for row in rows])
    assert (merged.updated, merged.created, merged.missing) == (300, 0, 0)
    assert known(order_list) == before


# --- copies and collisions


@pytest.mark.parametrize(
    "other", [{FILE: "week 24"}, {"SOURCE_CUSTOMER_NAME": "Greyson Clothiers"}, {"CUSTOMER NAME": "GREYSON CLOTHIERS"}, {KEY: "aa-1"},
              {PO: "po-aa-1"}, {KEY: "aa-1 ", FILE: "week 24"}],
)  # fmt: skip
def test_rows_that_differ_only_in_where_they_came_from_or_in_case_are_one_order(order_list: OrderList, other: Row) -> None:
    rows = [order("AA-1"), order("AA-1") | other]
    assert order_list.merge(*OTHERS, *rows) == HeaderMerge(rows_read=12, created=11, copies=1)
    order_list.sent()
    assert order_list.merge(*rows[::-1], *OTHERS, order("AA-1")).updated == 0
    assert order_list.orders("order_key")[0] == ("AA-1",)


def test_another_file_alone_is_no_change_of_an_order(order_list: OrderList) -> None:
    order_list.merge(*OTHERS)
    order_list.sent()
    assert order_list.merge(*[row | {FILE: "week 24"} for row in OTHERS]) == HeaderMerge(rows_read=10)
    assert set(order_list.orders(FILE, "sync_state")) == {("week 24", "SYNCED")}


def test_a_file_that_the_board_shows_does_make_a_difference(order_list: OrderList) -> None:
    def shown(document: dict[str, dict[str, list[dict[str, str]]]]) -> None:
        document["items"]["columns"].append({"source": FILE, "column": "text_x", "type": "text"})

    mapped = order_list.configured(shown)
    mapped.merge(*OTHERS)
    assert mapped.merge(*[row | {FILE: "week 24"} for row in OTHERS]).updated == 10
    assert mapped.merge(order("AA-1"), order("AA-1") | {FILE: "week 24"}, *OTHERS).rejected == 2


def test_a_collision_says_what_differs_with_values_and_files_and_says_it_anew_when_that_changes(order_list: OrderList) -> None:
    rows = [order("AA-1", L=6, TOTAL_QTY=11), order("AA-1", L=7, TOTAL_QTY=12) | {FILE: "F2"}]
    assert order_list.merge(*OTHERS, *rows).rejected == 2
    (reason,) = {row.reason for row in order_list.store.invalid_rows()}
    assert reason == (
        "2 rows share all key columns but differ in L: '7' (F2), '6' (xGREYSON); TOTAL QTY: '12' (F2), '11' (xGREYSON). "
        "Correct the order list, or add a column to the keys."
    )
    order_list.merge(*OTHERS, rows[0], rows[1] | {"L": 6})
    assert {"L:" in row.reason for row in order_list.store.invalid_rows()} == {False}


# --- the rule, over any edits


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_of_any_key_columns_in_any_order_of_rows_changes_orders(order_list: OrderList, data: st.DataObject) -> None:
    """Rows of three numbers, some alike; any key columns of any of them are edited, some rows leave or arrive."""
    for table in ("ORDER_LIST_V2", "ORDER_SYNC_CUSTOMERS", "ORDER_LIST_REJECTS"):
        order_list.sql(f"DELETE FROM {table}")
    words = st.sampled_from(["A", "B", "C", None])
    rows = [
        order(f"AA-{data.draw(st.integers(1, 3))}", **{PO.replace(" ", "_"): f"P{i}"}) | {"S": data.draw(st.integers(1, 3))}
        for i in range(data.draw(st.integers(1, 7)))
    ]
    order_list.merge(*OTHERS, *rows)
    for _ in range(data.draw(st.integers(1, 3))):
        before = {uuid: key for uuid, (key, at) in known(order_list, "order_key").items() if at is None}
        rows = [row | data.draw(st.dictionaries(st.sampled_from(KEYS), words)) for row in rows]
        rows = rows[data.draw(st.integers(0, 1)) :] + [order("AA-1", PO_NUMBER="late")] * data.draw(st.integers(0, 1))
        order_list.merge(*data.draw(st.permutations([*OTHERS, *rows])))
        live = {uuid: key for uuid, (key, at) in known(order_list, "order_key").items() if at is None}
        filled = [{column: cell for column, cell in row.items() if cell is not None} for row in [*OTHERS, *rows]]
        different = {tuple(sorted(row.items(), key=str)): str(row[KEY]) for row in filled}
        in_load = Counter(different.values())
        assert not Counter(live.values()) - in_load, "more orders of a number than rows"
        for number, count in Counter(before.values()).items():
            kept = sum(1 for uuid, key in before.items() if key == number and uuid in live)
            assert kept == min(count, in_load[number]), "an order was replaced"


# --- the row hash of an older version


def test_orders_of_an_older_version_are_hashed_anew_and_only_the_changed_one_is_changed(order_list: OrderList) -> None:
    rows = [*OTHERS, *twins(), order("AA-2", NOTES="x", EX_FACTORY_DATE="2026-02-01", CUSTOMER_PRICE="9.25", L="7")]
    order_list.merge(*rows)
    order_list.sent()
    hashes = order_list.orders("row_hash")
    order_list.sql("UPDATE ORDER_LIST_V2 SET row_hash = 'of another rule'")
    order_list.sql("UPDATE ORDER_SYNC_CUSTOMERS SET row_hash_rule = NULL, fingerprint = 'of another version'")
    assert order_list.merge() == HeaderMerge(rows_read=13)
    assert order_list.orders("row_hash") == hashes
    order_list.sql("UPDATE ORDER_LIST_V2 SET row_hash = 'of another rule'")
    order_list.sql("UPDATE ORDER_SYNC_CUSTOMERS SET row_hash_rule = NULL")
    assert order_list.merge(*rows[:-1], rows[-1] | {"NOTES": "y"}) == HeaderMerge(rows_read=13, updated=1)


def test_an_order_of_an_older_version_with_cells_left_out_is_unchanged_and_keeps_its_warnings(order_list: OrderList) -> None:
    rows = [*OTHERS, order("AA-1", FREIGHT="1,5") | {"S": "x", "L": "4"}]
    order_list.merge_all(*rows)
    order_list.sent()
    before = order_list.warnings(), order_list.lines()
    for table in ("ORDER_LIST_V2", "ORDER_LIST_REJECTS"):
        order_list.sql(f"UPDATE {table} SET row_hash = 'older ' || row_hash")
    order_list.sql("UPDATE ORDER_SYNC_CUSTOMERS SET row_hash_rule = NULL, fingerprint = 'of another version'")
    merged, lines = order_list.merge_all()
    assert (merged, lines.updated, lines.removed) == (HeaderMerge(rows_read=11), 0, 0)
    assert (order_list.warnings(), order_list.lines()) == before
    assert {row[0] for row in order_list.orders("sync_state")} == {"SYNCED"}


def test_of_two_orders_that_share_all_keys_a_row_is_the_one_that_it_equals(order_list: OrderList) -> None:
    order_list.merge(*OTHERS, order("AA-1", NOTES="one"), order("AA-1", PO_NUMBER="other", NOTES="two"))
    order_list.sql("UPDATE ORDER_LIST_V2 SET \"PO NUMBER\" = 'PO-AA-1' WHERE order_key = 'AA-1'")
    order_list.sent()
    merged = order_list.merge(*OTHERS, order("AA-1", NOTES="one"))
    assert (merged.created, merged.updated, merged.missing) == (0, 0, 1)


def test_a_total_that_repeats_the_keys_of_an_order_does_not_take_it(order_list: OrderList) -> None:
    def by_notes(document: dict[str, dict[str, object]]) -> None:
        document["cleaning"]["phantom_columns"] = ["NOTES"]

    order_list = order_list.configured(by_notes)
    order_list.merge(order("AA-1", NOTES="n"))
    before = known(order_list)
    merged = order_list.merge(order("AA-1"), order("AA-1", NOTES="n"))
    assert (merged.rejected, merged.created, merged.updated) == (1, 0, 0)
    assert known(order_list) == before


def test_a_customer_renamed_together_with_the_version_is_sent_under_its_new_name(order_list: OrderList) -> None:
    order_list.merge(*OTHERS)
    order_list.sent()
    order_list.sql("UPDATE ORDER_SYNC_CUSTOMERS SET row_hash_rule = NULL")

    def renamed(document: dict[str, dict[str, dict[str, object]]]) -> None:
        del document["customers"]["GREYSON"]
        document["customers"]["GREYSON GOLF"] = {"aliases": ["GREYSON"]}

    assert order_list.configured(renamed).merge(customer="GREYSON GOLF").updated == 10


@pytest.mark.parametrize(
    "staged", [("straße-1", "STRASSE-1"), ("strasse-1", "STRA\u1e9eE-1"), ("Straße-1\u200b", "strasse-1 ")]
)
def test_orders_and_rows_of_a_number_are_counted_together_however_it_is_written(
    order_list: OrderList, staged: tuple[str, str]
) -> None:
    rows = [order(number, PO_NUMBER=f"{i}") for i, number in enumerate(staged)]
    order_list.merge(*rows)
    assert order_list.store.surplus_orders([GREYSON]) == []
    order_list.load(rows[0])
    (found,) = order_list.store.surplus_orders([GREYSON])
    assert (found.details["orders"], found.details["rows"]) == (2, 1)
