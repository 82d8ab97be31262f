"""An order that leaves one customer and arrives at another moves, in whatever order the two are merged."""

from __future__ import annotations

from typing import Any

import pytest

from orders_platform.domain.guards import HeaderMerge
from orders_platform.errors import CustomerBusyError
from orders_platform_tests.testing.order_list import GREYSON, KEY, NAME, PO, OrderList, Row, order

PELOTON, RHONE = "PELOTON", "RHONE"
BOTH_WAYS = pytest.mark.parametrize("turns", [(GREYSON, PELOTON), (PELOTON, GREYSON)])


def of(customer: str, *numbers: str, **cells: object) -> list[Row]:
    return [order(number, CUSTOMER_NAME=customer, **cells) | {"_SOURCE_TABLE": f"x{customer}"} for number in numbers]


def merged(order_list: OrderList, *customers: str) -> dict[str, HeaderMerge]:
    found = {}
    for customer in customers:
        found[customer] = order_list.merge_all(customer=customer)[0]
    return found


def owners(order_list: OrderList, number: str = "AA-1") -> list[tuple[object, ...]]:
    """The orders of a number: customer, item, whether they left."""
    return order_list.sql(
        f'SELECT "{NAME}", monday_item_id, CASE WHEN removed_at IS NULL THEN 0 ELSE 1 END FROM ORDER_LIST_V2 WHERE upper(order_key) = ? '
        "ORDER BY 1, 3",
        number,
    )


BASE = [*of(GREYSON, *[f"G-{i}" for i in range(8)]), *of(PELOTON, *[f"P-{i}" for i in range(8)])]


@pytest.fixture
def started(order_list: OrderList) -> OrderList:
    """AA-1 and AA-2 are GREYSON's and on the board."""
    order_list.load(*BASE, *of(GREYSON, "AA-1", "AA-2"))
    merged(order_list, GREYSON, PELOTON)
    order_list.sent()
    return order_list


@BOTH_WAYS
@pytest.mark.parametrize("policy", ["keep", "archive"])
def test_an_order_moves_with_its_item_and_lines_whichever_customer_is_merged_first(
    started: OrderList, turns: tuple[str, str], policy: str
) -> None:
    order_list = started.configured(lambda document: document["policies"].update(removed_orders=policy))
    ((_, item, _),) = owners(order_list)
    lines = order_list.sql("SELECT line_uuid, monday_subitem_id, qty FROM ORDER_LIST_LINES ORDER BY 1")
    order_list.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    found = merged(order_list, *turns)
    assert owners(order_list) == [(PELOTON, item, 0)]
    assert order_list.sql("SELECT line_uuid, monday_subitem_id, qty FROM ORDER_LIST_LINES ORDER BY 1") == lines
    assert (found[GREYSON].missing, found[GREYSON].created, found[PELOTON].created, found[PELOTON].updated) == (0, 0, 0, 1)
    row = {row[0]: row[1:] for row in order_list.orders("order_key", "sync_state", "action_type", "group_name", "group_id")}
    assert row["AA-1"] == ("NEW", "UPDATE", "PELOTON 2025 FALL", None)
    assert all(each.was_unchanged for each in merged(order_list, *turns).values())


@BOTH_WAYS
def test_copies_that_are_one_order_when_clean_are_one_row_to_the_other_customer(
    order_list: OrderList, turns: tuple[str, str]
) -> None:
    """Two words for one order type, and a word for blank, are no second row that would keep the order from moving."""
    stays, moves = of(GREYSON, "AA-1", PO_NUMBER="1"), of(GREYSON, "AA-1", PO_NUMBER="2")
    order_list.load(*BASE, *stays, *moves)
    merged(order_list, GREYSON, PELOTON)
    order_list.sent()
    items = {
        po: item for item, po in order_list.sql(f'SELECT monday_item_id, "{PO}" FROM ORDER_LIST_V2 WHERE order_key = ?', "AA-1")
    }
    spelled = of(GREYSON, "AA-1", PO_NUMBER="1", ORDER_TYPE="active", CUSTOMER_ALT_PO="null")
    again = of(GREYSON, "AA-1", PO_NUMBER="1", ORDER_TYPE="RECEIVED")
    order_list.load(*BASE, *spelled, *again, *of(PELOTON, "AA-1", PO_NUMBER="2"))
    merged(order_list, *turns)
    assert owners(order_list) == [(GREYSON, items["1"], 0), (PELOTON, items["2"], 0)]


