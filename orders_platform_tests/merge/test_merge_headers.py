"""Staged rows become orders: what is the same order, what changed, what is gone, and what is refused with a reason."""

from __future__ import annotations

import random

import pytest

from orders_platform.domain.guards import HeaderMerge
from orders_platform.errors import SourceDataError
from orders_platform.merge.cleaning import REASONS
from orders_platform_tests.testing.order_list import GREYSON, KEY, NAME, PO, OrderList, order

STATE = ("order_key", "sync_state", "action_type")
COLOUR_CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"


def orders(count: int, **cells: object) -> list[dict[str, object]]:
    return [order(f"GRE-{number}", **cells) for number in range(count)]


# --- first load, same load, changed load


def test_a_first_load_makes_an_order_of_every_row(order_list: OrderList) -> None:
    assert order_list.merge(*orders(3)) == HeaderMerge(rows_read=3, created=3)
    assert order_list.orders(*STATE) == [(f"GRE-{n}", "NEW", "INSERT") for n in range(3)]
    assert order_list.orders("group_name", "item_name", "removed_at")[0] == (
        "GREYSON 2025 FALL", "MFA22K56 ARCTIC GRE-0 PO-GRE-0", None,
    )  # fmt: skip


def test_an_unchanged_load_is_recognised_and_nothing_is_written(order_list: OrderList) -> None:
    order_list.merge_all(*orders(3), order("GRE-0"))
    order_list.store.database.close()
    before = order_list.dump()
    merged, lines = order_list.merge_all()
    assert merged == HeaderMerge(rows_read=4, was_unchanged=True)
    assert (lines.created, lines.updated, lines.removed) == (0, 0, 0)
    assert order_list.dump() == before


def test_the_same_rows_in_another_order_are_an_unchanged_load(order_list: OrderList) -> None:
    rows = orders(5)
    order_list.merge(*rows)
    random.Random(1).shuffle(rows)
    assert order_list.merge(*rows).was_unchanged


def test_a_copied_row_more_is_a_changed_load_and_no_changed_order(order_list: OrderList) -> None:
    order_list.merge(*orders(2))
    assert order_list.merge(*orders(2), order("GRE-0")) == HeaderMerge(rows_read=3, copies=1)


@pytest.mark.parametrize(
    ("column", "value"),
    [("NOTES", "rush"), ("TOTAL QTY", 6), ("S+", 1), ("30/32", 4), ("∆", "x"), ("ADDITIONAL TARIFF %", "5"), ("PLANNER", "PM"),
     ("EX FACTORY DATE", "2026-02-01"), ("CUSTOMER PRICE", "9.25"), (COLOUR_CODE, "001"),
     ("S", None), ("S", 0), ("S", "abc")],
)  # fmt: skip
def test_a_change_of_any_column_changes_the_order_and_no_other(order_list: OrderList, column: str, value: object) -> None:
    order_list.merge(*orders(2))
    order_list.sent()
    uuids = order_list.orders("record_uuid")
    assert order_list.merge(order("GRE-0"), order("GRE-1") | {column: value}) == HeaderMerge(rows_read=2, updated=1)
    assert order_list.orders(*STATE) == [("GRE-0", "SYNCED", "INSERT"), ("GRE-1", "NEW", "UPDATE")]
    assert order_list.orders("record_uuid") == uuids


