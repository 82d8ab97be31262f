"""A list that was loaded and not merged yet: no command says that all of it is on the board."""

from __future__ import annotations

import csv

import pytest

from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import CHECKOUT, Row, Workplace, samples_of

BHOOD, PELOTON = samples_of("B'HOOD", "BHOOD")[:4], samples_of("PELOTON")[:4]
KEY, NAME, STYLE = "AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE"


@pytest.fixture
def synced(workplace: Workplace, terminal: Terminal) -> Workplace:
    workplace.stage(BHOOD)
    assert terminal("sync", "--execute").code == 0
    assert terminal("status").code == terminal("report").code == terminal("verify").code == 0
    return workplace


def everywhere(terminal: Terminal, sentence: str) -> None:
    for command in ("status", "verify"):
        outcome = terminal(command)
        assert (outcome.code, sentence in outcome.out) == (1, True), outcome
    customer = sentence.partition(":")[0]
    verdict = terminal("status", "--json").document["customers"][customer]["verdict"]
    assert (verdict["state"], verdict["is_unmerged"]) == ("waiting", True)
    report = terminal("report", "--customer", customer)
    assert (report.code, "the next update takes in what the order list holds now" in report.out) == (1, True)
    assert "All 4 orders" not in report.out


@pytest.mark.parametrize(
    "rows",
    [BHOOD[:3], [*BHOOD, BHOOD[0] | {KEY: "NEW-1"}], [BHOOD[0] | {STYLE: "another"}, *BHOOD[1:]], PELOTON],
    ids=["an order is gone", "an order is new", "a cell is another", "the whole customer is gone"],
)
def test_a_load_that_changed_is_said_everywhere(synced: Workplace, terminal: Terminal, rows: list[Row]) -> None:
    synced.stage(rows)
    everywhere(terminal, "B'HOOD: 4 of 4 orders on the board; its load is not merged yet")
    known = terminal("history", str(BHOOD[1][KEY]))
    assert (known.code, "its load is not merged yet" in known.err) == (0, True)
    synced.stage(BHOOD)
    assert terminal("status").code == 0


def test_a_customer_that_was_never_merged_is_there(synced: Workplace, terminal: Terminal) -> None:
    synced.stage([*BHOOD, *PELOTON])
    everywhere(terminal, "PELOTON: no orders merged; its load is not merged yet")
    assert "No order is on the board; the next update" in terminal("report", "--customer", "peloton").out
    unknown = terminal("history", str(PELOTON[0][KEY]))
    assert (unknown.code, "PELOTON: no orders merged; its load is not merged yet" in unknown.err) == (1, True)
    assert "B'HOOD" not in unknown.err
    assert terminal("sync", "--execute").code == 0
    assert terminal("status").code == 0


def test_rows_of_nobody_are_told_before_a_run_lists_them(synced: Workplace, terminal: Terminal) -> None:
    synced.stage([*BHOOD, *(row | {NAME: "SOMEBODY ELSE"} for row in PELOTON)])
    assert [terminal(command).code for command in ("status", "verify")] == [1, 1]
    assert "customer 'SOMEBODY ELSE' is not in [customers]" in terminal("status").out
    assert "4 staged rows match no configured customer" in terminal("verify").err
    assert "SOMEBODY ELSE" in terminal("report").out
    assert terminal("sync", "--execute").code == 1
    synced.stage(BHOOD)
    assert terminal("status").code == terminal("report").code == terminal("verify").code == 0


def test_an_order_of_nobody_in_place_of_a_total_of_theirs_is_told(synced: Workplace, terminal: Terminal) -> None:
    theirs = PELOTON[0] | {NAME: "SOMEBODY ELSE"}
    synced.stage([*BHOOD, {KEY: "TOTAL", NAME: "SOMEBODY ELSE", "TOTAL QTY": 7}])
    assert terminal("sync", "--execute").code == terminal("status").code == 0
    synced.stage([*BHOOD, theirs])
    assert [terminal(command).code for command in ("status", "report", "verify", "sync")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "row", [{KEY: "TOTAL", "TOTAL QTY": 7}, PELOTON[0] | {KEY: None}], ids=["only a total", "only a row without a number"]
)
def test_a_customer_without_orders_whose_rows_are_gone_is_forgotten(synced: Workplace, terminal: Terminal, row: Row) -> None:
    synced.stage([*BHOOD, row | {NAME: "PELOTON"}])
    terminal("sync", "--execute")
    synced.stage(BHOOD)
    assert terminal("sync", "--execute").code == 0
    assert [terminal(command).code for command in ("status", "report", "verify", "sync")] == [0, 0, 0, 0]


