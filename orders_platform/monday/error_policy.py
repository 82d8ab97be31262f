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
    """One line of the table."""

    action: ErrorAction
    kind: ErrorKind = ErrorKind.OTHER
    wait: float = 0.0  # seconds to wait when the answer names none
    advice: str = ""  # the next step for people, for the actions that stop


REJECT = ErrorRule(ErrorAction.REJECT)
NOT_FOUND = ErrorRule(ErrorAction.REJECT, ErrorKind.NOT_FOUND)
SPLIT = ErrorRule(ErrorAction.SPLIT, ErrorKind.TOO_MUCH)
RESTART = ErrorRule(ErrorAction.RESTART)
UNKNOWN = ErrorRule(ErrorAction.WAIT_UNKNOWN, ErrorKind.INTERNAL)
COMPLEXITY = ErrorRule(ErrorAction.WAIT, ErrorKind.COMPLEXITY, 10.0)
MINUTE = ErrorRule(ErrorAction.WAIT, ErrorKind.CALLS_PER_MINUTE, 10.0)
CROWDED = ErrorRule(ErrorAction.WAIT, ErrorKind.CONCURRENCY, 1.0)
FIELD_CROWDED = ErrorRule(ErrorAction.WAIT, ErrorKind.CONCURRENCY, 15.0)
ADDRESS = ErrorRule(ErrorAction.WAIT, ErrorKind.ADDRESS, 60.0)
KEY_IN_USE = ErrorRule(ErrorAction.WAIT, ErrorKind.KEY, 2.0)
LOCKED = ErrorRule(ErrorAction.WAIT, ErrorKind.LOCK, 2.0)
MIDNIGHT = ErrorRule(ErrorAction.STOP_UNTIL_MIDNIGHT, ErrorKind.CALLS_PER_DAY)
TOKEN = ErrorRule(ErrorAction.STOP, advice="set MONDAY_API_TOKEN to a valid token of this account", kind=ErrorKind.TOKEN)
PERMISSION = ErrorRule(
    ErrorAction.STOP, advice="give the token's user the right to edit this board, or use another user's token"
)
NETWORK = ErrorRule(ErrorAction.STOP, advice="ask the account's administrator to allow this machine's address")
ENDPOINT = ErrorRule(ErrorAction.STOP, advice="set MONDAY_API_URL to the address of monday.com's GraphQL endpoint")
BOARD = ErrorRule(
    ErrorAction.STOP,
    advice="the board changed while this ran; compare it with the configuration: `orders-platform board check`",
    kind=ErrorKind.BOARD,
)
OUTDATED = ErrorRule(ErrorAction.STOP, advice="this API version does not know the request: compare api_version with graphql/")

