"""Whose sandbox it is that answers: ours, another database's, or no sandbox at all; and that any port will do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from orders_platform.build import report_links
from orders_platform.cli.embedded import embedded_sandbox, sandbox_file
from orders_platform.sandbox.server import Sandbox, running
from orders_platform.settings import Settings
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace


@pytest.fixture
def embedded(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The embedded default, with the board on a port of the test's own."""
    monkeypatch.delenv("ORDERS_DATABASE_URL")
    monkeypatch.setenv("MONDAY_API_URL", f"http://127.0.0.1:{free_port()}/v2")
    return Settings()


def port_of(settings: Settings) -> int:
    return int(settings.api_url.split(":")[2].split("/")[0])


@contextmanager
def served(settings: Settings, state: Path | None) -> Iterator[Sandbox]:
    sandbox = Sandbox(state=state)
    with running(sandbox, port_of(settings)):
        yield sandbox
    sandbox.close()


def test_a_sandbox_is_run_at_the_port_that_the_settings_name_and_says_whose_it_is(embedded: Settings) -> None:
    with embedded_sandbox(embedded) as url:
        said = httpx.get(f"{url}/health").headers
        assert url == f"http://127.0.0.1:{port_of(embedded)}"
    assert said["Sandbox-Boards"] == str(sandbox_file(embedded).resolve())
    assert said["Sandbox-Version"]


def test_our_own_that_is_served_is_used(embedded: Settings) -> None:
    file = sandbox_file(embedded)
    file.parent.mkdir()
    with served(embedded, file), embedded_sandbox(embedded) as url:
        assert url == f"http://127.0.0.1:{port_of(embedded)}"


def test_what_is_served_at_another_port_is_found_by_every_command_and_link(
    embedded: Settings, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, url = sandbox_file(embedded), embedded.api_url
    file.parent.mkdir()
    file.with_suffix(".url").write_text(url, encoding="utf-8")
    monkeypatch.delenv("MONDAY_API_URL")
    with served(embedded, file):
        assert Settings().api_url == url
        assert report_links(Settings()).board == url.removesuffix("v2")
    assert Settings().api_url == embedded.configuration.monday.api_url  # nobody serves it any more
    with served(embedded, file.with_name("of another checkout.db")):
        assert Settings().api_url == embedded.configuration.monday.api_url


def test_serving_notes_where(embedded: Settings, offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    process = offline.start("sandbox", "serve", "--port", str(port))
    try:
        assert "monday sandbox ready" in process.stdout.readline()
        monkeypatch.delenv("MONDAY_API_URL")
        assert Settings().api_url == f"http://127.0.0.1:{port}/v2"
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert Settings().api_url == embedded.configuration.monday.api_url


def test_alerts_lead_to_the_ui_where_it_is_served(
    embedded: Settings, monkeypatch: pytest.MonkeyPatch, workplace: Workplace
) -> None:
    assert embedded.ui_url == "http://127.0.0.1:3000"
    monkeypatch.setenv("ORDERS_UI_URL", "http://127.0.0.1:3001")
    assert Settings().ui_url == "http://127.0.0.1:3001"
    changed = workplace.configure(('ui_url = "http://127.0.0.1:3000"', 'ui_url = "https://orders.example.com"'))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    assert Settings().ui_url == "https://orders.example.com"


@pytest.mark.parametrize("boards", ["of another checkout.db", None])
def test_the_boards_of_another_database_are_left_alone(
    embedded: Settings, terminal: Terminal, tmp_path: Path, boards: str | None
) -> None:
    assert terminal("init-db").code == 0
    with served(embedded, boards and tmp_path / boards) as sandbox:
        outcome = terminal("sync", "--execute")
        assert not sandbox.requests
    assert outcome.code == 2
    assert (boards or "in memory") in outcome.err
    assert str(sandbox_file(embedded)) in outcome.err
    assert "MONDAY_API_URL" in outcome.err


def test_another_program_at_the_port_is_named_as_such(embedded: Settings, terminal: Terminal) -> None:
    assert terminal("init-db").code == 0
    server = HTTPServer(("127.0.0.1", port_of(embedded)), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        outcome = terminal("sync")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert outcome.code == 2
    assert f"Another program answers at 127.0.0.1:{port_of(embedded)}" in outcome.err


def test_make_puts_the_boards_on_any_port() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert "export MONDAY_API_URL := http://127.0.0.1:$(SANDBOX_PORT)/v2" in makefile
