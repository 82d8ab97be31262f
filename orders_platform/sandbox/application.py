"""The sandbox itself: its parts put together, and its routes.

Belongs here: HTTP as an ASGI application. Does not belong here: what a request may do (`gate.py`), what the page shows
(`page.py`), listening on a port (`server.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from orders_platform.sandbox import board_template, page, snapshots
from orders_platform.sandbox.complexity import Costs
from orders_platform.sandbox.connections import cut
from orders_platform.sandbox.faults import Fault, Faults
from orders_platform.sandbox.gate import Admitted, Call, Gate, Latency, RequestRecord
from orders_platform.sandbox.idempotency import IdempotencyKeys, IdempotencyRules
from orders_platform.sandbox.limits import Limits, Meter
from orders_platform.sandbox.replies import Reply
from orders_platform.sandbox.schema import Schema
from orders_platform.sandbox.state import State
from orders_platform.settings import SANDBOX_TOKEN, default_folder

_REQUESTS_KEPT = 10_000
_THREADS = 300

_T = TypeVar("_T")


class Sandbox:
    """A local monday.com.

    Args:
        state: the file that keeps the boards; None keeps them in memory.
        clock: epoch seconds; minute windows, cursors and idempotency keys run on it.
        sleep: how latency passes.
        limits: of the account.
        latency: of every request.
        faults: a plan; `sandbox.faults.queue(...)` adds to it.
        items_limit: most items a board may hold.
        visibility_lag: seconds until lists and look-ups show what was written.
        tokens: that are let in.
        costs: complexity points.
        idempotency: how long replies are remembered.
        hang_seconds: how long a hanging request waits at most for its client to give up, in real seconds.

    Attributes:
        app: the ASGI application.
        requests: the last requests, oldest first.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
        latency: Latency | None = None,
        faults: Faults | None = None,
        items_limit: int = 10_000,
        visibility_lag: float = 0.0,
        tokens: Collection[str] = (SANDBOX_TOKEN,),
        costs: Costs | None = None,
        idempotency: IdempotencyRules | None = None,
        hang_seconds: float = 90.0,
    ) -> None:
        self.state = State(state, clock=clock, items_limit=items_limit, visibility_lag=visibility_lag)
        self.faults = faults or Faults()
        self.meter = Meter(limits or Limits(), clock)
        self.idempotency = IdempotencyKeys(clock, idempotency)
        self.requests: deque[RequestRecord] = deque(maxlen=_REQUESTS_KEPT)
        self._gate = Gate(
            schema=Schema(default_folder("graphql") / "schema.graphql"),
            state=self.state,
            meter=self.meter,
            faults=self.faults,
            keys=self.idempotency,
            tokens=frozenset(tokens) - {""},
            latency=latency or Latency(),
            costs=costs or Costs(),
            sleep=sleep,
        )
        self._hang_seconds = hang_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox")
        board_template.plant(self.state)
        self.app: ASGIApp = Starlette(routes=self._routes())

    def board_snapshot(self, board_id: int, states: Collection[str] = ("active",)) -> list[snapshots.GroupSnapshot]:
        """Groups, items and subitems of a board with their values as text."""
        return snapshots.board_snapshot(self.state, board_id, states)

    def close(self) -> None:
        """Closes the file; also done when the sandbox is forgotten."""
        self._threads.shutdown()
        self.state.close()

    def _routes(self) -> list[Route]:
        return [
            Route("/v2", self._graphql, methods=["POST"]),
            Route("/", self._page),
            Route("/page/overview.json", self._overview),
            Route("/page/group.json", self._group),
            Route("/health", self._health),
        ]

    async def _graphql(self, request: Request) -> Response | ASGIApp:
        record = RequestRecord(at=self.state.clock())
        started = time.monotonic()
        call = Call(
            authorization=request.headers.get("authorization", ""),
            version=request.headers.get("api-version"),
            idempotency_key=request.headers.get("idempotency-key"),
            body=await request.body(),
            base_url=str(request.base_url),
            record=record,
        )
        admitted = await self._in_thread(functools.partial(self._gate.admit, call))
        if isinstance(admitted, Admitted):
            if admitted.fault is Fault.HANG:
                await self._until_client_gives_up(request)
            reply = await self._in_thread(functools.partial(self._gate.execute, admitted))
        else:
            reply = admitted
        record.seconds = time.monotonic() - started
        return self._answer(reply, record)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _until_client_gives_up(self, request: Request) -> None:
        async def disconnected() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                continue

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(disconnected(), self._hang_seconds)

    def _answer(self, reply: Reply, record: RequestRecord) -> Response | ASGIApp:
        record.status, record.errors = reply.status, reply.errors
        record.outcome = record.outcome if record.outcome == "replayed" and not reply.dropped else reply.outcome
        self.requests.append(record)
        if reply.dropped:
            return cut
        limits = self.meter.headers(is_mutation=record.is_mutation)
        headers = {**limits, **reply.headers, "API-Version": record.version}
        return Response(reply.body, reply.status, headers, media_type=reply.content_type)

    async def _page(self, _request: Request) -> Response:
        return page.document()

    async def _overview(self, request: Request) -> Response:
        since = request.query_params.get("since", "")
        seen = tuple(self.requests)  # copied here, where it also grows: another thread could meet it half-way
        return await self._in_thread(functools.partial(page.overview, self.state, self.meter, seen, since))

    async def _group(self, request: Request) -> Response:
        query = request.query_params
        wanted = functools.partial(
            page.group, self.state, query.get("board", ""), query.get("group", ""), query.get("rows", "")
        )
        return await self._in_thread(wanted)

    async def _health(self, _request: Request) -> Response:
        return PlainTextResponse("ok")
