"""Words where people look: nothing that the Dagster UI shows of the location lacks a description."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._config import ConfigType, Field, Shape

from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing.workplace import Workplace


@pytest.fixture
def definitions(offline: Workplace) -> dg.Definitions:
    return build_definitions(Settings())


def fields(type_: ConfigType, place: str) -> Iterator[tuple[str, Field]]:
    """The fields of a configuration, and those within."""
    if isinstance(type_, Shape):
        for name, field in type_.fields.items():
            yield f"{place}.{name}", field
            yield from fields(field.config_type, f"{place}.{name}")


def test_every_definition_has_a_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    jobs = [job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")]
    said = {
        **{f"asset {key.to_user_string()}": graph.get(key).description for key in graph.get_all_asset_keys()},
        **{f"check {spec.name}": spec.description for check in definitions.asset_checks for spec in check.check_specs},
        **{f"job {job.name}": job.description for job in jobs},
        **{
            f"op {node.name}": node.description
            for job in jobs
            for node in job.all_node_defs
            if not job.asset_layer.asset_graph.assets_defs
        },
        **{f"schedule {each.name}": each.description for each in definitions.schedules},
        **{f"sensor {each.name}": each.description for each in definitions.sensors},
        **{
            f"resource {name}": each.description
            for name, each in definitions.get_repository_def().get_top_level_resources().items()
        },
    }
    assert len(said) > 40
    assert [name for name, words in said.items() if not words or len(words) < 15] == []


def test_every_field_of_a_run_configuration_has_a_description(definitions: dg.Definitions) -> None:
    nodes = {node.name: node for job in definitions.resolve_all_job_defs() for node in job.all_node_defs}
    found = [each for node in nodes.values() for each in fields(node.config_schema.config_type, node.name)]
    assert "record_pauses.resume" in dict(found)
    assert [name for name, field in found if not field.description] == []


def test_every_column_of_a_table_or_a_board_has_a_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    columns = {
        f"{key.to_user_string()}.{column.name}": column.description
        for key in graph.get_all_asset_keys()
        if (schema := graph.get(key).metadata.get("dagster/column_schema"))
        for column in schema.columns
    }
    assert [name for name, words in columns.items() if not words] == []
    assert columns["order_headers.AAG ORDER NUMBER"].startswith(
        "on the board in the column text_mkr5wya6 (text); identifies the order"
    )
    assert columns["order_headers.XS"] == "how many of the size XS are ordered"
    assert columns["order_headers._SOURCE_TABLE"] == "not on the board"
    assert columns["order_lines.qty"] == "how many are ordered; 0 once the load has none"


def test_no_owner_is_made_up(definitions: dg.Definitions) -> None:
    assert {owner for node in definitions.resolve_asset_graph().asset_nodes for owner in node.owners} == set()
