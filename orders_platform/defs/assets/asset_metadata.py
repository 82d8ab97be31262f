"""What Dagster's catalogue says of the assets: owners, kinds, tables, columns, lineage, links, code.

Belongs here: all that is known of an asset before it runs, added in one place, so that an asset's module is about what it does. Does
not belong here: what a run reports (the assets themselves). Nothing connects: it follows from configuration and DDL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from orders_platform.build import report_links
from orders_platform.configuration import Configuration
from orders_platform.database.table_definitions import TableDefinition, define_tables, dialect_of
from orders_platform.defs.assets.code_references import code_references
from orders_platform.defs.assets.column_schemas import board_columns, lineage_of, size_columns, table_columns
from orders_platform.settings import Settings, default_folder

_TABLE_OF = {"swp_order_list": "staging", "order_headers": "orders", "order_sizes": "staged_lines", "order_lines": "lines"}
Loaded = dg.AssetsDefinition | dg.AssetSpec


def described(assets: Iterable[Loaded], settings: Settings) -> list[Loaded]:
    """The assets with what the catalogue shows of them; what they do is untouched."""
    configuration = settings.configuration
    tables = define_tables(dialect_of(settings.environment), configuration.tables, default_folder("sql"))
    columns, lineage = _columns(configuration, tables), lineage_of(configuration, tables)
    database = "sqlite" if settings.environment == "sandbox" else "sqlserver"
    board = report_links(settings).board

    def describe(asset: Loaded) -> Loaded:
        name = asset.key.path[-1]
        metadata: dict[str, dg.RawMetadataValue] = {}
        if name in _TABLE_OF:
            metadata["dagster/table_name"] = _table_name(configuration, _TABLE_OF[name])
        elif board:
            metadata["board"] = dg.MetadataValue.url(board)
        if name in columns:
            metadata["dagster/column_schema"] = columns[name]
        if name in lineage:
            metadata["dagster/column_lineage"] = lineage[name]
        if isinstance(asset, dg.AssetsDefinition):
            metadata |= code_references(asset, configuration.reports.code_url)
        owners, kinds = list(configuration.reports.owners), _kinds(name, database)

        def merged(spec: dg.AssetSpec) -> dg.AssetSpec:
            return spec.merge_attributes(metadata=metadata, owners=owners, kinds=kinds)

        return merged(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(merged)

    return [describe(asset) for asset in assets]


def _kinds(asset: str, database: str) -> set[str]:
    if asset in _TABLE_OF:
        return {"sql", database}
    return {"html"} if asset == "sync_report" else {"monday", "graphql"}


def _table_name(configuration: Configuration, role: str) -> str:
    names = configuration.tables
    return ".".join(part for part in (names.schema_name, getattr(names, role)) if part)


def _columns(configuration: Configuration, tables: Mapping[str, TableDefinition]) -> dict[str, dg.TableSchema]:
    sizes = frozenset(size_columns(configuration, tables["staging"]))
    found = {asset: table_columns(tables[role], sizes) for asset, role in _TABLE_OF.items()}
    group = dg.TableSchema([dg.TableColumn("title", "text", description="customer and season")])
    items = board_columns(configuration.items, {"name": "the item's name", "group": "the group it is in"})
    subitems = board_columns(configuration.subitems, {"name": "the subitem's name", "parent": "the item it is under"})
    return found | {"monday_groups": group, "monday_items": items, "monday_subitems": subitems}
