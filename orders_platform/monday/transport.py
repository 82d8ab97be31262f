"""HTTP to one monday.com endpoint: one request out, one `Reply` back, whatever happens on the way.

The token is redacted from all that comes back before anything else reads it. No answer lasts longer or grows larger than it may:
httpx bounds each read, so the network below it is told when the whole request has to be over.
"""

import ipaddress
import logging
import re
import ssl
import threading
import zlib
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx

from orders_platform import __version__
from orders_platform.domain.clocks import elapsed
from orders_platform.errors import ConfigurationError
from orders_platform.monday.documents import Request
from orders_platform.monday.replies import Reply, lost_reply, read_reply

_logger = logging.getLogger(__name__)

HIDDEN = "[token]"


class RedactingFilter(logging.Filter):
    """Replaces a token, plain or percent-encoded, in texts of the network and in what the HTTP library logs.

    The library logs reason phrases and headers as they came.
    """

    loggers = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")

    def __init__(self, token: str) -> None:
        super().__init__()
        # Percent-encoding may write its digits in either case. The longer form comes first: it may begin like the plain one.
        forms = "|".join(re.escape(form) for form in (quote(token, safe=""), token))
        self._forms = re.compile(forms, re.IGNORECASE)

    def redact(self, text: str) -> str:
        return self._forms.sub(HIDDEN, text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.redact(record.getMessage()), ()
        return True


TIMEOUT = "timeout"  # code of a request whose answer did not come in time
MOST_BYTES = 16 * 2**20  # most bytes of an answer, unpacked: a full page of items has a tenth of it
_CONNECT_SECONDS = 10.0
_SHORTEST_SECRET = 6  # replacing shorter texts would mangle answers and hide nothing


class TooLongError(Exception):
    """An answer has more bytes than any answer of monday."""


class _Deadline(threading.local):
    """Until when the request of this thread has to be over, by the clock that only goes forward."""

    ends = float("inf")

    def bound(self, seconds: float | None) -> float:
        """So much of a time-out as is left."""
        left = max(self.ends - elapsed(), 0.001)
        return left if seconds is None else min(seconds, left)


class _BoundNetwork:
    """The network of httpcore, or a connection of it, every wait of which ends with the deadline."""

    def __init__(self, inner: Any, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in {"connect_tcp", "start_tls", "read", "write"}:
            return found

        def bound(*arguments: Any, timeout: float | None = None, **named: Any) -> Any:
            made = found(*arguments, timeout=self._deadline.bound(timeout), **named)
            return _BoundNetwork(made, self._deadline) if name in {"connect_tcp", "start_tls"} else made

        return bound


class Transport:
    """One HTTP client that stays open; may be used from several threads at once.

    The token is sent as monday issued it, without a prefix. A request lasts for `timeout_seconds` at most, from the connection to the last
    byte. `http_transport` carries the requests in place of sockets, for a sandbox in this process. Raises `ConfigurationError`: URL or
    token cannot be used; the token is not repeated in the message.
    """

    def __init__(
        self,
        url: str,
        token: str,
        api_version: str,
        timeout_seconds: float,
        most_connections: int,
        http_transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _checked_url(url)
        self._host = f"monday.com at {self.url.netloc.decode()}"
        self.api_version = api_version
        self.notice = ""  # a sentence for people where monday serves another API version than the pinned one
        self.time_told = ""  # the Date of the last answer
        self._filter = RedactingFilter(_checked_token(token))
        for name in self._filter.loggers:
            logging.getLogger(name).addFilter(self._filter)
        self._http = httpx.Client(
            headers={
                "Authorization": token,
                "API-Version": api_version,
                "User-Agent": f"orders-platform/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            },
            timeout=httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds), pool=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=most_connections, max_keepalive_connections=most_connections),
            # A proxy of the environment is the way out to monday.com and never the way to this machine.
            trust_env=not _is_loopback(self.url),
            verify=_authorities() if self.url.scheme == "https" else False,
            transport=http_transport,
        )
        self._timeout_seconds, self._deadline = timeout_seconds, _Deadline()
        for each in (self._http._transport, *self._http._mounts.values()):
            if (pool := getattr(each, "_pool", None)) is not None:
                pool._network_backend = _BoundNetwork(pool._network_backend, self._deadline)

    def post(self, request: Request, key: str | None) -> Reply:
        """Send one request, a mutation with its idempotency key; a lost or impossible connection is a reply as well."""
        headers = {} if key is None else {"Idempotency-Key": key}
        content = {"query": request.query, "variables": request.variables}
        self._deadline.ends = elapsed() + self._timeout_seconds
        try:
            with self._http.stream("POST", self.url, json=content, headers=headers) as response:
                body = _text_of(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            why = self._filter.redact(str(error))
            return lost_reply("unreachable", f"{self._host} cannot be reached: {why}", never_sent=True)
        except httpx.TimeoutException as error:
            return lost_reply(TIMEOUT, f"{self._host} did not answer in time ({type(error).__name__})", never_sent=False)
        except TooLongError:
            return lost_reply("too_long", f"{self._host} answered with more than {MOST_BYTES:,} bytes", never_sent=False)
        except (httpx.TransportError, zlib.error) as error:
            return lost_reply("connection_lost", f"{self._host} broke off: {self._filter.redact(str(error))}", never_sent=False)
        headers = {name: self._filter.redact(text) for name, text in response.headers.items()}
        self.time_told = headers.get("date", "")
        served = headers.get("api-version", self.api_version)
        if served != self.api_version and not self.notice:
            asked = f"monday.com answered with API version {served} although {self.api_version} was asked for"
            self.notice = f"{asked}: set a version that monday still serves"
            _logger.warning("%s", self.notice)
        reply, redact = read_reply(response.status_code, headers, self._filter.redact(body)), self._filter.redact
        # Once more after reading: JSON may write each character by its number.
        told = (replace(problem, code=redact(problem.code), message=redact(problem.message)) for problem in reply.problems)
        return replace(reply, problems=tuple(told)) if reply.problems else reply

    def close(self) -> None:
        self._http.close()
        for name in self._filter.loggers:
            logging.getLogger(name).removeFilter(self._filter)


def _text_of(response: httpx.Response) -> str:
    """The body, unpacked by ourselves: a few bytes may stand for any number.

    Raises `TooLongError`: it has more than `MOST_BYTES`; `zlib.error`, `httpx.TransportError`: it cannot be unpacked, or breaks off.
    """
    if response.is_stream_consumed:  # of a transport in this process
        return response.content.decode("utf-8-sig", "replace")
    unpack = zlib.decompressobj(47) if response.headers.get("content-encoding", "identity").casefold() != "identity" else None
    body = bytearray()
    for chunk in response.iter_raw():
        body += unpack.decompress(chunk, MOST_BYTES + 1 - len(body)) if unpack else chunk
        if len(body) > MOST_BYTES:
            raise TooLongError
        if unpack and unpack.unused_data:
            raise zlib.error("a packed body with something behind its end")
    if unpack and not unpack.eof:
        raise zlib.error("a packed body without its end")
    return body.decode("utf-8-sig", "replace")


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):  # whose text repeats parts of the address
        raise ConfigurationError("the monday.com URL cannot be read; set MONDAY_API_URL") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("the monday.com URL must begin with http:// or https:// and name a host; set MONDAY_API_URL")
    if url.userinfo:
        raise ConfigurationError("the monday.com URL must not hold a user or password; set MONDAY_API_URL without them")
    return url


def _checked_token(token: str) -> str:
    if not token:
        raise ConfigurationError("the monday.com token is empty; set MONDAY_API_TOKEN")
    if not (token.isascii() and token.isprintable()) or " " in token or len(token) < _SHORTEST_SECRET:
        raise ConfigurationError(
            "the monday.com token has blanks, line breaks or other characters that no token has, or is cut off;"
            " set MONDAY_API_TOKEN to the token alone"
        )
    return token


@cache
def _authorities() -> ssl.SSLContext:
    """Who is trusted to name a server; loaded once a process, as it takes 25 ms and every step of a run opens a client."""
    return httpx.create_ssl_context()


def _is_loopback(url: httpx.URL) -> bool:
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"
