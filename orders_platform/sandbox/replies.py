"""The HTTP replies of the sandbox: status, headers, body.

Belongs here: monday's body for a whole request that is refused, and the pages of a gateway in front of it. Does not belong here:
refusals of single mutations (`refusals.py`), deciding (`gate.py`, `faults.py`).
"""

from __future__ import annotations

import json
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

    def sealed(self, request_id: str) -> Reply:
        """The same reply with its body written and monday's request id in it; unchanged when it has none."""
        if self.content is None:
            return self
        whole = {**self.content, "extensions": {"request_id": request_id}}
        return replace(self, body=json.dumps(whole, ensure_ascii=False).encode(), content=None, request_id=request_id)

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
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
    return Reply(status, b"", outcome, headers, errors=(code,), content={**(content or {}), "errors": [error]})


def gateway_page(status: int, title: str, *, retry_after: int | None = None) -> Reply:
    """The HTML page of a gateway that could not or would not pass the answer on."""
    heading = f"{status} {title}"
    page = f"<html>\r\n<head><title>{heading}</title></head>\r\n<body><center><h1>{heading}</h1></center></body>\r\n</html>\r\n"
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, page.encode(), f"{status} html", headers, content_type="text/html")


NOTHING = Reply(0, b"", "reply lost", dropped=True)
UNCONNECTED = Reply(0, b"", "connection refused", dropped=True, unconnected=True)
