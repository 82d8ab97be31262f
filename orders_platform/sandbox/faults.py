"""What can go wrong between a client and monday: the kinds of faults, which request meets which, and what some of them answer.

Tests queue faults, a seed scatters them. `request_pipeline.py` carries them out.
"""

from __future__ import annotations

import enum
import json
import random
import threading
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import replace

from orders_platform.sandbox.answers import HttpReply, gateway_page, limited, refused


class Fault(enum.StrEnum):
    """One thing that goes wrong with one request."""

    REPLY_LOST = "reply_lost"
    """Executed; the connection closes without an answer."""
    CONNECTION_DROPPED = "connection_dropped"
    """Not executed; the connection closes without an answer."""
    HANG = "hang"
    """No answer until the client gives up; executed then."""
    LATE_COMMIT = "late_commit"
    """The connection closes without an answer at once; executed later, at a time on the sandbox's clock."""
    REFUSED = "refused"
    """The connection is refused, and every other one for a while."""
    COMPLEXITY_429 = "complexity_429"
    MINUTE_429 = "minute_429"
    CONCURRENCY_429 = "concurrency_429"
    IP_429 = "ip_429"
    FIELD_429 = "field_429"
    DAILY_429 = "daily_429"
    JOB_429 = "job_429"
    """The limit whose wait is in milliseconds."""
    HTML_429 = "html_429"
    """A gateway's page instead of JSON."""
    FIELD_MINUTE_200 = "field_minute_200"
    """The limit of one field a minute: HTTP 200, the status 429 is in the extensions."""
    BUDGET_200 = "budget_200"
    """The budget error in a reply with HTTP 200."""
    BUDGET_2025 = "budget_2025"
    """The budget error in the form of the versions 2025-01 to 2025-04."""
    BUDGET_LEGACY = "budget_legacy"
    """The budget error in the form before 2025: the wait is in the sentence only."""
    LOCKED_423 = "locked_423"
    CONFLICT_409 = "conflict_409"
    ERROR_500 = "error_500"
    """Not executed."""
    ERROR_500_AFTER = "error_500_after"
    """Executed."""
    HTML_502 = "html_502"
    """Not executed."""
    HTML_502_AFTER = "html_502_after"
    """Executed."""
    HTML_504_AFTER = "html_504_after"
    """Executed."""
    REFUSE_ALIAS = "refuse_alias"
    """One mutation of the document is refused, its neighbours are executed."""
    BREAK_ALIAS = "break_alias"
    """All is executed, but what one mutation made cannot be read: its alias is null, the error's path longer than one."""
    EMPTY_204 = "empty_204"
    """Executed; an answer that says nothing. So are the others down to STRANGE_ID, whose answers do not say what happened."""
    HTML_400 = "html_400"
    HTML_413 = "html_413"
    PROXY_400 = "proxy_400"
    """JSON, but not monday's."""
    NEW_CODE = "new_code"
    """A code that no page of monday has."""
    NEW_MESSAGE = "new_message"
    ODD_ERRORS = "odd_errors"
    """The errors are no list."""
    NULL_DATA = "null_data"
    MISSING_ALIAS = "missing_alias"
    STRANGE_ID = "strange_id"
    """An id that is no number, too long a one, or that of another alias."""
    BLOCKED_200 = "blocked_200"
    """The API is closed to this account for a while."""
    TOKEN_401 = "token_401"  # noqa: S105  not a secret
    """The token is not known any more."""
    UNAUTHORIZED_403 = "unauthorized_403"
    """The user lost the right."""


_DISTORTING = (Fault.MISSING_ALIAS, Fault.STRANGE_ID)
UNCLEAR = (
    Fault.EMPTY_204, Fault.HTML_400, Fault.HTML_413, Fault.PROXY_400, Fault.NEW_CODE, Fault.NEW_MESSAGE, Fault.ODD_ERRORS,
    Fault.NULL_DATA, *_DISTORTING,
)  # fmt: skip
"""Executed, and the answer does not say so."""

