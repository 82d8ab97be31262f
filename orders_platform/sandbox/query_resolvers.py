"""The resolvers of queries and of the fields below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from graphql import GraphQLResolveInfo

from orders_platform.sandbox import column_labels, item_search, stored_items, structure
from orders_platform.sandbox.answers import invalid_argument
from orders_platform.sandbox.cells import ColumnValue
from orders_platform.sandbox.metering import Spent
from orders_platform.sandbox.resolver_context import VERSIONS, context_of, number, wanted_board
from orders_platform.sandbox.state import ACTIVE, ARCHIVED, DELETED, BoardRow, ColumnRow, GroupRow, ItemRow

Info = GraphQLResolveInfo
Query = Mapping[str, object]

_MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class _ItemsResponse:
    cursor: str | None
    items: Sequence[ItemRow]


def boards(
    _root: object, info: Info, *, ids: list[str] | None = None, limit: int = 25, page: int = 1, state: str = ACTIVE
) -> list[BoardRow]:
    """Boards by id, or a page of those that lists already show."""
    store = context_of(info).state
    if ids is not None:
        found = [structure.board(store, number(each, "board id")) for each in ids]
    else:
        found = [board for board in structure.boards(store) if board.created_at <= store.new_until]
    chosen = [board for board in found if board and state in {board.state, "all"}]
    return chosen[(page - 1) * limit : page * limit]


def root_items(
    _root: object,
    info: Info,
    *,
    ids: list[str] | None = None,
    exclude_nonactive: bool = False,
    newest_first: bool = True,
    limit: int = 25,
    page: int = 1,
) -> list[ItemRow]:
    """Items by id, whatever their state and without lag; without ids a page of everything."""
    state = context_of(info).state
    if limit > _MOST_IDS or len(ids or ()) > _MOST_IDS:
        raise invalid_argument(f"items returns at most {_MOST_IDS} items")
    if ids is None:
        return stored_items.newest(state, limit, (page - 1) * limit)
    found = [
        each
        for each in stored_items.items(state, [number(one, "item id") for one in ids])
        if each.state == ACTIVE or not exclude_nonactive
    ]
    return (found if newest_first else found[::-1])[(page - 1) * limit : page * limit]


def items_page_by_column_values(
    _root: object, info: Info, *, board_id: str, limit: int, columns: list[Query] | None = None, cursor: str | None = None
) -> _ItemsResponse:
    """Items by the values of their columns."""
    if cursor and columns:
        raise invalid_argument("columns and cursor cannot be used together")

    def found() -> list[int]:
        state = context_of(info).state
        board = wanted_board(state, board_id)
        return item_search.in_board_order(state, board.id, item_search.by_column_values(state, board.id, columns or []))

    return _page(info, limit, cursor, found)


def next_items_page(_root: object, info: Info, *, cursor: str, limit: int) -> _ItemsResponse:
    """The page after a cursor."""
    return _page(info, limit, cursor, list)


def _items_page(
    source: BoardRow | GroupRow, info: Info, *, limit: int, cursor: str | None = None, query_params: Query | None = None
) -> _ItemsResponse:
    """Items of a board or of a group."""
    if cursor and query_params:
        raise invalid_argument("query_params and cursor cannot be used together")
    board_id, group_id = (source.board_id, source.id) if isinstance(source, GroupRow) else (source.id, None)
    return _page(
        info, limit, cursor, lambda: item_search.by_query(context_of(info).state, board_id, query_params or {}, group_id)
    )


def _page(info: Info, limit: int, cursor: str | None, found: Callable[[], Sequence[int]]) -> _ItemsResponse:
    """The page after a cursor; without one the first page of what is found."""
    context = context_of(info)
    page = context.cursors.following(cursor, limit) if cursor else context.cursors.first(found(), limit)
    context.rows_read += len(page.item_ids)
    listed = stored_items.as_listed(context.state, stored_items.items(context.state, page.item_ids))
    active = {item.id: item for item in listed if item.state == ACTIVE}
    return _ItemsResponse(page.cursor, [active[item_id] for item_id in page.item_ids if item_id in active])


def complexity(_root: object, info: Info) -> Spent:
    """What this request costs."""
    return context_of(info).spent


def _version(value: str) -> dict[str, object]:
    return {"display_name": value, "kind": VERSIONS[value], "value": value}


def _board_columns(
    board: BoardRow, info: Info, *, ids: list[str] | None = None, types: list[str] | None = None
) -> list[ColumnRow]:
    found = structure.columns(context_of(info).state, board.id).values()
    return [column for column in found if (ids is None or column.id in ids) and (types is None or column.type in types)]


def _board_groups(board: BoardRow, info: Info, *, ids: list[str] | None = None) -> list[GroupRow]:
    state = context_of(info).state
    found = [group for group in structure.groups(state, board.id) if group.created_at <= state.new_until]
    return [group for group in found if ids is None or group.id in ids]


def _hierarchy_type(board: BoardRow, info: Info) -> str:
    return "multi_level" if structure.is_multi_level(context_of(info).state, board.id) else "classic"


def _column_values(
    item: ItemRow, info: Info, *, ids: list[str] | None = None, types: list[str] | None = None
) -> list[ColumnValue]:
    state = context_of(info).state
    columns = structure.columns(state, item.board_id)
    cells = stored_items.cells(state, item.id)
    # graphql-core reads a list several times as fast as it builds it: leave unwanted columns out before anything else.
    wanted = columns.values() if ids is None else [column for column in columns.values() if column.id in ids]
    return [
        ColumnValue(state, item, column, cells.get(column.id))
        for column in wanted
        if column.type != "name" and (types is None or column.type in types)
    ]


def _parent(item: ItemRow, info: Info) -> ItemRow | None:
    return stored_items.item(context_of(info).state, item.parent_id) if item.parent_id else None


def _moment(seconds: float) -> str:
    """As monday writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Resolver = Callable[..., object]
