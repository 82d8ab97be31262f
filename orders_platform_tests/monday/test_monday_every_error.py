"""Every error that monday's pages and other people's clients have recorded, in the shape and under the status it comes with.

The error policy (`test_monday_error_policy.py`) is asked by code; here a whole answer is read, so that a row cannot be right in
the table and wrong on its way there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from orders_platform.monday.error_policy import LIMITS, RULES, ErrorAction, ErrorKind
from orders_platform.monday.replies import read_reply


@dataclass(frozen=True)
class Case:
    """One recorded error: what monday sends, what it calls for, and the seconds it asks for."""

    code: str | None
    message: str
    status: int
    action: ErrorAction
    limit: ErrorKind | None = None
    wait: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code or self.message}-{self.status}"

    @property
    def body(self) -> str:
        code = {} if self.code is None else {"code": self.code}
        return json.dumps({"data": [], "errors": [{"message": self.message, "extensions": {**code, **self.extensions}}]})


WAIT, STOP, REJECT, UNKNOWN = ErrorAction.WAIT, ErrorAction.STOP, ErrorAction.REJECT, ErrorAction.WAIT_UNKNOWN
MINUTE, CROWD, KEY = ErrorKind.CALLS_PER_MINUTE, ErrorKind.CONCURRENCY, ErrorKind.KEY
OLD = {"complexity": 30_001, "complexity_budget_left": 1, "complexity_budget_limit": 5_000_000, "status_code": 429}
BUDGET = ("COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted")

CASES = (
    Case(*BUDGET, 429, WAIT, ErrorKind.COMPLEXITY, 7, extensions={"retry_in_seconds": 7}),
    Case(*BUDGET, 429, WAIT, ErrorKind.COMPLEXITY, 9, {"Retry-After": "9"}),
    Case(*BUDGET, 200, WAIT, ErrorKind.COMPLEXITY, 7, extensions={"retry_in_seconds": 7}),
    Case(*BUDGET, 429, WAIT, ErrorKind.COMPLEXITY, 7, extensions={**OLD, "retry_in_seconds": 7}),
    Case("maxComplexityExceeded", "Query exceeds max complexity", 200, ErrorAction.SPLIT),
    Case(None, "Query has complexity of 1016020, which exceeds max complexity of 1000000", 200, ErrorAction.SPLIT),
    Case("maxDepthExceeded", "Query is too deep", 200, ErrorAction.SPLIT),
    Case("RATE_LIMIT_EXCEEDED", "Rate Limit Exceeded", 429, WAIT, MINUTE, 11, {"Retry-After": "11"}),
    Case("RateLimitExceeded", "Rate Limit Exceeded", 429, WAIT, MINUTE, 3, extensions={"retry_in_seconds": 3}),
    Case(None, "Minute limit rate exceeded", 429, WAIT, MINUTE),
    Case("RATE_LIMIT_EXCEEDED", "Rate Limit Exceeded", 429, WAIT, MINUTE, 2.5, extensions={"retryAfterMs": 2_500}),
    Case("maxConcurrencyExceeded", "Concurrency limit exceeded", 429, WAIT, CROWD, 4, extensions={"retry_in_seconds": 4}),
    Case("MAX_CONCURRENCY_EXCEEDED", "Concurrency limit exceeded", 429, WAIT, CROWD),
    Case("CONCURRENCY_LIMIT_EXCEEDED", "Concurrency limit exceeded", 429, WAIT, CROWD),
    Case(
        "FIELD_LIMIT_EXCEEDED",
        "Concurrency limit exceeded for the field",
        429,
        WAIT,
        CROWD,
        15,
        extensions={"error_data": {"retry_in_seconds": 15, "entity": "boards"}},
    ),
    Case("FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "", 200, WAIT, MINUTE, 6, extensions={"status_code": 429, "retry_in_seconds": 6}),
    Case("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", 429, ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY),
    Case("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", 200, ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY),
    Case("IP_RATE_LIMIT_EXCEEDED", "", 429, WAIT, ErrorKind.ADDRESS, 10, extensions={"retry_in_seconds": 10}),
    Case(None, "Call limit exceeded for CreateBoard", 429, WAIT, MINUTE),
    Case(None, "Call limit exceeded for DuplicateBoard", 429, WAIT, MINUTE),
    Case(None, "Call limit exceeded for DuplicateGroup", 429, WAIT, MINUTE),
    Case(
        "IDEMPOTENCY_CONFLICT",
        "A request with this idempotency key is currently being processed",
        409,
        WAIT,
        KEY,
        1,
        {"Retry-After": "1"},
    ),
    Case(None, "Resource is currently locked, please try again later", 423, WAIT, ErrorKind.LOCK),
    Case("API_TEMPORARILY_BLOCKED", "", 200, WAIT, ErrorKind.ADDRESS, 60),
    Case("ColumnValueException", "invalid value", 200, REJECT, extensions={"error_data": {"column_id": "c"}}),
    Case("missingLabel", "This status label doesn't exist, possible statuses are: {0: A}", 200, REJECT),
    Case(None, "This status label doesn't exist, possible statuses are: {0: A}", 200, REJECT),
    Case("inactiveItems", "", 200, REJECT),
    Case("invalidPersonAssignment", "", 200, REJECT),
    Case("linkedItemsLimitExceeded", "", 200, REJECT),
    Case("CorrectedValueException", "", 200, REJECT),
    Case("InvalidColumnIdException", "", 200, STOP),
    Case("InvalidBoardIdException", "", 200, STOP),
    Case("InvalidUserIdException", "", 200, REJECT),
    Case("InvalidArgumentException", "", 200, REJECT),
    Case("ResourceNotFoundException", "", 200, REJECT),
    Case("ResourceNotFoundException", "", 404, REJECT),
    Case("ItemsLimitationException", "limit of 10,000 items per board", 200, REJECT),
    Case("ItemNameTooLongException", "", 200, REJECT),
    Case(None, "Invalid item name. Name must not be empty", 200, REJECT),
    Case("CreateBoardException", "", 200, REJECT),
    Case("DeleteLastGroupException", "", 409, REJECT),
    Case("RecordInvalidException", "", 422, REJECT),
    Case("UserUnauthorizedException", "User unauthorized to perform action", 403, STOP),
    Case("UserUnauthorizedException", "User unauthorized to perform action", 200, STOP, extensions={"status_code": 403}),
    Case("USER_ACCESS_DENIED", "", 403, STOP),
    Case("missingRequiredPermissions", "", 200, STOP),
    Case("Unauthorized", "", 401, STOP),
    Case(None, "Not Authenticated", 401, STOP),
    Case(None, "Your ip is restricted", 401, STOP),
    Case("Bad request", "", 400, REJECT),
    Case("JsonParseException", "Syntax error in JSON input", 400, REJECT, extensions={"error_data": {"json": "{"}}),
    Case(None, 'Parse error on "}" (RCURLY)', 200, STOP),
    Case("undefinedField", "Field 'new_field' doesn't exist on type 'Board'", 200, STOP),
    Case("GRAPHQL_VALIDATION_FAILED", "", 200, ErrorAction.SPLIT),
    Case("GRAPHQL_VALIDATION_FAILED", "", 400, ErrorAction.SPLIT),
    Case("InvalidVersionException", "", 200, STOP),
    Case("CursorExpiredError", "", 200, ErrorAction.RESTART),
    Case("CursorException", "", 200, ErrorAction.RESTART),
    Case("INTERNAL_SERVER_ERROR", "Internal server error", 500, UNKNOWN),
    Case("Internal Server Error", "", 500, UNKNOWN),
    Case("INTERNAL_SERVER_ERROR", "Internal server error", 200, UNKNOWN),
)

PAGES = {401: STOP, 429: WAIT, 502: UNKNOWN, 503: UNKNOWN, 504: UNKNOWN}

INGEST_FAILURES = (
    "INVALID_UPLOAD",
    "AUTHORIZATION_FAILED",
    "PERMISSION_DENIED",
    "BOARD_CAPACITY_EXCEEDED",
    "ACCOUNT_CAPACITY_EXCEEDED",
    "FILE_TOO_LARGE",
    "INTERNAL_ERROR",
)
"""Reasons inside the state of a job, told in an answer without errors."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_recorded_error_has_its_action(case: Case) -> None:
    reply = read_reply(case.status, case.headers, case.body)
    assert (reply.action, reply.kind if reply.kind in LIMITS else None) == (case.action, case.limit)
    assert reply.worst.known
    assert not reply.executed
    if case.wait is not None:
        assert reply.wait == case.wait
    if case.action is WAIT:
        assert reply.wait > 0


