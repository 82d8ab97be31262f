"""Guards, changed mappings and other boards, as a person at the terminal meets them: said everywhere, harmless, accepted by one option."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from orders_platform_tests.testing.terminal import Outcome, Terminal
from orders_platform_tests.testing.workplace import CHECKOUT, Row, Workplace, samples_of

CUSTOMER = "B'HOOD"
ROWS = samples_of("B'HOOD", "BHOOD")[:8]
ITEMS, SUBITEMS = 9609317401, 9609317948
KEY, STYLE, PO = "text_mkr5wya6", "text_mktdechp", "text_mkr5ej2x"


def without(rows: list[Row], *columns: str) -> list[Row]:
    return [{**row, **dict.fromkeys(columns)} for row in rows]


@pytest.fixture
def synced(workplace: Workplace, terminal: Terminal) -> Workplace:
    workplace.stage(ROWS)
    outcome = terminal("sync", "--execute")
    assert outcome.code == 0, outcome.err
    assert outcome.out.rstrip().endswith("B'HOOD: 8 orders, all on the board")
    return workplace


def everywhere(terminal: Terminal, words: str) -> None:
    """Every surface says it, and none that all is well."""
    for command in (("sync",), ("sync", "--execute"), ("status",), ("verify",)):
        outcome = terminal(*command)
        assert outcome.code == 1, command
        said = outcome.out + outcome.err
        assert words in said, command
        assert "B'HOOD: 8 orders, all on the board" not in said, command
    report = terminal("report").out
    assert words in report
    assert "All 8 orders" not in report
    for command in (("sync", "--json"), ("status", "--json"), ("verify", "--json")):
        verdict = terminal(*command).document["customers"][CUSTOMER]["verdict"]
        assert (verdict["state"], words in verdict["guards"][0]["message"]) == ("guard", True)


def test_orders_that_vanish_from_the_load_are_said_everywhere_and_accepted_once(synced: Workplace, terminal: Terminal) -> None:
    board = synced.board
    synced.stage(ROWS[:3])
    everywhere(terminal, "5 of 8 orders of B'HOOD are missing from the load")
    assert synced.board == board
    accepted = terminal("sync", "--execute", "--accept", "vanished_orders")
    assert accepted.code == 0, accepted.err
    assert accepted.out.rstrip().endswith("B'HOOD: 3 orders, all on the board")
    assert terminal("status").code == 0


@pytest.mark.parametrize("others", [samples_of("PELOTON")[:4], []], ids=["another customer", "an empty table"])
def test_a_customer_that_the_load_lacks_is_said_until_it_is_back_or_accepted(
    synced: Workplace, terminal: Terminal, others: list[Row]
) -> None:
    words = "8 of 8 orders of B'HOOD are missing from the load, which names no order of it; none was removed."
    synced.stage(others)
    everywhere(terminal, words)
    synced.stage([*ROWS, *others])
    assert terminal("sync", "--execute").code == 0
    assert terminal("status").code == 0
    synced.stage(others)
    everywhere(terminal, words)
    accepted = terminal("sync", "--execute", "--customer", CUSTOMER, "--accept", "vanished_orders")
    assert (accepted.code, accepted.out.rstrip().endswith("B'HOOD: no orders")) == (0, True), accepted.err
    assert terminal("sync", "--execute").code == 0
    assert terminal("status").code == 0
    before = synced.mutations
    synced.stage([*ROWS, *others])
    clean = f"2 customers: {8 + len(others)} orders" if others else "B'HOOD: 8 orders"
    assert terminal("sync", "--execute").out.endswith(f"\n{clean}, all on the board\n")
    assert synced.mutations == before
    assert terminal("status").code == 0


def test_a_column_that_turns_blank_stops_the_customer_everywhere(synced: Workplace, terminal: Terminal) -> None:
    before = synced.mutations
    synced.stage(without(ROWS, "CUSTOMER STYLE"))
    everywhere(terminal, "CUSTOMER STYLE: blank in 8 of 8 orders that had it")
    assert synced.mutations == before
    assert terminal("sync", "--execute", "--accept", "wrong_totals").code == 1  # another guard
    assert terminal("sync", "--execute", "--accept", "emptied_columns").code == 0
    assert synced.mutations > before


def test_totals_that_do_not_match_stop_the_command_line_as_they_stop_dagster(synced: Workplace, terminal: Terminal) -> None:
    before = synced.mutations
    synced.stage([{**row, "TOTAL QTY": 9999} for row in ROWS])
    everywhere(terminal, "The totals of 8 of 8 orders of B'HOOD are not the sum of their sizes")
    assert terminal("retry").code == 0  # nothing failed
    assert synced.mutations == before
    assert terminal("sync", "--execute", "--accept", "wrong_totals").code == 0
    assert terminal("sync", "--execute").code == 0


def test_two_orders_with_one_id_are_not_sent(synced: Workplace, terminal: Terminal) -> None:
    before = synced.mutations
    synced.write(
        "UPDATE ORDER_LIST_V2 SET monday_item_id = (SELECT MIN(monday_item_id) FROM ORDER_LIST_V2), sync_state = 'NEW'"
    )
    outcome = terminal("sync", "--execute")
    assert outcome.code == 1
    assert "board ids of B'HOOD are shared" in outcome.err
    assert synced.mutations == before


def test_a_row_that_names_no_customer_is_said_beside_the_customer_of_its_file(synced: Workplace, terminal: Terminal) -> None:
    file = str(ROWS[0]["_SOURCE_TABLE"])
    other = {**ROWS[0], "CUSTOMER NAME": "NOBODY KNOWS", "AAG ORDER NUMBER": "X-1", "_SOURCE_TABLE": file}
    blank = {**ROWS[0], "CUSTOMER NAME": None, "AAG ORDER NUMBER": "X-2", "_SOURCE_TABLE": "shared file"}
    shared = [{**row, "_SOURCE_TABLE": "shared file"} for row in ROWS]
    greyson = {**samples_of("GREYSON")[0], "_SOURCE_TABLE": "shared file"}
    synced.stage([*shared, other, blank, greyson])
    outcome = terminal("sync", "--execute")
    assert outcome.code == 1
    assert "B'HOOD: 8 of 8 orders on the board; 1 row of its files names no known customer" in outcome.out
    assert "1 row of its files names no known customer" in terminal("report", "--customer", CUSTOMER).out
    assert terminal("status").code == 1


def test_a_total_and_a_repeated_header_are_no_orders_and_all_is_well(synced: Workplace, terminal: Terminal) -> None:
    columns = list(dict.fromkeys(name for row in ROWS for name in row))
    total = {**dict.fromkeys(columns), "AAG ORDER NUMBER": "Grand Total", "CUSTOMER NAME": CUSTOMER, "TOTAL QTY": 999}
    synced.stage([*ROWS, total, {name: name for name in columns}])
    for command in (("sync", "--execute"), ("status",)):
        outcome = terminal(*command)
        assert outcome.code == 0, outcome.out
        assert "B'HOOD: 8 orders, all on the board" in outcome.out
    assert "[no_order] the row repeats the headers of its file" in terminal("status").out
    synced.stage(ROWS)
    terminal("sync", "--execute")
    assert "[no_order]" not in terminal("status").out


def test_a_total_with_a_text_is_told_as_what_it_is_and_every_command_says_the_same(
    synced: Workplace, terminal: Terminal
) -> None:
    columns = list(dict.fromkeys(name for row in ROWS for name in row))
    total = {**dict.fromkeys(columns), "CUSTOMER NAME": "Total", "CUSTOMER STYLE": "8 styles", "TOTAL QTY": 999}
    synced.stage([*ROWS, total])
    dry = terminal("sync")
    assert (dry.code, terminal("sync", "--execute").code, terminal("status").code, terminal("verify").code) == (0, 0, 0, 0)
    assert "1 staged row is no order (a total, a repeated header, a note); `orders-platform status` says which." in dry.out
    assert "no configured customer" not in dry.out + dry.err
    assert "[no_order] it says TOTAL or the like where an order has its number" in terminal("status").out
    assert (terminal("sync", "--execute", "--strict").code, terminal("status", "--strict").code) == (1, 1)


def test_a_dry_run_does_not_end_well_when_a_run_would_not(synced: Workplace, terminal: Terminal) -> None:
    synced.stage([*ROWS, {**ROWS[0], "CUSTOMER NAME": "NOBODY KNOWS", "AAG ORDER NUMBER": "X-1", "_SOURCE_TABLE": "other"}])
    for command in (("sync",), ("sync", "--show"), ("sync", "--quiet"), ("sync", "--execute"), ("status",)):
        assert terminal(*command).code == 1, command
    assert "1 staged row matches no configured customer" in terminal("sync", "--quiet").err
    assert terminal("sync", "--customer", CUSTOMER).code == 0


def test_warnings_are_well_unless_strict(workplace: Workplace, terminal: Terminal) -> None:
    first, *others = ROWS
    workplace.stage([*others, {**first, "S": "many"}])
    assert terminal("sync", "--execute").code == 0
    assert "; 1 warning" in terminal("status").out
    assert (terminal("status").code, terminal("status", "--strict").code) == (0, 1)
    assert (terminal("sync", "--execute").code, terminal("sync", "--execute", "--strict").code) == (0, 1)


# --- mapping and board


def configured(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, items: int, subitems: int, columns: Mapping[str, str]
) -> None:
    """A configuration with these boards, and text columns of items by the order columns that fill them."""
    fields = ", ".join(f'{{ source = "{source}", column = "{column}", type = "text" }}' for column, source in columns.items())
    text = (CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8")
    mapped = (
        f'[items]\nboard_id = {items}\nexternal_key = "{KEY}"\ncolumns = [{fields}]\n\n[subitems]\nboard_id = {subitems}\n'
        'columns = [{ source = "qty", column = "numeric_mkra7j8e", type = "numbers" }]\n\n[customers]'
    )
    file = place.folder / "mapped.toml"
    file.write_text(
        re.sub(r"\[items\]\n.*?\n\[customers\]", lambda _: mapped, text, count=1, flags=re.DOTALL), encoding="utf-8"
    )
    monkeypatch.setenv("ORDERS_CONFIG", str(file))


@pytest.fixture
def mapped(workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Eight orders of which the board shows number and style."""
    configured(workplace, monkeypatch, ITEMS, SUBITEMS, {KEY: "AAG ORDER NUMBER", STYLE: "CUSTOMER STYLE"})
    workplace.stage(ROWS)
    assert terminal("sync", "--execute").code == 0
    return workplace


