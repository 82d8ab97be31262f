"""Starting and stopping the sandbox as a web server, on loopback only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.application import CuttableProtocol, Sandbox
from orders_platform.sandbox.faults import Fault, Faults
from orders_platform.sandbox.sandbox_options import AccountLimits, Latency
from orders_platform.settings import LOOPBACK, SANDBOX_TOKEN

__all__ = ["SANDBOX_TOKEN", "AccountLimits", "Fault", "Faults", "Latency", "Sandbox", "running", "serve"]

_START_SECONDS = 30.0
_STOP_SECONDS = 2


@contextlib.contextmanager
def running(sandbox: Sandbox, port: int = 0) -> Iterator[str]:
    """Serves a sandbox from a thread of its own while the block runs; the API is at the yielded URL + `/v2`.

    Args:
        sandbox: may be served again later; it keeps its state.
        port: 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    with _listening("127.0.0.1", port) as (listener, url):
        ready = threading.Event()
        server = _Server(sandbox, lambda _url: ready.set(), url)
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox-server", daemon=True)
        thread.start()
        try:
            if not ready.wait(_START_SECONDS):
                raise ConfigurationError(f"The sandbox did not start at {url} within {_START_SECONDS:.0f} seconds.")
            yield url
        finally:
            server.should_exit = True
            thread.join()


def serve(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0, on_ready: Callable[[str], None] | None = None) -> None:
    """Serves a sandbox until the process is interrupted.

    Args:
        sandbox: what to serve.
        host: a loopback address.
        port: 0 takes a free one.
        on_ready: called with the base URL once requests are answered.

    Raises:
        ConfigurationError: another host than loopback, or the port is taken.
    """
    with _listening(host, port) as (listener, url):
        _Server(sandbox, on_ready or (lambda _url: None), url).run([listener])


class _Server(uvicorn.Server):
    """uvicorn with our protocol, saying when it is ready."""

    def __init__(self, sandbox: Sandbox, on_ready: Callable[[str], None], url: str) -> None:
        config = uvicorn.Config(
            sandbox.app,
            http=CuttableProtocol,
            ws="none",
            loop="asyncio",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        super().__init__(config)
        self._on_ready = on_ready
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(self._url)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """A bound socket and the URL it answers at."""
    if host not in LOOPBACK:
        raise ConfigurationError(f"The sandbox listens on loopback only, not on {host}: it has no accounts. Use 127.0.0.1.")
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    # asyncio switches Nagle's algorithm off only on sockets that name their protocol; with it every reply takes 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another port by --port, MONDAY_API_URL or "
                "`make ui SANDBOX_PORT=8766`."
            ) from error
        shown = "[::1]" if host == "::1" else host
        yield listener, f"http://{shown}:{listener.getsockname()[1]}"