QUERIES: dict[str, Resolver] = {
    "boards": boards,
    "items": root_items,
    "items_page_by_column_values": items_page_by_column_values,
    "next_items_page": next_items_page,
    "complexity": complexity,
    "me": lambda _root, _info: {"id": 1, "name": "Sandbox", "email": "sandbox@localhost"},
    "account": lambda _root, _info: {"id": 1, "name": "Sandbox", "slug": "sandbox", "tier": "pro"},
    "version": lambda _root, info: _version(context_of(info).version),
    "versions": lambda _root, _info: [_version(value) for value in VERSIONS],
}
FIELDS: dict[str, dict[str, Resolver]] = {
    "Board": {
        "url": lambda board, info: f"{context_of(info).base_url}#board-{board.id}",
        "items_limit": lambda _board, info: context_of(info).state.items_limit,
        "hierarchy_type": _hierarchy_type,
        "columns": _board_columns,
        "groups": _board_groups,
        "items_page": _items_page,
        "updated_at": lambda board, _info: _moment(board.created_at),
    },
    "Column": {
        "archived": lambda _column, _info: False,
        "settings": lambda column, info: column_labels.settings(context_of(info).state, column),
        "revision": lambda column, info: column_labels.revision(context_of(info).state, column),
        "settings_str": lambda column, info: column_labels.settings_str(context_of(info).state, column),
    },
    "Group": {
        "archived": lambda group, _info: group.state == ARCHIVED,
        "deleted": lambda group, _info: group.state == DELETED,
        "items_page": _items_page,
    },
    "Item": {
        "board": lambda item, info: structure.board(context_of(info).state, item.board_id),
        "group": lambda item, info: structure.group(context_of(info).state, item.board_id, item.group_id),
        "parent_item": _parent,
        "subitems": lambda item, info: stored_items.listed_children(context_of(info).state, item.id),
        "column_values": _column_values,
        "created_at": lambda item, _info: _moment(item.created_at),
        "updated_at": lambda item, _info: _moment(item.updated_at),
        "url": lambda item, info: f"{context_of(info).base_url}#item-{item.id}",
    },
}