def sent(outcome: Outcome) -> dict[str, int]:
    assert outcome.code == 0, outcome.err
    figures = outcome.document["customers"][CUSTOMER]
    return {name: figures[name] for name in ("created", "updated", "mutations")}


def cells(place: Workplace, column: str) -> list[str]:
    query = f'{{ boards(ids: [{ITEMS}]) {{ items_page(limit: 100) {{ items {{ column_values(ids: ["{column}"]) {{ text }} }} }} }} }}'
    page = place.graphql(query)["boards"][0]["items_page"]
    return sorted(item["column_values"][0]["text"] or "" for item in page["items"])


def test_a_new_column_of_the_mapping_is_sent_for_every_order_and_nothing_else(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, {KEY: "AAG ORDER NUMBER", STYLE: "CUSTOMER STYLE", PO: "PO NUMBER"})
    assert "8 rows" in terminal("sync", "--verbose").err
    filled = sum(row["PO NUMBER"] is not None for row in ROWS)
    assert sent(terminal("sync", "--execute", "--json")) == {"created": 0, "updated": filled, "mutations": filled}
    assert cells(mapped, PO) == sorted(str(row["PO NUMBER"] or "") for row in ROWS)
    assert sent(terminal("sync", "--execute", "--json")) == {"created": 0, "updated": 0, "mutations": 0}


