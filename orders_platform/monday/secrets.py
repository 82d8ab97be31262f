"""The token, in every form in which an answer may give it back, kept out of everything that is read from answers.

Belongs here: finding and hiding. Does not belong here: what is a usable token (`monday/transport.py`).
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "[token]"


class Secret:
    """One token; `hide` before anything else looks at a text of the network."""

    def __init__(self, token: str) -> None:
        # The longest first, so that no form is cut by a shorter one inside it.
        self._forms = sorted(set(_forms(token)), key=len, reverse=True)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def hide(self, text: str) -> str:
        """The text without the token."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def hide_bytes(self, body: bytes) -> bytes:
        """The same for a body."""
        for form in self._forms:
            body = body.replace(form.encode(), HIDDEN.encode())
        return body


class Veil(logging.Filter):
    """Hides a secret in what the HTTP library logs: it writes reason phrases and headers as they came.

    Attributes:
        loggers: on which it works between `put_on` and `take_off`.
    """

    loggers = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")

    def __init__(self, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite one record."""
        record.msg, record.args = self._secret.hide(record.getMessage()), ()
        return True

    def put_on(self) -> None:
        """PendingRun from now on."""
        for name in self.loggers:
            logging.getLogger(name).addFilter(self)

    def take_off(self) -> None:
        """PendingRun no more."""
        for name in self.loggers:
            logging.getLogger(name).removeFilter(self)


def _forms(token: str) -> Iterator[str]:
    yield token
    yield from (quote(token, safe=""), quote_plus(token), quote(token, safe="").lower())
    yield from (json.dumps(token)[1:-1], token.replace("/", "\\/"))
    for lead in range(3):
        # Base64 encodes three bytes at a time: inside a longer text the token has one of three forms, and its ends are others'.
        encoded = base64.b64encode(b"\0" * lead + token.encode()).decode().rstrip("=")
        certain = encoded[(0, 2, 3)[lead] : len(encoded) - ((len(token) + lead) % 3 != 0)]
        yield from (certain, certain.replace("+", "-").replace("/", "_"))
