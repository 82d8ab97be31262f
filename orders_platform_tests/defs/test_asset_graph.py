"""The asset graph as a person sees it in the catalogue, against the picture of it in asset_graph.json.

A change of the graph is a change for everybody who reads it, so it must be meant: `python -m
orders_platform_tests.defs.test_asset_graph` draws the picture anew, and its difference is reviewed with the change.
"""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing.workplace import CHECKOUT, Workplace

PICTURE = Path(__file__).with_name("asset_graph.json")
Entry = dict[str, object]


def graph_of(definitions: dg.Definitions) -> dict[str, Entry]:
    graph = definitions.resolve_asset_graph()
    return {key.to_user_string(): entry_of(graph.get(key)) for key in sorted(graph.get_all_asset_keys())}


def entry_of(node) -> Entry:
    schema = node.metadata.get("dagster/column_schema")
    return {
        "depends_on": sorted(key.to_user_string() for key in node.parent_keys),
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "pools": sorted(node.pools or ()),
        "partitions": node.partitions_def.name if node.partitions_def else None,
        "table": node.metadata.get("dagster/table_name"),
        "columns": len(schema.columns) if schema else 0,
        "description": node.description.split(":")[0].split(".")[0],
    }


@pytest.fixture
def definitions(offline: Workplace) -> dg.Definitions:
    return build_definitions(Settings())


def test_the_asset_graph_is_the_one_that_was_meant(definitions: dg.Definitions) -> None:
    assert graph_of(definitions) == json.loads(PICTURE.read_text(encoding="utf-8"))


def test_a_column_of_the_board_says_which_order_columns_it_shows(definitions: dg.Definitions) -> None:
    items = definitions.resolve_asset_graph().get(dg.AssetKey("monday_items")).metadata
    warehouse = next(column for column in items["dagster/column_schema"].columns if column.name == "text_mkr5ps35")
    assert (warehouse.type, warehouse.description) == ("text", "DESTINATION WAREHOUSE or else Warehouse")


def test_an_asset_links_to_its_code_on_the_pages_of_a_repository(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    asset = build_definitions(Settings()).resolve_asset_graph().get(dg.AssetKey("order_sizes"))
    assert "code" not in asset.metadata  # nobody configured where it is
    monkeypatch.setenv(
        "ORDERS_CONFIG", str(offline.configure(('code_url = ""', 'code_url = "https://git.example/orders/blob/main/"')))
    )
    asset = build_definitions(Settings()).resolve_asset_graph().get(dg.AssetKey("order_sizes"))
    file, line = asset.metadata["code"].value.removeprefix("https://git.example/orders/blob/main/").split("#L")
    assert "def order_sizes(" in "".join((CHECKOUT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 :][:2])


def test_production_says_sql_server_and_its_types(offline: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "production")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "mssql+pyodbc://user:pa55@nowhere/db?driver=none")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not-the-sandbox-token")
    monkeypatch.setenv("ORDERS_CONFIG", str(offline.configure(('schema = ""', 'schema = "sales"'))))
    graph = build_definitions(Settings()).resolve_asset_graph()
    lines = graph.get(dg.AssetKey("order_lines"))
    assert lines.kinds == {"sql", "sqlserver"}
    assert lines.metadata["dagster/table_name"] == "sales.ORDER_LIST_LINES"
    assert lines.metadata["dagster/column_schema"].columns[0].type == "UNIQUEIDENTIFIER"
    assert "board" not in graph.get(dg.AssetKey("monday_items")).metadata  # nobody configured where it is


if __name__ == "__main__":
    PICTURE.write_text(json.dumps(graph_of(build_definitions(Settings())), indent=2) + "\n", encoding="utf-8")