def test_text_moved_to_the_neighbouring_column_is_a_change(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1", CUSTOMER_SEASON="FALL", AAG_SEASON=None))
    assert order_list.merge(order("GRE-1", CUSTOMER_SEASON=None, AAG_SEASON="FALL")).updated == 1


def test_a_change_in_spaces_or_null_words_only_is_no_change(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1", NOTES="rush"))
    changed = order("GRE-1", NOTES=" rush\u00a0", HS_CODE="NaN", DESTINATION=" ") | {"L": ""}
    assert order_list.merge(changed) == HeaderMerge(rows_read=1)


def test_the_staging_uuid_is_not_the_orders_own(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1") | {"record_uuid": "11111111-1111-1111-1111-111111111111"})
    first = order_list.orders("record_uuid")
    assert first != [("11111111-1111-1111-1111-111111111111",)]
    assert order_list.merge(order("GRE-1") | {"record_uuid": "22222222-2222-2222-2222-222222222222"}).was_unchanged
    assert order_list.orders("record_uuid") == first


@pytest.mark.parametrize(("before", "after"), [("PENDING", "PENDING"), ("FAILED", "NEW"), ("SYNCED", "NEW"), ("NEW", "NEW")])
def test_a_change_makes_an_order_new_again_unless_its_outcome_is_unknown(
    order_list: OrderList, before: str, after: str
) -> None:
    order_list.merge(order("GRE-1"))
    order_list.sql(
        "UPDATE ORDER_LIST_V2 SET sync_state = ?, sync_error_code = 'x', retry_count = 3, sync_batch_id = 'b'", before
    )
    order_list.merge(order("GRE-1", NOTES="rush"))
    found = order_list.orders("sync_state", "action_type", "sync_error_code", "retry_count", "sync_batch_id")
    assert found == [(after, "INSERT", None, 0, "b")]


def test_a_change_of_season_keeps_the_item_and_forgets_the_group(order_list: OrderList) -> None:
    order_list.merge(*orders(2))
    order_list.sent()
    order_list.store.record_group(GREYSON, "GREYSON 2025 FALL", "group_1")
    order_list.merge(order("GRE-0"), order("GRE-1", CUSTOMER_SEASON="2026 SPRING"))
    assert order_list.orders("group_name", "group_id", "sync_state") == [
        ("GREYSON 2025 FALL", "group_1", "SYNCED"), ("GREYSON 2026 SPRING", None, "NEW"),
    ]  # fmt: skip


def test_a_changed_name_rule_renames_orders_of_an_unchanged_load(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1"))
    order_list.sent()
    renamed = order_list.configured(lambda document: document["names"].update(item=[["CUSTOMER STYLE"], [KEY]]))
    assert renamed.merge() == HeaderMerge(rows_read=1, updated=1)
    assert order_list.orders("item_name", *STATE) == [("MFA22K56 GRE-1", "GRE-1", "NEW", "UPDATE")]


# --- what is the same order


def test_an_edited_po_number_changes_the_order_instead_of_replacing_it(order_list: OrderList) -> None:
    order_list.merge(*orders(3))
    order_list.sent()
    uuids = order_list.orders("record_uuid", "monday_item_id")
    assert order_list.merge(*orders(2), order("GRE-2", PO_NUMBER="NEW PO")) == HeaderMerge(rows_read=3, updated=1)
    assert order_list.orders("record_uuid", "monday_item_id") == uuids
    assert order_list.orders(PO, *STATE)[2] == ("NEW PO", "GRE-2", "NEW", "UPDATE")


def test_two_rows_that_share_an_order_number_stay_two_orders(order_list: OrderList) -> None:
    pair = [order("GRE-1", PO_NUMBER="A"), order("GRE-1", PO_NUMBER="B")]
    assert order_list.merge(*pair).created == 2
    uuids = dict(order_list.orders(PO, "record_uuid"))
    changed = order_list.merge(*pair[::-1], order("GRE-2"))
    assert (changed.created, changed.updated, changed.missing) == (1, 0, 0)
    one_edited = order_list.merge(pair[0], order("GRE-1", PO_NUMBER="C"), order("GRE-2"))
    assert (one_edited.created, one_edited.updated, one_edited.missing) == (0, 1, 0)
    found = dict(order_list.orders(PO, "record_uuid"))
    assert (found["A"], found["C"]) == (uuids["A"], uuids["B"])


def test_case_does_not_matter_in_keys(order_list: OrderList) -> None:
    order_list.merge(order("gre-1", PO_NUMBER="straße"))
    assert order_list.merge(order("GRE-1", PO_NUMBER="STRAßE")) == HeaderMerge(rows_read=1, updated=1)


def test_key_parts_do_not_run_into_each_other(order_list: OrderList) -> None:
    rows = [order("GRE-1", PO_NUMBER="1", CUSTOMER_STYLE="A2"), order("GRE-1", PO_NUMBER="12", CUSTOMER_STYLE="A")]
    assert order_list.merge(*rows).created == 2


def test_a_customer_may_have_keys_of_its_own(order_list: OrderList) -> None:
    def by_po(document: dict[str, dict[str, dict[str, object]]]) -> None:
        document["customers"][GREYSON].update(unique_keys=[KEY, PO], extra_checks=[])

    keyed = order_list.configured(by_po)
    assert keyed.merge(order("GRE-1", PO_NUMBER="A"), order("GRE-1", PO_NUMBER="B")).created == 2
    assert keyed.orders("order_key") == [("GRE-1 | A",), ("GRE-1 | B",)]
    lacking = keyed.merge(order("GRE-1", PO_NUMBER="A"), order("GRE-1", PO_NUMBER=None))
    assert keyed.rejects() == [("missing_key", "GRE-1 | ", "")]
    assert lacking.rejected == 1


# --- copies and rejected rows


def test_identical_rows_collapse_to_one_order(order_list: OrderList) -> None:
    merged = order_list.merge(order("GRE-1"), order("GRE-1"), order("GRE-1", NOTES="\u00a0 "))
    assert merged == HeaderMerge(rows_read=3, created=1, copies=2)


def test_rows_that_share_all_keys_and_differ_elsewhere_are_rejected_every_one(order_list: OrderList) -> None:
    rows = [order("GRE-1", NOTES=note) for note in ("a", "b", "c", "c")]
    assert order_list.merge(*rows, order("GRE-2")) == HeaderMerge(rows_read=5, created=1, rejected=3, copies=1)
    assert order_list.rejects() == [("duplicate_key", "GRE-1", "")] * 3
    assert sorted(reject.rows for reject in order_list.store.invalid_rows()) == [1, 1, 2]


def test_a_collision_beside_a_known_order_neither_changes_nor_removes_it(order_list: OrderList) -> None:
    order_list.merge(*orders(3))
    order_list.sent()
    merged = order_list.merge(*orders(3), order("GRE-0", NOTES="other"))
    assert (merged.rejected, merged.missing, merged.removed, merged.updated) == (2, 0, 0, 0)
    assert order_list.orders(*STATE, "removed_at")[0] == ("GRE-0", "SYNCED", "INSERT", None)


@pytest.mark.parametrize(
    ("cells", "code", "reason"),
    [
        ({KEY: "\u00a0"}, "missing_key", "fill in the order number"),
        ({KEY: "nan"}, "missing_key", "fill in the order number"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_sent_is_rejected_with_its_reason_and_its_neighbour_is_not(
    order_list: OrderList, cells: dict[str, object], code: str, reason: str
) -> None:
    merged = order_list.merge(order("GRE-1"), order("GRE-2") | cells)
    assert merged == HeaderMerge(rows_read=2, created=1, rejected=1)
    reject = order_list.store.invalid_rows()[0]
    assert (reject.customer, reject.code, reject.size_code, reject.rows) == (GREYSON, code, "", 1)
    assert reason in reject.reason
    assert not reject.reason.endswith((";", " "))


HOLDS, DATE = "is not a number that the column holds", "is not a date"


@pytest.mark.parametrize(
    ("cells", "warnings"),
    [
        ({"FREIGHT": "SEE NOTES"}, [("FREIGHT", "SEE NOTES", HOLDS)]),
        ({"CUSTOMER PRICE": "1,5", "TOTAL QTY": "5 pcs"}, [("CUSTOMER PRICE", "1,5", HOLDS), ("TOTAL QTY", "5 pcs", HOLDS)]),
        ({"TOTAL QTY": "5.5"}, [("TOTAL QTY", "5.5", HOLDS)]),
        ({"FREIGHT": "10 %"}, [("FREIGHT", "10 %", HOLDS)]),
        ({"EX FACTORY DATE": "12/31/2026"}, [("EX FACTORY DATE", "12/31/2026", DATE)]),
        ({"EX FACTORY DATE": "2026-02-30"}, [("EX FACTORY DATE", "2026-02-30", DATE)]),
        ({"EX FACTORY DATE": "123", "S": "-1"}, [("EX FACTORY DATE", "123", DATE), ("S", "-1", REASONS["bad_quantity"])]),
    ],
)  # fmt: skip
def test_a_cell_that_its_column_cannot_hold_is_left_out_and_its_order_goes_on(
    order_list: OrderList, cells: dict[str, object], warnings: list[tuple[str, str, str]]
) -> None:
    order_list.merge(order("GRE-1"), order("GRE-2") | dict.fromkeys(cells, None))
    order_list.sent()
    assert order_list.warnings() == []
    assert order_list.merge(order("GRE-1", NOTES="new"), order("GRE-2", NOTES="new") | cells) == HeaderMerge(
        rows_read=2, updated=2
    )
    assert order_list.warnings() == [("GRE-2", *each) for each in warnings]
    assert order_list.rejects() == []
    columns = [column for column, _, _ in warnings]
    assert order_list.orders("NOTES", *columns)[1] == ("new", *[None] * len(columns))


@pytest.mark.parametrize(("text", "name"), [
    ("x" * 200, "x" * 200 + " ARCTIC GRE-2 P-1"),
    ("x" * 245, "x" * 245 + " AR… GRE-2"),
    ("x" * 400, "x" * 248 + "… GRE-2"),
    ("GRE-2 " + "y" * 300, "GRE-2 " + "y" * 248 + "…"),
])  # fmt: skip
def test_a_long_item_name_is_cut_and_keeps_the_order_number(order_list: OrderList, text: str, name: str) -> None:
    assert order_list.merge(order("GRE-2") | {"ALIAS/RELATED ITEM": text, PO: "P-1"}).created == 1
    assert order_list.orders("item_name") == [(name,)]
    assert len(name) <= 255
    assert order_list.rejects() == []


def test_a_long_group_name_is_cut(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1") | {"CUSTOMER SEASON": None, "AAG SEASON": "∆" * 248})
    assert order_list.orders("group_name") == [("GREYSON " + "∆" * 246 + "…",)]


def test_a_name_of_255_characters_is_not_too_long(order_list: OrderList) -> None:
    rest = len(" ARCTIC GRE-1 PO-GRE-1")
    assert order_list.merge(order("GRE-1") | {"ALIAS/RELATED ITEM": "∆" * (255 - rest)}).created == 1
    assert len(str(order_list.orders("item_name")[0][0])) == 255


def test_a_row_with_a_key_and_nothing_else_is_a_phantom(order_list: OrderList) -> None:
    blank: dict[str, object] = {KEY: "GRE-1", NAME: GREYSON, "_SOURCE_TABLE": "xGREYSON", PO: " ", "TOTAL QTY": "0"}
    assert order_list.merge(blank, order("GRE-2")).rejected == 1
    assert order_list.rejects() == [("phantom", "GRE-1", "")]
    assert order_list.merge(blank | {"TOTAL QTY": 3, "S": 3}, order("GRE-2")).rejected == 1
    assert order_list.merge(blank | {"CUSTOMER SEASON": "2025 FALL"}, order("GRE-2")).rejected == 0


def test_a_name_with_no_part_at_all_is_rejected(order_list: OrderList) -> None:
    def by_notes(document: dict[str, dict[str, object]]) -> None:
        document["names"]["item"] = [["NOTES"]]

    assert order_list.configured(by_notes).merge(order("GRE-1")).rejected == 1
    assert order_list.rejects() == [("name_empty", "GRE-1", "")]


def test_a_reject_is_resolved_when_the_load_no_longer_holds_it_and_comes_back_with_it(order_list: OrderList) -> None:
    good, bad = order("GRE-1"), order("")
    order_list.merge(good, bad)
    order_list.merge(good, order("GRE-2"))
    assert order_list.rejects() == []
    order_list.merge(good, bad)
    assert order_list.rejects() == [("missing_key", "", "")]
    assert order_list.sql("SELECT count(*) FROM ORDER_LIST_REJECTS WHERE first_seen_at < last_seen_at") == [(1,)]


def test_a_cell_warning_is_resolved_when_the_cell_is_corrected_and_comes_back_with_it(order_list: OrderList) -> None:
    good, bad = order("GRE-1"), order("GRE-2", FREIGHT="abc")
    order_list.merge(good, bad)
    order_list.merge(good, order("GRE-2", FREIGHT="2.5"))
    assert order_list.warnings() == []
    order_list.merge(good, bad)
    assert order_list.warnings() == [("GRE-2", "FREIGHT", "abc", HOLDS)]
    assert order_list.sql("SELECT count(*) FROM ORDER_LIST_REJECTS WHERE first_seen_at < last_seen_at") == [(1,)]


def test_a_reject_counts_its_copies_as_the_last_load_holds_them(order_list: OrderList) -> None:
    good, bad = order("GRE-1"), order("")
    for copies in (1, 3, 2):
        order_list.merge(good, *[bad] * copies)
        assert [reject.rows for reject in order_list.store.invalid_rows()] == [copies]


def test_every_row_read_is_an_order_a_copy_or_rejected(order_list: OrderList) -> None:
    rows = [
        *orders(4),
        order("GRE-0"),
        order("GRE-1", NOTES="x"),
        order(""),
        order("", NOTES="?"),
        order("", NOTES="?"),
    ]
    merged = order_list.merge(*rows)
    assert merged.rows_read == len(rows) == merged.created + merged.copies + merged.rejected


# --- removed orders


def test_a_missing_order_is_marked_and_kept(order_list: OrderList) -> None:
    order_list.merge(*orders(6))
    order_list.sent()
    assert order_list.merge(*orders(5)) == HeaderMerge(rows_read=5, missing=1, removed=1)
    assert order_list.orders(*STATE)[5] == ("GRE-5", "SYNCED", "INSERT")
    assert order_list.orders("removed_at")[5] != (None,)
    assert order_list.merge(*orders(5), order("GRE-6")) == HeaderMerge(rows_read=6, created=1, missing=1)


def archiving(document: dict[str, dict[str, object]]) -> None:
    document["policies"].update(removed_orders="archive")


@pytest.mark.parametrize(("state", "after"), [("SYNCED", "NEW"), ("PENDING", "PENDING"), ("FAILED", "NEW")])
def test_a_missing_order_is_archived_where_the_policy_says_so(order_list: OrderList, state: str, after: str) -> None:
    archive = order_list.configured(archiving)
    archive.merge(*orders(6))
    archive.sent()
    archive.sql("UPDATE ORDER_LIST_V2 SET sync_state = ?", state)
    assert archive.merge(*orders(5)).removed == 1
    assert archive.orders(*STATE)[5] == ("GRE-5", after, "DELETE")


def test_an_order_that_returns_is_the_same_order(order_list: OrderList) -> None:
    archive = order_list.configured(archiving)
    archive.merge(*orders(6))
    archive.sent()
    uuids = archive.orders("record_uuid")
    archive.merge(*orders(5))
    assert archive.merge(*orders(6)) == HeaderMerge(rows_read=6, updated=1)
    assert archive.orders(*STATE, "removed_at")[5] == ("GRE-5", "NEW", "UPDATE", None)
    assert archive.orders("record_uuid") == uuids


def test_exactly_the_share_may_go(order_list: OrderList) -> None:
    order_list.merge(*orders(10))
    assert order_list.merge(*orders(8)).removed == 2


def test_a_load_without_the_customer_is_refused_and_removes_nothing(order_list: OrderList) -> None:
    order_list.merge(*orders(3))
    before = order_list.orders(*STATE, "removed_at")
    order_list.load(order("PEL-1", CUSTOMER_NAME="PELOTON"))
    with pytest.raises(SourceDataError, match="holds no row of customer 'GREYSON'"):
        order_list.merge()
    order_list.sql("DELETE FROM swp_ORDER_LIST_V2")
    with pytest.raises(SourceDataError, match="nothing removed"):
        order_list.merge()
    assert order_list.orders(*STATE, "removed_at") == before


def test_customers_do_not_touch_each_others_orders(order_list: OrderList) -> None:
    theirs = [order(f"GRE-{n}", CUSTOMER_NAME="PELOTON") | {"_SOURCE_TABLE": "xP"} for n in range(3)]
    order_list.merge(*orders(3), *theirs)
    order_list.merge(customer="PELOTON")
    order_list.sent()
    merged = order_list.merge(*[order(f"GRE-{n}", NOTES="x") for n in range(3)], *theirs[:1])
    assert (merged.updated, merged.missing) == (3, 0)
    found = order_list.sql(
        'SELECT DISTINCT "CUSTOMER NAME", sync_state, CASE WHEN removed_at IS NULL THEN 1 ELSE 0 END FROM ORDER_LIST_V2 ORDER BY 1'
    )
    assert found == [("GREYSON", "NEW", 1), ("PELOTON", "SYNCED", 1)]


@pytest.mark.parametrize("customer", ["B'HOOD", 'A/B: [X], (Y) "Z" %S ?', "STARLIGHT CHILDREN'S FOUNDATION (AU)", "東京 ∆"])
def test_a_customer_may_be_called_anything(order_list: OrderList, customer: str) -> None:
    accepting = order_list.configured(lambda document: document["policies"].update(unknown_customers="accept"))
    headers, lines = accepting.merge_all(
        order("B-1", CUSTOMER_NAME=customer), order("B-2", CUSTOMER_NAME=customer), customer=customer
    )
    assert (headers.created, lines.created) == (2, 4)
    assert [item.order_key for item in accepting.store.orders(customer, waiting=True)] == ["B-1", "B-2"]
    assert accepting.store.waiting_groups(customer) == [f"{customer} 2025 FALL"]


# --- a model of the rule, and random histories


def test_random_histories_keep_every_order_number_exactly_once(order_list: OrderList) -> None:
    rng = random.Random(4755)
    state = dict.fromkeys(range(12), 0)
    known: dict[int, object] = {}
    for turn in range(12):
        for number in rng.sample(sorted(state), 4):
            state[number] += 1
        if turn % 3 == 2:
            state[100 + turn] = 0
        rows = [order(f"GRE-{n:03}", PO_NUMBER=f"PO-{version // 2}", NOTES=f"v{version}") for n, version in state.items()]
        rng.shuffle(rows)
        merged = order_list.merge(*rows)
        assert (merged.missing, merged.rejected, merged.copies) == (0, 0, 0)
        found = {int(str(key)[4:]): uuid for key, uuid in order_list.orders("order_key", "record_uuid")}
        assert found.items() >= known.items()
        assert len(found) == len(state)
        assert order_list.orders("NOTES") == [(f"v{state[n]}",) for n in sorted(state)]
        known = found
