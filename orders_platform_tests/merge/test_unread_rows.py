"""A row that an order was merged from as it stands is known by its hash and not read again, and nothing comes out otherwise for it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from orders_platform.domain.guards import HeaderMerge
from orders_platform_tests.testing.order_list import FILE, KEY, NAME, PO, OrderList, Row, order

TABLES = ("ORDER_LIST_V2", "ORDER_SYNC_CUSTOMERS", "ORDER_LIST_REJECTS", "ORDER_LIST_LINES", "swp_ORDER_LIST_LINES")
EDITS: list[Row | None] = [
    {"NOTES": "x"}, {"NOTES": None}, {"NOTES": " "}, {"NOTES": "nan"}, {"M": 4}, {"M": None}, {"M": 0}, {"M": "many"}, {"XS": 1},
    {KEY: None}, {PO: "other"}, {"ORDER TYPE": "CANCELLED"}, {"FREIGHT": 1}, {KEY: KEY}, {NAME: "GREYSON CLOTHIERS"}, {PO: " PO-A1  "},
    {KEY: "A1"}, {KEY: " a2"}, {KEY: "A3", PO: "PO-A3"}, {KEY: "A4", PO: "other"}, {KEY: "A9"}, None,
]  # fmt: skip
"""What happens to a row from one load to the next; None where it leaves."""


def unread(order_list: OrderList) -> set[object]:
    """The numbers of the orders whose rows are known by their hash."""
    return {key for key, staged_hash in order_list.orders(KEY, "staged_hash") if staged_hash}


@contextmanager
def heard(engine: Engine, name: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(engine, name, listener)
    yield
    event.remove(engine, name, listener)


def content(order_list: OrderList) -> list[object]:
    """All that merges write, but for what is random or says how rows are known again."""
    own = "order_key, row_hash, merge_number, group_name, item_name, sync_state, action_type, removed_at, updated_at"
    orders = order_list.sql(f'SELECT {own}, "{KEY}", "{PO}", NOTES, "M", "XS", FREIGHT FROM ORDER_LIST_V2')
    lines = order_list.sql(
        "SELECT o.row_hash, n.size_code, n.qty FROM ORDER_LIST_LINES n, ORDER_LIST_V2 o WHERE o.record_uuid = n.record_uuid"
    )
    guards = order_list.sql("SELECT guards, rows_read, order_count, fingerprint FROM ORDER_SYNC_CUSTOMERS")
    return [sorted(orders, key=repr), sorted(lines, key=repr), order_list.rejects(), order_list.warnings(), guards]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nights=st.lists(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(EDITS)), max_size=4), min_size=1, max_size=4),
    copies=st.booleans(),
)
def test_loads_merge_alike_whether_known_rows_are_read_or_not(
    order_list: OrderList, nights: list[list[tuple[int, Row | None]]], copies: bool
) -> None:
    found = []
    for is_read in (False, True):
        for table in TABLES:
            order_list.sql(f"DELETE FROM {table}")
        order_list.clock = (datetime(2026, 1, 5, 0, i, tzinfo=UTC) for i in itertools.count())
        rows: list[Row | None] = [order(f"A{i}", NOTES="n" if i % 2 else None) for i in range(5)]
        outcomes = []
        for night in [[], *nights, []]:
            for i, edit in night:
                rows[i] = None if edit is None else (rows[i] or order(f"A{i}")) | edit
            if is_read:
                order_list.sql("UPDATE ORDER_LIST_V2 SET staged_hash = NULL")
            staged = [row for row in rows if row]
            outcomes.append(order_list.merge_all(*staged, *(staged if copies else ()), order("STAYS")))
            outcomes.append(content(order_list))
        found.append(outcomes)
    assert found[0] == found[1]


def test_only_what_changed_is_read(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(9)]
    order_list.merge(*rows)
    order_list.sent()
    order_list.sql("UPDATE ORDER_LIST_V2 SET row_hash = order_key")  # whoever reads a row sees another one
    assert order_list.merge(*rows[1:], rows[0] | {"NOTES": "x"}) == HeaderMerge(rows_read=9, updated=1)
    assert order_list.merge(*rows[:5]).missing == 4
    assert {key for key, state in order_list.orders(KEY, "sync_state") if state == "NEW"} == {"A0"}


@pytest.mark.parametrize(
    ("column", "edit"), [(KEY, "WRONG"), (PO, "HAND"), ("item_name", "by hand"), ("group_name", "by hand")]
)
def test_an_order_whose_key_or_name_somebody_edited_in_the_table_is_put_right(
    order_list: OrderList, column: str, edit: str
) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    before = sorted(order_list.orders(KEY, PO, "item_name", "group_name"))
    order_list.sql(f'UPDATE ORDER_LIST_V2 SET "{column}" = \'{edit}\', "M" = 99 WHERE "{KEY}" = \'A0\'')
    order_list.merge(*rows[:5], rows[5] | {"NOTES": "x"})
    live = order_list.sql(f'SELECT "{KEY}", "{PO}", item_name, group_name FROM ORDER_LIST_V2 WHERE removed_at IS NULL')
    assert sorted(map(tuple, live)) == before


@pytest.mark.parametrize("count", [1, 501])
def test_a_row_of_which_every_cell_is_null_is_no_order_and_stops_nothing(order_list: OrderList, count: int) -> None:
    order_list.load(order("A1"), *[dict.fromkeys(order("A1"))] * count)
    order_list.merging.record_scan(order_list.merging.scan_staging(), datetime(2026, 1, 5, tzinfo=UTC))
    assert order_list.merge().created == 1
    assert [reject.code for reject in order_list.store.invalid_rows()] == ["no_order"]


def test_an_order_that_was_made_of_a_row_of_totals_is_gone_from_the_list(order_list: OrderList) -> None:
    order_list.merge(order("A1"), order("TOTALX"))
    order_list.sql(f"UPDATE ORDER_LIST_V2 SET \"{KEY}\" = 'TOTAL' WHERE \"{KEY}\" = 'TOTALX'")
    assert order_list.merge(order("A1"), order("TOTAL")).missing == 1
    assert [key for key, gone in order_list.orders(KEY, "removed_at") if gone] == ["TOTAL"]


def test_a_column_that_was_blank_and_is_filled_and_goes_blank_again_is_a_change_each_time(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    for cell in ("x", "", "x", None, "x", " nan "):
        assert order_list.merge(*rows[1:], rows[0] | {"PLANNER": cell}).updated == 1
        assert order_list.orders("PLANNER")[0] == (cell if cell == "x" else None,)


def test_a_row_with_a_cell_that_cannot_be_held_is_read_each_time_and_its_former_content_is_a_change(
    order_list: OrderList,
) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    order_list.merge(*rows[1:], rows[0] | {"M": "many"})
    assert unread(order_list) == {f"A{i}" for i in range(1, 6)}
    assert order_list.merge(*rows).updated == 1
    assert order_list.orders("M")[0] == (3,)


def test_copies_of_a_row_in_another_file_leave_its_order_what_it_is(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    copies = [row | {FILE: "a copy"} for row in rows]
    order_list.merge_all(*rows, *copies, order("X"))
    before = order_list.orders(KEY, FILE, "staged_hash", "updated_at")[:6]
    for note in "xyz":
        merged = order_list.merge(*rows, *copies, order("X", NOTES=note))
        assert merged == HeaderMerge(rows_read=13, updated=1, copies=6)
        assert order_list.orders(KEY, FILE, "staged_hash", "updated_at")[:6] == before


@pytest.mark.sqlite
def test_an_order_that_somebody_copied_in_the_table_stops_no_merge(order_list: OrderList) -> None:
    order_list.merge(order("A1"), order("X"))
    names = ", ".join(
        f'"{name}"' for _, name, *_ in order_list.sql("PRAGMA table_info(ORDER_LIST_V2)") if name != "record_uuid"
    )
    order_list.sql(
        f"INSERT INTO ORDER_LIST_V2 (record_uuid, {names}) SELECT 'a copy', {names} FROM ORDER_LIST_V2 WHERE order_key = 'A1'"
    )
    rows = order("A1"), order("A1") | {FILE: "a copy"}
    assert order_list.merge(*rows, order("X", NOTES="x")).missing == 1


@pytest.mark.parametrize("kept", ["", "0123", "0123:7", "0123:7:ab", "0123:7:ab:cd"])
def test_an_order_that_keeps_another_form_of_hash_is_read_again(order_list: OrderList, kept: str) -> None:
    rows = [order(f"A{i}") for i in range(3)]
    order_list.merge(*rows)
    order_list.sql("UPDATE ORDER_LIST_V2 SET staged_hash = ?", kept)
    assert order_list.merge(*rows[1:], rows[0] | {"NOTES": "x"}) == HeaderMerge(rows_read=3, updated=1)
    assert len(unread(order_list)) == 3


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "wrong", ["row_hash = ''", "row_hash = NULL", "\"PO NUMBER\" = x'ff00'", "item_name = x'ff'", "group_name = 'x'"]
)
def test_an_order_that_somebody_spoilt_in_the_table_is_put_right(order_list: OrderList, wrong: str) -> None:
    rows = [order(f"A{i}") for i in range(3)]
    order_list.merge(*rows)
    right = order_list.orders("order_key", "row_hash", PO, "item_name", "group_name")
    order_list.sql(f"UPDATE ORDER_LIST_V2 SET {wrong} WHERE order_key = 'A1'")
    assert order_list.merge(rows[0] | {"NOTES": "x"}, *rows[1:]) == HeaderMerge(rows_read=3, updated=2)
    assert order_list.orders("order_key", "row_hash", PO, "item_name", "group_name")[1:] == right[1:]


def test_another_configuration_reads_every_row(order_list: OrderList) -> None:
    rows = [order(f"A{i}", PLANNER="later") for i in range(6)]
    order_list.merge(*rows)
    changed = order_list.configured(lambda document: document["cleaning"]["null_words"].append("later"))
    assert changed.merge(*rows).updated == 6
    assert set(changed.orders("PLANNER")) == {(None,)}


def test_an_order_that_was_not_merged_when_the_configuration_changed_is_read_once_it_is(order_list: OrderList) -> None:
    rows = [order(f"A{i}", NOTES="later" if i in {0, 8} else "n") for i in range(12)]
    order_list.merge(*rows)
    changed = order_list.configured(lambda document: document["cleaning"]["null_words"].append("later"))
    assert changed.merge(*rows[:8], rows[0] | {"FREIGHT": 3}).rejected == 2  # and four orders are missing, which a guard keeps
    assert changed.merge(*rows).updated == 2
    assert [key for key, notes in changed.orders(KEY, "NOTES") if notes is None] == ["A0", "A8"]


def test_an_order_that_left_is_read_when_it_is_back(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    order_list.merge(*rows[1:])
    assert order_list.merge(*rows).updated == 1
    assert set(order_list.orders("removed_at")) == {(None,)}


def test_a_row_that_changes_while_the_load_is_read_is_not_lost(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    order_list.load(*rows[1:], rows[0] | {"NOTES": "x"})
    changes = iter(["UPDATE swp_ORDER_LIST_V2 SET NOTES = 'y' WHERE NOTES = 'x'"])

    def change(*execution: object) -> None:
        if "AS content_hash" in str(execution[2]):
            for statement in changes:
                order_list.sql(statement)

    with heard(order_list.store.database.engine, "after_cursor_execute", change):
        assert order_list.merge() == HeaderMerge(rows_read=6, updated=1)
    assert order_list.orders("NOTES")[0] == ("y",)
    assert order_list.merge().was_unchanged


def test_a_database_of_before_learns_the_hashes_and_changes_nothing_else(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    order_list.sent()
    order_list.sql("UPDATE ORDER_LIST_V2 SET staged_hash = NULL")
    before = order_list.orders("sync_state", "updated_at", "row_hash", FILE)
    assert order_list.merge(*rows[1:], rows[0] | {"NOTES": "x"}) == HeaderMerge(rows_read=6, updated=1)
    assert order_list.orders("sync_state", "updated_at", "row_hash", FILE)[1:] == before[1:]
    assert len(unread(order_list)) == 6


# --- the hash that SQLite's staging table keeps of each row


def staged_hashes(order_list: OrderList) -> dict[object, object]:
    return dict(tuple(row) for row in order_list.sql(f'SELECT "{KEY}", staged_hash FROM swp_ORDER_LIST_V2'))


@pytest.mark.sqlite
def test_a_row_is_known_whatever_else_its_load_has_and_forgotten_when_somebody_changes_it(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(3)]
    order_list.load(*rows)
    first = staged_hashes(order_list)
    assert len(set(first.values())) == 3
    order_list.load(
        *({"record_uuid": "x", **dict(reversed(row.items()))} for row in rows), order("B") | {"PLANNER": "p", "L": 7}
    )
    assert {**staged_hashes(order_list), **first} == staged_hashes(order_list)
    order_list.sql(f"UPDATE swp_ORDER_LIST_V2 SET NOTES = 'x' WHERE \"{KEY}\" = 'A0'")
    order_list.sql(f"INSERT INTO swp_ORDER_LIST_V2 (\"{KEY}\") VALUES ('C')")
    assert [key for key, found in staged_hashes(order_list).items() if found is None] == ["A0", "C"]


@pytest.mark.sqlite
@pytest.mark.parametrize("cell", ["a\x1fb", "a", None, 0, 12, "12", 1.5, b"a", ""])
def test_rows_that_differ_have_different_hashes_or_none(order_list: OrderList, cell: object) -> None:
    rows = [order("A1") | {"NOTES": cell, "PLANNER": "b"}, order("A1") | {"NOTES": "b", "PLANNER": cell}]
    order_list.load(*rows, order("A1") | {"NOTES": "a", "PLANNER": "b\x1f"})
    found = [found for (found,) in order_list.sql("SELECT staged_hash FROM swp_ORDER_LIST_V2") if found is not None]
    assert len(found) == len(set(found)) == (0 if isinstance(cell, bytes | float) or cell == "a\x1fb" else 2)


@pytest.mark.sqlite
def test_hashes_of_a_staging_table_that_somebody_copied_are_not_believed(order_list: OrderList) -> None:
    rows = [order(f"A{i}") for i in range(6)]
    order_list.merge(*rows)
    order_list.sql("ALTER TABLE swp_ORDER_LIST_V2 RENAME TO former")
    order_list.sql("CREATE TABLE swp_ORDER_LIST_V2 AS SELECT * FROM former")
    order_list.sql(f"UPDATE swp_ORDER_LIST_V2 SET NOTES = 'x' WHERE \"{KEY}\" = 'A0'")
    assert None not in staged_hashes(order_list).values()
    afresh = order_list.configured(lambda document: None)
    assert afresh.merge() == HeaderMerge(rows_read=6, updated=1)
    assert afresh.merge().was_unchanged


@pytest.mark.sqlite
def test_rows_that_somebody_reads_and_puts_back_bring_no_hash_with_them(order_list: OrderList) -> None:
    """As a script does that reads the whole table, changes a cell, and writes all of it anew, the hashes among the rest."""
    order_list.merge(*(order(f"A{i}") for i in range(6)))
    columns = [name for _, name, *_ in order_list.sql("PRAGMA table_info(swp_ORDER_LIST_V2)")]
    rows = order_list.sql("SELECT * FROM swp_ORDER_LIST_V2")
    notes, hashed = columns.index("NOTES"), columns.index("staged_hash")
    assert all(row[hashed] for row in rows)
    order_list.sql("DELETE FROM swp_ORDER_LIST_V2")
    for i, row in enumerate(rows):
        cells = [*row[:notes], "edited" if i == 0 else row[notes], *row[notes + 1 :]]
        order_list.sql(f"INSERT INTO swp_ORDER_LIST_V2 VALUES ({', '.join('?' * len(cells))})", *cells)
    assert set(staged_hashes(order_list).values()) == {None}
    assert order_list.merge() == HeaderMerge(rows_read=6, updated=1)
    assert order_list.sql("SELECT COUNT(*) FROM ORDER_LOADS WHERE load_id = 'inserting'") == [(0,)]


@pytest.mark.sqlite
@pytest.mark.parametrize("many", [3, 1_001])
def test_a_load_keeps_its_hashes_and_leaves_the_triggers_as_they_were(order_list: OrderList, many: int) -> None:
    """Few rows come by the trigger, which takes off their mark; for many it is dropped, and made again."""
    triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
    before = order_list.sql(triggers)
    order_list.load(*(order(f"A{i}") for i in range(many)))
    assert all(re.fullmatch("[0-9a-f]{32}", str(found)) for found in staged_hashes(order_list).values())
    assert order_list.sql(triggers) == before
    order_list.sql("INSERT INTO swp_ORDER_LIST_V2 SELECT * FROM swp_ORDER_LIST_V2 WHERE rowid = 1")
    assert order_list.sql("SELECT COUNT(*) FROM swp_ORDER_LIST_V2 WHERE staged_hash IS NULL") == [(1,)]


@pytest.mark.sqlite
def test_a_staging_table_with_triggers_of_before_gets_those_of_today(order_list: OrderList) -> None:
    order_list.merge(order("A1"))
    for what, when in (("changed", "UPDATE"), ("inserted", "INSERT")):
        order_list.sql(f"DROP TRIGGER swp_ORDER_LIST_V2_{what}")
        order_list.sql(
            f"CREATE TRIGGER swp_ORDER_LIST_V2_{what} AFTER {when} ON swp_ORDER_LIST_V2 WHEN new.staged_hash IS NOT NULL "
            "BEGIN UPDATE swp_ORDER_LIST_V2 SET staged_hash = NULL WHERE rowid = new.rowid; END"
        )
    afresh = order_list.configured(lambda document: None)
    assert not afresh.store.schema.has_staged_hashes
    afresh = order_list.configured(lambda document: None)
    afresh.store.schema.widen_staging()
    assert set(staged_hashes(afresh).values()) == {None}
    assert afresh.merge(order("A1"), order("A2")) == HeaderMerge(rows_read=2, created=1)
    assert None not in staged_hashes(afresh).values()


@pytest.mark.sqlite
def test_a_staging_table_of_before_learns_to_keep_hashes(order_list: OrderList) -> None:
    order_list.merge(order("A1"))
    for statement in ("DROP TRIGGER swp_ORDER_LIST_V2_changed", "DROP TRIGGER swp_ORDER_LIST_V2_inserted",
                      "DROP INDEX ix_swp_ORDER_LIST_V2_rows", "ALTER TABLE swp_ORDER_LIST_V2 DROP COLUMN staged_hash"):  # fmt: skip
        order_list.sql(statement)
    afresh = order_list.configured(lambda document: None)
    assert afresh.merge().updated == 0
    afresh.store.schema.widen_staging()
    afresh = order_list.configured(lambda document: None)
    assert afresh.merge(order("A1"), order("A2")) == HeaderMerge(rows_read=2, created=1)
    assert None not in staged_hashes(afresh).values()
