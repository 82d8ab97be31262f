"""A customer that is paused: left out by what works over everybody, said wherever one looks, and as before once it is resumed."""

from __future__ import annotations

import pytest

from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

BHOOD, RHONE = samples_of("B'HOOD", "BHOOD")[:4], samples_of("RHONE")[:4]


@pytest.fixture
def paused(workplace: Workplace, terminal: Terminal) -> Workplace:
    """RHONE is paused; then both customers got an order more."""
    workplace.stage([*BHOOD[:3], *RHONE[:3]])
    assert terminal("sync", "--execute").code == 0
    assert terminal("customers", "pause", "rhone").out == "RHONE is paused. `orders-platform customers resume` ends that.\n"
    workplace.stage([*BHOOD, *RHONE])
    return workplace


def items(workplace: Workplace) -> int:
    return sum(len(names) for names in workplace.board.values())


def test_commands_over_everybody_leave_it_out_and_say_so(paused: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute")
    assert items(paused) == 7
    assert outcome.code == 1
    assert "RHONE is paused since 2" in outcome.err
    assert "left out" in outcome.err
    assert "RHONE: 3 of 3 orders on the board; its load is not merged yet; paused since 2" in outcome.out
    for command in ("status", "verify", "report"):
        assert (terminal(command).code, "paused since 2" in terminal(command).out) == (1, True), command
    assert ((dry := terminal("sync")).code, "RHONE is paused since 2" in dry.err) == (1, True)
    assert terminal("status", "--json").document["customers"]["RHONE"]["verdict"]["state"] == "paused"
    assert list(terminal("customers", "--json").document["paused"]) == ["RHONE"]
    assert "paused since" in terminal("customers").out


def test_a_resync_of_nobody_sends_nobodys_orders(workplace: Workplace, terminal: Terminal) -> None:
    workplace.stage(RHONE)
    terminal("sync", "--execute")
    terminal("customers", "pause", "RHONE")
    workplace.stage([*RHONE, *BHOOD])
    terminal("resync")
    assert items(workplace) == len(RHONE)


def test_of_names_one_of_which_is_nobodys_none_is_paused(workplace: Workplace, terminal: Terminal) -> None:
    workplace.stage(RHONE)
    outcome = terminal("customers", "pause", "RHONE", "RHONNE")
    assert (outcome.code, "Nothing was changed" in outcome.err) == (2, True)
    assert terminal("customers", "--json").document["paused"] == {}


def test_who_names_it_runs_it_and_it_stays_paused(paused: Workplace, terminal: Terminal) -> None:
    outcome = terminal("sync", "--execute", "--customer", "RHONE")
    assert "RHONE is paused since 2" in outcome.err
    assert "it is named" in outcome.err
    assert items(paused) == 7
    assert "RHONE: 4 of 4 orders on the board; paused since 2" in outcome.out


def test_retry_resync_and_repair_leave_it_out_as_well(paused: Workplace, terminal: Terminal) -> None:
    paused.write("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'x' WHERE \"CUSTOMER NAME\" = 'RHONE'")
    before = paused.mutations
    assert "0 FAILED rows were reset" in terminal("retry").out
    assert paused.mutations == before
    assert "RHONE is paused" in terminal("resync").err
    assert items(paused) == len(BHOOD) + 3
    before = paused.mutations
    paused.write("UPDATE ORDER_LIST_V2 SET sync_state = 'SYNCED', monday_item_id = 7 WHERE \"CUSTOMER NAME\" = 'RHONE'")
    assert "RHONE is paused" in terminal("verify", "--repair", "--yes").err
    assert paused.mutations == before
    assert "1 FAILED rows" not in terminal("retry", "--customer", "RHONE").out


def test_resumed_it_is_as_before(paused: Workplace, terminal: Terminal) -> None:
    assert "GREYSON runs again (it was not paused; RHONE was)." in terminal("customers", "resume", "GREYSON").out
    assert terminal("customers", "resume", "RHONE").out == "RHONE runs again. Next: orders-platform sync\n"
    assert terminal("sync", "--execute").code == 0
    assert items(paused) == 8
    assert terminal("customers", "--json").document["paused"] == {}


def test_a_pause_that_there_is_stays_as_it_is(paused: Workplace, terminal: Terminal) -> None:
    since = paused.rows("SELECT paused_at FROM ORDER_SYNC_CUSTOMERS WHERE paused_at IS NOT NULL")
    terminal("customers", "pause", "RHONE")
    assert paused.rows("SELECT paused_at FROM ORDER_SYNC_CUSTOMERS WHERE paused_at IS NOT NULL") == since


def test_a_name_that_nobody_has_is_refused(paused: Workplace, terminal: Terminal) -> None:
    outcome = terminal("customers", "pause", "RHONDA")
    assert outcome.code == 2
    assert "No customer is called 'RHONDA'" in outcome.err


def test_a_customer_that_is_renamed_stays_paused_and_is_resumed_by_its_new_name(
    paused: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = paused.configure(('"RHONE" = {}\n', '"RHONE (US)" = { aliases = ["RHONE"] }\n'))
    changed.write_text(changed.read_text("utf-8").replace('labels = "reject"', 'labels = "create"'), "utf-8")
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    terminal("sync", "--execute")
    assert items(paused) == 7
    terminal("customers", "resume", "RHONE (US)")
    assert terminal("sync", "--execute").code == 0
    assert items(paused) == 8


def test_a_database_of_the_version_before_gets_the_column_and_nobody_is_paused(paused: Workplace, terminal: Terminal) -> None:
    paused.write("DROP VIEW v_customer_summary")
    paused.write("ALTER TABLE ORDER_SYNC_CUSTOMERS DROP COLUMN paused_at")
    before = terminal("status")
    assert "init-db" in before.err
    assert terminal("init-db").code == 0
    assert terminal("sync", "--execute").code == 0
    assert items(paused) == 8
