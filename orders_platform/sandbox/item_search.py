"""Which items a query wants, in which order, and the pages and cursors that they are handed out by."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orders_platform.sandbox import structure
from orders_platform.sandbox.answers import Refusal, invalid_argument
from orders_platform.sandbox.cells import search_form
from orders_platform.sandbox.gate import read_id
from orders_platform.sandbox.sandbox_options import Lagging
from orders_platform.sandbox.scheduler import IdStream
from orders_platform.sandbox.state import State

Wanted = Mapping[str, object]

_SEARCHABLE = frozenset({"name", "text", "long_text", "numbers", "date", "status", "dropdown", "checkbox", "link", "email"})
_ONE_VALUE = frozenset({"date", "dropdown"})

_AMONG = "AND items.id IN (SELECT value FROM json_each(:among)) "
_IN_GROUP = "AND {group} = :group "
_BOARD_ORDER = """
SELECT items.id FROM items {past}
JOIN groups ON groups.board_id = items.board_id AND groups.id = {group}
WHERE items.board_id = :board AND {state} = 'active' AND items.created_at <= :new {more}
ORDER BY groups.position, {position}, items.id"""
_PAST = """
LEFT JOIN past ON past.item_id = items.id AND past.changed_at =
  (SELECT min(changed_at) FROM past AS each WHERE each.item_id = items.id AND each.changed_at > :seen)"""
_BY_SEARCH = """
SELECT item_id FROM cells
WHERE column_id = ? AND search IN (SELECT value FROM json_each(?)) AND changed_at <= ?"""
_EMPTY = """
SELECT id FROM items WHERE board_id = ?
AND NOT EXISTS (SELECT 1 FROM cells WHERE cells.item_id = items.id AND cells.column_id = ?)"""
_NAMES = "SELECT id, name FROM items WHERE board_id = ?"
_CELLS = """
SELECT cells.item_id, cells.search, cells.value FROM cells JOIN items ON items.id = cells.item_id
WHERE items.board_id = ? AND cells.column_id = ?"""


def in_board_order(state: State, board_id: int, among: set[int] | None = None, group_id: str | None = None) -> list[int]:
    """Ids of the active items as lists show them now, in board order; only those `among`, or of a group, when given."""
    more = (_AMONG if among is not None else "") + (_IN_GROUP if group_id is not None else "")
    words = {"past": "", "group": "items.group_id", "state": "items.state", "position": "items.position"}
    if state.visibility_lag:
        moved, retired = (each in state.switches.lag_covers for each in (Lagging.MOVED, Lagging.RETIRED))
        words |= {"past": _PAST} if moved or retired else {}
        if moved:
            words |= {"group": "coalesce(past.group_id, items.group_id)", "position": "coalesce(past.position, items.position)"}
        words |= {"state": "coalesce(past.state, items.state)"} if retired else {}
    wanted = {"board": board_id, "new": state.new_until, "seen": state.visible_until, "group": group_id}
    sql = _BOARD_ORDER.format(**words, more=more.format(**words))
    rows = state.all(sql, {**wanted, "among": json.dumps(sorted(among or ()))})
    return [row[0] for row in rows]


def by_column_values(state: State, board_id: int, columns: Sequence[Wanted]) -> set[int]:
    """Ids of items whose cells equal, case folded, one of the values of every column."""
    found: set[int] | None = None
    for wanted in columns:
        matching = _matching(state, board_id, str(wanted["column_id"]), wanted["column_values"])
        found = matching if found is None else found & matching
    return found or set()


def _matching(state: State, board_id: int, column_id: str, values: object) -> set[int]:
    column = structure.wanted_column(state, board_id, column_id)
    texts = [str(value or "") for value in values] if isinstance(values, list) else []
    if column.type not in _SEARCHABLE:
        raise invalid_argument(f"Column {column_id} of type {column.type} is not supported by items_page_by_column_values")
    if column.type in _ONE_VALUE and len(texts) != 1:
        raise invalid_argument(f"Column {column_id} of type {column.type} accepts exactly one value")
    forms = {search_form(column.type, text) for text in texts}
    if column.type == "name":
        return {row[0] for row in state.all(_NAMES, (board_id,)) if row[1].casefold() in forms}
    rows = state.all(_BY_SEARCH, (column_id, json.dumps(sorted(forms)), state.new_until))
    if "" in forms:
        rows += state.all(_EMPTY, (board_id, column_id))
    return {row[0] for row in rows}


def by_query(state: State, board_id: int, query: Wanted, group_id: str | None = None) -> list[int]:
    """Ids of the items that `query_params` wants, in the order it wants; only those of a group when given."""
    found: set[int] | None = None
    ids, rules, order = query.get("ids"), query.get("rules"), query.get("order_by")
    if isinstance(ids, list):
        if len(ids) > 100:
            raise invalid_argument("query_params.ids accepts at most 100 ids")
        found = {read_id(each) or 0 for each in ids}
    if isinstance(rules, list) and rules:
        sets = [_by_rule(state, board_id, rule) for rule in rules]
        matching = set.union(*sets) if query.get("operator") == "or" else set.intersection(*sets)
        found = matching if found is None else found & matching
    return _ordered(state, in_board_order(state, board_id, found, group_id), order if isinstance(order, list) else [])


def _ordered(state: State, item_ids: list[int], order_by: Sequence[Wanted]) -> list[int]:
    columns = {"__creation_log__": "created_at", "__last_updated__": "updated_at", "name": "name"}
    for wanted in reversed(order_by):
        attribute = columns.get(str(wanted["column_id"]))
        if attribute is None:
            raise invalid_argument(f"order_by supports {', '.join(columns)} here, not {wanted['column_id']}")
        sql = f"SELECT id, {attribute} FROM items WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  constants only
        keys = dict(state.all(sql, (json.dumps(item_ids),)))
        item_ids = sorted(item_ids, key=keys.__getitem__, reverse=wanted.get("direction") == "desc")
    return item_ids


def _by_rule(state: State, board_id: int, rule: Wanted) -> set[int]:
    column_id, operator = str(rule["column_id"]), str(rule.get("operator") or "any_of")
    given = rule["compare_value"]
    wanted = [str(each).casefold() for each in (given if isinstance(given, list) else [given])]
    return {item_id for item_id, value in _rule_values(state, board_id, column_id).items() if _RULES[operator](value, wanted)}


def _rule_values(state: State, board_id: int, column_id: str) -> dict[int, set[str]]:
    """What a rule compares with, by item: label ids, the group's id, or the case-folded text; an empty set for an empty cell."""
    if column_id == "name":
        return {row[0]: {row[1].casefold()} for row in state.all(_NAMES, (board_id,))}
    if column_id == "group":
        of_groups = [(each.id, in_board_order(state, board_id, group_id=each.id)) for each in structure.groups(state, board_id)]
        return {item_id: {group_id.casefold()} for group_id, item_ids in of_groups for item_id in item_ids}
    everything = state.all("SELECT id FROM items WHERE board_id = ?", (board_id,))
    column = structure.wanted_column(state, board_id, column_id)
    values: dict[int, set[str]] = {row[0]: set() for row in everything}
    for item_id, search, value in state.all(_CELLS, (board_id, column_id)):
        values[item_id] = _label_ids(value) if column.type in {"status", "dropdown"} else {search}
    return values


