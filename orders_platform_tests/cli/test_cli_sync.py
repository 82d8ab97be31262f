"""`sync`: what it says, writes and leaves alone, and its exit codes."""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orders_platform.sandbox.server import Latency
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"


def digests(folder: Path) -> dict[str, str]:
    """Every file of a folder by its content; SQLite's shared memory is none of it."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(("-shm", ".lock"))]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_dry_run_writes_nothing_anywhere(make_workplace: Callable[..., Workplace], terminal: Terminal) -> None:
    place = make_workplace(state=None)
    place.stage(samples_of("B'HOOD", "BHOOD"))
    place.write("PRAGMA wal_checkpoint(TRUNCATE)")
    before, board = digests(place.folder), place.sandbox.board_snapshot(9609317401)
    outcome = terminal("sync", "--json")
    assert outcome.code == 0, outcome.err
    figures = outcome.document["customers"][CUSTOMER]
    assert outcome.document["dry_run"] is True
    assert (figures["created"], figures["mutations"]) == (86, 0)
    place.write("PRAGMA wal_checkpoint(TRUNCATE)")
    assert digests(place.folder) == before
    assert place.sandbox.board_snapshot(9609317401) == board
    assert place.mutations == 0


def test_a_dry_run_after_the_demo_changes_neither_database_nor_boards(after_demo: Workplace, terminal: Terminal) -> None:
    before = digests(after_demo.folder)
    outcome = terminal("sync")
    assert outcome.code == 1, outcome.err  # the samples have rows of nobody, which no run brings onto the board
    assert "Dry run: nothing was written anywhere." in outcome.out
    assert digests(after_demo.folder) == before
    assert set(before) >= {"orders.db", "sandbox.db"}


def test_executing_brings_the_board_to_the_orders_and_a_second_time_sends_nothing(bhood: Workplace, terminal: Terminal) -> None:
    first = terminal("sync", "--execute", "--json")
    assert first.code == 0, first.err
    figures = first.document["customers"][CUSTOMER]
    assert [figures[name] for name in ("orders", "lines", "items", "subitems", "created", "failed")] == [24, 60, 24, 60, 86, 0]
    assert "dry_run" not in first.document
    assert sum(len(items) for items in bhood.board.values()) == 24
    before, mutations = bhood.dump(), bhood.mutations
    second = terminal("sync", "--execute", "--json")
    assert second.code == 0
    assert [second.document["total"][name] for name in ("created", "updated", "documents", "mutations")] == [0, 0, 0, 0]
    assert bhood.mutations == mutations
    assert bhood.dump() == before


def test_after_the_demo_nothing_is_sent_and_what_was_left_out_is_still_said(after_demo: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute")
    assert outcome.code == 1  # rows of the list are invalid
    assert "TITLE NINE: DESIGN FEE: 2 orders" in outcome.out
    assert after_demo.mutations == 0
    greyson = terminal("sync", "--execute", "--customer", "GREYSON")
    assert (greyson.code, greyson.out.strip().splitlines()[-1]) == (
        1, "GREYSON: 69 of 69 orders on the board; 1 row of the list is invalid; 1 warning"
    )  # fmt: skip
    peloton = terminal("sync", "--execute", "--customer", "PELOTON")
    assert (peloton.code, peloton.out.strip().splitlines()[-1]) == (0, "PELOTON: 110 orders, all on the board; 1 warning")


def test_an_unknown_customer_is_refused_with_the_names_that_are_there(after_demo: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--customer", "GREYSN")
    assert outcome.code == 2
    assert "'GREYSN'" in outcome.err
    assert "GREYSON, JOHNNIE O" in outcome.err


@pytest.mark.parametrize("spelling", ["b'hood", " B'Hood ", "bhood"])
def test_a_customer_is_found_by_every_spelling_that_a_load_may_have(
    workplace: Workplace, terminal: Terminal, spelling: str
) -> None:
    workplace.stage(samples_of("B'HOOD", "BHOOD")[:2])
    outcome = terminal("sync", "--json", "--customer", spelling, "--customer", CUSTOMER)
    assert outcome.code == 0, outcome.err
    assert list(outcome.document["customers"]) == [CUSTOMER]


def test_only_the_customers_that_are_named_are_synced(workplace: Workplace, terminal: Terminal) -> None:
    workplace.stage(samples_of("B'HOOD", "BHOOD", "RHONE", "TAYLOR MADE", "TAYLORMADE"))
    outcome = terminal("sync", "--execute", "--json", "--customer", CUSTOMER, "--customer", "RHONE", "--customer", CUSTOMER)
    assert list(outcome.document["customers"]) == [CUSTOMER, "RHONE"]
    assert workplace.rows('SELECT DISTINCT "CUSTOMER NAME" FROM "ORDER_LIST_V2" ORDER BY 1') == [(CUSTOMER,), ("RHONE",)]


def test_a_limit_sends_so_many_orders_and_the_exit_code_says_that_more_wait(bhood: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute", "--limit", "5", "--json")
    assert outcome.code == 1
    assert outcome.document["customers"][CUSTOMER]["items"] == 5
    assert sum(len(items) for items in bhood.board.values()) == 5
    rest = terminal("sync", "--execute", "--json")
    assert rest.code == 0
    assert [rest.document["total"][name] for name in ("items", "subitems")] == [24, 60]


@pytest.mark.parametrize("limit", ["0", "-1", "few"])
def test_a_limit_that_is_no_number_above_zero_is_refused(bhood: Workplace, terminal: Terminal, limit: str) -> None:
    assert terminal("sync", "--limit", limit).code == 2


def test_subitems_can_be_left_for_another_run(bhood: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute", "--skip-subitems", "--json")
    assert outcome.code == 1
    assert [outcome.document["total"][name] for name in ("items", "subitems", "lines")] == [24, 0, 60]
    assert terminal("sync", "--execute").code == 0


def test_quiet_prints_nothing_and_verbose_logs_every_request(bhood: Workplace, terminal: Terminal) -> None:
    quiet = terminal("sync", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    verbose = terminal("sync", "--execute", "--verbose")
    assert verbose.code == 0
    assert len(verbose.err.splitlines()) >= 3
    assert verbose.out.startswith("customer ")
    ordinary = terminal("sync")
    assert ordinary.err == ""


def test_the_figures_can_be_written_into_a_file_beside_the_table(bhood: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--output-json", "figures.json", "--json")
    assert json.loads((bhood.folder / "figures.json").read_text(encoding="utf-8")) == outcome.document
    assert CUSTOMER in terminal("sync", "--output-json", "figures.json").out


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_sent(bhood: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute", "--output-json", "absent/figures.json")
    assert outcome.code == 2
    assert "absent/figures.json cannot be written" in outcome.err
    assert not bhood.sandbox.requests


def test_what_a_dry_run_would_leave_out_is_named(workplace: Workplace, terminal: Terminal) -> None:
    workplace.stage(samples_of("TITLE NINE", "TITLE 9", "TITLE 10"))
    outcome = terminal("sync")
    assert "TITLE NINE: DESIGN FEE: 2 orders, for example TIT-00599, TIT-00600: 'SEE NOTES'" in outcome.out
    assert "TITLE NINE: FREIGHT: TIT-00601: 'SEE NOTES'" in outcome.out


def test_a_customer_that_another_run_holds_fails_alone(workplace: Workplace, terminal: Terminal) -> None:
    workplace.stage(samples_of("B'HOOD", "BHOOD", "RHONE"))
    with workplace.store() as store, store.lock(CUSTOMER):
        outcome = terminal("sync", "--execute", "--json")
    assert outcome.code == 1
    assert outcome.document["customers"][CUSTOMER]["error"].startswith("CustomerBusyError: Another run is at work")
    assert outcome.document["customers"]["RHONE"]["items"] == 30
    assert f"{CUSTOMER}: CustomerBusyError" in outcome.err
    assert sum(len(items) for items in workplace.board.values()) == 30


def test_a_token_that_the_board_refuses_stops_everything_with_the_variable_named(
    bhood: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "another-token-of-somebody")
    outcome = terminal("sync", "--execute")
    assert outcome.code == 1
    assert "MONDAY_API_TOKEN" in outcome.err
    assert "another-token" not in outcome.err
    assert bhood.mutations == 0


def test_another_name_of_the_staging_table_is_configuration_alone(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = workplace.configure(('staging = "swp_ORDER_LIST_V2"', 'staging = "orders of [today]"'))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    workplace.stage(samples_of("B'HOOD", "BHOOD"))
    assert terminal("sync", "--execute", "--json").document["total"]["items"] == 24
    tables = {name for (name,) in workplace.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "orders of [today]" in tables
    assert "swp_ORDER_LIST_V2" not in tables


def test_an_interrupted_sync_ends_with_130_and_the_next_one_finishes_without_doubling(
    make_workplace: Callable[..., Workplace], terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_workplace(latency=Latency(0.15, 0.0))
    hasty = ("settle_seconds = 5", "settle_seconds = 0")
    changed = place.configure(hasty, ("batch_size = 25", "batch_size = 2"), ("max_in_flight = 12", "max_in_flight = 1"))
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    place.environment["ORDERS_CONFIG"] = str(changed)
    place.stage(samples_of("B'HOOD", "BHOOD"))
    with place.start("sync", "--execute") as process:
        deadline = time.monotonic() + 30
        while place.mutations < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted. Committed work is kept; the next run resumes." in said
    assert "Traceback" not in said
    assert sum(len(items) for items in place.board.values()) < 24
    place.configure(hasty)
    rest = terminal("sync", "--execute", "--json")
    assert rest.code == 0, rest.err
    assert sorted(name for items in place.board.values() for name in items) == sorted(
        name for (name,) in place.rows('SELECT item_name FROM "ORDER_LIST_V2"')
    )
    assert [rest.document["total"][name] for name in ("items", "subitems")] == [24, 60]