@BOTH_WAYS
def test_an_order_is_left_alone_while_the_other_customer_is_not_merged(started: OrderList, turns: tuple[str, str]) -> None:
    """The process died in between, or the other customer's run comes later."""
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    first = merged(started, turns[0])[turns[0]]
    assert len(owners(started)) == 1
    assert owners(started)[0][::2] == (PELOTON if turns[0] == PELOTON else GREYSON, 0)
    assert (first.missing, first.removed, first.unsettled) == (0, 0, int(turns[0] == GREYSON))
    again = merged(started, turns[0])[turns[0]]
    assert (again.was_unchanged, again.unsettled) == (turns[0] == PELOTON, int(turns[0] == GREYSON))
    assert merged(started, turns[0])[turns[0]].was_unchanged
    merged(started, turns[1])
    assert owners(started)[0][::2] == (PELOTON, 0)
    assert merged(started, GREYSON)[GREYSON].was_unchanged


@BOTH_WAYS
@pytest.mark.parametrize("edit", [{PO: "NEW"}, {"ORDER TYPE": "CANCELLED", "CUSTOMER STYLE": "S9"}, {KEY: "aa-1 "}])
def test_an_order_whose_keys_are_edited_at_once_moves_too(started: OrderList, turns: tuple[str, str], edit: Row) -> None:
    item = owners(started)[0][1]
    started.load(*BASE, *of(GREYSON, "AA-2"), of(PELOTON, "AA-1")[0] | edit)
    merged(started, *turns)
    assert owners(started) == [(PELOTON, item, 0)]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("number", "again"),
    [
        ("Ä-1", "ä-1"),
        ("A\u0308-1", "ä-1"),
        ("straße-1", "STRASSE-1"),
        ("Strasse-1", "STRAẞE-1"),
        ("ﬁn-1", "FIN-1"),
        ("ſu-1", "SU-1"),
        ("İz-1", "i̇z-1"),
        ("ΟΔΟΣ-1", "οδος-1"),
        ("ŉo-1", "ŉO-1"),
        ("ａａ-1", "ＡＡ-1"),
        ("ǰ-1", "ǰ-1"),
        ("и-1", "И-1"),
    ],
)
def test_an_order_whose_number_is_written_in_other_letters_moves_too(
    started: OrderList, turns: tuple[str, str], number: str, again: str
) -> None:
    for rows in (of(GREYSON, number), of(PELOTON, again)):
        started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *rows)
        merged(started, *turns)
        started.sent()
    found = started.sql(f'SELECT "{NAME}" FROM ORDER_LIST_V2 WHERE "{KEY}" IN (?, ?)', number, again)
    assert found == [(PELOTON,)]


@BOTH_WAYS
def test_of_two_orders_of_a_number_the_one_moves_that_is_most_alike(started: OrderList, turns: tuple[str, str]) -> None:
    pair = of(GREYSON, "BB-1", PO_NUMBER="A"), of(GREYSON, "BB-1", PO_NUMBER="B")
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *pair[0], *pair[1])
    merged(started, GREYSON)
    started.sent()
    items = dict(started.sql(f'SELECT "{PO}", monday_item_id FROM ORDER_LIST_V2 WHERE order_key = ?', "BB-1"))
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *pair[0], *of(PELOTON, "BB-1", PO_NUMBER="B"))
    merged(started, *turns)
    assert owners(started, "BB-1") == [(GREYSON, items["A"], 0), (PELOTON, items["B"], 0)]


@BOTH_WAYS
def test_an_order_that_a_row_of_its_own_customer_is_never_goes_to_another_one_however_alike(
    started: OrderList, turns: tuple[str, str]
) -> None:
    """The row that arrives is more like the order that stays than like the one that goes."""
    stays = of(GREYSON, "BB-1", PO_NUMBER="1", ORDER_TYPE="CANCELLED", CUSTOMER_STYLE="S1")
    goes = of(GREYSON, "BB-1", PO_NUMBER="2", ORDER_TYPE="RECEIVED", CUSTOMER_STYLE="S2")
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *stays, *goes)
    merged(started, GREYSON)
    started.sent()
    items = dict(started.sql(f'SELECT "{PO}", monday_item_id FROM ORDER_LIST_V2 WHERE order_key = ?', "BB-1"))
    arrives = of(PELOTON, "BB-1", PO_NUMBER="3", ORDER_TYPE="CANCELLED", CUSTOMER_STYLE="S1")
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *stays, *arrives)
    merged(started, *turns, *turns)
    assert owners(started, "BB-1") == [(GREYSON, items["1"], 0), (PELOTON, items["2"], 0)]


