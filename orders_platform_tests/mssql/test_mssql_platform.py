"""The whole platform on a server: the command line and Dagster, by the login that deploy/sql_server_rights.sql makes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.configuration import Configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.dagster_location import STAGES, Location, metadata
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"
PASSWORD = "Only-for-tests-1"


@pytest.fixture
def place(
    configuration: Configuration, store: OrderStore, make_workplace: Callable[..., Workplace], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workplace]:
    """A workplace whose orders are in the schema of the test, for the daily login; its tables are made by somebody else."""
    workplace = make_workplace()
    schema = str(configuration.tables.schema_name)
    with sql_server.login_of_its_own(configuration, PASSWORD) as url:
        monkeypatch.setenv("ORDERS_DATABASE_URL", url.get_secret_value())
        monkeypatch.setenv("ORDERS_CONFIG", str(workplace.configure(('schema = "" ', f'schema = "{schema}" '))))
        yield workplace


def write_orders(path: Path) -> int:
    rows = samples_of("B'HOOD", "BHOOD")
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "_SOURCE_TABLE"]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *([row.get(name) for name in names] for row in rows)])
    return len(rows)


def test_every_command_does_its_work_with_the_rights_of_the_daily_login_mssql(place: Workplace, terminal: Terminal) -> None:
    file = place.folder / "bhood.csv"
    count = write_orders(file)
    loaded = terminal("load", str(file))
    assert (loaded.code, f"{count} rows in swp_ORDER_LIST_V2" in loaded.out) == (0, True), loaded.err
    assert terminal("customers", "--json").document["customers"] == {CUSTOMER: count}
    assert terminal("sync", "--json").document["total"]["orders"] == 24
    assert place.mutations == 0
    sent = terminal("sync", "--execute", "--json")
    assert sent.code == 0, sent.err
    assert [sent.document["total"][name] for name in ("orders", "lines", "items")] == [24, 60, 24]
    before = place.mutations
    assert terminal("sync", "--execute").code == 0
    assert place.mutations == before
    status = terminal("status", "--json")
    assert (status.code, status.document["customers"][CUSTOMER]["items"]) == (0, 24)
    assert terminal("verify", "--json").code == 0
    assert terminal("report", "--customer", CUSTOMER).code == 0
    number = str(samples_of("B'HOOD")[0]["AAG ORDER NUMBER"])
    assert number in terminal("history", number).out
    assert terminal("retry").code == 0


def test_a_customer_goes_through_all_assets_and_checks_of_a_run_mssql(place: Workplace, terminal: Terminal) -> None:
    write_orders(place.folder / "bhood.csv")
    assert terminal("load", str(place.folder / "bhood.csv")).code == 0
    with dg.DagsterInstance.ephemeral() as instance:
        location = Location(instance)
        assert location.survey().success
        run = location.sync_customer(CUSTOMER)
        assert run.success
        assert [metadata(run, stage)["created"] for stage in STAGES][1:] == [24, 60]
        assert sum(len(items) for items in place.board.values()) == 24
        checked = run.get_asset_check_evaluations()
        assert {each.check_name: each.passed for each in checked} == {each.check_name: True for each in checked}
        assert len(checked) >= 7
        mutations = place.mutations
        assert location.sync_customer(CUSTOMER).success
        assert place.mutations == mutations
        for job in ("check_orders", "check_waiting_rows", "verify_boards", "retention"):
            result = build_definitions(Settings()).resolve_job_def(job).execute_in_process(instance=instance)
            assert result.success
            assert all(each.passed for each in result.get_asset_check_evaluations())