def test_another_source_of_a_column_is_sent_where_the_cells_differ(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, {KEY: "AAG ORDER NUMBER", STYLE: "ALIAS/RELATED ITEM"})
    differ = sum(row["CUSTOMER STYLE"] != row.get("ALIAS/RELATED ITEM") for row in ROWS)
    assert sent(terminal("sync", "--execute", "--json"))["mutations"] == differ > 0
    assert cells(mapped, STYLE) == sorted(str(row.get("ALIAS/RELATED ITEM") or "") for row in ROWS)


def test_a_column_that_leaves_the_mapping_costs_no_mutation(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, {KEY: "AAG ORDER NUMBER"})
    assert sent(terminal("sync", "--execute", "--json"))["mutations"] == 0


def test_a_changed_mapping_gives_refused_rows_another_try(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped.write(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'x', sync_error_message = 'y' WHERE rowid = 1"
    )
    assert terminal("sync", "--execute").code == 1
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, {KEY: "AAG ORDER NUMBER", STYLE: "CUSTOMER STYLE", PO: "PO NUMBER"})
    assert terminal("sync", "--execute").code == 0


def test_rows_that_an_earlier_version_refused_get_another_try(mapped: Workplace, terminal: Terminal) -> None:
    mapped.write("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'number_expected' WHERE rowid <= 2")
    mapped.write("UPDATE ORDER_SYNC_CUSTOMERS SET items_board_id = NULL, items_mapping = NULL, subitems_board_id = NULL")
    outcome = terminal("sync", "--execute")
    assert outcome.code == 0, outcome.out
    assert "B'HOOD: 8 orders, all on the board" in outcome.out