_CODES_OF: Mapping[ErrorRule, tuple[str, ...]] = {
    # limits
    COMPLEXITY: ("COMPLEXITY_BUDGET_EXHAUSTED", "ComplexityException"),
    MINUTE: ("RATE_LIMIT_EXCEEDED", "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "MINUTE_LIMIT_EXCEEDED"),
    CROWDED: ("maxConcurrencyExceeded", "CONCURRENCY_LIMIT_EXCEEDED"),
    FIELD_CROWDED: ("FIELD_LIMIT_EXCEEDED",),
    ADDRESS: ("IP_RATE_LIMIT_EXCEEDED", "API_TEMPORARILY_BLOCKED"),
    MIDNIGHT: ("DAILY_LIMIT_EXCEEDED",),
    KEY_IN_USE: ("IDEMPOTENCY_CONFLICT",),
    # the request as a whole
    SPLIT: ("maxComplexityExceeded", "maxDepthExceeded", "GRAPHQL_VALIDATION_FAILED"),
    OUTDATED: ("undefinedField", "InvalidVersionException"),
    RESTART: ("CursorExpiredError", "CursorException"),
    UNKNOWN: ("INTERNAL_SERVER_ERROR", "Internal Server Error"),
    # rights
    TOKEN: ("Unauthorized", "Not Authenticated"),
    PERMISSION: ("UserUnauthorizedException", "USER_ACCESS_DENIED", "missingRequiredPermissions"),
    # this board, hence this customer
    BOARD: ("InvalidColumnIdException", "InvalidBoardIdException"),
    # one row; the words in small letters stand inside error_data of ColumnValueException, and were seen as codes of their own as well
    REJECT: (
        "ColumnValueException", "CorrectedValueException", "InvalidUserIdException", "ItemsLimitationException",
        "ItemNameTooLongException", "CreateBoardException", "DeleteLastGroupException", "RecordInvalidException",
        "JsonParseException", "Bad request", "missingLabel", "invalidPersonAssignment", "linkedItemsLimitExceeded",
    ),
    # InvalidArgumentException: also of an item that is on another board by now
    NOT_FOUND: ("ResourceNotFoundException", "InvalidArgumentException", "inactiveItems"),
}  # fmt: skip

CODES: Mapping[str, ErrorRule] = {code: rule for rule, codes in _CODES_OF.items() for code in codes}
"""By `errors[].extensions.code`, or the top-level `error_code` of the old shape; compared without case, blanks and underscores."""

STATUSES: Mapping[int, ErrorRule] = {
    400: REJECT, 401: TOKEN, 403: PERMISSION, 404: ENDPOINT, 405: ENDPOINT, 408: UNKNOWN, 409: KEY_IN_USE, 413: SPLIT, 422: REJECT,
    423: LOCKED, 429: MINUTE,
}  # fmt: skip
"""By HTTP status (or `extensions.status_code` under HTTP 200), for answers without a code we know."""

MESSAGES: tuple[tuple[str, ErrorRule], ...] = (
    ("complexity budget exhausted", COMPLEXITY),
    ("exceeds max complexity", SPLIT),
    ("daily limit", MIDNIGHT),
    ("minute limit rate exceeded", MINUTE),
    ("concurrency limit exceeded for the field", FIELD_CROWDED),
    ("concurrency limit exceeded", CROWDED),
    ("call limit exceeded", MINUTE),
    ("rate limit exceeded", MINUTE),
    ("currently being processed", KEY_IN_USE),
    ("currently locked", LOCKED),
    ("your ip is restricted", NETWORK),
    ("not authenticated", TOKEN),
    ("user unauthorized", PERMISSION),
    ("parse error on", OUTDATED),
    ("label doesn't exist", REJECT),
    ("items per board", REJECT),
    ("invalid item name", REJECT),
    ("syntax error in json", REJECT),
    ("internal server error", UNKNOWN),
)
"""By a part of the message, in lower case; the first that fits counts."""


def rule_for(code: str | None, status: int, message: str) -> tuple[ErrorRule, bool]:
    """The rule for one error, by monday's code if it gave one, the status (under HTTP 200 the error's own), and monday's sentence.

    And whether the table knows the error: by its code, or by its message where no other code or status contradicts. A status alone may
    be anybody's. One it does not know is permanent for its row.
    """
    by_code = _CODES.get(_fold(code)) if code else None
    if by_code is not None:
        return by_code, True
    by_message = next((rule for part, rule in MESSAGES if part in message.casefold()), None)
    by_status = UNKNOWN if status >= 500 else ENDPOINT if 300 <= status < 400 else STATUSES.get(status)
    if by_status is not None:
        # The status decides what to do; a message that calls for the same says it more exactly (of what kind, which advice).
        return (by_message, True) if by_message and by_message.action is by_status.action else (by_status, False)
    return by_message or REJECT, by_message is not None and code is None


def is_known(code: str | None) -> bool:
    """Whether the table has this code."""
    return code is not None and _fold(code) in _CODES


def _fold(code: str) -> str:
    return "".join(code.split()).replace("_", "").casefold()


_CODES: Mapping[str, ErrorRule] = {_fold(code): rule for code, rule in CODES.items()}
