"""`MondayBoard`: monday.com as the sync engine sees it.

Reads go out in chunks and pages, and their JSON becomes values of the domain; a page cursor that expired starts the read again.
"""

import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path

import httpx

from orders_platform.domain.board import BoardDescription, BoardItem, Cell, Column, Group, Label
from orders_platform.domain.clocks import elapsed
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, Operation, is_item_id
from orders_platform.domain.preflight import require_board
from orders_platform.domain.text import fold
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.budget import Budget, Limits, Timer, limits_of
from orders_platform.monday.client import MondayClient, Pace, RetryPolicy, Sending
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import ErrorAction
from orders_platform.monday.transport import Transport

_logger = logging.getLogger(__name__)

Node = Mapping[str, object]  # one JSON object of an answer

API_VERSION = "2026-10"  # the version that `graphql/` is written for
BATCH_SIZE = 25
MAX_IN_FLIGHT = 12

TIMEOUT_SECONDS = 65.0
"""monday ends a request after 60 seconds; who waits a little longer gets its answer instead of an unknown outcome."""

IDS_A_READ = 100
"""Most ids of one `items(ids:)` query (page on rate limits); of the values of a search monday publishes no limit, so we keep to it."""

ITEMS_A_PAGE = 500  # most items of one page (page on items_page)
_BOARDS_A_PAGE = 100
# the field of a page, where it is not called as its document
_PAGES = {"items_by_column_values": "items_page_by_column_values"}
_MOST_RESTARTS = 3
_MOST_PAGES = 2_000  # a million items; no board has so many


class _CursorExpiredError(Exception):
    """monday forgot the cursor: it lives for 60 minutes from the first page on."""


