"""Answers of monday.com in every shape they come in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.mutations import Outcome
from orders_platform.monday.error_policy import ErrorAction, ErrorKind
from orders_platform.monday.replies import MESSAGE_LENGTH, Reply, lost_reply, read_reply


def reply(content: object, status: int = 200, **headers: str) -> Reply:
    body = content.decode("utf-8", "replace") if isinstance(content, bytes) else json.dumps(content)
    return read_reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def error(
    code: str | None, message: str = "words", path: list[object] | None = None, **extensions: object
) -> dict[str, object]:
    return {
        "message": message,
        **({"path": path} if path else {}),
        "extensions": {**({"code": code} if code else {}), **extensions},
    }


def outcome(answer: Reply, alias: str) -> Outcome:
    return answer.problem_of(alias).outcome if answer.monday_id(alias) is None else Outcome.DONE


def test_each_alias_has_its_own_outcome() -> None:
    answer = reply(
        {
            "data": {"m0": {"id": "11"}, "m1": None, "m2": {"id": 13}},
            "errors": [error("ColumnValueException", "no such label", ["m1"], status_code=200)],
            "extensions": {"request_id": "r-1"},
        }
    )
    assert answer.action is ErrorAction.DONE
    assert answer.executed
    assert answer.request_id == "r-1"
    assert [outcome(answer, alias) for alias in ("m0", "m1", "m2")] == [Outcome.DONE, Outcome.REFUSED, Outcome.DONE]
    assert [answer.monday_id(alias) for alias in ("m0", "m1", "m2")] == ["11", None, "13"]


def test_outcomes_are_read_by_alias_and_not_by_position() -> None:
    answer = reply({"data": {"m1": {"id": "2"}, "m0": {"id": "1"}}})
    assert answer.monday_id("m0") == "1"


def test_an_error_below_the_alias_means_that_the_item_may_exist() -> None:
    answer = reply({"data": {"m0": None}, "errors": [error("INTERNAL_SERVER_ERROR", path=["m0", "column_values"])]})
    assert answer.executed
    assert outcome(answer, "m0") is Outcome.UNKNOWN


def test_an_error_below_the_alias_means_unknown_even_when_its_code_is_a_refusal() -> None:
    answer = reply({"data": {"m0": None, "m1": {"id": "1"}}, "errors": [error("ColumnValueException", path=["m0", "name"])]})
    assert outcome(answer, "m0") is Outcome.UNKNOWN


def test_an_id_counts_although_there_is_an_error_below_it() -> None:
    answer = reply({"data": {"m0": {"id": "7"}}, "errors": [error("Whatever", path=["m0", "name"])]})
    assert answer.monday_id("m0") == "7"


def test_an_alias_without_result_and_without_error_is_unknown() -> None:
    answer = reply({"data": {"m0": {"id": "7"}, "m1": None}})
    assert outcome(answer, "m1") is Outcome.UNKNOWN
    assert outcome(answer, "m2") is Outcome.UNKNOWN


def test_an_error_of_another_alias_does_not_say_that_this_one_was_not_executed() -> None:
    for code in ("FIELD_LIMIT_EXCEEDED", "maxComplexityExceeded", "ColumnValueException"):
        answer = reply({"data": {"m0": None, "m1": None}, "errors": [error(code, path=["m0"])]})
        assert outcome(answer, "m1") is Outcome.UNKNOWN
        assert answer.problem_of("m1").code == code


def test_an_alias_met_by_a_limit_is_to_be_repeated() -> None:
    answer = reply({"data": {"m0": {"id": "7"}, "m1": None}, "errors": [error("FIELD_LIMIT_EXCEEDED", path=["m1"])]})
    assert answer.action is ErrorAction.DONE
    assert outcome(answer, "m1") is Outcome.NOT_SENT


def test_a_result_beside_a_lost_permission_is_kept_and_sending_stops() -> None:
    answer = reply({"data": {"m0": {"id": "7"}, "m1": None}, "errors": [error("UserUnauthorizedException", path=["m1"])]})
    assert answer.action is ErrorAction.STOP
    assert answer.monday_id("m0") == "7"


@pytest.mark.parametrize("nothing", [{"data": None}, {"data": []}, {}, {"data": {"m0": None}}])
def test_an_error_for_the_whole_request_executed_nothing(nothing: dict[str, object]) -> None:
    answer = reply({**nothing, "errors": [error("COMPLEXITY_BUDGET_EXHAUSTED", retry_in_seconds=17)]})
    assert (answer.action, answer.executed, answer.kind, answer.wait) == (ErrorAction.WAIT, False, ErrorKind.COMPLEXITY, 17)


def test_neither_data_nor_errors_leaves_it_open_what_happened() -> None:
    assert reply({}).action is ErrorAction.WAIT_UNKNOWN
    assert reply({"data": []}).action is ErrorAction.WAIT_UNKNOWN
    assert reply([1, 2]).action is ErrorAction.WAIT_UNKNOWN


def test_the_strongest_of_several_errors_decides() -> None:
    answer = reply(
        {"errors": [error("ColumnValueException"), error("DAILY_LIMIT_EXCEEDED"), error("RATE_LIMIT_EXCEEDED")]}, 429
    )
    assert answer.action is ErrorAction.STOP_UNTIL_MIDNIGHT


COMPLEXITY_SHAPES = {
    "since 2025-07": {"errors": [error("COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted", retry_in_seconds=12)]},
    "2025-01 to 2025-04": {
        "errors": [
            error(
                "COMPLEXITY_BUDGET_EXHAUSTED",
                "Complexity budget exhausted",
                complexity=1,
                complexity_budget_left=2,
                complexity_budget_limit=5_000_000,
                retry_in_seconds=12,
                status_code=429,
            )
        ]
    },
    "2024 and before": {
        "error_code": "ComplexityException",
        "status_code": 429,
        "error_message": "Complexity budget exhausted, query cost 30001 budget remaining 1 out of 1000000 reset in 12 seconds",
        "error_data": {},
        "errors": ["Complexity budget exhausted, query cost 30001 budget remaining 1 out of 1000000 reset in 12 seconds"],
    },
    "2024 without the list": {
        "error_code": "ComplexityException",
        "status_code": 429,
        "error_message": "Complexity budget exhausted, reset in 12 seconds",
    },
}


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("shape", COMPLEXITY_SHAPES)
def test_the_complexity_limit_is_recognised_in_every_shape(shape: str, status: int) -> None:
    answer = reply(COMPLEXITY_SHAPES[shape], status)
    assert (answer.action, answer.kind, answer.wait, answer.rate_limited) == (ErrorAction.WAIT, ErrorKind.COMPLEXITY, 12, True)


@pytest.mark.parametrize(
    ("content", "headers", "seconds"),
    [
        ({"errors": [error("RATE_LIMIT_EXCEEDED", retryAfterMs=1500)]}, {}, 1.5),
        ({"errors": [error("FIELD_LIMIT_EXCEEDED", error_data={"retry_in_seconds": 15})]}, {}, 15),
        ({"errors": [error("RATE_LIMIT_EXCEEDED")]}, {"Retry_After": "8"}, 8),
        ({"errors": [error("RATE_LIMIT_EXCEEDED", retry_in_seconds=3)]}, {"Retry_After": "8"}, 8),
        ({"errors": [error("RATE_LIMIT_EXCEEDED", retry_in_seconds=30)]}, {"Retry_After": "8"}, 30),
        ({"errors": [error("RATE_LIMIT_EXCEEDED")]}, {}, 10),
        ({"errors": [error("RATE_LIMIT_EXCEEDED")]}, {"Retry_After": "soon"}, 10),
        ({"errors": [error("RATE_LIMIT_EXCEEDED", retry_in_seconds=float("inf"))]}, {"Retry_After": "inf"}, 10),
        (
            {"errors": [error("RATE_LIMIT_EXCEEDED")]},
            {"Retry_After": "Sat, 21 Nov 2026 10:00:20 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"},
            20,
        ),
    ],
)
def test_the_wait_is_read_wherever_it_stands(content: object, headers: dict[str, str], seconds: float) -> None:
    assert reply(content, 429, **headers).wait == seconds


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (200, ErrorAction.WAIT_UNKNOWN),
        (401, ErrorAction.STOP),
        (403, ErrorAction.STOP),
        (404, ErrorAction.STOP),
        (429, ErrorAction.WAIT),
        (500, ErrorAction.WAIT_UNKNOWN),
        (502, ErrorAction.WAIT_UNKNOWN),
        (504, ErrorAction.WAIT_UNKNOWN),
    ],
)
def test_a_body_of_html_is_judged_by_its_status(status: int, action: ErrorAction) -> None:
    answer = reply(b"<html><body>Gateway says no</body></html>", status, Retry_After="4")
    assert (answer.action, answer.is_own, answer.executed) == (action, False, False)
    assert answer.wait == 4
    assert str(status) in answer.problems[0].message


def test_the_status_inside_an_http_200_counts() -> None:
    assert reply({"errors": [error(None, "no words", status_code=403)]}).action is ErrorAction.STOP


def test_a_long_list_of_labels_is_cut() -> None:
    answer = reply({"data": {"m0": None}, "errors": [error("ColumnValueException", "label, " * 10_000, ["m0"])]})
    problem = answer.problem_of("m0")
    assert problem is not None
    assert len(problem.message) == MESSAGE_LENGTH


def test_a_refused_cell_names_its_column_and_the_kind_of_refusal() -> None:
    data = {"column_name": "CUSTOMER", "column_id": "dropdown_x", "column_validation_error_code": "missingLabel"}
    answer = reply({"data": {"m0": None}, "errors": [error("ColumnValueException", "no label", ["m0"], error_data=data)]})
    problem = answer.problem_of("m0")
    assert problem is not None
    assert problem.message == "CUSTOMER: missingLabel: no label"


def test_an_unknown_code_is_marked() -> None:
    assert not reply({"data": {"m0": None}, "errors": [error("BrandNewException", path=["m0"])]}).problems[0].known


def test_cost_replay_and_limits_come_from_body_and_headers() -> None:
    answer = reply(
        {"data": {"m0": {"id": "1"}, "complexity": {"query": 30_002}}},
        Idempotency_Replayed="true",
        ratelimit='"minuteRate";r=4999, "concurrency";r=249, "complexityMinute";r=4950000;t=45',
    )
    assert (answer.cost, answer.replayed) == (30_002, True)
    assert (answer.quota["complexityMinute"].remaining, answer.quota["complexityMinute"].reset) == (4_950_000, 45)
    assert answer.quota["minuteRate"].remaining == 4_999


def test_a_connection_never_made_is_told_from_a_lost_one() -> None:
    assert lost_reply("unreachable", "x", never_sent=True).action is ErrorAction.WAIT
    assert lost_reply("timeout", "x", never_sent=False).action is ErrorAction.WAIT_UNKNOWN


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "errors", "m0", "id", "extensions", "code", "path", "message", "status_code", "complexity"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(content=_JSON | st.binary(max_size=60), status=st.integers(100, 599), header=st.text(max_size=60))
def test_no_answer_is_too_odd_to_be_read(content: object, status: int, header: str) -> None:
    answer = reply(content, status, ratelimit=header, Retry_After=header)
    assert (answer.monday_id("m0") is None) == (outcome(answer, "m0") is not Outcome.DONE)
    assert answer.wait >= 0
    if not 200 <= status < 300:
        assert answer.problems