@BOTH_WAYS
def test_an_order_that_is_back_where_it_was_comes_to_nobody_else(started: OrderList, turns: tuple[str, str]) -> None:
    item = owners(started)[0][1]
    started.load(*BASE, *of(GREYSON, "AA-2"))
    merged(started, GREYSON)
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *of(PELOTON, "AA-1"))
    merged(started, *turns)
    assert owners(started) == [(GREYSON, item, 0), (PELOTON, None, 0)]


@BOTH_WAYS
def test_two_customers_may_have_the_same_number_and_keep_it(started: OrderList, turns: tuple[str, str]) -> None:
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *of(PELOTON, "AA-1"))
    found = merged(started, *turns)
    assert found[PELOTON].created == 1
    assert [row[::2] for row in owners(started)] == [(GREYSON, 0), (PELOTON, 0)]
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    found = merged(started, *turns)
    assert (found[GREYSON].missing, found[GREYSON].unsettled) == (1, 0)
    assert [row[::2] for row in owners(started)] == [(GREYSON, 1), (PELOTON, 0)]


@BOTH_WAYS
def test_orders_that_change_places_each_move(started: OrderList, turns: tuple[str, str]) -> None:
    (one,), (other,) = owners(started, "AA-1"), owners(started, "P-0")
    rows = [row for row in BASE if row[KEY] != "P-0"]
    started.load(*rows, *of(GREYSON, "AA-2", "P-0"), *of(PELOTON, "AA-1"))
    merged(started, *turns, *turns)
    assert owners(started, "AA-1") == [(PELOTON, one[1], 0)]
    assert owners(started, "P-0") == [(GREYSON, other[1], 0)]


@BOTH_WAYS
def test_orders_that_move_are_not_counted_by_the_guard_of_vanished_orders(started: OrderList, turns: tuple[str, str]) -> None:
    started.load(
        *of(GREYSON, "G-0"),
        *of(PELOTON, *[f"P-{i}" for i in range(8)]),
        *of(PELOTON, *[f"G-{i}" for i in range(1, 8)], "AA-1", "AA-2"),
    )
    found = merged(started, *turns)
    assert (found[GREYSON].guards, found[PELOTON].created, found[PELOTON].updated) == ((), 0, 9)


@pytest.mark.parametrize("turns", [("GREY & SON", PELOTON), (PELOTON, "GREY & SON")])
def test_an_order_moves_in_the_load_in_which_the_customer_that_it_leaves_has_another_name(
    started: OrderList, turns: tuple[str, str]
) -> None:
    item = owners(started)[0][1]

    def rename(document: dict[str, Any]) -> None:
        document["customers"]["GREY & SON"] = {"aliases": [GREYSON]}
        del document["customers"][GREYSON]

    order_list = started.configured(rename)
    order_list.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    found = merged(order_list, *turns)
    assert (found[PELOTON].created, found[PELOTON].rejected) == (0, 0)
    assert owners(order_list) == [(PELOTON, item, 0)]
    assert all(each.was_unchanged for each in merged(order_list, *turns).values())


def test_an_order_that_goes_to_a_name_nobody_configured_stays_where_it_is(started: OrderList) -> None:
    started.load(*BASE, *of(GREYSON, "AA-2"), *of("GREYSSON", "AA-1"))
    assert merged(started, GREYSON)[GREYSON].unsettled == 1
    assert owners(started)[0][::2] == (GREYSON, 0)
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"))
    assert merged(started, GREYSON)[GREYSON] == HeaderMerge(rows_read=10)


