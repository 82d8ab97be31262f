"""HTTP to one monday.com endpoint: one request out, one `Reply` back, whatever happens on the way.

The token is redacted from all that comes back before anything else reads it.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import ssl
from dataclasses import replace
from functools import cache
from urllib.parse import quote

import httpx

from orders_platform import __version__
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
        pattern = "|".join(re.escape(form) for form in (quote(token, safe=""), token))
        self._in_text = re.compile(pattern, re.IGNORECASE)
        self._in_bytes = re.compile(pattern.encode(), re.IGNORECASE)

    def redact(self, text: str) -> str:
        """The text without the token."""
        return self._in_text.sub(HIDDEN, text)

    def redact_bytes(self, body: bytes) -> bytes:
        """The body without the token."""
        return self._in_bytes.sub(HIDDEN.encode(), body)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite one record; none is dropped."""
        record.msg, record.args = self.redact(record.getMessage()), ()
        return True

    def install(self) -> None:
        """Rewrite what the library logs from now on."""
        for name in self.loggers:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Remove the filter."""
        for name in self.loggers:
            logging.getLogger(name).removeFilter(self)


TIMEOUT = "timeout"
"""Code of a request whose answer did not come in time."""

_CONNECT_SECONDS = 10.0
_SHORTEST_SECRET = 6  # replacing shorter texts would mangle answers and hide nothing


class Transport:
    """One HTTP client that stays open; may be used from several threads at once.

    Args:
        url: of the GraphQL endpoint, http or https.
        token: as monday issued it, sent without a prefix.
        api_version: `yyyy-mm`.
        timeout_seconds: longest wait for an answer; monday ends a request after 60 seconds.
        most_connections: kept open.
        http_transport: carries the requests in place of sockets, for a sandbox in this process.

    Attributes:
        notices: sentences for people about other API versions than the pinned one, by the version that was served.

    Raises:
        ConfigurationError: URL or token cannot be used; the token is not repeated in the message.
    """

    def __init__(
        self,
        url: str,
        token: str,
        api_version: str,
        *,
        timeout_seconds: float,
        most_connections: int,
        http_transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _checked_url(url)
        self.api_version = api_version
        self._filter = RedactingFilter(_checked_token(token))
        self._filter.install()
        self.notices: dict[str, str] = {}
        self._http = httpx.Client(
            headers={
                "Authorization": token,
                "API-Version": api_version,
                "User-Agent": f"orders-platform/{__version__}",
                "Accept": "application/json",
            },
            timeout=httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds), pool=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=most_connections, max_keepalive_connections=most_connections),
            # A proxy of the environment is the way out to monday.com and never the way to this machine.
            trust_env=not _is_loopback(self.url),
            verify=_authorities() if self.url.scheme == "https" else False,
            transport=http_transport,
        )

    def __repr__(self) -> str:
        return f"Transport({str(self.url)!r})"

    def post(self, request: Request, key: str | None) -> Reply:
        """Send one request and read its answer; a lost or impossible connection is a reply as well.

        Args:
            request: text and variables.
            key: idempotency key of a mutation, None for a read.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            response = self._http.post(self.url, json={"query": request.query, "variables": request.variables}, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            return lost_reply(
                "unreachable", f"{self._host} cannot be reached: {self._filter.redact(str(error))}", never_sent=True
            )
        except httpx.TimeoutException as error:
            return lost_reply(TIMEOUT, f"{self._host} did not answer in time ({type(error).__name__})", never_sent=False)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return lost_reply("connection_lost", f"{self._host} broke off: {self._filter.redact(str(error))}", never_sent=False)
        self._compare_version(response.headers.get("api-version"))
        headers = {name: self._filter.redact(text) for name, text in response.headers.items()}
        return self._without_token(read_reply(response.status_code, headers, self._filter.redact_bytes(response.content)))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._filter.remove()

    def _without_token(self, reply: Reply) -> Reply:
        """Once more after reading: JSON may write each character by its number."""
        redact = self._filter.redact
        told = (replace(problem, code=redact(problem.code), message=redact(problem.message)) for problem in reply.problems)
        return replace(reply, problems=tuple(told)) if reply.problems else reply

    @property
    def _host(self) -> str:
        return f"monday.com at {self.url.host}:{self.url.port}" if self.url.port else f"monday.com at {self.url.host}"

    def _compare_version(self, served: str | None) -> None:
        if served and served != self.api_version and served not in self.notices:
            self.notices[served] = (
                f"monday.com answered with API version {self._filter.redact(served)} although {self.api_version} was asked for:"
                " set a version that monday still serves"
            )
            _logger.warning("%s", self.notices[served])


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
