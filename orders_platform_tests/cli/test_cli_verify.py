"""`verify`, `history` and `housekeeping`: what they say, ask, change, and their exit codes."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from orders_platform.sandbox.server import SANDBOX_TOKEN, Fault
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves database and boards as a sync left them, for the others to start from."""
    return tmp_path_factory.mktemp("synced")


@pytest.fixture
def synced(kept: Path, tmp_path: Path, make_workplace: Callable[..., Workplace], terminal: Terminal) -> Workplace:
    for file in kept.iterdir():
        shutil.copy(file, tmp_path)
    is_first = not any(kept.iterdir())
    place = make_workplace(state=tmp_path / "sandbox.db")
    if is_first:
        place.stage(samples_of("B'HOOD", "BHOOD"))
        assert terminal("sync", "--execute", "--quiet").code == 0
        for name in ("orders.db", "sandbox.db"):
            with closing(sqlite3.connect(tmp_path / name)) as made, closing(sqlite3.connect(kept / name)) as copy:
                made.backup(copy)
    return place


def ask(place: Workplace, query: str) -> dict:
    answer = httpx.post(place.url, json={"query": query}, headers={"Authorization": SANDBOX_TOKEN}, timeout=20).json()
    assert "errors" not in answer, answer
    return answer["data"]


def item_of(place: Workplace, n: int = 0) -> tuple[str, int]:
    """An order number and the id of its item."""
    return place.rows("SELECT order_key, monday_item_id FROM ORDER_LIST_V2 ORDER BY order_key")[n]


def archive(place: Workplace, item_id: int) -> None:
    ask(place, f"mutation {{ archive_item(item_id: {item_id}) {{ id }} }}")


def items(place: Workplace) -> int:
    return sum(len(names) for names in place.board.values())


# --- verify -----------------------------------------------------------------------------------------------------------------


def test_an_equal_board_is_said_to_be_and_ends_with_0(synced: Workplace, terminal: Terminal) -> None:
    before = synced.dump()
    outcome = terminal("verify", "--customer", CUSTOMER.lower(), "--json")
    assert outcome.code == 0, outcome.err
    figures = outcome.document["customers"][CUSTOMER]
    assert (figures["orders"], figures["lines"], figures["differences"]) == (24, 60, [])
    assert synced.dump() == before