def _label_ids(value: str) -> set[str]:
    data = json.loads(value)
    return {str(each) for each in data.get("ids", [data.get("index")])}


_RULES: dict[str, Callable[[set[str], list[str]], bool]] = {
    "any_of": lambda values, wanted: not values.isdisjoint(wanted),
    "not_any_of": lambda values, wanted: values.isdisjoint(wanted),
    "is_empty": lambda values, _: not values,
    "is_not_empty": lambda values, _: bool(values),
    "contains_text": lambda values, wanted: any(text in value for value in values for text in wanted),
}


LARGEST_PAGE = 500
LIFE_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of one page, and the cursor of the next one, None after the last."""

    item_ids: Sequence[int]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Chain:
    item_ids: Sequence[int]
    started_at: float


class Cursors:
    """The open chains of pages; they live in memory and end 60 minutes after their first page."""

    def __init__(self, clock: Callable[[], float], ids: IdStream) -> None:
        self._clock = clock
        self._ids = ids
        self._chains: dict[str, _Chain] = {}

    def first(self, item_ids: Sequence[int], limit: int) -> Page:
        """The first page of a list; a `Refusal` for a page size outside 1-500."""
        _check(limit)
        if len(item_ids) <= limit:
            return Page(item_ids, None)
        now = self._clock()
        self._chains = {key: chain for key, chain in self._chains.items() if now - chain.started_at < LIFE_SECONDS}
        key = self._ids.next()
        self._chains[key] = _Chain(item_ids, now)
        return Page(item_ids[:limit], f"{key}:{limit}")

    def following(self, cursor: str, limit: int) -> Page:
        """The page after a cursor, the same page each time; a `Refusal` when its hour is over or it was never given."""
        _check(limit)
        key, _, offset = cursor.rpartition(":")
        chain = self._chains.get(key)
        if chain is None or (start := read_id(offset)) is None:
            raise Refusal("CursorException", "The cursor provided for pagination is invalid or has expired")
        if self._clock() - chain.started_at >= LIFE_SECONDS:
            message = "The cursor provided for pagination has expired. Please refresh your query and obtain a new cursor"
            raise Refusal("CursorExpiredError", message)
        end = start + limit
        return Page(chain.item_ids[start:end], f"{key}:{end}" if end < len(chain.item_ids) else None)


def _check(limit: int) -> None:
    if not 1 <= limit <= LARGEST_PAGE:
        raise invalid_argument(f"Limit must be between 1 and {LARGEST_PAGE}, was {limit}")
