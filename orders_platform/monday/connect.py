"""`connect_board`: a board out of plain settings. The one place that knows how the parts of this folder fit together.

Belongs here: putting together. Does not belong here: reading settings (`settings.py`). Nothing connects before the first request.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import httpx

from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.batch_size import DocumentSizes, InFlight
from orders_platform.monday.budget import Budget
from orders_platform.monday.client import MondayClient
from orders_platform.monday.delivery import Delivery
from orders_platform.monday.dispatcher import Sender
from orders_platform.monday.documents import Documents
from orders_platform.monday.limits import Limits, limits_of
from orders_platform.monday.retries import RetryPolicy
from orders_platform.monday.sleeper import Waiter
from orders_platform.monday.transport import Transport

API_VERSION = "2026-10"
"""The version that `graphql/` is written for."""

DOCUMENT_SIZE = 25
MAX_IN_FLIGHT = 3

TIMEOUT_SECONDS = 65.0
"""monday ends a request after 60 seconds; who waits a little longer gets its answer instead of an unknown outcome."""


def connect_board(
    url: str,
    token: str,
    graphql_folder: Path,
    *,
    api_version: str = API_VERSION,
    plan: str = "pro",
    token_kind: str = "personal",  # noqa: S107 - a kind of token, not a token
    limits: Limits | None = None,
    calls_today: float = 0.0,
    max_in_flight: int = MAX_IN_FLIGHT,
    document_size: int = DOCUMENT_SIZE,
    timeout_seconds: float = TIMEOUT_SECONDS,
    policy: RetryPolicy | None = None,
    http_transport: httpx.BaseTransport | None = None,
    chance: random.Random | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> MondayBoard:
    """A board that talks to the GraphQL endpoint at `url`; close it after use, or use it in a `with` statement.

    Args:
        url: of the endpoint, http or https.
        token: as monday issued it.
        graphql_folder: the folder of documents.
        api_version: pinned version, `yyyy-mm`.
        plan: `trial`, `basic`, `pro` or `enterprise`; ignored when `limits` are given.
        token_kind: `personal` or `app`.
        limits: in place of those of a plan.
        calls_today: calls already made today with this token.
        max_in_flight: documents at the same time; 1 does everything in the caller's thread.
        document_size: mutations of the first documents; later ones follow from how they went.
        timeout_seconds: longest wait for one answer.
        policy: bounds of the repeats.
        http_transport: carries the requests in place of sockets, for a sandbox in this process.
        chance: source of the jitter.
        clock: seconds since the epoch.
        sleep: sleeps the given seconds.

    Raises:
        ConfigurationError: URL, token, plan or kind of token cannot be used.
    """
    waiter = Waiter(clock, sleep)
    budget = Budget(limits or limits_of(plan, token_kind), clock=clock, pause=waiter.pause, calls_today=calls_today)
    transport = Transport(
        url,
        token,
        api_version,
        timeout_seconds=timeout_seconds,
        most_connections=max(1, max_in_flight) + 1,
        http_transport=http_transport,
    )
    client = MondayClient(transport, budget, clock=clock, waiter=waiter, policy=policy, chance=chance)
    documents, sizes = _documents(graphql_folder), DocumentSizes(document_size)
    delivery = Delivery(client, documents, sizes, clock=clock, waiter=waiter)
    sender = Sender(delivery, budget, sizes, InFlight(max_in_flight), clock=clock, waiter=waiter)
    return MondayBoard(client, documents, sender, api_version)


@cache
def _documents(folder: Path) -> Documents:
    """Read once a process; their text does not change under a run."""
    return Documents(folder)