BEFORE_EXECUTION = frozenset(Fault) - {
    *UNCLEAR, Fault.REPLY_LOST, Fault.HANG, Fault.LATE_COMMIT, Fault.ERROR_500_AFTER, Fault.HTML_502_AFTER, Fault.HTML_504_AFTER,
    Fault.REFUSE_ALIAS, Fault.BREAK_ALIAS,
}  # fmt: skip
_LASTING = {
    *UNCLEAR,
    Fault.DAILY_429, Fault.HANG, Fault.REFUSE_ALIAS, Fault.BREAK_ALIAS, Fault.BLOCKED_200, Fault.TOKEN_401, Fault.UNAUTHORIZED_403,
}  # fmt: skip
TRANSIENT = tuple(fault for fault in Fault if fault not in _LASTING)
"""The faults that a client should ride out; what a seeded plan draws from unless told otherwise."""


class Faults:
    """The plan: faults queued by hand come first, then those that a seed scatters.

    Args:
        seed: of the scattered faults.
        rate: share of requests that meet one, 0 to 1.
        kinds: what is drawn from.
        late_seconds: shortest and longest delay of a late commit; monday ends what takes longer than a minute.
        refused_seconds: how long connections are refused from a `REFUSED` on.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        rate: float = 0.0,
        kinds: Sequence[Fault] = TRANSIENT,
        late_seconds: tuple[float, float] = (1.0, 60.0),
        refused_seconds: float = 5.0,
    ) -> None:
        self.refused_seconds = refused_seconds
        self._late_seconds = late_seconds
        self._rng = random.Random(seed)  # noqa: S311  not for secrets
        self._rate = rate
        self._kinds = tuple(kinds)
        self._failing: list[bytes] = []
        self._queue: deque[tuple[Fault, str | None]] = deque()
        self._lock = threading.Lock()

    def queue(self, fault: Fault, *, times: int = 1, operation: str | None = None) -> None:
        """The next requests meet this fault, one each.

        Args:
            fault: what goes wrong.
            times: how many requests.
            operation: only requests with this root field, e.g. `create_item`; the others pass it by.
        """
        with self._lock:
            self._queue.extend([(fault, operation)] * times)

    @property
    def waiting(self) -> int:
        """Queued faults that no request has met yet."""
        return len(self._queue)

    def fail_on(self, text: str) -> None:
        """Every mutation that mentions this text, e.g. an order's number, meets an internal error, time and again."""
        with self._lock:
            self._failing.append(text.encode())

    def fails_on(self, body: bytes) -> bool:
        """Whether a request mentions such a text."""
        return any(text in body for text in self._failing)

    def quiet(self) -> None:
        """No more faults: what is queued is dropped, and nothing is scattered any more."""
        with self._lock:
            self._queue.clear()
            self._failing.clear()
            self._rate = 0.0

    def draw(self, operations: Collection[str]) -> Fault | None:
        """The fault that a request with these root fields meets."""
        with self._lock:
            for index, (fault, operation) in enumerate(self._queue):
                if operation is None or operation in operations:
                    del self._queue[index]
                    return fault
            if self._kinds and self._rng.random() < self._rate:
                return self._rng.choice(self._kinds)
            return None

    def delay(self) -> float:
        """Seconds until a late commit."""
        with self._lock:
            return self._rng.uniform(*self._late_seconds)

    def choose(self, aliases: Sequence[str]) -> str:
        """The mutation that `REFUSE_ALIAS` or `BREAK_ALIAS` meets."""
        with self._lock:
            return self._rng.choice(list(aliases))

    def distort(self, reply: HttpReply, fault: Fault | None) -> HttpReply:
        """The answer of a mutation that meets `MISSING_ALIAS` or `STRANGE_ID`; any other as it is."""
        content = json.loads(reply.body) if fault in _DISTORTING and reply.body else {}
        made = [alias for alias, node in (content.get("data") or {}).items() if isinstance(node, dict) and "id" in node]
        if not made:
            return reply
        data = content["data"]
        alias, other = self.choose(made), self.choose(made)
        if fault is Fault.MISSING_ALIAS:
            del data[alias]
        else:
            strange = ["", "none", "9" * 40, "-1", 1.5, data[other]["id"] if other != alias else "0"]
            data[alias] = {"id": self._rng.choice(strange)}
        return replace(reply, body=json.dumps(content).encode())


