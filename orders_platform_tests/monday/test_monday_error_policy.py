"""The error policy: one case for each code, status and message that monday.com is known to send."""

from __future__ import annotations

import pytest

from orders_platform.monday.error_policy import LIMITS, RULES, ErrorAction, ErrorKind, rule_for

CODE_CASES = {
    "COMPLEXITY_BUDGET_EXHAUSTED": (ErrorAction.WAIT, ErrorKind.COMPLEXITY),
    "ComplexityException": (ErrorAction.WAIT, ErrorKind.COMPLEXITY),
    "maxComplexityExceeded": (ErrorAction.SPLIT, None),
    "maxDepthExceeded": (ErrorAction.SPLIT, None),
    "RATE_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "RateLimitExceeded": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "MINUTE_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "maxConcurrencyExceeded": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "MAX_CONCURRENCY_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "CONCURRENCY_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "FIELD_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "FIELD_MINUTE_RATE_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "DAILY_LIMIT_EXCEEDED": (ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY),
    "IP_RATE_LIMIT_EXCEEDED": (ErrorAction.WAIT, ErrorKind.ADDRESS),
    "API_TEMPORARILY_BLOCKED": (ErrorAction.WAIT, ErrorKind.ADDRESS),
    "IDEMPOTENCY_CONFLICT": (ErrorAction.WAIT, ErrorKind.KEY),
    "ColumnValueException": (ErrorAction.REJECT, None),
    "missingLabel": (ErrorAction.REJECT, None),
    "inactiveItems": (ErrorAction.REJECT, None),
    "invalidPersonAssignment": (ErrorAction.REJECT, None),
    "linkedItemsLimitExceeded": (ErrorAction.REJECT, None),
    "CorrectedValueException": (ErrorAction.REJECT, None),
    "InvalidColumnIdException": (ErrorAction.STOP, None),
    "InvalidBoardIdException": (ErrorAction.STOP, None),
    "InvalidUserIdException": (ErrorAction.REJECT, None),
    "InvalidArgumentException": (ErrorAction.REJECT, None),
    "ResourceNotFoundException": (ErrorAction.REJECT, None),
    "ItemsLimitationException": (ErrorAction.REJECT, None),
    "ItemNameTooLongException": (ErrorAction.REJECT, None),
    "CreateBoardException": (ErrorAction.REJECT, None),
    "DeleteLastGroupException": (ErrorAction.REJECT, None),
    "RecordInvalidException": (ErrorAction.REJECT, None),
    "JsonParseException": (ErrorAction.REJECT, None),
    "Bad request": (ErrorAction.REJECT, None),
    "UserUnauthorizedException": (ErrorAction.STOP, None),
    "USER_ACCESS_DENIED": (ErrorAction.STOP, None),
    "missingRequiredPermissions": (ErrorAction.STOP, None),
    "Unauthorized": (ErrorAction.STOP, None),
    "Not Authenticated": (ErrorAction.STOP, None),
    "undefinedField": (ErrorAction.STOP, None),
    "InvalidVersionException": (ErrorAction.STOP, None),
    "GRAPHQL_VALIDATION_FAILED": (ErrorAction.SPLIT, None),
    "CursorExpiredError": (ErrorAction.RESTART, None),
    "CursorException": (ErrorAction.RESTART, None),
    "Internal Server Error": (ErrorAction.WAIT_UNKNOWN, None),
    "INTERNAL_SERVER_ERROR": (ErrorAction.WAIT_UNKNOWN, None),
}

