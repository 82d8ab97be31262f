"""The table of reactions: one case for each code, status and message that monday.com is known to send."""

from __future__ import annotations

import pytest

from orders_platform.monday.error_policy import CODES, MESSAGES, STATUSES, Limit, Reaction, rule_for

CODE_CASES = {
    "COMPLEXITY_BUDGET_EXHAUSTED": (Reaction.WAIT, Limit.COMPLEXITY),
    "ComplexityException": (Reaction.WAIT, Limit.COMPLEXITY),
    "maxComplexityExceeded": (Reaction.SPLIT, None),
    "maxDepthExceeded": (Reaction.SPLIT, None),
    "RATE_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "RateLimitExceeded": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "MINUTE_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "maxConcurrencyExceeded": (Reaction.WAIT, Limit.CONCURRENCY),
    "MAX_CONCURRENCY_EXCEEDED": (Reaction.WAIT, Limit.CONCURRENCY),
    "CONCURRENCY_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.CONCURRENCY),
    "FIELD_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.CONCURRENCY),
    "FIELD_MINUTE_RATE_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "DAILY_LIMIT_EXCEEDED": (Reaction.STOP_UNTIL_MIDNIGHT, Limit.CALLS_PER_DAY),
    "IP_RATE_LIMIT_EXCEEDED": (Reaction.WAIT, Limit.ADDRESS),
    "API_TEMPORARILY_BLOCKED": (Reaction.WAIT, Limit.ADDRESS),
    "IDEMPOTENCY_CONFLICT": (Reaction.WAIT, Limit.KEY),
    "ColumnValueException": (Reaction.REJECT, None),
    "missingLabel": (Reaction.REJECT, None),
    "inactiveItems": (Reaction.REJECT, None),
    "invalidPersonAssignment": (Reaction.REJECT, None),
    "linkedItemsLimitExceeded": (Reaction.REJECT, None),
    "CorrectedValueException": (Reaction.REJECT, None),
    "InvalidColumnIdException": (Reaction.STOP, None),
    "InvalidBoardIdException": (Reaction.STOP, None),
    "InvalidUserIdException": (Reaction.REJECT, None),
    "InvalidArgumentException": (Reaction.REJECT, None),
    "ResourceNotFoundException": (Reaction.REJECT, None),
    "ItemsLimitationException": (Reaction.REJECT, None),
    "ItemNameTooLongException": (Reaction.REJECT, None),
    "CreateBoardException": (Reaction.REJECT, None),
    "DeleteLastGroupException": (Reaction.REJECT, None),
    "RecordInvalidException": (Reaction.REJECT, None),
    "JsonParseException": (Reaction.REJECT, None),
    "Bad request": (Reaction.REJECT, None),
    "UserUnauthorizedException": (Reaction.STOP, None),
    "USER_ACCESS_DENIED": (Reaction.STOP, None),
    "missingRequiredPermissions": (Reaction.STOP, None),
    "Unauthorized": (Reaction.STOP, None),
    "Not Authenticated": (Reaction.STOP, None),
    "undefinedField": (Reaction.STOP, None),
    "InvalidVersionException": (Reaction.STOP, None),
    "GRAPHQL_VALIDATION_FAILED": (Reaction.SPLIT, None),
    "CursorExpiredError": (Reaction.RESTART, None),
    "CursorException": (Reaction.RESTART, None),
    "Internal Server Error": (Reaction.WAIT_UNKNOWN, None),
    "INTERNAL_SERVER_ERROR": (Reaction.WAIT_UNKNOWN, None),
}

