"""What the sandbox answers: whole replies with status, headers and body, and the refusal of one mutation in monday's codes and words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orders_platform.sandbox.state import ColumnRow


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What goes back over the wire.

    Attributes:
        outcome: one word for the request log.
        errors: codes of the errors in the body.
        all_refused: executed, but nothing of it succeeded.
        dropped: nothing goes back, the connection closes.
        unconnected: the connection is not even made.
        content: of a body in JSON that has no request id yet, see `sealed`.
        request_id: in the body.
    """

    status: int
    body: bytes
    outcome: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    errors: tuple[str, ...] = ()
    all_refused: bool = False
    dropped: bool = False
    unconnected: bool = False
    content: Mapping[str, object] | None = None
    request_id: str = ""

    def sealed(self, request_id: str) -> HttpReply:
        """The same reply with its body written and monday's request id in it; unchanged when it has none."""
        if self.content is None:
            return self
        whole = {**self.content, "extensions": {"request_id": request_id}}
        return replace(self, body=json.dumps(whole, ensure_ascii=False).encode(), content=None, request_id=request_id)

    def with_headers(self, headers: Mapping[str, str]) -> HttpReply:
        """The same reply with more headers."""
        return replace(self, headers={**self.headers, **headers})


def refused(
    status: int,
    code: str,
    message: str,
    *,
    outcome: str = "refused",
    retry_after: int | None = None,
    extensions: Mapping[str, object] | None = None,
    content: Mapping[str, object] | None = None,
) -> HttpReply:
    """A whole request that was not executed; `retry_after` stands in the header and in the error, `content` beside the errors."""
    waits = {} if retry_after is None else {"retry_in_seconds": retry_after}
    error = {"message": message, "extensions": {"code": code, **waits, **(extensions or {})}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return HttpReply(status, b"", outcome, headers, errors=(code,), content={**(content or {}), "errors": [error]})


_LIMITS = {
    "complexity": ("COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted"),
    "minute": ("RATE_LIMIT_EXCEEDED", "Minute limit rate exceeded"),
    "concurrency": ("maxConcurrencyExceeded", "Concurrency limit exceeded"),
    "day": ("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded"),
    "ip": ("IP_RATE_LIMIT_EXCEEDED", "Your IP has exceeded the rate limit"),
    "field": ("FIELD_LIMIT_EXCEEDED", "Concurrency limit exceeded for the field"),
    "field minute": ("FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "Minute rate limit exceeded for the field"),
}


def limited(limit: str, retry_after: int, *, entity: str = "", **extensions: object) -> HttpReply:
    """A request that met a limit of the account; `entity` is the root field whose limit it is."""
    code, message = _LIMITS[limit]
    if limit == "field":
        extensions["error_data"] = {"retry_in_seconds": retry_after, "entity": entity}
    if limit == "field minute":  # seen with HTTP 200, the status among the extensions
        extensions["status_code"] = 429
    status = 200 if limit == "field minute" else 429
    return refused(status, code, message, outcome="limited", retry_after=retry_after, extensions=extensions)


def gateway_page(status: int, title: str, *, retry_after: int | None = None) -> HttpReply:
    """The HTML page of a gateway that could not or would not pass the answer on."""
    heading = f"{status} {title}"
    page = f"<html>\r\n<head><title>{heading}</title></head>\r\n<body><center><h1>{heading}</h1></center></body>\r\n</html>\r\n"
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return HttpReply(status, page.encode(), f"{status} html", headers, content_type="text/html")


NOTHING = HttpReply(0, b"", "reply lost", dropped=True)
UNCONNECTED = HttpReply(0, b"", "connection refused", dropped=True, unconnected=True)


class Refusal(Exception):
    """monday refuses one field, or the whole request.

    Args:
        code: monday's word, in `extensions.code`.
        message: monday's sentence.
        status: the HTTP status when nothing of the request succeeded.
        error_data: what the code carries besides, in `extensions.error_data`.
    """

    def __init__(self, code: str, message: str, *, status: int = 200, error_data: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.extensions: dict[str, object] = {"code": code, "status_code": status, "error_data": error_data or {}}


def invalid_argument(message: str) -> Refusal:
    """An argument has the wrong form or does not go with another one."""
    return Refusal("InvalidArgumentException", message)


def not_found(what: str, wanted: object) -> Refusal:
    """There is no such item, group or board, or it was deleted."""
    return Refusal("ResourceNotFoundException", f"{what} not found", error_data={"resource_id": str(wanted)})


def bad_board(board_id: object) -> Refusal:
    """No such board."""
    return Refusal(
        "InvalidBoardIdException", f"This board ID doesn't exist: {board_id}", error_data={"board_id": str(board_id)}
    )


def bad_column(column_id: str) -> Refusal:
    """No such column on the board."""
    return Refusal(
        "InvalidColumnIdException", "This column ID doesn't exist for the board", error_data={"column_id": column_id}
    )


def bad_json(text: str) -> Refusal:
    """A string that should hold JSON does not."""
    return Refusal("JsonParseException", "Syntax error in JSON input", status=400, error_data={"json": text[:1_000]})


def bad_value(column: ColumnRow, value: object, message: str, code: str = "invalidValue") -> Refusal:
    """A value that the column cannot hold; monday refuses the whole item."""
    error_data = {
        "column_id": column.id,
        "column_name": column.title,
        "column_type": column.type,
        "column_value": value,
        "column_validation_error_code": code,
    }
    return Refusal("ColumnValueException", message, error_data=error_data)


def inactive(item_id: int) -> Refusal:
    """The item is archived or deleted, so it cannot be changed."""
    error_data: dict[str, object] = {"item_id": str(item_id), "column_validation_error_code": "inactiveItems"}
    return Refusal("ColumnValueException", "The item is inactive: it was archived or deleted", error_data=error_data)


def bad_name(name: str) -> Refusal:
    """A name outside 1-255 characters."""
    return Refusal(
        "ItemNameTooLongException",
        "Item name must have between 1 and 255 characters",
        error_data={"item_name": name[:300], "length": len(name)},
    )
