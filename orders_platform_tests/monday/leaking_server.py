"""A monday.com that leaks the token: in front of a sandbox, it repeats the Authorization header wherever an answer has room."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from orders_platform_tests.testing.local_server import Answer, answering


@dataclass
class LeakingServer:
    """What it does, in turn: reads fail thrice and then pass; of the items the first document is refused, the next one stopped.

    Attributes:
        behind: the sandbox's endpoint.
        told: how often the token was in an answer, in whatever form.
    """

    behind: str
    url: str = ""
    told: int = 0
    refused_items: int = 0
    failures: list[str] = field(default_factory=lambda: ["json", "page", "silence"])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer to one request; None closes the connection."""
        token = headers["authorization"]
        query = json.loads(body)["query"]
        with self.lock:
            self.told += 1
            if self.failures:
                return self._failure(self.failures.pop(0), token)
            if "create_item" in query:
                self.refused_items += 1
                return _refused(query, token) if self.refused_items == 1 else _stopped(token)
        kept = {name: headers[name] for name in ("authorization", "api-version", "idempotency-key") if name in headers}
        passed = httpx.post(
            self.behind, content=body, headers={"Content-Type": "application/json", **kept}, timeout=30, verify=False
        )
        return passed.status_code, {"API-Version": f"2026-07 for {token}"}, passed.content

    def _failure(self, kind: str, token: str) -> Answer | None:
        if kind == "silence":
            return None
        if kind == "page":
            return 502, {"Retry-After": "0"}, f"<html><h1>Bad Gateway</h1><pre>Authorization: {token}</pre></html>".encode()
        error = {"message": f"Internal server error; {' '.join(forms(token))}", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        return 500, {"X-Token": token}, _errors(error)


def forms(token: str) -> tuple[str, ...]:
    """What must be nowhere: the token as it is, and for URLs with digits of either case."""
    encoded = quote(token, safe="")
    return token, encoded, re.sub("%..", lambda digits: digits[0].lower(), encoded)


def _refused(query: str, token: str) -> Answer:
    aliases = re.findall(r"\b(m\d+): create_item", query)
    kind = {"code": "ColumnValueException", "error_data": {"column_name": token}}
    errors = [{"message": f"no: {' '.join(forms(token))}", "path": [alias], "extensions": kind} for alias in aliases]
    return 200, {}, _errors(*errors, data=dict.fromkeys(aliases))


def _stopped(token: str) -> Answer:
    # JSON may write any character by its number.
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in token)
    told = f"Not Authenticated: {spelled} {' '.join(forms(token))}"
    body = f'{{"errors": [{{"message": "{told}", "extensions": {{"code": "Unauthorized"}}}}]}}'
    return 401, {"WWW-Authenticate": token}, body.encode()


def _errors(*errors: Mapping[str, object], data: object = None) -> bytes:
    return json.dumps({"data": data, "errors": list(errors), "extensions": {"request_id": "r-1"}}).encode()


@contextmanager
def leaking(behind: str) -> Iterator[LeakingServer]:
    """Serve one on a free port of loopback."""
    server = LeakingServer(behind)
    with answering(server.answer, reason=lambda headers: f"because of {headers['authorization']}") as server.url:
        server.url += "/leaks/v2"  # at /v2 of loopback a command takes it for its own sandbox, and asks whose boards it keeps
        yield server
