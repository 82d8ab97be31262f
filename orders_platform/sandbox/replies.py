"""The HTTP replies of the sandbox: status, headers, body.

Belongs here: monday's body for a whole request that is refused, and the pages of a gateway in front of it. Does not belong here:
refusals of single mutations (`refusals.py`), deciding (`gate.py`, `faults.py`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire.

    Attributes:
        outcome: one word for the request log.
        errors: codes of the errors in the body.
        all_refused: executed, but nothing of it succeeded.
        dropped: nothing goes back, the connection closes.
    """

    status: int
    body: bytes
    outcome: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    errors: tuple[str, ...] = ()
    all_refused: bool = False
    dropped: bool = False

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """The same reply with more headers."""
        return replace(self, headers={**self.headers, **headers})


def envelope(content: Mapping[str, object]) -> bytes:
    """A body with monday's request id."""
    return json.dumps({**content, "extensions": {"request_id": str(uuid.uuid4())}}, ensure_ascii=False).encode()


def refused(
    status: int,
    code: str,
    message: str,
    *,
    outcome: str = "refused",
    retry_after: int | None = None,
    extensions: Mapping[str, object] | None = None,
    content: Mapping[str, object] | None = None,
) -> Reply:
    """A whole request that was not executed.

    Args:
        status: of HTTP.
        code: in `extensions.code`.
        message: monday's sentence.
        outcome: for the request log.
        retry_after: seconds, in the header and in `retry_in_seconds`; None leaves both out.
        extensions: more of the error's extensions.
        content: more at the top level of the body.
    """
    waits = {} if retry_after is None else {"retry_in_seconds": retry_after}
    error = {"message": message, "extensions": {"code": code, **waits, **(extensions or {})}}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, envelope({**(content or {}), "errors": [error]}), outcome, headers, errors=(code,))


def gateway_page(status: int, title: str, *, retry_after: int | None = None) -> Reply:
    """The HTML page of a gateway that could not or would not pass the answer on."""
    heading = f"{status} {title}"
    page = f"<html>\r\n<head><title>{heading}</title></head>\r\n<body><center><h1>{heading}</h1></center></body>\r\n</html>\r\n"
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, page.encode(), f"{status} html", headers, content_type="text/html")


NOTHING = Reply(0, b"", "reply lost", dropped=True)
