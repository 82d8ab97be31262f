"""What Dagster loads: the graph, and that loading it touches nothing."""

from __future__ import annotations

import re

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from orders_platform.configuration import Automation
from orders_platform.definitions import build_definitions
from orders_platform.defs.automation import build_schedules
from orders_platform.defs.failures import RETRIES
from orders_platform.defs.resources import MssqlResource, SqliteResource
from orders_platform.errors import ConfigurationError
from orders_platform.settings import Settings
from orders_platform_tests.testing.workplace import Workplace, python

LOAD = """
import socket, warnings
import dagster as dg

def refuse(*_):
    raise AssertionError("something connects while definitions load")

socket.socket.connect = socket.socket.connect_ex = refuse
for category in (dg.BetaWarning, dg.PreviewWarning, dg.SupersessionWarning):
    warnings.simplefilter("error", category)
warnings.filterwarnings("error", module="orders_platform")
from orders_platform.definitions import defs
loaded = defs()
dg.Definitions.validate_loadable(loaded)
print(sorted(key.to_user_string() for key in loaded.resolve_asset_graph().get_all_asset_keys()))
"""
SIX = {
    "order_headers": ({"swp_order_list"}, "order_tables", None),
    "order_sizes": ({"order_headers"}, "order_tables", None),
    "order_lines": ({"order_sizes"}, "order_tables", None),
    "monday_groups": ({"order_headers", "order_lines"}, "monday_board", "monday_api"),
    "monday_items": ({"monday_groups", "order_headers"}, "monday_board", "monday_api"),
    "monday_subitems": ({"monday_items", "order_lines"}, "monday_board", "monday_api"),
}
CRONS = {"a": "survey", "b": "checks", "c": "verification", "d": "summary", "e": "housekeeping"}
EXTERNAL = ("swp_order_list", "order_board")
"""Both ends: what arrives, and what people see; no run makes either."""


@pytest.fixture
def definitions(offline: Workplace) -> dg.Definitions:
    return build_definitions(Settings())


def test_definitions_load_in_a_fresh_interpreter_without_a_warning_a_connection_or_a_file(offline: Workplace) -> None:
    before = set(offline.folder.iterdir())
    loaded = python(LOAD, offline)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == str(sorted([*SIX, *EXTERNAL, "sync_report"]))
    assert set(offline.folder.iterdir()) == before


@pytest.mark.parametrize("asset", SIX)
def test_an_asset_has_its_place_in_the_graph(asset: str, definitions: dg.Definitions) -> None:
    dependencies, group, pool = SIX[asset]
    node = definitions.resolve_asset_graph().get(dg.AssetKey(asset))
    assert {key.to_user_string() for key in node.parent_keys} == dependencies
    assert node.group_name == group
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="customers")
    assert node.pools == ({pool} if pool else set())
    made = definitions.resolve_assets_def(asset)
    assert made.op.retry_policy == RETRIES
    assert made.descriptions_by_key[dg.AssetKey(asset)]
    assert node.backfill_policy is None  # with one, a backfill loses the tag that keeps a customer to one run


def test_there_is_no_asset_besides_the_six_the_report_and_both_ends(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {*SIX, *EXTERNAL, "sync_report"}
    assert {key.to_user_string() for key in graph.materializable_asset_keys} == {*SIX, "sync_report"}


def test_a_run_of_a_customer_takes_all_six_assets_the_report_and_its_checks_in_one_process(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("sync_customer")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {*SIX, "sync_report"}
    assert job.executor_def is dg.in_process_executor
    assert job.partitions_def is not None
    assert job.partitions_def.name == "customers"
    assert {node.name for node in job.nodes} == {
        *SIX, "sync_report", "order_headers_keys_unique", "order_headers_removals_plausible", "order_headers_columns_filled",
        "order_sizes_sizes_plausible",
        "order_lines_totals_match_sizes", "monday_items_no_item_doubled", "monday_subitems_no_subitem_doubled",
        "monday_subitems_board_equals_database",
    }  # fmt: skip


def test_every_job_says_what_it_does(definitions: dg.Definitions) -> None:
    jobs = {job.name: job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert set(jobs) == {
        "sync_customer", "scan_staging", "check_orders", "check_waiting_rows", "verify_boards", "daily_summary", "retention",
        "preview_customer",
        "pause_customers",
    }  # fmt: skip
    assert all(job.description for job in jobs.values())


def test_the_url_decides_the_kind_of_database(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(build_definitions(Settings()).resources["orders_database"], SqliteResource)
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "production")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "mssql+pyodbc://user:pa55@nowhere/db?driver=none")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not-the-sandbox-token")
    production = build_definitions(Settings())
    assert isinstance(production.resources["orders_database"], MssqlResource)
    dg.Definitions.validate_loadable(production)


def test_a_resource_can_be_replaced(offline: Workplace) -> None:
    mine = SqliteResource()
    assert build_definitions(Settings(), orders_database=mine).resources["orders_database"] is mine


def test_a_wrong_setting_is_refused_in_words_when_the_location_loads(
    offline: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "prod")
    with pytest.raises(ConfigurationError, match="ORDERS_ENVIRONMENT"):
        build_definitions(Settings())


def test_what_the_ui_is_told_of_the_location_holds_no_secret(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "very-secret-token")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "sqlite:////very/secret/path.db")
    repository = build_definitions(Settings()).get_repository_def()
    told = serialize_value(RepositorySnap.from_def(repository))
    assert '"orders_database"' in told
    assert "very-secret-token" not in told
    assert "/very/secret/path" not in told


@pytest.mark.parametrize(
    ("key", "cron", "words"),
    [
        ("nightly", "0 25 * * *", "automation.nightly: '0 25 * * *' is not a cron expression of five fields"),
        ("survey", "@hourly", "automation.survey: '@hourly' is not a cron expression of five fields"),
        ("summary", "0 7 30 2 *", "automation.summary: '0 7 30 2 *' is not a cron expression"),
        ("verification", "0 4 * * sundays", "weekday); an example: '0 2 * * *'"),
        ("housekeeping", "", "automation.housekeeping: '' is not"),
    ],
)
def test_a_time_that_dagster_would_not_take_is_refused_in_words(key: str, cron: str, words: str) -> None:
    assert build_schedules(Automation(), CRONS)
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        build_schedules(Automation().model_copy(update={key: cron}), CRONS)
