"""`sync --show`: what a run would change, by order and cell; and that the run then does just that."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from orders_platform.settings import Settings
from orders_platform_tests.cli.test_cli_sync import digests
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"
NOTHING = dict.fromkeys(
    ("new_orders", "changed_orders", "archived_orders", "new_sizes", "changed_sizes", "archived_sizes", "changed_cells"), 0
)


def edited() -> tuple[list[dict], dict[str, dict]]:
    """The list after a morning's work: a style renamed, a size counted anew, a size and an order added; and those four rows."""
    rows = [dict(row) for row in samples_of("B'HOOD", "BHOOD")]
    numbers = [row["AAG ORDER NUMBER"] for row in rows]
    style, counted, sized = [
        row for row in rows if numbers.count(row["AAG ORDER NUMBER"]) == 1 and isinstance(row.get("M"), int)
    ][:3]
    style["STYLE DESCRIPTION"] = "<b>POLO</b>"
    counted["M"] += 10
    sized["XXXL"] = 7
    added = {**rows[-1], "AAG ORDER NUMBER": "BHO-99999", "CUSTOMER SEASON": "SPRING 2030"}
    return [*rows, added], {"style": style, "counted": counted, "sized": sized, "added": added}


def key(row: dict) -> str:
    return str(row["AAG ORDER NUMBER"])


@pytest.fixture
def synced(bhood: Workplace, terminal: Terminal) -> Workplace:
    assert terminal("sync", "--execute", "--quiet").code == 0
    return bhood


def test_every_change_is_shown_by_order_and_cell_and_nothing_is_sent(synced: Workplace, terminal: Terminal) -> None:
    rows, of = edited()
    synced.stage(rows)
    synced.write("PRAGMA wal_checkpoint(TRUNCATE)")
    before, mutations = digests(synced.folder), synced.mutations
    outcome = terminal("sync", "--show", "--json")
    assert outcome.code == 0, outcome.err
    synced.write("PRAGMA wal_checkpoint(TRUNCATE)")
    assert digests(synced.folder) == before
    assert synced.mutations == mutations
    found = {order["order_key"]: order for order in outcome.document["changes"][CUSTOMER]}
    assert set(found) == {key(row) for row in of.values()}
    assert (found["BHO-99999"]["kind"], found["BHO-99999"]["monday_id"]) == ("new", None)
    assert {"column": "group", "board": "", "database": f"{CUSTOMER} SPRING 2030"} in found["BHO-99999"]["cells"]
    old = samples_of("B'HOOD", "BHOOD")
    described = next(row["STYLE DESCRIPTION"] for row in old if key(row) == key(of["style"]))
    assert {"column": "STYLE DESCRIPTION", "board": described, "database": "<b>POLO</b>"} in found[key(of["style"])]["cells"]
    (size,) = found[key(of["counted"])]["sizes"]
    assert (size["kind"], size["size_code"], size["cells"]) == (
        "changed", "M", [{"column": "Order Qty", "board": str(of["counted"]["M"] - 10), "database": str(of["counted"]["M"])}]
    )  # fmt: skip
    (size,) = found[key(of["sized"])]["sizes"]
    assert (size["kind"], size["size_code"], size["monday_id"]) == ("new", "XXXL", None)
    counts = outcome.document["change_counts"]
    assert (counts["new_orders"], counts["changed_orders"], counts["archived_orders"]) == (1, 3, 0)


def test_the_run_does_what_was_shown_and_then_there_is_nothing_to_show(synced: Workplace, terminal: Terminal) -> None:
    rows, _ = edited()
    synced.stage(rows)
    counts = terminal("sync", "--show", "--json").document["change_counts"]
    done = terminal("sync", "--execute", "--json").document["total"]
    assert done["created"] == counts["new_orders"] + counts["new_sizes"] + 1  # and the group
    asked = len(synced.sandbox.requests)
    after = terminal("sync", "--show", "--json").document
    assert after["change_counts"] == NOTHING
    assert after["changes"] == {CUSTOMER: []}
    assert len(synced.sandbox.requests) - asked <= 3  # the boards themselves, and no item


def test_people_read_old_and_new_values_and_the_counts(synced: Workplace, terminal: Terminal) -> None:
    rows, of = edited()
    synced.stage(rows)
    said = terminal("sync", "--show").out
    assert f"{CUSTOMER}: 1 new order, 3 changed orders, " in said
    assert "STYLE DESCRIPTION: " in said
    assert " -> <b>POLO</b>" in said
    assert f"  ~ size M changed: Order Qty: {of['counted']['M'] - 10} -> {of['counted']['M']}" in said
    assert "  + size XXXL new: 7" in said
    assert "\n+ BHO-99999 new in B'HOOD SPRING 2030: " in said
    assert "A run would change: 1 new order, 3 changed orders, " in said
    assert "Dry run: nothing was written anywhere." in said
    assert "customer " not in said.splitlines()[0]


