"""Exit codes, and settings that are wrong: each named, with what to do, before anything starts."""

from __future__ import annotations

import os
from functools import partial

import pytest

from orders_platform.monday import adapter
from orders_platform_tests.cli.test_cli_database import write_csv
from orders_platform_tests.testing.clock import VirtualClock
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

PRODUCTION = {"ORDERS_ENVIRONMENT": "production", "MONDAY_API_TOKEN": "a-real-token-of-somebody"}
WRONG = {
    "an unknown environment": ({"ORDERS_ENVIRONMENT": "prod"}, ["ORDERS_ENVIRONMENT", "'production'"]),
    "a configuration file that is absent": ({"ORDERS_CONFIG": "nope.toml"}, ["nope.toml", "Set ORDERS_CONFIG"]),
    "a configuration file that is a folder": ({"ORDERS_CONFIG": "/"}, ["cannot be read as TOML"]),
    "a database of another kind": ({"ORDERS_DATABASE_URL": "postgresql://h/d"}, ["ORDERS_DATABASE_URL", "sqlite and mssql"]),
    "a database URL that is none": ({"ORDERS_DATABASE_URL": "orders.db"}, ["ORDERS_DATABASE_URL", ".env.example"]),
    "production without a database": ({**PRODUCTION, "ORDERS_DATABASE_URL": ""}, ["ORDERS_DATABASE_URL is not set"]),
    "production without a token": ({**PRODUCTION, "MONDAY_API_TOKEN": ""}, ["MONDAY_API_TOKEN is not set"]),
    "production with the sandbox's token": ({**PRODUCTION, "MONDAY_API_TOKEN": "sandbox-token"}, ["set monday's token"]),
    "production over plain http": ({**PRODUCTION, "MONDAY_API_URL": "http://api.monday.com/v2"}, ["unencrypted", "https"]),
    "an API URL of another scheme": ({"MONDAY_API_URL": "ftp://api.monday.com/v2"}, ["MONDAY_API_URL", "not an http(s) URL"]),
    "an API URL with half an address": ({"MONDAY_API_URL": "http://[bad"}, ["MONDAY_API_URL", "not an http(s) URL"]),
    "an API URL that is a word": ({"MONDAY_API_URL": "monday"}, ["MONDAY_API_URL", "not an http(s) URL"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named_with_what_to_do(
    case: str, offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables, words = WRONG[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    outcome = terminal("status")
    assert outcome.code == 2
    assert outcome.err.startswith("ConfigurationError: ")
    assert [word for word in words if word not in outcome.err] == []
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert not offline.database.exists()


@pytest.mark.parametrize("arguments", [("board", "check"), ("sync", "--execute")])
def test_a_board_that_cannot_be_reached_is_named_after_the_repeats(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    clock = VirtualClock()
    monkeypatch.setattr(adapter, "MondayBoard", partial(adapter.MondayBoard, clock=clock, sleep=clock.sleep))
    offline.stage(samples_of("RHONE"))
    outcome = terminal(*arguments)
    assert outcome.code == 1
    assert "127.0.0.1:9 cannot be reached" in outcome.err
    assert "repeat the run later" in outcome.err
    assert 1 < clock.slept < 10
    if arguments[0] == "sync":
        assert offline.rows('SELECT DISTINCT sync_state FROM "ORDER_LIST_V2"') == [("NEW",)]


def test_a_token_with_blanks_is_refused_without_being_shown(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "half of a token")
    outcome = terminal("board", "check")
    assert outcome.code == 2
    assert "MONDAY_API_TOKEN" in outcome.err
    assert "half of" not in outcome.err


def test_an_unknown_key_of_the_configuration_is_named(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "ORDERS_CONFIG",
        str(offline.configure(('deleted_on_board = "recreate"', 'deleted_on_borad = "leave"\ndeleted_on_board = "recreate"'))),
    )
    outcome = terminal("status")
    assert outcome.code == 2
    assert "policies.deleted_on_borad: unknown key; correct or remove it" in outcome.err


def test_settings_may_stand_in_a_file_beside_and_the_environment_wins(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (offline.folder / ".env").write_text("ORDERS_CONFIG=from-the-file.toml\n", encoding="utf-8")
    assert "from-the-file.toml" in terminal("status").err
    monkeypatch.setenv("ORDERS_CONFIG", "from-the-environment.toml")
    assert "from-the-environment.toml" in terminal("status").err
    monkeypatch.delenv("ORDERS_CONFIG")
    (offline.folder / ".env").write_text("ORDERS_ENVIRONMENT=sandbox\n", encoding="utf-8")
    assert f"taken from {offline.folder / '.env'}." in terminal("init-db").err


@pytest.mark.parametrize("arguments", [("--help",), ("sync", "--help"), ("sandbox", "serve", "-h"), ("--version",)])
def test_help_is_no_failure(offline: Workplace, terminal: Terminal, arguments: tuple[str, ...]) -> None:
    outcome = terminal(*arguments)
    assert outcome.code == 0
    assert outcome.out


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("sync", "--nonsense"), ("sandbox", "serve", "--limits", "generous")])
def test_a_usage_error_is_2(offline: Workplace, terminal: Terminal, arguments: tuple[str, ...]) -> None:
    outcome = terminal(*arguments)
    assert outcome.code == 2
    assert outcome.err


def test_the_folder_of_the_data_can_be_named_and_status_tells_it(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORDERS_DATABASE_URL")
    monkeypatch.setenv("DAGSTER_HOME", "")  # which the command sets
    home = offline.folder / "elsewhere"
    assert terminal("--home", str(home), "init-db").code == 0
    database = f"sqlite:///{home / '.data' / 'orders.db'}"
    assert f"database: {database}" in terminal("--home", str(home), "status").out
    assert terminal("--home", str(home), "status", "--json").document["database"] == database


def test_a_database_that_may_only_be_read_is_read_and_said_to_be_so(
    offline: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline.stage(samples_of("RHONE"))
    before = sorted(file.name for file in offline.folder.iterdir())
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK and allowed(path, mode)
    )  # root may write whatever it is
    status = terminal("status")
    assert (status.code, "RHONE: no orders merged; its load is not merged yet" in status.out) == (1, True)
    assert "RHONE" in terminal("customers").out
    refused = terminal("load", str(write_csv(offline.folder / "rhone.csv", samples_of("RHONE"))))
    assert refused.code == 1
    assert "may only be read" in refused.err
    assert sorted(file.name for file in offline.folder.iterdir()) == sorted([*before, "rhone.csv"])


def test_the_script_runs_in_a_process_of_its_own(offline: Workplace) -> None:
    with offline.start("init-db") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("statements run.\n")