class MondayBoard(AbstractContextManager["MondayBoard"]):
    """The boards (items, subitems) of one monday.com account, by the GraphQL endpoint at `url`; close it after use, or use it in a `with`.

    Every read returns what it was asked for or raises (`TransientError`, `PermanentError`): an empty answer always means that
    monday said "empty". Nothing connects before the first request.
    """

    def __init__(
        self,
        url: str,
        token: str,
        graphql_folder: Path,
        *,
        api_version: str = API_VERSION,
        limits: Limits | None = None,
        max_in_flight: int = MAX_IN_FLIGHT,
        batch_size: int = BATCH_SIZE,
        timeout_seconds: float = TIMEOUT_SECONDS,
        policy: RetryPolicy | None = None,
        http_transport: httpx.BaseTransport | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = elapsed,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Address, token, version, time-out and `http_transport` are as `Transport` takes them, with what it raises.

        `limits` are those of a personal token of plan `pro` by default. With one batch in flight everything is done in the caller's thread.
        `batch_size` is that of the first batches; that of later ones follows from how they went. `clock` only goes forward, `wall` counts
        from the epoch, for the calls of a day; `rng` makes the jitter, `new_key` idempotency keys.
        """
        transport = Transport(url, token, api_version, timeout_seconds, max(1, max_in_flight) + 1, http_transport)
        limits = limits or limits_of("pro")
        limits = replace(limits, concurrency=max(1, min(limits.concurrency, max_in_flight)))
        budget, jitter = Budget(limits, Timer(clock, sleep, wall)), rng or random.Random()  # noqa: S311 - not a secret
        documents = _documents(graphql_folder)
        self.client = MondayClient(transport, documents, budget, Pace(batch_size), policy or RetryPolicy(), jitter)
        self._new_key = new_key
        self._ending = ""

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.transport.close()

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of the API version: monday serves another one, or the pinned one nears its end."""
        return tuple(filter(None, (self.client.transport.notice, self._ending)))

    def send(
        self,
        operation: Operation,
        mutations: Iterable[Mutation],
        before_request: Callable[[Batch], None] = lambda _batch: None,
        new_key: Callable[[], str] | None = None,
    ) -> Iterator[BatchReport]:
        """Send mutations at monday's pace, in batches, several in flight; one report each, in the order they finish.

        `before_request` is called right before every request, first or repeat, in the thread that sends: the caller commits the intent of
        the batch, and no request leaves more than 5 seconds after that began. When it raises, the request is not made and nothing more is
        sent. A batch of which no request was made is not reported. A mutation's failure is a result. Raises, once what was in flight is
        reported, `MondayRefusedError` when every further request would be refused, `MondayUnavailableError` when monday stays out of reach
        or no call is left today, and what `before_request` raised.
        """
        return Sending(self.client, operation, iter(mutations), before_request, new_key or self._new_key).reports()

    def describe(self, board_id: int) -> BoardDescription:
        """One board. `BoardMismatchError` when there is none."""
        return require_board(self.describe_all([board_id]), board_id)

    def describe_all(self, board_ids: Sequence[int]) -> Mapping[int, BoardDescription]:
        """Columns with labels, groups, limits and hierarchy of these boards, by id; one that the token does not see is absent."""
        data = self._read("board", {"board_ids": [str(each) for each in board_ids]})
        if versions := nodes(data, "versions", optional=True):
            ending = version_notice(versions, self.client.transport.api_version)
            if ending and not self._ending:
                _logger.warning("%s", ending)
            self._ending = ending
        return {board.id: board for board in map(board_description, nodes(data, "boards"))}

    def boards(self) -> Iterator[tuple[int, str, int]]:
        """Id, name and number of items of every active board that the token sees."""
        for page in range(1, _MOST_PAGES):
            listed = nodes(self._read("boards", {"page": page}), "boards")
            for each in listed:
                yield _number(each, "id"), _word(each, "name"), _number(each, "items_count") if each.get("items_count") else 0
            if len(listed) < _BOARDS_A_PAGE:
                return

    def column_settings(self, board_id: int, column_ids: Sequence[str]) -> Mapping[str, Node]:
        """Columns with their revision and all that their settings hold, by id."""
        boards = nodes(self._read("columns", {"board_id": str(board_id), "ids": list(column_ids)}), "boards")
        found = (each for board in boards for each in nodes(board, "columns"))
        return {_word(each, "id"): {**each, "settings": settings_of(each.get("settings"))} for each in found}

    def groups(self, board_id: int) -> Sequence[Group]:
        """The active groups, in board order."""
        boards = nodes(self._read("groups", {"board_id": str(board_id)}), "boards")
        return require_board({_number(board, "id"): board_groups(board) for board in boards}, board_id)

    def items(self, item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, BoardItem]:
        """Items or subitems by id with the cells asked for; archived and deleted ones included, unknown ids absent."""
        found = (board_item(node) for node in self._by_ids("items_by_ids", item_ids, columns=list(column_ids)))
        return {item.id: item for item in found}

    def children(self, board_id: int, parent_item_ids: Sequence[int]) -> Mapping[int, Sequence[BoardItem]]:
        """Active subitems by parent id; a parent that is gone from this board is absent."""
        parents = ((board_item(node), node) for node in self._by_ids("subitems_of", parent_item_ids))
        there = ((item, node) for item, node in parents if not item.absence(board_id))
        # null stands for none here: an item that never had a subitem
        found = ((item.id, nodes(node, "subitems", optional="subitems" in node)) for item, node in there)
        return {parent: tuple(board_item(each, parent) for each in under if _is_active(each)) for parent, under in found}

    def find_items(self, board_id: int, column_id: str, values: Sequence[str]) -> Mapping[str, Sequence[BoardItem]]:
        """Active items whose text column equals one of `values` (monday folds case), under the value asked for."""
        # A blank value finds nothing: monday would take it as "all items without a value".
        wanted = {value: fold(value) for value in values}
        found: dict[str, dict[int, BoardItem]] = {}
        for chunk in _chunks(sorted({value for value in wanted if wanted[value]})):
            rule = {"column_id": column_id, "column_values": chunk}
            variables = {"board_id": str(board_id), "columns": [rule], "value_columns": [column_id]}
            for item in self._paged("items_by_column_values", variables, [column_id]):
                found.setdefault(fold(item.text(column_id)), {})[item.id] = item
        return {value: tuple(found.get(folded, {}).values()) if folded else () for value, folded in wanted.items()}

    def items_of_groups(self, board_id: int, group_ids: Sequence[str], column_ids: Sequence[str]) -> Sequence[BoardItem]:
        """Active items of these groups, with the cells asked for."""
        rule = {"column_id": "group", "compare_value": list(group_ids)}
        variables = {"board_id": str(board_id), "columns": list(column_ids), "query": {"rules": [rule]}}
        return self._paged("items_page", variables, column_ids) if group_ids else ()

    def _by_ids(self, operation: str, ids: Sequence[int], **variables: object) -> Iterator[Node]:
        for chunk in _chunks([str(each) for each in dict.fromkeys(ids)]):
            yield from nodes(self._read(operation, {"ids": chunk, **variables}), "items")

    def _paged(self, operation: str, variables: Mapping[str, object], column_ids: Sequence[str]) -> Sequence[BoardItem]:
        for _ in range(_MOST_RESTARTS):
            try:
                return [board_item(node) for node in self._pages(operation, variables, column_ids) if _is_active(node)]
            except _CursorExpiredError:
                continue
        board = variables["board_id"]
        raise MondayUnavailableError(f"monday.com gave up its pages of board {board} {_MOST_RESTARTS} times; repeat the run")

    def _pages(self, operation: str, variables: Mapping[str, object], column_ids: Sequence[str]) -> Iterator[Node]:
        """The items of all pages, of which `operation` asks for the first."""
        for _ in range(_MOST_PAGES):
            data = self._read(operation, {**variables, "limit": ITEMS_A_PAGE})
            if operation == "items_page":  # monday answers [null] when the page failed; that is not an empty board
                data = next(iter(nodes(data, "boards")), {})
            page = data.get(_PAGES.get(operation, operation))
            if not isinstance(page, dict):
                raise MondayUnavailableError(f"monday.com answered {operation} without a page; repeat the run")
            yield from nodes(page, "items")
            if not (cursor := page.get("cursor")):
                return
            operation, variables = "next_items_page", {"cursor": cursor, "columns": list(column_ids)}
        raise MondayUnavailableError(f"monday.com answered with more than {_MOST_PAGES} pages of a board; repeat the run")

    def _read(self, operation: str, variables: Mapping[str, object]) -> Node:
        reply = self.client.read(operation, variables)
        if reply.action is ErrorAction.RESTART:
            raise _CursorExpiredError
        return reply.data or {}


def _is_active(node: Node) -> bool:
    return node.get("state") in {None, "active"}


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), IDS_A_READ):
        yield list(values[start : start + IDS_A_READ])


