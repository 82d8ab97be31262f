"""Answers that do not surely say "not executed": what they are for, if it creates, is of unknown outcome, never refused or sent anew."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.client import RetryPolicy
from orders_platform.sandbox.faults import UNCLEAR, Fault
from orders_platform_tests.monday.stage import Script, Stage

CREATE = Operation.CREATE_ITEM
HTML = b"<html><h1>no</h1></html>"


def body(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def refusal(code: str | None = None, message: str = "words", **more: object) -> dict[str, object]:
    return {"message": message, "extensions": {"code": code} if code else {}, **more}


UNCLEAR_ANSWERS = {
    "204": (204, b""),
    "a page with 400": (400, HTML),
    "nothing with 413": (413, b""),
    "a page with 422": (422, HTML),
    "a page with 429": (429, HTML),
    "a page with 423": (423, HTML),
    "a page with 409": (409, HTML),
    "a redirect": (302, b""),
    "a proxy asks who is there": (407, HTML),
    "a proxy's 400": (400, {"error": "Bad Request"}),
    "a proxy's 403": (403, {"message": "Forbidden"}),
    "a proxy's limit": (429, {"message": "API rate limit exceeded"}),
    "a status alone": (413, {"errors": [refusal()]}),
    "a status inside alone": (200, {"errors": [refusal(extensions={"status_code": 413})]}),
    "an unknown code": (200, {"errors": [refusal("BrandNewException")]}),
    "an unknown code beside words that we know": (200, {"errors": [refusal("BrandNew", "Label doesn't exist")]}),
    "an unknown code beside a known one": (200, {"errors": [refusal("ColumnValueException"), refusal("BrandNewException")]}),
    "an unknown message": (200, {"errors": ["something new"]}),
    "errors that are a text": (200, {"data": None, "errors": "ColumnValueException"}),
    "errors that are an object": (200, {"data": None, "errors": refusal("ColumnValueException")}),
    "errors of no shape": (200, {"data": None, "errors": [7, [], {"extensions": []}]}),
    "null data": (200, {"data": None}),
    "data that is a list": (200, {"data": []}),
    "no alias": (200, {"data": {}}),
    "null aliases": (200, {"data": {"m0": None, "m1": None}}),
    "an alias that failed, and null data": (200, {"data": None, "errors": [refusal("ColumnValueException", path=["m0"])]}),
    "an error below an alias": (200, {"data": None, "errors": [refusal("ColumnValueException", path=["m0", "id"])]}),
    "a path that is a text": (200, {"data": None, "errors": [refusal("ColumnValueException", path="m0")]}),
    "a path that is a number": (200, {"data": None, "errors": [refusal("maxComplexityExceeded", path=[0])]}),
    "a path that is empty": (200, {"data": {}, "errors": [refusal("ComplexityException", path=[])]}),
    "a path to a field that has an alias": (
        200,
        {"data": None, "errors": [refusal("RecordInvalidException", path=["create_item"])]},
    ),
    "a list": (200, []),
    "no id": (200, {"data": {"m0": {}, "m1": []}}),
    "no number": (200, {"data": {"m0": {"id": "abc"}, "m1": {"id": "12.5"}}}),
    "40 digits": (200, {"data": {"m0": {"id": "9" * 40}, "m1": {"id": int("8" * 40)}}}),
    "too large": (200, {"data": {"m0": {"id": 2**63}, "m1": {"id": "-5"}}}),
    "other digits": (200, {"data": {"m0": {"id": "\u0661\u0662"}, "m1": {"id": "0"}}}),
    "zeros in front": (200, {"data": {"m0": {"id": "0077"}, "m1": {"id": "078"}}}),
    "no ids": (200, {"data": {"m0": {"id": True}, "m1": {"id": 1.5}}}),
    "objects": (200, {"data": {"m0": {"id": {"id": "5"}}, "m1": "7"}}),
}


def send(board: MondayBoard, operation: Operation = CREATE) -> list[BatchReport]:
    fields = {"item_id": "5"} if operation is Operation.ARCHIVE_ITEM else {"board_id": 1, "item_name": "x"}
    return list(board.send(operation, [Mutation(f"row {n}", fields) for n in range(2)]))


@pytest.mark.parametrize("name", UNCLEAR_ANSWERS)
def test_whatever_creates_is_unknown(name: str, script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    status, content = UNCLEAR_ANSWERS[name]
    server = script((status, {}, body(content)))
    board = connect(server.url, policy=RetryPolicy(attempts=2, limit_waits=1))
    report = next(board.send(CREATE, [Mutation(f"row {n}", {"board_id": 1, "item_name": "x"}) for n in range(2)]))
    assert {result.outcome for result in report.results.values()} == {Outcome.UNKNOWN}
    keys = {headers["idempotency-key"] for headers in server.headers}
    assert {key.split(".")[0] for key in keys} == keys  # no part of a batch was sent again under a key of its own


def test_one_alias_without_an_answer_leaves_its_neighbour_done(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    (report,) = send(connect(script((200, {}, body({"data": {"m1": {"id": "12"}}}))).url))
    assert [each.outcome for each in report.results.values()] == [Outcome.UNKNOWN, Outcome.DONE]


def test_of_two_errors_of_an_alias_the_one_that_says_less_counts(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    errors = [refusal("ColumnValueException", path=["m0"]), refusal("ColumnValueException", path=["m0", "id"])]
    (report,) = send(connect(script((200, {}, body({"data": {"m0": None, "m1": {"id": 1}}, "errors": errors}))).url))
    assert report.results["row 0"].outcome is Outcome.UNKNOWN


def test_a_change_that_names_another_item_is_not_done(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script((200, {}, body({"data": {"m0": {"id": "6"}, "m1": {"id": "5"}}})))
    (report,) = send(connect(server.url), Operation.ARCHIVE_ITEM)
    assert report.results["row 0"].outcome is Outcome.UNKNOWN
    assert report.results["row 1"].outcome is Outcome.DONE


@pytest.mark.parametrize("fault", UNCLEAR)
def test_the_sandboxs_unclear_answers_are_unknown(
    fault: Fault, stage: Callable[..., Stage], connect: Callable[..., MondayBoard]
) -> None:
    scene = stage()
    scene.sandbox.faults.queue(fault, operation="create_item")
    (report,) = scene.board().send(CREATE, scene.creates(2))
    outcomes = {result.outcome for result in report.results.values()}
    asked_again = {Fault.EMPTY_204, Fault.ODD_ERRORS, Fault.NULL_DATA}  # under the same key
    assert (Outcome.UNKNOWN in outcomes) is (fault not in asked_again)
    assert outcomes <= {Outcome.UNKNOWN, Outcome.DONE}
    assert scene.names == ["order 0", "order 1"]


def test_an_id_of_two_rows_or_of_another_row_is_nobodys() -> None:
    batch = Batch("k", CREATE, tuple(Mutation(ref, {}) for ref in "abc"))
    results = {ref: MutationResult(Outcome.DONE, monday_id=each) for ref, each in {"a": "1", "b": "1", "c": "2"}.items()}
    report = BatchReport(batch, results, calls=1, mutations_sent=3)
    assert [each.outcome for each in report.without(["7"]).results.values()] == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.DONE]
    assert report.without(["2"]).results["c"].outcome is Outcome.UNKNOWN
    assert report.without([]).results["c"].monday_id == "2"
