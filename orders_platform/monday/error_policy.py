"""The error policy: which code, HTTP status or message of monday.com calls for which action, in this order.

Sources: monday's pages on error handling and rate limits, its changelog, and codes that other clients have met. How WAIT waits and
repeats is `RequestResult` in `monday/client.py`.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class ErrorAction(enum.IntEnum):
    """What a reply calls for, mildest first; of several errors in one reply the last in this order wins."""

    DONE = enum.auto()
    REJECT = enum.auto()  # this row, or this batch if it cannot be said which row
    RESTART = enum.auto()  # the page cursor is gone: read again from the first page
    SPLIT = enum.auto()  # too much in one request
    WAIT = enum.auto()  # not executed: wait, repeat with the same key
    WAIT_UNKNOWN = enum.auto()  # perhaps executed: wait, repeat with the same key
    STOP_UNTIL_MIDNIGHT = enum.auto()  # UTC
    STOP = enum.auto()  # a person must act


REPEATED = frozenset({ErrorAction.WAIT, ErrorAction.WAIT_UNKNOWN})
STOPS = frozenset({ErrorAction.STOP, ErrorAction.STOP_UNTIL_MIDNIGHT})


class ErrorKind(enum.StrEnum):
    """What an error is about, where more depends on it than the action."""

    OTHER = "other"
    NOT_FOUND = "not_found"  # archived, deleted or moved away, or never was: by the next run it can be seen what
    TOO_MUCH = "too_much"  # for one request
    INTERNAL = "internal"  # monday's own 500 and the like
    TOKEN = "token"  # noqa: S105 - a word
    BOARD = "board"
    COMPLEXITY = "complexity"
    CALLS_PER_MINUTE = "calls_per_minute"
    CALLS_PER_DAY = "calls_per_day"
    CONCURRENCY = "concurrency"
    ADDRESS = "address"
    LOCK = "lock"
    KEY = "idempotency_key"


RATE_LIMITS = frozenset(
    {ErrorKind.COMPLEXITY, ErrorKind.CALLS_PER_MINUTE, ErrorKind.CALLS_PER_DAY, ErrorKind.CONCURRENCY, ErrorKind.ADDRESS}
)
"""The limits that say "too many requests"."""

CROWDING = frozenset({ErrorKind.CONCURRENCY, ErrorKind.LOCK, ErrorKind.KEY})
"""What fewer requests at the same time would have avoided; a lock or a key in use is no excess of ours."""

LIMITS = RATE_LIMITS | CROWDING  # what is over by itself after a while


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One line of the table: what an error calls for, and by what it is known."""

    action: ErrorAction
    kind: ErrorKind = ErrorKind.OTHER
    wait: float = 0.0  # seconds to wait when the answer names none
    advice: str = ""  # the next step for people, for the actions that stop
    # `errors[].extensions.code`, or the top-level `error_code` of the old shape; compared without case, blanks and underscores
    codes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()  # parts of the message, in lower case
    statuses: tuple[int, ...] = ()  # the HTTP status (or `extensions.status_code` under HTTP 200), where no code is known