@cache
def _documents(folder: Path) -> Documents:
    """Read once a process; their text does not change under a run."""
    return Documents(folder)


def nodes(parent: Node, key: str, *, optional: bool = False) -> tuple[Node, ...]:
    """The objects in a list of an answer.

    Raises `MondayUnavailableError`: there is none, or something else is in it: an answer without a list does not say that it is empty.
    """
    found = parent.get(key)
    if found is None and optional:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MondayUnavailableError(f"monday.com answered without the list {key}; repeat the run")
    return tuple(found)


def board_description(node: Node) -> BoardDescription:
    """One board of the query `board`."""
    columns = [each for each in nodes(node, "columns") if not each.get("archived")]
    boards = (settings_of(each.get("settings")).get("boardIds") for each in columns if each.get("type") == "subtasks")
    subitem_boards = (_number({"id": each}, "id") for listed in boards for each in (listed if isinstance(listed, list) else []))
    return BoardDescription(
        id=_number(node, "id"),
        name=str(node.get("name") or ""),
        columns=tuple(map(_column, columns)),
        groups=board_groups(node),
        subitems_board_id=next(subitem_boards, None),
        hierarchy_type=str(node.get("hierarchy_type") or "classic"),
    )


def board_groups(node: Node) -> tuple[Group, ...]:
    """The active groups of the query `board`, in monday's order."""
    active = (each for each in nodes(node, "groups") if not (each.get("archived") or each.get("deleted")))
    return tuple(Group(_word(each, "id"), str(each.get("title") or "")) for each in active)


