"""A local monday.com for as long as a command runs, when the settings name the sandbox and none is served yet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.sandbox.server import Sandbox, running
from orders_platform.settings import Settings

PORT = 8765

ROOMY = AccountLimits(
    complexity_per_minute=1_000_000_000, calls_per_minute=100_000, calls_per_day=1_000_000, calls_per_10_seconds=100_000
)
"""Practically no limits. With monday's (`sandbox serve --limits pro`) the 2,300 creations of the sample orders take six minutes."""


def sandbox_file(settings: Settings) -> Path:
    """The file in which the sandbox keeps its boards."""
    return settings.data_folder / "sandbox.db"


@contextmanager
def embedded_sandbox(settings: Settings) -> Iterator[str]:
    """Run the sandbox during the block if the settings name it and none answers there. Yields the address of its page."""
    parts = urlsplit(settings.api_url)
    if not _is_embedded(settings) or _answers(parts.hostname or "", PORT):
        yield f"{parts.scheme}://{parts.netloc}"
        return
    file = sandbox_file(settings)
    with running(Sandbox(state=file, limits=ROOMY), PORT) as url:
        yield url


def refuse_while_served(settings: Settings) -> None:
    """Raise `ConfigurationError` when another process serves the sandbox's boards: their file must not be deleted meanwhile."""
    host = urlsplit(settings.api_url).hostname or ""
    if _is_embedded(settings) and _answers(host, PORT):
        raise ConfigurationError(
            f"A sandbox is being served at {host}:{PORT}, and --fresh would delete its boards. Stop it first (`make ui` or "
            "`orders-platform sandbox serve`), or omit --fresh."
        )


def _is_embedded(settings: Settings) -> bool:
    return settings.environment == "sandbox" and urlsplit(settings.api_url).port == PORT


def _answers(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