@BOTH_WAYS
@pytest.mark.parametrize("state", ["NEW", "PENDING", "FAILED"])
def test_an_order_moves_in_any_state(started: OrderList, turns: tuple[str, str], state: str) -> None:
    started.sql("UPDATE ORDER_LIST_V2 SET sync_state = ?, monday_item_id = NULL WHERE order_key = 'AA-1'", state)
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    merged(started, *turns)
    assert owners(started) == [(PELOTON, None, 0)]
    assert dict(started.orders("order_key", "sync_state"))["AA-1"] == ("PENDING" if state == "PENDING" else "NEW")


def test_an_order_that_left_earlier_comes_to_the_customer_it_arrives_at(started: OrderList) -> None:
    item = owners(started)[0][1]
    for rows in (BASE, [*BASE, *of(PELOTON, "AA-1")]):
        started.load(*rows, *of(GREYSON, "AA-2"))
        merged(started, GREYSON, PELOTON)
    assert owners(started) == [(PELOTON, item, 0)]


@BOTH_WAYS
@pytest.mark.parametrize("po_number", ["1", "OLD", "NEW"])
def test_an_order_arrives_beside_an_older_one_of_its_number_that_left(
    started: OrderList, turns: tuple[str, str], po_number: str
) -> None:
    """The order that moves is the one that is on the board; the older one stays away, also where the keys are its own."""
    here = of(GREYSON, "AA-1", PO_NUMBER="1")
    for rows in ([*here, *of(PELOTON, "AA-1", PO_NUMBER="OLD")], here):
        started.load(*BASE, *of(GREYSON, "AA-2"), *rows)
        merged(started, GREYSON, PELOTON)
        started.sent()
    (_, item, _), (_, older, _) = owners(started)
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1", PO_NUMBER=po_number))
    merged(started, *turns)
    assert owners(started) == [(PELOTON, item, 0), (PELOTON, older, 1)]
    assert all(each.was_unchanged for each in merged(started, *turns).values())


def test_where_two_customers_lost_the_order_none_is_taken_and_it_is_said_until_the_list_says_which(started: OrderList) -> None:
    started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"), *of(RHONE, "AA-1", "R-1"))
    merged(started, RHONE)
    started.sent()
    items = owners(started)
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(RHONE, "R-1"), *of(PELOTON, "AA-1"))
    found = merged(started, PELOTON, GREYSON, RHONE)
    assert (found[PELOTON].created, found[PELOTON].rejected, found[GREYSON].missing, found[RHONE].missing) == (0, 1, 0, 0)
    assert owners(started) == items
    (reject,) = started.store.invalid_rows()
    assert (reject.customer, reject.code, reject.order_key) == (PELOTON, "unsure_customer", "AA-1")
    assert reject.reason.startswith("an order of this number left each of GREYSON and RHONE in this load")
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(RHONE, "AA-1", "R-1"), *of(PELOTON, "AA-1"))
    merged(started, RHONE, GREYSON)
    merged(started, PELOTON)
    assert [row[0] for row in owners(started)] == [PELOTON, RHONE]
    assert started.store.invalid_rows() == []


def test_a_load_without_the_other_customer_takes_nothing_from_it(started: OrderList) -> None:
    before = owners(started)
    started.load(*of(PELOTON, *[f"P-{i}" for i in range(8)], "AA-1"))
    assert merged(started, PELOTON)[PELOTON].rejected == 1
    assert "this load has no row of GREYSON" in started.store.invalid_rows()[0].reason
    assert owners(started) == before
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    merged(started, PELOTON)
    assert owners(started) == [(PELOTON, before[0][1], 0)]


def test_an_order_is_not_taken_from_a_customer_that_is_at_work(started: OrderList) -> None:
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    before = started.dump()
    with started.store.lock(GREYSON), pytest.raises(CustomerBusyError, match="GREYSON"):
        started.merge(customer=PELOTON)
    started.store.database.close()
    assert [line for line in started.dump() if "AA-1" in line] == [line for line in before if "AA-1" in line]
    merged(started, PELOTON)
    assert owners(started)[0][0] == PELOTON


def test_lines_that_were_staged_under_the_former_customer_are_staged_anew(started: OrderList) -> None:
    started.load(*BASE, *of(GREYSON, "AA-2"), order("AA-1", S=9))
    started.merge(customer=GREYSON)
    started.merging.unpivot_sizes(GREYSON)  # and here the process died
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1", S=4))
    merged(started, PELOTON, GREYSON)
    assert started.lines()["AA-1", "S"] == 4