def answer(fault: Fault | None) -> HttpReply | None:
    """The answer to a request that meets `fault`; None for faults without an answer of their own."""
    return _ANSWERS.get(fault) if fault else None


_EXHAUSTED = "Complexity budget exhausted"
_LEGACY = f"{_EXHAUSTED}, query cost 30001 budget remaining 19986 out of 1000000 reset in 2 seconds"
_LEGACY_BODY = {
    "error_code": "ComplexityException", "status_code": 429, "error_message": _LEGACY, "error_data": {}, "errors": [_LEGACY],
}  # fmt: skip
_ERROR = refused(500, "INTERNAL_SERVER_ERROR", "Internal server error", outcome="error")
_BAD_GATEWAY = gateway_page(502, "Bad Gateway")
_LOCKED = "Resource is currently locked, please try again later"
_CONFLICT = "A request with this idempotency key is currently being processed"
_ANSWERS: dict[Fault, HttpReply] = {
    Fault.COMPLEXITY_429: limited("complexity", 2),
    Fault.MINUTE_429: limited("minute", 2),
    Fault.CONCURRENCY_429: limited("concurrency", 1),
    Fault.IP_429: limited("ip", 10),
    Fault.FIELD_429: limited("field", 2, entity="boards"),
    Fault.FIELD_MINUTE_200: limited("field minute", 2),
    Fault.DAILY_429: limited("day", 3_600),
    Fault.JOB_429: refused(
        429, "RATE_LIMIT_EXCEEDED", "Rate Limit Exceeded", outcome="limited", extensions={"retryAfterMs": 2_000}
    ),
    Fault.HTML_429: gateway_page(429, "Too Many Requests", retry_after=2),
    Fault.BUDGET_200: refused(
        200, "COMPLEXITY_BUDGET_EXHAUSTED", _EXHAUSTED, outcome="limited", retry_after=2, content={"data": []}
    ),
    Fault.BUDGET_2025: limited(
        "complexity", 2, complexity=30_001, complexity_budget_left=19_986, complexity_budget_limit=5_000_000, status_code=429
    ),
    Fault.BUDGET_LEGACY: HttpReply(200, json.dumps(_LEGACY_BODY).encode(), "limited", errors=("ComplexityException",)),
    Fault.LOCKED_423: refused(423, "RESOURCE_LOCKED", _LOCKED, outcome="locked", retry_after=1),
    Fault.CONFLICT_409: refused(409, "IDEMPOTENCY_CONFLICT", _CONFLICT, outcome="conflict", retry_after=1),
    Fault.ERROR_500: _ERROR,
    Fault.ERROR_500_AFTER: _ERROR,
    Fault.HTML_502: _BAD_GATEWAY,
    Fault.HTML_502_AFTER: _BAD_GATEWAY,
    Fault.HTML_504_AFTER: gateway_page(504, "Gateway Time-out"),
    Fault.EMPTY_204: HttpReply(204, b"", "204"),
    Fault.HTML_400: gateway_page(400, "Bad Request"),
    Fault.HTML_413: gateway_page(413, "Request Entity Too Large"),
    Fault.PROXY_400: HttpReply(400, b'{"error": "Bad Request", "message": "no route"}', "400 proxy"),
    Fault.NEW_CODE: refused(200, "SomethingNewException", "Something new", outcome="error"),
    Fault.NEW_MESSAGE: HttpReply(200, b'{"data": {}, "errors": [{"message": "Something new"}]}', "error"),
    Fault.ODD_ERRORS: HttpReply(200, b'{"data": null, "errors": {"message": "Something odd"}}', "error"),
    Fault.NULL_DATA: HttpReply(200, b'{"data": null}', "error"),
    Fault.BLOCKED_200: refused(200, "API_TEMPORARILY_BLOCKED", "API temporarily blocked", outcome="blocked"),
    Fault.TOKEN_401: refused(401, "Unauthorized", "Not Authenticated"),
    Fault.UNAUTHORIZED_403: refused(
        403, "UserUnauthorizedException", "User unauthorized to perform action", extensions={"status_code": 403}
    ),
}
