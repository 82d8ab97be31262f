"""What Dagster's catalogue shows of each asset: owners, kinds, table, columns, links; and the tables of rows that runs add.

All but the last follows from configuration and DDL; nothing connects.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from orders_platform.build import report_links
from orders_platform.configuration import Configuration
from orders_platform.database.engine import dialect_of
from orders_platform.database.schema import TableDefinition, define_tables
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.orders import CellWarning, RowProblem, group_warnings, preview
from orders_platform.reports.rendering import Link, Links, table
from orders_platform.settings import Settings, default_folder
from orders_platform.sync.results import StageReport

_SHOWN = 50
_TABLE_OF = {"swp_order_list": "staging", "order_headers": "orders", "order_sizes": "staged_lines", "order_lines": "lines"}
Loaded = dg.AssetsDefinition | dg.AssetSpec


def described(assets: Iterable[Loaded], settings: Settings) -> list[Loaded]:
    """The assets with what the catalogue shows of them; what they do is untouched."""
    configuration = settings.configuration
    reports, board, dialect = configuration.reports, report_links(settings).board, dialect_of(settings.database_url)
    tables = define_tables(dialect, configuration, default_folder("sql"))
    columns = _columns(configuration, tables)

    def describe(asset: Loaded) -> Loaded:
        name = asset.key.path[-1]
        metadata: dict[str, dg.RawMetadataValue] = {}
        kinds = {"html"} if name == "sync_report" else {"monday", "graphql"}
        if name in _TABLE_OF:
            kinds = {"sql", {"mssql": "sqlserver"}.get(dialect.name, dialect.name)}
            parts = (configuration.tables.schema_name, getattr(configuration.tables, _TABLE_OF[name]))
            metadata["dagster/table_name"] = ".".join(filter(None, parts))
        elif board:
            metadata["board"] = dg.MetadataValue.url(board)
        if name in columns:
            metadata["dagster/column_schema"] = columns[name]
        if reports.code_url and isinstance(asset, dg.AssetsDefinition):
            function = inspect.unwrap(asset.op.compute_fn.decorated_fn)  # type: ignore[union-attr]
            file = f"{function.__module__.replace('.', '/')}.py#L{inspect.getsourcelines(function)[1]}"
            metadata["code"] = dg.MetadataValue.url(f"{reports.code_url}/{file}")

        def merged(spec: dg.AssetSpec) -> dg.AssetSpec:
            return spec.merge_attributes(metadata=metadata, owners=list(reports.owners), kinds=kinds)

        return merged(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(merged)

    return [describe(asset) for asset in assets]


def _columns(configuration: Configuration, tables: Mapping[str, TableDefinition]) -> dict[str, dg.TableSchema]:
    """The columns of our tables as the DDL has them, and those of the board that we write."""
    business = _business_columns(configuration, [name for name, _ in tables["staging"].columns])
    found = {
        "monday_groups": dg.TableSchema([dg.TableColumn("title", "text", description="customer and season")]),
        "monday_items": _board_columns(configuration.items, name="the item's name", group="the group it is in"),
        "monday_subitems": _board_columns(configuration.subitems, name="the subitem's name", parent="the item it is under"),
    }
    for asset, role in _TABLE_OF.items():
        words = {name: tables[role].words[name] or business[name] for name, _ in tables[role].columns}
        found[asset] = dg.TableSchema([dg.TableColumn(name, str(type_), words[name]) for name, type_ in tables[role].columns])
    return found


def _business_columns(configuration: Configuration, names: Sequence[str]) -> dict[str, str]:
    """What the configuration says of the columns of the order list: where the board shows each, sizes, keys."""
    first, last = names.index(configuration.sizes.after), names.index(configuration.sizes.before)
    shown = {source: field for field in configuration.items.fields for source in field.sources}
    found = {}
    for i, name in enumerate(names):
        field = shown.get(name)
        said = [f"on the board in the column {field.column_id} ({field.type.value})" if field else "not on the board"]
        said += ["identifies the order"] * (name in configuration.keys.unique)
        said += ["tells orders of one number apart"] * (name in configuration.keys.extra)
        found[name] = f"how many of the size {name} are ordered" if first < i < last else "; ".join(said)
    return found


def _board_columns(board: BoardMapping, **own: str) -> dg.TableSchema:
    """By monday's ids, each with the order columns that it shows; `own` are those that every board has."""
    columns = [(name, "text", words) for name, words in own.items()]
    columns += [(field.column_id, field.type.value, " or else ".join(field.sources)) for field in board.fields]
    return dg.TableSchema([dg.TableColumn(*each) for each in columns])


def rejected_rows(rows: Sequence[RowProblem]) -> dict[str, dg.RawMetadataValue]:
    """Rows that the merge does not take; nothing when there are none."""
    cells = [(row.order_key, row.size_code, row.code, row.reason[:200]) for row in rows]
    return _rows("rejected_rows", ("order", "size", "code", "reason"), cells)


def sent_rows(report: StageReport, links: Links) -> dict[str, dg.RawMetadataValue]:
    """What a stage did, row by row: refused ones first, then those that were sent without a cell; nothing when there are none."""
    kept = sorted((row for rows in report.rows.values() for row in rows), key=lambda row: (row.what != "refused", not row.note))
    cells = [
        (row.what, Link(row.order_key, links.item(row.item_id)), row.size_code, row.name, row.note[:200])
        for row in kept[:_SHOWN]
    ]
    return _rows("rows", ("what", "order", "size", "name", "note"), cells)


def cell_warnings(warnings: Iterable[CellWarning]) -> dict[str, dg.RawMetadataValue]:
    """Cells that were left out or cut, many of a kind in one line; nothing when there are none."""
    cells = [
        (group.column, str(group.count), ", ".join(group.examples), preview(group.text), group.reason[:200])
        for group in group_warnings(warnings)
    ]
    return _rows("cell_warnings", ("column", "orders", "for example", "text", "reason"), cells)


def _rows(name: str, columns: Sequence[str], cells: Sequence[Sequence[object]]) -> dict[str, dg.RawMetadataValue]:
    return {name: dg.MetadataValue.md(table(columns, cells, most=_SHOWN))} if cells else {}