REJECT = ErrorRule(
    ErrorAction.REJECT,
    # one row; the words in small letters stand inside error_data of ColumnValueException, and were seen as codes of their own as well
    codes=("ColumnValueException", "CorrectedValueException", "InvalidUserIdException", "ItemsLimitationException",
           "ItemNameTooLongException", "CreateBoardException", "DeleteLastGroupException", "RecordInvalidException",
           "JsonParseException", "Bad request", "missingLabel", "invalidPersonAssignment", "linkedItemsLimitExceeded"),
    messages=("label doesn't exist", "items per board", "invalid item name", "syntax error in json"), statuses=(400, 422),
)  # fmt: skip
UNKNOWN = ErrorRule(
    ErrorAction.WAIT_UNKNOWN, ErrorKind.INTERNAL, codes=("INTERNAL_SERVER_ERROR", "Internal Server Error"),
    messages=("internal server error",), statuses=(408,),  # and all from 500 on
)  # fmt: skip
RULES = (
    ErrorRule(ErrorAction.WAIT, ErrorKind.COMPLEXITY, 10.0, codes=("COMPLEXITY_BUDGET_EXHAUSTED", "ComplexityException"),
              messages=("complexity budget exhausted",)),
    ErrorRule(ErrorAction.SPLIT, ErrorKind.TOO_MUCH, codes=("maxComplexityExceeded", "maxDepthExceeded", "GRAPHQL_VALIDATION_FAILED"),
              messages=("exceeds max complexity",), statuses=(413,)),
    ErrorRule(ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY, codes=("DAILY_LIMIT_EXCEEDED",), messages=("daily limit",)),
    ErrorRule(ErrorAction.WAIT, ErrorKind.CONCURRENCY, 15.0, codes=("FIELD_LIMIT_EXCEEDED",),
              messages=("concurrency limit exceeded for the field",)),
    ErrorRule(ErrorAction.WAIT, ErrorKind.CONCURRENCY, 1.0, codes=("maxConcurrencyExceeded", "CONCURRENCY_LIMIT_EXCEEDED"),
              messages=("concurrency limit exceeded",)),
    ErrorRule(ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE, 10.0, statuses=(429,),
              codes=("RATE_LIMIT_EXCEEDED", "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "MINUTE_LIMIT_EXCEEDED"),
              messages=("minute limit rate exceeded", "call limit exceeded", "rate limit exceeded")),
    ErrorRule(ErrorAction.WAIT, ErrorKind.ADDRESS, 60.0, codes=("IP_RATE_LIMIT_EXCEEDED", "API_TEMPORARILY_BLOCKED")),
    ErrorRule(ErrorAction.WAIT, ErrorKind.KEY, 2.0, codes=("IDEMPOTENCY_CONFLICT",), messages=("currently being processed",),
              statuses=(409,)),
    ErrorRule(ErrorAction.WAIT, ErrorKind.LOCK, 2.0, messages=("currently locked",), statuses=(423,)),
    ErrorRule(ErrorAction.RESTART, codes=("CursorExpiredError", "CursorException")),
    ErrorRule(ErrorAction.STOP, advice="ask the account's administrator to allow this machine's address",
              messages=("your ip is restricted",)),
    ErrorRule(ErrorAction.STOP, ErrorKind.TOKEN, advice="set MONDAY_API_TOKEN to a valid token of this account",
              codes=("Unauthorized", "Not Authenticated"), messages=("not authenticated",), statuses=(401,)),
    ErrorRule(ErrorAction.STOP, advice="give the token's user the right to edit this board, or use another user's token",
              codes=("UserUnauthorizedException", "USER_ACCESS_DENIED", "missingRequiredPermissions"), messages=("user unauthorized",),
              statuses=(403,)),
    ErrorRule(ErrorAction.STOP, ErrorKind.BOARD, codes=("InvalidColumnIdException", "InvalidBoardIdException"),
              advice="the board changed while this ran; compare it with the configuration: `orders-platform board check`"),
    ErrorRule(ErrorAction.STOP, advice="this API version does not know the request: compare api_version with graphql/",
              codes=("undefinedField", "InvalidVersionException"), messages=("parse error on",)),
    ErrorRule(ErrorAction.STOP, advice="set MONDAY_API_URL to the address of monday.com's GraphQL endpoint",
              statuses=(404, 405, *range(300, 400))),
    # InvalidArgumentException: also of an item that is on another board by now
    ErrorRule(ErrorAction.REJECT, ErrorKind.NOT_FOUND, codes=("ResourceNotFoundException", "InvalidArgumentException", "inactiveItems")),
    REJECT,
    UNKNOWN,
)  # fmt: skip


def _fold(code: str) -> str:
    return "".join(code.split()).replace("_", "").casefold()


_BY_CODE: Mapping[str, ErrorRule] = {_fold(code): rule for rule in RULES for code in rule.codes}
_BY_STATUS: Mapping[int, ErrorRule] = {status: rule for rule in RULES for status in rule.statuses}


def rule_for(code: str | None, status: int, message: str) -> tuple[ErrorRule, bool]:
    """The rule for one error, by monday's code if it gave one, the status (under HTTP 200 the error's own), and monday's sentence.

    And whether the table knows the error: by its code, or by its message where no other code or status contradicts. A status alone may
    be anybody's. One it does not know is permanent for its row.
    """
    if code and (by_code := _BY_CODE.get(_fold(code))):
        return by_code, True
    by_message = next((rule for rule in RULES if any(part in message.casefold() for part in rule.messages)), None)
    by_status = UNKNOWN if status >= 500 else _BY_STATUS.get(status)
    if by_status is not None:
        # The status decides what to do; a message that calls for the same says it more exactly (of what kind, which advice).
        return (by_message, True) if by_message and by_message.action is by_status.action else (by_status, False)
    return by_message or REJECT, by_message is not None and code is None


def is_known(code: str | None) -> bool:
    """Whether the table has this code."""
    return code is not None and _fold(code) in _BY_CODE