def board_item(node: Node, parent_item_id: int | None = None) -> BoardItem:
    """One item or subitem with the cells that came with it."""
    group, parent, board = node.get("group"), node.get("parent_item"), node.get("board")
    cells = nodes(node, "column_values", optional=True)
    if parent_item_id is None and isinstance(parent, dict):
        parent_item_id = _number(parent, "id")
    return BoardItem(
        id=_number(node, "id"),
        name=str(node.get("name") or ""),
        state=str(node.get("state") or "active"),
        group_id=str(group["id"]) if isinstance(group, dict) and group.get("id") is not None else None,
        parent_item_id=parent_item_id,
        cells={_word(cell, "id"): Cell(_optional_text(cell.get("text")), _optional_text(cell.get("value"))) for cell in cells},
        board_id=_number(board, "id") if isinstance(board, dict) else None,
        board_name=str(board.get("name") or "") if isinstance(board, dict) else "",
    )


def labels_of(settings: object) -> tuple[Label, ...]:
    """The labels in the settings of a status or dropdown column.

    A status label's `id` is what a cell stores; its `index` is only its place in the list. A label without text is the empty cell, not
    a label.
    """
    found = (_label(each) for each in nodes(settings_of(settings), "labels", optional=True) if each.get("id") is not None)
    return tuple(label for label in found if label.name)


def _column(node: Node) -> Column:
    kind = str(node.get("type") or "")
    labels = labels_of(node.get("settings")) if kind in {"status", "dropdown"} else ()
    return Column(_word(node, "id"), str(node.get("title") or ""), kind, labels)


def _label(node: Node) -> Label:
    text = node.get("label") if node.get("label") is not None else node.get("name")
    return Label(_number(node, "id"), str(text or ""), is_deactivated=bool(node.get("is_deactivated")))


def settings_of(settings: object) -> Node:
    """The settings of a column; the JSON scalar arrives as an object or as text."""
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except (ValueError, RecursionError) as error:
            raise MondayUnavailableError("monday.com sent column settings that are no JSON; repeat the run") from error
    return settings if isinstance(settings, dict) else {}


def _number(node: Node, key: str) -> int:
    text = _word(node, key)
    if not is_item_id(text) and text != "0":
        raise MondayUnavailableError(f"monday.com answered with {key} {text[:50]!r} where a number is due; repeat the run")
    return int(text)


def _word(node: Node, key: str) -> str:
    value = node.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value):
        raise MondayUnavailableError(f"monday.com answered without {key}; repeat the run")
    return str(value)


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_ENDING = {
    "maintenance": "is in maintenance and is retired next",
    "previous_maintenance": "is retired next January",
    "old_previous_maintenance": "is retired next January",
    "old__maintenance": "is retired next January",
    "deprecated": "is no longer supported",
}
"""monday's kinds of a version (its enum VersionKind) that call for a change, and what they say."""


def version_notice(listed: Sequence[Node], pinned: str) -> str:
    """A sentence where the pinned version nears its end or is gone; empty where it lives, or where monday lists none."""
    kinds = {str(version.get("value")): str(version.get("kind")) for version in listed}
    if not kinds or (pinned in kinds and kinds[pinned] not in _ENDING):
        return ""
    state = _ENDING.get(kinds.get(pinned, ""), "is not among the versions that monday serves")
    current = next((value for value, kind in kinds.items() if kind == "current"), None)
    advice = f"; the current one is {current}" if current else ""
    return f"API version {pinned} {state}{advice}: compare graphql/ with it, then set [monday] api_version"