def test_a_customer_that_became_an_alias_while_its_rows_left_is_told_and_guarded(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rhone = samples_of("RHONE")[:4]
    workplace.stage([*BHOOD, *rhone])
    assert terminal("sync", "--execute").code == 0
    text = (CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8")
    one_name = text.replace('"RHONE" = {}', "").replace('{ aliases = ["BHOOD"] }', '{ aliases = ["BHOOD", "RHONE"] }')
    file = workplace.folder / "named.toml"
    file.write_text(one_name, encoding="utf-8")
    monkeypatch.setenv("ORDERS_CONFIG", str(file))
    workplace.stage(BHOOD)
    codes = [terminal(command).code for command in ("status", "sync", "report", "verify")]
    assert codes == [1, 1, 1, 1]
    terminal("sync", "--execute")
    said = terminal("status").out + terminal("status").err
    assert "4 of 8 orders of B'HOOD are missing from the load" in said


def test_sync_and_status_agree_on_a_paused_customer_without_orders(synced: Workplace, terminal: Terminal) -> None:
    terminal("customers", "pause", "PELOTON")
    synced.stage([*BHOOD, *PELOTON])
    for command in (("sync",), ("sync", "--execute"), ("status",), ("report",), ("verify",)):
        outcome = terminal(*command)
        assert outcome.code == 1, command
    assert "PELOTON: no orders merged; its load is not merged yet; paused since" in terminal("sync", "--execute").out


def test_a_run_that_could_not_merge_a_customer_does_not_praise_it(synced: Workplace, terminal: Terminal) -> None:
    synced.stage(BHOOD[:3])
    with synced.store() as store, store.lock("B'HOOD"):
        outcome = terminal("sync", "--execute")
    assert outcome.code == 1
    assert "B'HOOD: 4 of 4 orders on the board; its load is not merged yet" in outcome.out


def test_a_file_that_was_exported_from_the_staging_table_brings_no_hash_with_it(synced: Workplace, terminal: Terminal) -> None:
    """Somebody exports the table, corrects a cell, and loads the file."""
    columns = [name for _, name, *_ in synced.rows("PRAGMA table_info(swp_ORDER_LIST_V2)")]
    rows = [dict(zip(columns, row, strict=True)) for row in synced.rows("SELECT * FROM swp_ORDER_LIST_V2")]
    assert all(row["staged_hash"] for row in rows)
    rows[0][STYLE] = "corrected"
    file = synced.folder / "exported.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    refused = terminal("load", str(file), "--yes")
    assert (refused.code, "'staged_hash' (4 values" in refused.err) == (1, True)
    assert terminal("load", str(file), "--yes", "--ignore", "staged_hash").code == 0
    assert terminal("status").code == 1
    assert terminal("sync", "--execute").code == 0
    assert "corrected" in str(synced.board)


def test_a_warning_of_what_was_sent_is_not_over_when_the_customer_was_away_for_a_night(
    workplace: Workplace, terminal: Terminal
) -> None:
    """The cell is still missing on the board when the list has the customer again."""
    rows = [*BHOOD[:3], BHOOD[3] | {"ORDER TYPE": "A TYPE THAT THE BOARD LACKS"}]
    workplace.stage(rows)
    terminal("sync", "--execute")
    warnings = terminal("status", "--json").document["cell_warnings"]
    workplace.stage(PELOTON)
    terminal("sync", "--execute")
    workplace.stage([*rows, *PELOTON])
    terminal("sync", "--execute")
    assert [each for each in terminal("status", "--json").document["cell_warnings"] if each["customer"] == "B'HOOD"] == warnings
    assert len(warnings) == 1


def test_a_guard_stops_what_waits_under_a_former_name_too(
    synced: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8")
    file = synced.folder / "renamed.toml"
    file.write_text(
        text.replace('"B\'HOOD" = { aliases = ["BHOOD"] }', '"BHOOD CO" = { aliases = ["BHOOD", "B\'HOOD"] }'), encoding="utf-8"
    )
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', action_type = 'UPDATE', \"CUSTOMER STYLE\" = 'not to be sent'")
    monkeypatch.setenv("ORDERS_CONFIG", str(file))
    synced.stage([row | dict.fromkeys([STYLE, "PO NUMBER"]) for row in BHOOD])
    outcome = terminal("sync", "--execute")
    assert (outcome.code, "turned empty in the load" in outcome.err) == (1, True)
    assert "not to be sent" not in str(synced.board)
    assert {row[0] for row in synced.rows('SELECT "CUSTOMER NAME" FROM ORDER_LIST_V2')} == {"B'HOOD"}
