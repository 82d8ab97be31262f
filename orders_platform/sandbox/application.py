"""The sandbox as a whole: its parts put together, its routes as an ASGI application, and connections that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from orders_platform import __version__
from orders_platform.sandbox import board_template, column_labels, item_mutations, page, stored_items, structure
from orders_platform.sandbox.answers import HttpReply
from orders_platform.sandbox.calls import Admitted, Call, RequestRecord
from orders_platform.sandbox.conflicts import IdempotencyKeys
from orders_platform.sandbox.faults import Fault, Faults
from orders_platform.sandbox.gate import read_body
from orders_platform.sandbox.graphql_schema import schema_at
from orders_platform.sandbox.metering import Meter
from orders_platform.sandbox.request_pipeline import RequestPipeline
from orders_platform.sandbox.sandbox_options import AccountLimits, IdempotencyRules, Latency, PriceList, Switches
from orders_platform.sandbox.scheduler import IdStream, SandboxClock, Scheduler
from orders_platform.sandbox.state import State
from orders_platform.settings import SANDBOX_TOKEN, default_folder
from orders_platform.webserver import SameOrigin

_REQUESTS_KEPT = 10_000
_THREADS = 300
_SCHEMA_FILE = default_folder("graphql") / "schema.graphql"

_T = TypeVar("_T")


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which remembers its open connections by the address of the client."""

    open: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keeps the connection at hand."""
        super().connection_made(transport)
        if self.client:
            self.open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        if self.client:
            self.open.pop(self.client, None)
        super().connection_lost(exc)


async def cut(scope: Scope, receive: Receive, _send: Send) -> None:
    """An ASGI answer that is none: the connection closes.

    Raises:
        ConnectionResetError: there is no connection, because the application is called in-process.
    """
    client = scope.get("client")
    transport = CuttableProtocol.open.get(tuple(client)) if client else None
    if transport is None:
        raise ConnectionResetError("the sandbox closed the connection without an answer")
    transport.abort()
    # Without this the server would answer 500 before it notices that its connection is gone.
    while (await receive())["type"] != "http.disconnect":
        continue


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
        hang_seconds: how long a hanging request waits at most for its client to give up, and any for its body; over HTTP in real
            seconds.
        switches: what monday leaves open.
        seed: of the ids that are made up; None takes the time on the clock.

    Attributes:
        app: the ASGI application.
        requests: the last requests, oldest first; a refused connection is none.
        pipeline: what becomes of a request; HTTP and `InProcess` carry requests to it.
    """

    def __init__(
        self,
        *,
        state: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        limits: AccountLimits | None = None,
        latency: Latency | None = None,
        faults: Faults | None = None,
        items_limit: int = 10_000,
        visibility_lag: float = 0.0,
        tokens: Collection[str] = (SANDBOX_TOKEN,),
        costs: PriceList | None = None,
        idempotency: IdempotencyRules | None = None,
        hang_seconds: float = 90.0,
        switches: Switches | None = None,
        seed: object = None,
    ) -> None:
        self.clock = clock = SandboxClock(clock)
        self.sleep = sleep
        self._file = state
        self.hang_seconds = hang_seconds
        self.state = State(
            state, clock=clock, items_limit=items_limit, visibility_lag=visibility_lag, switches=switches or Switches()
        )
        ids = IdStream(clock() if seed is None else seed)
        self._scheduler = Scheduler(clock)
        self.faults = faults or Faults()
        self.meter = Meter(limits or AccountLimits(), clock)
        self.idempotency = IdempotencyKeys(clock, idempotency)
        self.requests: deque[RequestRecord] = deque(maxlen=_REQUESTS_KEPT)
        self.pipeline = RequestPipeline(
            schema=schema_at(_SCHEMA_FILE),
            state=self.state,
            meter=self.meter,
            faults=self.faults,
            keys=self.idempotency,
            tokens=frozenset(tokens) - {""},
            latency=latency or Latency(),
            costs=costs or PriceList(),
            sleep=sleep,
            ids=ids,
            scheduler=self._scheduler,
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox")
        board_template.plant(self.state)
        self.app: ASGIApp = SameOrigin(Starlette(routes=self._routes()))

    def board_snapshot(self, board_id: int, states: Collection[str] = ("active",)) -> list[stored_items.GroupSnapshot]:
        """Groups, items and subitems of a board with their values as text, without any lag."""
        self._scheduler.do_due()
        return stored_items.board_snapshot(self.state, board_id, states)

    def settle(self) -> None:
        """Late commits that are under way happen now."""
        self._scheduler.do_due(everything=True)

    @property
    def under_way(self) -> int:
        """Late commits that have not happened yet."""
        return self._scheduler.waiting

    def refuse_for(self, seconds: float) -> None:
        """Connections are refused until so many seconds have passed on the clock; nothing that is sent is read or executed."""
        self.pipeline.refused_until = self.clock() + seconds

    def place_by_hand(self, item_id: int, parent_id: int | None) -> None:
        """A person drags an item or subitem under an item (`parent_id`), or makes a subitem an item of its own (None)."""
        with self.state.transaction():
            item_mutations.place_by_hand(self.state, item_id, parent_id)

    def restore(self, item_id: int) -> None:
        """A person takes an item out of the archive or the recycle bin; the API has no way to."""
        with self.state.transaction():
            stored_items.restore(self.state, stored_items.items(self.state, [item_id])[0])

    def make_multi_level(self, board_id: int) -> None:
        """From now on the board says that it is a multi-level one; nothing else about it changes."""
        with self.state.transaction():
            structure.make_multi_level(self.state, board_id)

    def remove_label(self, board_id: int, column_id: str, name: str) -> None:
        """A person deletes a label of a status or dropdown column.

        Raises:
            LookupError: there is no such column or label.
        """
        with self.state.transaction():
            column_labels.remove(self.state, structure.columns(self.state, board_id)[column_id], name)

    def logged(self, reply: HttpReply, record: RequestRecord) -> dict[str, str]:
        """Puts an answered request into the log; returns the headers of its answer."""
        record.status, record.errors, record.request_id = reply.status, reply.errors, reply.request_id
        record.outcome = record.outcome if record.outcome == "replayed" and not reply.dropped else reply.outcome
        if not reply.unconnected:
            self.requests.append(record)
        limits = self.meter.headers(is_mutation=record.is_mutation)
        return {**limits, **reply.headers, "API-Version": record.version}

    def close(self) -> None:
        """Closes the file; also done when the sandbox is forgotten."""
        self._threads.shutdown()
        self.state.close()

    def _routes(self) -> list[Route]:
        return [
            Route("/v2", self._graphql, methods=["POST"]),
            Route("/v2/get_schema", self._schema),
            Route("/", self._page),
            Route("/page/overview.json", self._overview),
            Route("/page/group.json", self._group),
            Route("/health", self._health),
        ]

    async def _graphql(self, request: Request) -> Response | ASGIApp:
        if self.pipeline.refuses:
            return cut
        record = RequestRecord(at=self.state.clock())
        started = time.monotonic()
        body = await read_body(request, self.hang_seconds)
        if isinstance(body, HttpReply):
            return self._answer(body.sealed(""), record)
        call = Call(
            authorization=request.headers.get("authorization", ""),
            version=request.headers.get("api-version"),
            idempotency_key=request.headers.get("idempotency-key"),
            body=body,
            base_url=str(request.base_url),
            record=record,
        )
        admitted = await self._in_thread(functools.partial(self.pipeline.admit, call))
        if isinstance(admitted, Admitted):
            if admitted.fault is Fault.HANG:
                await self._until_client_gives_up(request)
            reply = await self._in_thread(functools.partial(self.pipeline.execute, admitted))
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
            await asyncio.wait_for(disconnected(), self.hang_seconds)

    def _answer(self, reply: HttpReply, record: RequestRecord) -> Response | ASGIApp:
        headers = self.logged(reply, record)
        return cut if reply.dropped else Response(reply.body, reply.status, headers, media_type=reply.content_type)

    async def _schema(self, _request: Request) -> Response:
        return PlainTextResponse(_SCHEMA_FILE.read_text(encoding="utf-8"))

    async def _page(self, _request: Request) -> Response:
        return page.document()

    async def _overview(self, request: Request) -> Response:
        since, find = (request.query_params.get(name, "").strip() for name in ("since", "find"))
        self._scheduler.do_due()
        seen = tuple(self.requests)  # copied here, where it also grows: another thread could meet it half-way
        return await self._in_thread(functools.partial(page.overview, self.state, self.meter, seen, since, find))

    async def _group(self, request: Request) -> Response:
        asked = (request.query_params.get(name, "").strip() for name in ("board", "group", "rows", "find"))
        return await self._in_thread(functools.partial(page.group, self.state, *asked))

    async def _health(self, _request: Request) -> Response:
        """Also says who this is: the file of the boards, empty when they are in memory, and the version."""
        file = quote(str(self._file.resolve())) if self._file else ""
        return PlainTextResponse("ok", headers={"Sandbox-Boards": file, "Sandbox-Version": __version__})
