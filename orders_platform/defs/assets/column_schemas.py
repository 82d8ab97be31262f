"""The columns of each asset and where each comes from: what Dagster's catalogue shows as column schema and lineage.

Belongs here: turning configuration and DDL into both; pure, nothing connects. Does not belong here: the DDL (`sql/tables/`), the rest
of the catalogue (`catalogue.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from orders_platform.configuration import BoardSection, Configuration
from orders_platform.database.table_definitions import TableDefinition

Columns = Mapping[str, dg.TableSchema]
Lineage = Mapping[str, dg.TableColumnLineage]

_WORDS = {
    "record_uuid": "of the order; made once and never again",
    "line_uuid": "of the line; made once and never again",
    "order_key": "the order's number as people write it",
    "row_hash": "over every business column and size; a change of it is a change of the order",
    "group_name": "the group that the order belongs into",
    "item_name": "the name of its item",
    "monday_item_id": "of its item, NULL until it is on the board",
    "monday_subitem_id": "of its subitem, NULL until it is on the board",
    "sync_state": "NEW, PENDING, SYNCED or FAILED",
    "action_type": "what is to be done, or was done last: INSERT, UPDATE or DELETE",
    "removed_at": "when the load no longer held it",
    "size_code": "one code for all spellings of a size",
    "qty": "pieces of the size",
}


def table_columns(definition: TableDefinition, sizes: frozenset[str] = frozenset()) -> dg.TableSchema:
    """A table's columns as its DDL has them."""
    words = _WORDS | dict.fromkeys(sizes, "a size: pieces ordered")
    return dg.TableSchema([dg.TableColumn(name, str(type_), description=words.get(name)) for name, type_ in definition.columns])


def board_columns(board: BoardSection, own: Mapping[str, str]) -> dg.TableSchema:
    """The columns of a board that we write, by monday's ids; `own` are those that every board has, with what they show."""
    fixed = [dg.TableColumn(name, "text", description=words) for name, words in own.items()]
    mapped = [
        dg.TableColumn(entry.column, entry.type.value, description=" or else ".join(entry.source)) for entry in board.columns
    ]
    return dg.TableSchema([*fixed, *mapped])


def size_columns(configuration: Configuration, staging: TableDefinition) -> tuple[str, ...]:
    """The sizes that our DDL has: the columns strictly between the markers; none when the markers are other ones."""
    names = [name for name, _ in staging.columns]
    markers = configuration.sizes.after, configuration.sizes.before
    if not set(markers) <= set(names):
        return ()
    return tuple(names[names.index(markers[0]) + 1 : names.index(markers[1])])


def lineage_of(configuration: Configuration, tables: Mapping[str, TableDefinition]) -> Lineage:
    """Where each asset's columns come from, by asset."""
    staged = [name for name, _ in tables["staging"].columns if name != "record_uuid"]
    names, sizes = configuration.names, size_columns(configuration, tables["staging"])
    headers = {name: _from("swp_order_list", [name]) for name in staged} | {
        "order_key": _from("swp_order_list", configuration.keys.unique),
        "group_name": _from("swp_order_list", _flat(names.group)),
        "item_name": _from("swp_order_list", _flat(names.item)),
        "row_hash": _from("swp_order_list", staged),
    }
    of_sizes = {"record_uuid": _from("order_headers", ["record_uuid"]), "size_code": _from("order_headers", sizes),
                "qty": _from("order_headers", sizes)}  # fmt: skip
    items = {"name": _from("order_headers", ["item_name"]), "group": _from("monday_groups", ["title"])} | {
        entry.column: _from("order_headers", entry.source) for entry in configuration.items.columns
    }
    subitems = {"name": _from("order_lines", ["size_code"]), "parent": _from("monday_items", ["name"])} | {
        entry.column: _from("order_lines", entry.source) for entry in configuration.subitems.columns
    }
    found = {
        "order_headers": headers,
        "order_sizes": of_sizes,
        "order_lines": {name: _from("order_sizes", [name]) for name in ("record_uuid", "size_code", "qty")},
        "monday_groups": {"title": _from("order_headers", ["group_name"])},
        "monday_items": items,
        "monday_subitems": subitems,
    }
    return {asset: dg.TableColumnLineage(columns) for asset, columns in found.items()}


def _flat(rule: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for part in rule for name in part))


def _from(asset: str, columns: Iterable[str]) -> list[dg.TableColumnDep]:
    return [dg.TableColumnDep(dg.AssetKey(asset), name) for name in columns]