def test_differences_are_listed_and_end_with_1_and_nothing_is_changed(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    archive(synced, item_id)
    before, mutations = orders(synced), synced.mutations
    outcome = terminal("verify")
    assert outcome.code == 1
    assert f"missing {number}: item {item_id}" in outcome.out
    assert f"{CUSTOMER}: 23 of 24 orders on the board; 1 difference between board and database" in outcome.out
    assert "Nothing was changed." in outcome.out
    assert (orders(synced), synced.mutations) == (before, mutations)


def orders(place: Workplace) -> list[str]:
    """All but what is kept of each customer."""
    return [line for line in place.dump() if "ORDER_SYNC_CUSTOMERS" not in line]


@pytest.mark.parametrize("by_hand", ["archived", "duplicated"])
def test_what_differed_is_said_until_the_board_is_compared_again(synced: Workplace, terminal: Terminal, by_hand: str) -> None:
    _, item_id = item_of(synced)
    if by_hand == "archived":
        archive(synced, item_id)
    else:
        ask(synced, f"mutation {{ duplicate_item(board_id: 9609317401, item_id: {item_id}, with_updates: false) {{ id }} }}")
    on_board = "23 of 24" if by_hand == "archived" else "24 of 24"
    words = f"{CUSTOMER}: {on_board} orders on the board; 1 difference between board and database"
    assert terminal("verify").code == 1
    for command in ("sync", "--execute"), ("status",):
        outcome = terminal(*command)
        assert outcome.code == 1, command
        assert words in outcome.out
        assert "`orders-platform verify` compares again and names them" in outcome.out
    report = terminal("report")
    assert (report.code, f"{on_board} orders are on the board; 1 thing on it differed when" in report.out) == (1, True)
    assert terminal("verify", "--repair", "--yes").code == 0
    for command in ("sync", "--execute"), ("status",), ("report",), ("verify",):
        assert terminal(*command).code == 0, command


def test_an_item_of_nobody_is_told_by_verify_alone(synced: Workplace, terminal: Terminal) -> None:
    group = next(iter(synced.rows("SELECT group_id FROM ORDER_LIST_V2")))[0]
    ask(synced, f'mutation {{ create_item(board_id: 9609317401, group_id: "{group}", item_name: "a note") {{ id }} }}')
    outcome = terminal("verify")
    assert (outcome.code, "unknown (no order)" in outcome.out) == (1, True)
    assert terminal("status").code == 0


def test_rows_of_no_customer_end_every_command_with_1(synced: Workplace, terminal: Terminal) -> None:
    synced.stage([*samples_of("B'HOOD", "BHOOD"), *({**row, "CUSTOMER NAME": "NEWCOMER"} for row in samples_of("PELOTON")[:1])])
    for command in ("sync", "--execute"), ("status",), ("verify",), ("report",):
        assert terminal(*command).code == 1, command
    for command in ("sync", "--execute"), ("verify",), ("report",):
        assert terminal(*command, "--customer", CUSTOMER).code == 0, command


def test_a_different_value_is_shown_with_both_sides(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    values = json.dumps(json.dumps({"text_mkr5ej2x": "scribble"}))
    ask(
        synced,
        f"mutation {{ change_multiple_column_values(board_id: 9609317401, item_id: {item_id}, column_values: {values}) {{ id }} }}",
    )
    outcome = terminal("verify")
    po = synced.rows('SELECT "PO NUMBER" FROM ORDER_LIST_V2 WHERE monday_item_id = ?', item_id)[0][0]
    assert f"different {number}" in outcome.out
    assert f"database {po or ''!r}, board 'scribble'" in outcome.out


def test_a_repair_shows_its_plan_does_it_and_ends_with_0(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    archive(synced, item_id)
    outcome = terminal("verify", "--repair", "--yes")
    assert outcome.code == 0, outcome.out + outcome.err
    assert f"create  {number}: item {item_id}" in outcome.err
    assert f"Repaired {CUSTOMER}:" in outcome.out
    assert items(synced) == 24
    assert terminal("verify").code == 0


def test_the_plan_is_in_the_json_too(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    archive(synced, item_id)
    document = terminal("verify", "--repair", "--yes", "--json").document
    (step,) = document["plan"][CUSTOMER]
    assert (step["action"], step["order_key"], step["monday_id"]) == ("create", number, item_id)
    assert document["repaired"][CUSTOMER]["created"] >= 1
    assert document["is_equal"] is True


@pytest.mark.parametrize(("answer", "code", "on_board"), [("n\n", 1, 23), ("y\n", 0, 24)])
def test_a_repair_asks_and_does_as_told(
    synced: Workplace, terminal: Terminal, at_terminal: Callable[[str], None], answer: str, code: int, on_board: int
) -> None:
    archive(synced, item_of(synced)[1])
    at_terminal(answer)
    assert terminal("verify", "--repair").code == code
    assert items(synced) == on_board


def test_a_repair_without_a_terminal_and_without_yes_is_refused_before_anything_is_read(
    synced: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    asked = len(synced.sandbox.requests)
    outcome = terminal("verify", "--repair")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    assert len(synced.sandbox.requests) == asked


@pytest.mark.parametrize(("arguments", "words"), [(("--yes",), "--repair"), (("--customer", "NOBODY"), "known: B'HOOD")])
def test_a_wrong_call_is_refused_in_words(
    synced: Workplace, terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    outcome = terminal("verify", *arguments)
    assert outcome.code == 2
    assert words in outcome.err


@pytest.mark.parametrize("operation", ["items", "items_page_by_column_values", "boards"])
def test_a_failed_read_ends_with_1_and_without_a_repair(synced: Workplace, terminal: Terminal, operation: str) -> None:
    archive(synced, item_of(synced)[1])
    before, mutations = synced.dump(), synced.mutations
    synced.sandbox.faults.queue(Fault.DAILY_429, operation=operation)
    outcome = terminal("verify", "--repair", "--yes", "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert "calls of today are used up" in outcome.err
    assert (synced.dump(), synced.mutations) == (before, mutations)


def test_a_customer_at_work_is_not_compared(synced: Workplace, terminal: Terminal) -> None:
    with synced.store() as store, store.lock(CUSTOMER):
        outcome = terminal("verify")
    assert outcome.code == 1
    assert "CustomerBusyError" in outcome.err


# --- history ------------------------------------------------------------------------------------------------------------------


def test_history_names_run_request_time_and_outcome_of_each_document_of_an_order(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    by_number, by_id = terminal("history", number, "--json"), terminal("history", str(item_id), "--json")
    assert by_number.document == by_id.document == terminal("history", f" {number.lower()}\u00a0", "--json").document
    order, *lines = by_number.document["rows"]
    assert (order["order_key"], order["monday_id"], order["state"]) == (number, item_id, "SYNCED")
    (document,) = order["documents"]
    logged = synced.rows("SELECT run_id, request_id, logged_at FROM ORDER_SYNC_LOG WHERE batch_id = ?", document["batch_id"])
    assert [(document["run_id"], document["request_id"], document["logged_at"])] == logged
    assert (document["operation"], document["row_outcome"]) == ("create_item", "done")
    assert document["request_id"]
    assert {each["documents"][0]["operation"] for each in lines} == {"create_subitem"}


def test_history_of_a_subitem_is_that_of_its_line(synced: Workplace, terminal: Terminal) -> None:
    subitem_id, size = synced.rows("SELECT monday_subitem_id, size_code FROM ORDER_LIST_LINES ORDER BY line_uuid")[0]
    outcome = terminal("history", str(subitem_id))
    assert outcome.code == 0
    assert f"size {size}: subitem {subitem_id}, SYNCED" in outcome.out
    assert outcome.out.count("create_subitem: done  run ") == 1


def test_history_keeps_every_document_and_still_finds_an_item_that_was_replaced(synced: Workplace, terminal: Terminal) -> None:
    """The row itself only knows the last one."""
    number, item_id = item_of(synced)
    archive(synced, item_id)
    assert terminal("verify", "--repair", "--yes").code == 0
    new_id = item_of(synced)[1]
    assert new_id != item_id
    for term in (number, str(item_id), str(new_id)):
        order = terminal("history", term, "--json").document["rows"][0]
        assert (order["order_key"], order["monday_id"]) == (number, new_id)
        assert [each["operation"] for each in order["documents"]] == ["create_item", "create_item"]


def test_history_says_of_a_found_item_that_no_request_made_it(synced: Workplace, terminal: Terminal) -> None:
    number, item_id = item_of(synced)
    forgotten = (
        "UPDATE ORDER_LIST_V2 SET monday_item_id = NULL, sync_state = 'NEW', action_type = 'INSERT' WHERE monday_item_id = ?"
    )
    synced.write(forgotten, item_id)
    assert terminal("sync", "--execute").code == 0
    shown = terminal("history", number).out
    assert "adopt: done  run " in shown
    assert shown.count("request (found on the board)") == shown.count("adopt: done") >= 1
    assert "(no answer)" not in shown


def test_every_item_and_subitem_on_the_board_has_a_run_a_request_and_a_time(synced: Workplace, terminal: Terminal) -> None:
    numbers = [row[0] for row in synced.rows("SELECT order_key FROM ORDER_LIST_V2")]
    rows = [row for number in numbers for row in terminal("history", number, "--json").document["rows"]]
    shown = [row for row in rows if row["monday_id"]]
    assert len(shown) == 24 + 60
    assert all(each["run_id"] and each["request_id"] and each["logged_at"] for row in shown for each in row["documents"][:1])
    assert all(row["documents"] for row in shown)


@pytest.mark.parametrize("term", ["GRE-NOBODY", "77", "%", "9" * 40])
def test_history_of_nobody_says_so(synced: Workplace, terminal: Terminal, term: str) -> None:
    outcome = terminal("history", term)
    assert (outcome.code, outcome.out) == (1, "")
    assert "is known" in outcome.err