MESSAGE_CASES = {
    "Complexity budget exhausted, query cost 30001 budget remaining 19986 out of 1000000": (
        ErrorAction.WAIT,
        ErrorKind.COMPLEXITY,
    ),
    "Query has complexity of 1016020, which exceeds max complexity of 1000000": (ErrorAction.SPLIT, None),
    "Daily limit exceeded": (ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY),
    "Minute limit rate exceeded": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "Rate Limit Exceeded": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "Call limit exceeded for CreateBoard": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "Call limit exceeded for DuplicateBoard": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "Call limit exceeded for DuplicateGroup": (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    "Concurrency limit exceeded": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "Concurrency limit exceeded for the field": (ErrorAction.WAIT, ErrorKind.CONCURRENCY),
    "A request with this idempotency key is currently being processed": (ErrorAction.WAIT, ErrorKind.KEY),
    "Resource is currently locked, please try again later": (ErrorAction.WAIT, ErrorKind.LOCK),
    "Your ip is restricted": (ErrorAction.STOP, None),
    "Not Authenticated": (ErrorAction.STOP, None),
    "User unauthorized to perform action": (ErrorAction.STOP, None),
    'Parse error on "}" (RCURLY)': (ErrorAction.STOP, None),
    "This status label doesn't exist, possible statuses are: {0: A, 1: B}": (ErrorAction.REJECT, None),
    "limit of 10,000 items per board": (ErrorAction.REJECT, None),
    "Invalid item name. Name must not be empty": (ErrorAction.REJECT, None),
    "Syntax error in JSON input": (ErrorAction.REJECT, None),
    "Internal server error": (ErrorAction.WAIT_UNKNOWN, None),
}

STATUS_CASES = {
    400: (ErrorAction.REJECT, None),
    301: (ErrorAction.STOP, None),
    401: (ErrorAction.STOP, None),
    403: (ErrorAction.STOP, None),
    404: (ErrorAction.STOP, None),
    405: (ErrorAction.STOP, None),
    408: (ErrorAction.WAIT_UNKNOWN, None),
    409: (ErrorAction.WAIT, ErrorKind.KEY),
    413: (ErrorAction.SPLIT, None),
    422: (ErrorAction.REJECT, None),
    423: (ErrorAction.WAIT, ErrorKind.LOCK),
    429: (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE),
    500: (ErrorAction.WAIT_UNKNOWN, None),
    502: (ErrorAction.WAIT_UNKNOWN, None),
    503: (ErrorAction.WAIT_UNKNOWN, None),
    504: (ErrorAction.WAIT_UNKNOWN, None),
}


@pytest.mark.parametrize(("code", "expected"), CODE_CASES.items())
def test_a_code_has_its_action_whatever_the_status_says(code: str, expected: tuple[ErrorAction, ErrorKind | None]) -> None:
    for status in (200, 400, 429, 500):
        rule, known = rule_for(code, status, "some sentence")
        assert ((rule.action, rule.kind if rule.kind in LIMITS else None), known) == (expected, True)


@pytest.mark.parametrize(("message", "expected"), MESSAGE_CASES.items())
def test_a_message_without_a_code_has_its_action(message: str, expected: tuple[ErrorAction, ErrorKind | None]) -> None:
    rule, known = rule_for(None, 200, message)
    assert ((rule.action, rule.kind if rule.kind in LIMITS else None), known) == (expected, True)


@pytest.mark.parametrize(("status", "expected"), STATUS_CASES.items())
def test_a_status_alone_has_its_action_and_may_be_anybodys(status: int, expected: tuple[ErrorAction, ErrorKind | None]) -> None:
    rule, known = rule_for(None, status, "no words we know")
    assert ((rule.action, rule.kind if rule.kind in LIMITS else None), known) == (expected, False)


def test_every_line_of_the_table_has_a_case_here() -> None:
    assert {code for rule in RULES for code in rule.codes} <= set(CODE_CASES)
    assert {status for rule in RULES for status in rule.statuses if status >= 400} <= set(STATUS_CASES)  # redirects are a range
    for part in (part for rule in RULES for part in rule.messages):
        assert any(part in message.casefold() for message in MESSAGE_CASES), part


def test_an_unknown_code_is_permanent_for_its_row_and_marked() -> None:
    rule, known = rule_for("SomethingNewException", 200, "never seen")
    assert (rule.action, known) == (ErrorAction.REJECT, False)


def test_an_unknown_code_under_a_telling_status_follows_the_status_and_is_marked() -> None:
    rule, known = rule_for("SomethingNewException", 429, "never seen")
    assert (rule.action, rule.kind, known) == (ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE, False)


def test_a_message_that_we_know_counts_beside_an_unknown_code_only_where_the_status_agrees() -> None:
    assert rule_for("RESOURCE_LOCKED", 423, "Resource is currently locked")[1]
    assert not rule_for("SomethingNewException", 200, "limit of 10,000 items per board")[1]
    assert not rule_for(None, 502, "Rate Limit Exceeded")[1]


def test_a_message_says_which_limit_a_bare_429_means() -> None:
    assert rule_for(None, 429, "Concurrency limit exceeded")[0].kind is ErrorKind.CONCURRENCY
    assert rule_for("Other", 429, "Complexity budget exhausted")[0].kind is ErrorKind.COMPLEXITY


def test_every_action_that_stops_says_what_to_do() -> None:
    assert all(rule.advice for rule in RULES if rule.action is ErrorAction.STOP)


def test_every_limit_that_makes_us_wait_has_a_wait_of_its_own() -> None:
    assert all(rule.wait >= 1 for rule in RULES if rule.action is ErrorAction.WAIT)
