"""Whatever bytes, JSON or headers come back, a read returns or raises an error of ours, and each mutation has one of the known outcomes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_platform.domain.mutations import BatchReport, Mutation, Operation, Outcome, is_item_id
from orders_platform.errors import OrdersError
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.client import RetryPolicy
from orders_platform.monday.error_policy import RULES
from orders_platform_tests.monday.stage import GRAPHQL
from orders_platform_tests.testing.clock import VirtualClock

CODES = [code for rule in RULES for code in rule.codes]
ITEM = {
    "id": "5", "name": "N", "state": "active", "group": {"id": "g"}, "parent_item": {"id": "4"}, "board": {"id": "1", "name": "B"},
    "column_values": [{"id": "t", "text": "T", "value": "\"T\""}], "subitems": [{"id": "6", "name": "Size S", "state": "active"}],
}  # fmt: skip
STATUS = {"labels": [{"id": 1, "label": "Done", "index": 0}]}
OLD_STATUS = '{"labels": {"0": "Working", "1": "Done"}, "deactivated_labels": [1]}'
COLUMNS = [
    {"id": "t", "title": "T", "type": "text", "settings": None},
    {"id": "s", "title": "S", "type": "status", "settings": STATUS},
    {"id": "o", "title": "O", "type": "dropdown", "settings_str": OLD_STATUS},
    {"id": "b", "title": "Subitems", "type": "subtasks", "settings": {"boardIds": [2]}},
]
BOARD = {"id": "1", "name": "B", "columns": COLUMNS, "groups": [{"id": "g", "title": "G"}], "hierarchy_type": "classic",
         "items_page": {"cursor": None, "items": [ITEM]}}  # fmt: skip
ERROR = {"message": "words, reset in 3 seconds", "path": ["m0"],
         "extensions": {"code": "ColumnValueException", "status_code": 200, "retry_in_seconds": 2,
                        "error_data": {"column_id": "t"}}}  # fmt: skip
ANSWER = {
    "data": {
        "boards": [BOARD], "versions": [{"value": "2026-10", "kind": "current"}], "items": [ITEM],
        "items_page_by_column_values": {"cursor": None, "items": [ITEM]}, "next_items_page": {"cursor": None, "items": [ITEM]},
        "m0": {"id": "11"}, "m1": {"id": "12"}, "complexity": {"query": 30_001},
    },
    "errors": [], "extensions": {"request_id": "r"},
}  # fmt: skip
WITH_ERRORS = {**ANSWER, "data": {**ANSWER["data"], "m0": None}, "errors": [ERROR]}
REFUSED = {"errors": [ERROR], "error_code": "ComplexityException", "error_message": "words", "status_code": 429}
QUOTA = '"minuteRate";r=4999;t=38, "concurrency";r=249, "complexityMinute";r=4950000;t=45'

ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([[], {}, "9" * 40, 10**40, -1, 0, "", "\ud800", "\x00", "²", *CODES, "m0", ["m0"], ["m0", "id"], [None]])
)  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value but its root."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, child in inner for found in ((*path, key), *places(child, (*path, key)))]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer of monday in which something is odd, missing or cut; or any bytes."""
    content = copy.deepcopy(draw(st.sampled_from([ANSWER, ANSWER, WITH_ERRORS, REFUSED])))
    for path in draw(st.lists(st.sampled_from(places(content)), max_size=3)):
        parent: Any = content
        try:
            for step in path[:-1]:
                parent = parent[step]
            if draw(st.booleans()):
                parent[path[-1]] = draw(ODD)
            else:
                del parent[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # replaced before
    whole = json.dumps(content).encode()
    return draw(st.sampled_from([whole, whole, whole, whole[: draw(st.integers(0, len(whole)))]]) | st.binary(max_size=20))


def board_on(status: int, headers: dict[str, str], body: bytes) -> MondayBoard:
    clock = VirtualClock()
    wire = httpx.MockTransport(lambda _request: httpx.Response(status, headers=headers, content=body))
    return MondayBoard(
        "http://monday", "a-token", GRAPHQL, max_in_flight=1, policy=RetryPolicy(attempts=2, limit_waits=2), http_transport=wire,
        rng=random.Random(1), clock=clock, sleep=clock.sleep, new_key=lambda: "k",
    )  # fmt: skip


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(
            [QUOTA, "3", "1e999", "9" * 400, "Sat, 21 Nov 2026 10:00:20 GMT", "-1", '"concurrency";q=0', "true"]
        )
        | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
        for name in ("RateLimit", "RateLimit-Policy", "Retry-After", "Date", "Idempotency-Replayed", "API-Version")
    },
)
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 302, 400, 401, 409, 413, 423, 429, 500, 502, 599])
NAMED = {
    Operation.CREATE_GROUP,
    Operation.UPDATE_GROUP,
    Operation.CREATE_COLUMN,
    Operation.UPDATE_DROPDOWN,
    Operation.UPDATE_STATUS,
}
"""What has a word for its id."""

READS: list[Callable[[MondayBoard], object]] = [
    lambda board: board.describe(1),
    lambda board: board.groups(1),
    lambda board: board.items([5], ["t"]),
    lambda board: board.children(1, [5]),
    lambda board: board.find_items(1, "t", ["T"]),
    lambda board: board.items_of_groups(1, ["g"], ["t"]),
    lambda board: list(board.boards()),
    lambda board: board.column_settings(1, ["t"]),
]


@pytest.mark.parametrize("read", READS)
@settings(max_examples=60, deadline=None)
@given(body=answers(), status=STATUSES, headers=HEADERS)
def test_a_read_returns_or_raises_an_error_of_ours(
    read: Callable[[MondayBoard], object], body: bytes, status: int, headers: dict[str, str]
) -> None:
    with board_on(status, headers, body) as board:
        try:
            shown = repr(read(board))
        except OrdersError as error:
            shown = str(error)
    assert shown.encode()


@pytest.mark.parametrize("operation", Operation)
@settings(max_examples=40, deadline=None)
@given(body=answers(), status=STATUSES, headers=HEADERS)
def test_a_mutation_has_one_of_the_known_outcomes(
    operation: Operation, body: bytes, status: int, headers: dict[str, str]
) -> None:
    reports: list[BatchReport] = []
    is_stopped = True
    with board_on(status, headers, body) as board, suppress(OrdersError):
        reports.extend(board.send(operation, [Mutation("a", {}), Mutation("b", {})]))
        is_stopped = False
    # A batch that was sent away is reported without mutations: these come in others, unless sending stops before.
    told = [ref for report in reports for ref in report.results]
    assert sorted(told) == ["a", "b"] or (is_stopped and sorted(told) == sorted(set(told)))
    for report in reports:
        assert set(report.results) == {mutation.ref for mutation in report.batch.mutations}
        for result in report.results.values():
            assert (result.outcome is Outcome.DONE) is (result.monday_id is not None)
            assert is_item_id(result.monday_id or "1") or operation in NAMED
            assert f"{result.code} {result.message} {report.error} {report.request_id}".encode()
        assert report.complexity >= 0


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("lacks", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": "1", "name": None}])
def test_a_board_without_an_id_or_a_name_is_no_answer(read: Callable[[MondayBoard], object], lacks: dict[str, object]) -> None:
    body = json.dumps({"data": {"boards": [lacks | {"columns": [lacks]}], "items": [lacks], "versions": []}}).encode()
    with board_on(200, {}, body) as board, suppress(OrdersError):
        read(board)
