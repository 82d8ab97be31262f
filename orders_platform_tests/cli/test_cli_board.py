"""`board check` and `sandbox serve`."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import httpx
import pytest

from orders_platform.sandbox.server import SANDBOX_TOKEN
from orders_platform.settings import Settings
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

ITEMS_BOARD = "9609317401"


def ask(url: str, query: str) -> dict:
    answer = httpx.post(url, json={"query": query}, headers={"Authorization": SANDBOX_TOKEN}).json()
    assert "errors" not in answer, answer
    return answer["data"]


def point_at(workplace: Workplace, monkeypatch: pytest.MonkeyPatch, board_id: str) -> None:
    changed = workplace.configure((f"[items]\nboard_id = {ITEMS_BOARD}", f"[items]\nboard_id = {board_id}"))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))


def test_the_board_of_the_sandbox_fits(workplace: Workplace, terminal: Terminal) -> None:
    outcome = terminal("board", "check")
    assert outcome.code == 0, outcome.err
    assert outcome.out == f"Board {ITEMS_BOARD} (Customer Master Schedule) fits: 45 columns of items, 2 of subitems.\n"
    assert terminal("board", "check", "--json").document["problems"] == []
    assert workplace.mutations == 0
    assert not workplace.database.exists()


def test_customers_order_types_and_units_without_a_label_are_named(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = workplace.configure(('"ACTIVELY BLACK" = {}', '"ACTIVELY BLACK" = {}\n"NEW BRAND" = {}'))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    row = samples_of("GREYSON")[0]
    workplace.stage([{**row, "UNIT OF MEASURE": "BUSHEL", "ORDER TYPE": "LOST"}])
    terminal("sync", "--execute")
    outcome = terminal("board", "check")
    assert outcome.code == 0, outcome.err
    assert (
        "no label for 1 value of 'CUSTOMER NAME': 'NEW BRAND'; add them on the board, or by `orders-platform board check --create-labels`"
        in outcome.out
    )
    assert "'BUSHEL'" in outcome.out
    assert "'LOST'" in outcome.out
    assert len(terminal("board", "check", "--json").document["missing_labels"]) == 3


def test_a_board_without_columns_has_every_missing_one_named_at_once(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(workplace.url, 'mutation { create_board(board_name: "Empty", board_kind: public) { id } }')["create_board"]["id"]
    point_at(workplace, monkeypatch, made)
    outcome = terminal("board", "check")
    assert outcome.code == 1
    assert outcome.err.startswith(f"BoardMismatchError: Board {made} (Empty) does not fit the configuration:")
    columns = [field.column_id for field in Settings().configuration.items.fields]
    assert [column for column in columns if column not in outcome.err] == []
    told = terminal("board", "check", "--json")
    assert told.code == 1
    assert len(told.document["problems"]) >= len(columns)


def test_an_api_version_near_its_end_is_a_warning_of_the_check(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert terminal("board", "check", "--json").document["warnings"] == []
    changed = workplace.configure(('api_version = "2026-10"', 'api_version = "2026-07"'))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    outcome = terminal("board", "check", "--json")
    assert outcome.code == 0
    assert len(outcome.document["warnings"]) == 1
    assert "2026-07 is in maintenance and is retired next; the current one is 2026-10" in outcome.document["warnings"][0]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == outcome.document["warnings"]


def test_a_board_that_is_not_there_is_named(workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(workplace, monkeypatch, "4711")
    outcome = terminal("board", "check")
    assert outcome.code == 1
    assert "4711" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_token_that_is_refused_is_named_by_its_variable(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "another-token-of-somebody")
    outcome = terminal("board", "check")
    assert outcome.code == 1
    assert "set MONDAY_API_TOKEN" in outcome.err
    assert "another-token" not in outcome.err


@contextmanager
def serving(workplace: Workplace, *arguments: str):
    """A sandbox in a process of its own; its base URL."""
    with workplace.start("sandbox", "serve", "--port", "0", *arguments) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("monday sandbox ready: http://127.0.0.1:"), line + process.stderr.read()
            yield line.split()[3].rstrip("/")
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
    assert "Traceback" not in said


def test_a_served_sandbox_answers_and_keeps_its_boards_when_it_is_started_again(workplace: Workplace) -> None:
    with serving(workplace) as url:
        assert httpx.get(f"{url}/health").text == "ok"
        page = httpx.get(f"{url}/")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        ask(f"{url}/v2", f'mutation {{ create_item(board_id: {ITEMS_BOARD}, item_name: "kept") {{ id }} }}')
        with workplace.start("sandbox", "serve", "--port", "0") as second:
            _, said = second.communicate(timeout=60)
        assert (second.returncode, "are served already" in said, "--state FILE" in said) == (2, True, True)
        assert (workplace.folder / ".data" / "sandbox.url").read_text() == f"{url}/v2"
    assert (workplace.folder / ".data" / "sandbox.db").exists()
    with serving(workplace, "--limits", "trial") as url:
        found = ask(f"{url}/v2", f"{{ boards(ids: [{ITEMS_BOARD}]) {{ items_page(limit: 5) {{ items {{ name }} }} }} }}")
    assert found["boards"][0]["items_page"]["items"] == [{"name": "kept"}]


def test_a_port_that_is_taken_is_named(workplace: Workplace, terminal: Terminal) -> None:
    port = workplace.url.rsplit(":", 1)[1].split("/")[0]
    outcome = terminal("sandbox", "serve", "--port", port, "--state", "other.db")
    assert outcome.code == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in outcome.err