def new_board(place: Workplace) -> tuple[int, int]:
    """Another board like ours, by its items and its subitems."""
    items = int(
        place.graphql('mutation { create_board(board_name: "Second", board_kind: public, empty: true) { id } }')[
            "create_board"
        ]["id"]
    )
    for column in (KEY, STYLE, PO):
        place.graphql(
            f'mutation {{ create_column(board_id: {items}, id: "{column}", title: "{column}", column_type: text) {{ id }} }}'
        )
    settings = place.graphql(
        f'mutation {{ create_column(board_id: {items}, title: "Subitems", column_type: subtasks) {{ settings }} }}'
    )["create_column"]["settings"]
    subitems = int((json.loads(settings) if isinstance(settings, str) else settings)["boardIds"][0])
    place.graphql(
        f'mutation {{ create_column(board_id: {subitems}, id: "numeric_mkra7j8e", title: "Qty", column_type: numbers) {{ id }} }}'
    )
    return items, subitems


def test_a_configuration_that_names_another_board_is_refused_by_name_until_it_starts_over(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {KEY: "AAG ORDER NUMBER", STYLE: "CUSTOMER STYLE"}
    items, subitems = new_board(mapped)
    assert terminal("resync", "--new-board").code == 1  # no other board is configured yet
    configured(mapped, monkeypatch, items, subitems, columns)
    before, requests = mapped.board_of(ITEMS), len(mapped.sandbox.requests)
    for command in (("sync",), ("sync", "--execute"), ("verify",), ("resync",), ("status",), ("status", "--json"), ("report",)):
        outcome = terminal(*command)
        assert outcome.code == 1, command
        assert f"The configuration names board {items}, but the ids of B'HOOD belong to board {ITEMS}." in outcome.err
        assert "orders-platform resync --new-board" in outcome.err
    assert len(mapped.sandbox.requests) == requests
    mapped.write(
        "UPDATE ORDER_SYNC_CUSTOMERS SET board_differences = 2, board_missing = 1"
    )  # between database and the former board
    outcome = terminal("resync", "--new-board")
    assert outcome.code == 0, outcome.err
    assert sum(len(names) for names in mapped.board_of(items).values()) == 8
    assert mapped.board_of(ITEMS) == before
    assert terminal("verify").code == 0
    assert sent(terminal("sync", "--execute", "--json"))["mutations"] == 0
    assert terminal("resync", "--new-board").code == 1  # it is this board already
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, columns)
    assert terminal("sync").code == 1


def test_a_board_that_does_not_fit_is_refused_before_the_ids_of_the_former_one_are_forgotten(
    mapped: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {KEY: "AAG ORDER NUMBER", STYLE: "CUSTOMER STYLE"}
    known = mapped.dump()
    configured(mapped, monkeypatch, 12345, SUBITEMS, columns)
    outcome = terminal("resync", "--new-board")
    assert (outcome.code, "knows no board 12345" in outcome.err) == (1, True)
    assert mapped.dump() == known
    configured(mapped, monkeypatch, ITEMS, SUBITEMS, columns)
    assert sent(terminal("sync", "--execute", "--json"))["mutations"] == 0


def test_resync_compares_every_row_and_sends_what_differs(mapped: Workplace, terminal: Terminal) -> None:
    mapped.write("UPDATE ORDER_LIST_V2 SET \"CUSTOMER STYLE\" = 'NEW STYLE' WHERE rowid <= 2")  # behind our back
    outcome = terminal("resync")
    assert outcome.code == 0, outcome.err
    assert cells(mapped, STYLE).count("NEW STYLE") == 2
    before = mapped.mutations
    marked = terminal("resync")
    assert (marked.code, "rows are compared again." in marked.err) == (0, True)
    assert mapped.mutations == before