@pytest.mark.parametrize(("status", "action"), PAGES.items())
def test_a_gateways_page_has_the_action_of_its_status(status: int, action: ErrorAction) -> None:
    reply = read_reply(status, {"Retry-After": "3"}, "<html><h1>Bad Gateway</h1></html>")
    assert reply.action is action
    assert reply.wait == 3


def test_the_shape_before_2025_says_its_seconds_in_words() -> None:
    text = "Complexity budget exhausted, query cost 30001 budget remaining 19986 out of 1000000 reset in 3 seconds"
    old = {"error_code": "ComplexityException", "status_code": 429, "error_message": text, "error_data": {}, "errors": [text]}
    for status in (200, 429):
        reply = read_reply(status, {}, json.dumps(old))
        assert (reply.action, reply.kind, reply.wait) == (WAIT, ErrorKind.COMPLEXITY, 3)


def test_a_retry_after_may_be_a_day_and_time() -> None:
    headers = {"Retry-After": "Sat, 21 Nov 2026 10:00:20 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}
    assert read_reply(429, headers, "{}").wait == 20


def test_every_code_of_the_table_was_recorded_somewhere() -> None:
    seen = {_plain(case.code) for case in CASES if case.code} | {"complexityexception"}
    ours = {"MINUTE_LIMIT_EXCEEDED", "Not Authenticated"}  # words of messages that may turn up as codes
    assert {_plain(code) for code in {code for rule in RULES for code in rule.codes} - ours} == seen


@pytest.mark.parametrize("reason", INGEST_FAILURES)
def test_the_failure_of_an_import_is_no_error_of_its_request(reason: str) -> None:
    body = {"data": {"fetch_job_status": {"status": "FAILED", "failure_reason": reason}}}
    reply = read_reply(200, {}, json.dumps(body))
    assert (reply.action, reply.problems) == (ErrorAction.DONE, ())
    assert all(reason not in rule.codes for rule in RULES)


def _plain(code: str | None) -> str:
    return "".join((code or "").split()).replace("_", "").casefold()