@BOTH_WAYS
def test_one_of_two_orders_of_a_number_moves_and_the_other_leaves(order_list: OrderList, turns: tuple[str, str]) -> None:
    """The customer that both left cannot tell which one moved until the other is merged; then a run of it is asked for, once."""
    order_list.load(*BASE, *of(GREYSON, "AA-1", PO_NUMBER="1"), *of(GREYSON, "AA-1", PO_NUMBER="2"))
    merged(order_list, *turns)
    order_list.sent()
    order_list.load(*BASE, *of(PELOTON, "AA-1", PO_NUMBER="1"))
    merged(order_list, *turns)

    def changed() -> list[str]:
        return [each.customer for each in order_list.merging.sync_statuses() if each.is_changed]

    assert changed() == ([GREYSON] if turns[0] == GREYSON else [])
    merged(order_list, GREYSON)
    assert changed() == []
    found = order_list.sql(f'SELECT "{NAME}", "{PO}", removed_at IS NULL FROM ORDER_LIST_V2 WHERE order_key = ?', "AA-1")
    assert sorted(found) == [(GREYSON, "2", 0), (PELOTON, "1", 1)]


def told(order_list: OrderList) -> list[str]:
    return [each.customer for each in order_list.merging.sync_statuses() if each.is_unmerged]


def test_an_order_that_was_taken_over_before_its_customer_was_merged_goes_back_with_the_list(started: OrderList) -> None:
    """The list names another customer for one night, in which only that one is merged."""
    before = owners(started)
    list_of_before = [*BASE, *of(GREYSON, "AA-1", "AA-2")]
    started.load(*list_of_before)
    merged(started, GREYSON, PELOTON)
    started.load(*BASE, *of(GREYSON, "AA-2"), *of(PELOTON, "AA-1"))
    merged(started, PELOTON)
    assert owners(started)[0][0] == PELOTON
    started.load(*list_of_before)
    assert told(started) == [GREYSON, PELOTON]
    merged(started, GREYSON, PELOTON)
    merged(started, *told(started))
    assert (owners(started), told(started)) == (before, [])


def test_an_order_that_waits_is_settled_when_the_other_row_is_deleted_unseen(started: OrderList) -> None:
    """Its customer was mistyped, or the other customer is never merged; then somebody deletes the row."""
    for other in ("NOBODY KNOWN", PELOTON):
        started.load(*BASE, *of(GREYSON, "AA-1", "AA-2"))
        merged(started, GREYSON, PELOTON)
        started.load(*BASE, *of(GREYSON, "AA-2"), *of(other, "AA-1"))
        assert merged(started, GREYSON)[GREYSON].unsettled == 1
        assert merged(started, GREYSON)[GREYSON].unsettled == 1  # once more, with what others have in mind
        assert GREYSON not in told(started)
        started.load(*BASE, *of(GREYSON, "AA-2"))
        assert GREYSON in told(started)
        assert merged(started, GREYSON)[GREYSON].removed == 1
        assert GREYSON not in told(started)


def test_customers_that_wait_for_good_are_merged_once(started: OrderList) -> None:
    """Rows of two customers, each under a name that nobody has: nothing is asked for again and again."""
    started.load(*BASE, *of(GREYSON, "AA-2"), *of("GREYSN", "AA-1"), *of("PELOTN", "P-1"))
    for _ in range(2):
        merged(started, GREYSON, PELOTON)
    assert told(started) == []
    assert all(each.was_unchanged for each in merged(started, GREYSON, PELOTON).values())


def test_an_older_order_that_another_customer_takes_settles_none_that_waits(started: OrderList) -> None:
    started.load(*BASE, *of(GREYSON, "AA-1"))
    merged(started, GREYSON, PELOTON)
    started.load(*BASE, *of("NOBODY KNOWN", "AA-1"))
    assert merged(started, GREYSON)[GREYSON].unsettled == 1
    started.load(*BASE, *of("NOBODY KNOWN", "AA-1"), *of(PELOTON, "AA-2"))
    merged(started, PELOTON)
    started.load(*BASE, *of(PELOTON, "AA-2"))
    assert merged(started, GREYSON)[GREYSON].removed == 1
