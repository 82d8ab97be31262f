"""`doctor` and `config show`: what holds, what is wrong, and no secret."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from orders_platform_tests.testing.alert_receiver import receiving
from orders_platform_tests.testing.terminal import Outcome, Terminal
from orders_platform_tests.testing.workplace import Workplace


def wrong(outcome: Outcome) -> dict[str, str]:
    """What is wrong, and the next step."""
    return {each["name"]: f"{each['found']} {each['step']}" for each in outcome.document["findings"] if not each["is_ok"]}


def test_everything_is_well_after_a_load(bhood: Workplace, terminal: Terminal) -> None:
    told = terminal("doctor")
    assert told.code == 0, told.out + told.err
    names = [line[6:].partition(":")[0] for line in told.out.splitlines()]
    assert names == ["Python", "configuration", "driver", "database", "rights", "tables", "columns", "token", "board", "labels",
                     "clock of monday", "disk", "Dagster home", "schedules", "alerts"]  # fmt: skip
    assert bhood.mutations == 0


def test_a_new_folder_is_well_and_says_what_comes_next(workplace: Workplace, terminal: Terminal) -> None:
    told = terminal("doctor")
    assert told.code == 0
    assert "nothing is loaded yet into sqlite:" in told.out
    assert not workplace.database.exists()


def test_each_thing_that_is_wrong_has_its_next_step(
    bhood: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    bhood.write('DROP TABLE "ORDER_LIST_LINES"')
    bhood.graphql('mutation { delete_column(board_id: 9609317401, column_id: "text_mkr5ej2x") { id } }')
    changed = bhood.configure(
        ('"ACTIVELY BLACK" = {}', '"ACTIVELY BLACK" = {}\n"NEW BRAND" = {}'),
        ('nightly = "0 2 * * *"', 'nightly = "0 25 * * *"'),
    )
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    monkeypatch.setenv("DAGSTER_HOME", str(bhood.folder / "nowhere"))
    told = terminal("doctor", "--json")
    assert told.code == 1
    assert not told.document["is_well"]
    found = wrong(told)
    assert set(found) == {"tables", "board", "labels", "Dagster home", "schedules"}
    assert "automation.nightly: '0 25 * * *' is not a cron expression" in found["schedules"]
    assert "init-db" in found["tables"]
    assert "'text_mkr5ej2x'" in found["board"]
    assert "--create-labels" in found["labels"]


def test_tables_without_a_load_are_well_and_say_what_comes_next(workplace: Workplace, terminal: Terminal) -> None:
    assert terminal("init-db").code == 0
    told = terminal("doctor")
    assert told.code == 0
    assert "columns of the order list; nothing is staged yet, next: orders-platform load FILE" in told.out
    workplace.write('DROP TABLE "swp_ORDER_LIST_V2"')
    assert list(wrong(terminal("doctor", "--json"))) == ["tables"]


class _Proxy(BaseHTTPRequestHandler):
    """The only way to a monday that no name leads to."""

    behind = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = {
            name: text for name, text in self.headers.items() if name not in {"Host", "Proxy-Connection", "Accept-Encoding"}
        }
        answer = httpx.post(self.behind, content=body, headers=sent, trust_env=False)
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)


def test_monday_behind_a_proxy_is_asked_for_its_time_by_the_same_way_as_for_everything_else(
    bhood: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Proxy, "behind", bhood.url)
    with HTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("MONDAY_API_URL", "http://monday.invalid/v2")
        told = terminal("doctor")
        proxy.shutdown()
    assert told.code == 0, told.out
    assert "ok    clock of monday: ours is" in told.out


def test_a_time_that_monday_does_not_tell_is_a_matter_of_its_clock_alone(
    bhood: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Proxy, "behind", bhood.url)
    monkeypatch.setattr(_Proxy, "date_time_string", lambda *_: "some day")
    with HTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("MONDAY_API_URL", "http://monday.invalid/v2")
        told = terminal("doctor", "--json")
        proxy.shutdown()
    assert list(wrong(told)) == ["clock of monday"]
    assert {"board", "labels"} <= {each["name"] for each in told.document["findings"]}


def test_a_check_that_fails_leaves_the_others_alone(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.database.write_bytes(b"no database " * 100)
    monkeypatch.setenv("MONDAY_API_TOKEN", "a-token-that-nobody-knows")
    told = terminal("doctor", "--json")
    assert told.code == 1
    assert {"driver", "token"} & set(wrong(told)) or {"database", "token"} <= set(wrong(told))
    assert {"Python", "disk", "alerts"} <= {each["name"] for each in told.document["findings"]} - set(wrong(told))
    assert "a-token" not in told.out + told.err


def test_a_home_for_commands_needs_no_dagster(bhood: Workplace, terminal: Terminal) -> None:
    assert "ok    Dagster home: not set; commands need none" in terminal("--home", str(bhood.folder), "doctor").out


def test_a_broken_configuration_is_said_once(workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", str(workplace.folder / "nowhere.toml"))
    told = terminal("doctor", "--json")
    assert told.code == 1
    assert list(wrong(told)) == ["configuration"]


def test_a_test_alert_is_sent_when_asked_for(bhood: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        monkeypatch.setenv("ORDERS_ALERT_URLS", receiver.url)
        assert terminal("doctor").code == 0
        assert receiver.arrived == []
        told = terminal("doctor", "--send-test-alert")
        assert told.code == 0, told.out
        assert "1 of 1 address took the test" in told.out
        assert receiver.titles == ["orders-platform: a test"]
    monkeypatch.setenv("ORDERS_ALERT_URLS", "")
    assert wrong(terminal("doctor", "--send-test-alert", "--json")) == {"alerts": "nobody is told Set ORDERS_ALERT_URLS."}


def test_what_holds_is_shown_with_where_it_came_from(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace.folder)
    (workplace.folder / ".env").write_text("ORDERS_ALERT_URLS=json://user:secret-of-mine@127.0.0.1/x\n", encoding="utf-8")
    (workplace.folder / ".env").chmod(0o600)
    monkeypatch.setenv("MONDAY_API_TOKEN", "token-of-mine")
    told = terminal("config", "show", "--json")
    assert told.code == 0, told.err
    shown = told.document
    assert shown["MONDAY_API_TOKEN"] == {"value": "set, not shown", "from": "environment"}
    assert shown["ORDERS_ALERT_URLS"]["from"].endswith(".env")
    assert shown["ORDERS_ENVIRONMENT"] == {"value": "sandbox", "from": "default"}
    assert shown["monday.settle_seconds"]["value"] == 5
    assert shown["monday.settle_seconds"]["from"].endswith("[environment.sandbox.monday]")
    assert shown["monday.plan"]["from"].endswith("[monday]")
    assert shown["columns.customer"]["value"] == "CUSTOMER NAME"
    assert len(shown["order_list"]["value"]) == 410
    text = terminal("config", "show").out
    assert "order_list = 410 entries" in text
    assert "of-mine" not in text + told.out


def test_defaults_of_keys_that_the_file_lacks_are_named_as_such(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", str(workplace.configure(("shown_rows = 20 ", "# shown_rows = 20 "))))
    assert terminal("config", "show", "--json").document["checks.shown_rows"] == {"value": 20, "from": "default"}


@pytest.mark.parametrize("command", ["status", "sync", "customers", "report", "verify", "history 1", "status --json"])
def test_a_folder_without_data_says_what_to_do(workplace: Workplace, terminal: Terminal, command: str) -> None:
    told = terminal(*command.split())
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        f"Nothing is loaded yet into sqlite:///{workplace.database}: `orders-platform load FILE` takes your orders, "
        "`orders-platform demo` samples.\n"
    )
    assert not workplace.database.exists()