MESSAGE_CASES = {
    "Complexity budget exhausted, query cost 30001 budget remaining 19986 out of 1000000": (Reaction.WAIT, Limit.COMPLEXITY),
    "Query has complexity of 1016020, which exceeds max complexity of 1000000": (Reaction.SPLIT, None),
    "Daily limit exceeded": (Reaction.STOP_UNTIL_MIDNIGHT, Limit.CALLS_PER_DAY),
    "Minute limit rate exceeded": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "Rate Limit Exceeded": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "Call limit exceeded for CreateBoard": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "Call limit exceeded for DuplicateBoard": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "Call limit exceeded for DuplicateGroup": (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    "Concurrency limit exceeded": (Reaction.WAIT, Limit.CONCURRENCY),
    "Concurrency limit exceeded for the field": (Reaction.WAIT, Limit.CONCURRENCY),
    "A request with this idempotency key is currently being processed": (Reaction.WAIT, Limit.KEY),
    "Resource is currently locked, please try again later": (Reaction.WAIT, Limit.LOCK),
    "Your ip is restricted": (Reaction.STOP, None),
    "Not Authenticated": (Reaction.STOP, None),
    "User unauthorized to perform action": (Reaction.STOP, None),
    'Parse error on "}" (RCURLY)': (Reaction.STOP, None),
    "This status label doesn't exist, possible statuses are: {0: A, 1: B}": (Reaction.REJECT, None),
    "limit of 10,000 items per board": (Reaction.REJECT, None),
    "Invalid item name. Name must not be empty": (Reaction.REJECT, None),
    "Syntax error in JSON input": (Reaction.REJECT, None),
    "Internal server error": (Reaction.WAIT_UNKNOWN, None),
}

STATUS_CASES = {
    400: (Reaction.REJECT, None),
    301: (Reaction.STOP, None),
    401: (Reaction.STOP, None),
    403: (Reaction.STOP, None),
    404: (Reaction.STOP, None),
    405: (Reaction.STOP, None),
    408: (Reaction.WAIT_UNKNOWN, None),
    409: (Reaction.WAIT, Limit.KEY),
    413: (Reaction.SPLIT, None),
    422: (Reaction.REJECT, None),
    423: (Reaction.WAIT, Limit.LOCK),
    429: (Reaction.WAIT, Limit.CALLS_PER_MINUTE),
    500: (Reaction.WAIT_UNKNOWN, None),
    502: (Reaction.WAIT_UNKNOWN, None),
    503: (Reaction.WAIT_UNKNOWN, None),
    504: (Reaction.WAIT_UNKNOWN, None),
}


@pytest.mark.parametrize(("code", "expected"), CODE_CASES.items())
def test_a_code_has_its_reaction_whatever_the_status_says(code: str, expected: tuple[Reaction, Limit | None]) -> None:
    for status in (200, 400, 429, 500):
        rule, known = rule_for(code, status, "some sentence")
        assert ((rule.reaction, rule.limit), known) == (expected, True)


@pytest.mark.parametrize(("message", "expected"), MESSAGE_CASES.items())
def test_a_message_without_a_code_has_its_reaction(message: str, expected: tuple[Reaction, Limit | None]) -> None:
    rule, known = rule_for(None, 200, message)
    assert ((rule.reaction, rule.limit), known) == (expected, True)


@pytest.mark.parametrize(("status", "expected"), STATUS_CASES.items())
def test_a_status_without_a_code_has_its_reaction(status: int, expected: tuple[Reaction, Limit | None]) -> None:
    rule, known = rule_for(None, status, "no words we know")
    assert ((rule.reaction, rule.limit), known) == (expected, True)


def test_every_line_of_the_table_has_a_case_here() -> None:
    assert set(CODES) <= set(CODE_CASES)
    assert set(STATUSES) <= set(STATUS_CASES)
    for part, _ in MESSAGES:
        assert any(part in message.casefold() for message in MESSAGE_CASES), part


def test_an_unknown_code_is_permanent_for_its_row_and_marked() -> None:
    rule, known = rule_for("SomethingNewException", 200, "never seen")
    assert (rule.reaction, known) == (Reaction.REJECT, False)


def test_an_unknown_code_under_a_telling_status_follows_the_status_and_is_marked() -> None:
    rule, known = rule_for("SomethingNewException", 429, "never seen")
    assert (rule.reaction, rule.limit, known) == (Reaction.WAIT, Limit.CALLS_PER_MINUTE, False)


def test_a_message_says_which_limit_a_bare_429_means() -> None:
    assert rule_for(None, 429, "Concurrency limit exceeded")[0].limit is Limit.CONCURRENCY
    assert rule_for("Other", 429, "Complexity budget exhausted")[0].limit is Limit.COMPLEXITY


def test_every_reaction_that_stops_says_what_to_do() -> None:
    rules = [*CODES.values(), *STATUSES.values(), *(rule for _, rule in MESSAGES)]
    assert all(rule.advice for rule in rules if rule.reaction is Reaction.STOP)


def test_every_limit_that_makes_us_wait_has_a_wait_of_its_own() -> None:
    assert all(rule.wait >= 1 for rule in CODES.values() if rule.reaction is Reaction.WAIT)