def test_single_orders_can_be_asked_for(synced: Workplace, terminal: Terminal) -> None:
    rows, of = edited()
    synced.stage(rows)
    said = terminal("sync", "--order", key(of["style"]).lower(), "--order", "BHO-0").out
    assert "A run would change: 1 changed order, 1 changed cell" in said
    assert key(of["sized"]) not in said
    nothing = terminal("sync", "--order", "BHO-0").out
    assert "A run would change: nothing\n`orders-platform history BHO-0` says where it stands." in nothing


def test_an_order_that_left_and_an_item_that_people_removed(
    make_workplace: Callable[..., Workplace], terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_workplace()
    monkeypatch.setenv("ORDERS_CONFIG", str(place.configure(('removed_orders = "keep"', 'removed_orders = "archive"'))))
    rows = samples_of("B'HOOD", "BHOOD")
    place.stage(rows)
    assert terminal("sync", "--execute", "--quiet").code == 0
    left, removed = [key(row) for row in rows if row.get("M")][:2]
    (item_id,) = place.rows('SELECT monday_item_id FROM "ORDER_LIST_V2" WHERE order_key = ?', removed)[0]
    place.graphql(f"mutation {{ archive_item(item_id: {item_id}) {{ id }} }}")
    place.stage([{**row, "DROP": "9"} if key(row) == removed else row for row in rows if key(row) != left])
    document = terminal("sync", "--show", "--json").document
    found = {order["order_key"]: order["kind"] for order in document["changes"][CUSTOMER]}
    assert found == {left: "archived", removed: "made again"}
    assert document["change_counts"]["archived_orders"] == 1
    board = Settings().configuration.items.board_id
    before = sum(map(len, place.board_of(board).values()))
    assert terminal("sync", "--execute", "--quiet").code == 0
    assert sum(map(len, place.board_of(board).values())) == before


def test_the_page_has_every_cell_and_obeys_none(synced: Workplace, terminal: Terminal) -> None:
    rows, _ = edited()
    synced.stage(rows)
    assert terminal("sync", "--html", "changes.html").code == 0
    page = (synced.folder / "changes.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;POLO&lt;/b&gt;" in page
    assert "<b>POLO" not in page
    assert "default-src 'none'" in page
    assert re.search(r"<summary>BHO-99999 <span[^>]*>new</span>", page)
    assert "1 new order, 3 changed orders, " in page


@pytest.mark.parametrize("option", [("--execute",), ("--limit", "3")])
def test_what_does_not_go_with_show_is_a_usage_error(offline: Workplace, terminal: Terminal, option: tuple[str, ...]) -> None:
    outcome = terminal("sync", "--show", *option)
    assert outcome.code == 2
    assert option[0] in outcome.err


def test_subitems_that_are_skipped_are_not_shown(synced: Workplace, terminal: Terminal) -> None:
    rows, _ = edited()
    synced.stage(rows)
    counts = terminal("sync", "--show", "--skip-subitems", "--json").document["change_counts"]
    assert (counts["new_orders"], counts["new_sizes"], counts["changed_sizes"]) == (1, 0, 0)


def test_two_orders_of_one_number_are_told_apart(synced: Workplace, terminal: Terminal) -> None:
    rows = [dict(row) for row in samples_of("B'HOOD", "BHOOD")]
    twins = [
        {**rows[-1], "AAG ORDER NUMBER": "BHO-99999", "CUSTOMER COLOUR DESCRIPTION": colour} for colour in ("NAVY", "WHITE")
    ]
    synced.stage([*rows, *twins])
    found = terminal("sync", "--show", "--order", "BHO-99999", "--json").document
    orders = found["changes"][CUSTOMER]
    assert [order["kind"] for order in orders] == ["new", "new"]
    assert len({order["name"] for order in orders}) == 2
    sizes = [[size["size_code"] for size in order["sizes"]] for order in orders]
    assert sizes[0] == sizes[1] == sorted(set(sizes[0]))
    assert found["change_counts"] == NOTHING | {"new_orders": 2, "new_sizes": 2 * len(sizes[0])}


def test_an_order_that_got_another_number_is_shown_with_what_stays_on_the_board(synced: Workplace, terminal: Terminal) -> None:
    rows = [dict(row) for row in samples_of("B'HOOD", "BHOOD")]
    former = key(rows[0])
    rows[0]["AAG ORDER NUMBER"] = "BHO-77777"
    synced.stage(rows)
    said = f"{CUSTOMER}: no longer in the list and still on the board: 1 order ({former})"
    for command in (("sync", "--show"), ("sync", "--order", former)):
        shown = terminal(*command).out
        assert said in shown
        assert 'removed_orders = "archive" in [policies] archives them' in shown
    assert terminal("sync", "--show", "--json", "--html", "page.html").document["left_on_board"] == {CUSTOMER: [former]}
    assert f"still on the board: 1 order ({former})" in (Path("page.html")).read_text(encoding="utf-8")
    done = terminal("sync", "--execute")
    assert (done.code, said in done.out) == (0, True)
    assert said not in terminal("sync", "--execute").out  # said once, when it happens
    assert "Not in the order list since" in (told := terminal("history", former).out)
    assert "its item stays on the board" in told
    assert "Not in the order list" not in terminal("history", "BHO-77777").out
    assert said in terminal("sync", "--show").out
