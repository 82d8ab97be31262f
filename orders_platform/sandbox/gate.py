"""The way of a request: token, version, limits, faults, idempotency, complexity, execution.

Belongs here: the order of these, and the reply that each of them gives. Does not belong here: HTTP (`server.py`), the counters
(`limits.py`), what a fault answers (`faults.py`), the resolvers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from graphql import ExecutionResult

from orders_platform.sandbox import faults, versions
from orders_platform.sandbox.complexity import Costs, Estimate
from orders_platform.sandbox.context import Context
from orders_platform.sandbox.cursors import Cursors
from orders_platform.sandbox.faults import Fault, Faults
from orders_platform.sandbox.idempotency import IdempotencyKeys, InFlight
from orders_platform.sandbox.limits import Meter, Overrun
from orders_platform.sandbox.replies import NOTHING, Reply, envelope, gateway_page, refused
from orders_platform.sandbox.schema import Prepared, Schema, described
from orders_platform.sandbox.state import State

MOST_SECONDS = 60.0
"""monday gives up on a request after this long; the work goes on behind the gateway's page."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long monday takes, in seconds.

    Attributes:
        per_row: of every item on a page; monday was seen to take 2.9 s for 500.
    """

    per_document: float = 0.0
    per_mutation: float = 0.0
    per_row: float = 0.0


@dataclass(slots=True)
class RequestRecord:
    """A line of the request log.

    Attributes:
        operations: root fields, one for each of `aliases`.
        outcome: `ok`, `partial`, `refused`, `limited`, `replayed`, `reply lost` ...
        errors: codes in the body.
        version: of the API that served it.
        is_mutation: whether it could have changed anything.
    """

    at: float
    operations: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    cost: int = 0
    status: int = 0
    outcome: str = ""
    errors: tuple[str, ...] = ()
    seconds: float = 0.0
    fault: Fault | None = None
    idempotency_key: str | None = None
    version: str = versions.CURRENT
    is_mutation: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A POST to /v2, as it arrived."""

    authorization: str
    version: str | None
    idempotency_key: str | None
    body: bytes
    base_url: str
    record: RequestRecord


@dataclass(slots=True)
class Admitted:
    """A request that holds a place among those in flight: `Gate.execute` must follow."""

    call: Call
    token: str
    prepared: Prepared
    variables: Mapping[str, object]
    fault: Fault | None = None
    replay: Reply | None = None


@dataclass(slots=True)
class Gate:
    """The one gate of a sandbox, shared by its threads."""

    schema: Schema
    state: State
    meter: Meter
    faults: Faults
    keys: IdempotencyKeys
    tokens: Collection[str]
    latency: Latency
    costs: Costs
    sleep: Callable[[float], None]
    cursors: Cursors = field(init=False)

    def __post_init__(self) -> None:
        self.cursors = Cursors(self.state.clock)

    def admit(self, call: Call) -> Admitted | Reply:
        """Lets a request in, or answers it at once."""
        try:
            call.record.version = versions.serving(call.version)
        except versions.MalformedVersion:
            return refused(200, "InvalidVersionException", f"Invalid API version: {call.version}")
        token = call.authorization.removeprefix("Bearer ").strip()
        if token not in self.tokens:
            return refused(401, "Unauthorized", "Not Authenticated")
        overrun = self.meter.enter()
        if overrun:
            return _over(overrun)
        outcome = self._admit_body(call, token)
        if isinstance(outcome, Reply):
            self.meter.leave()
            if outcome.outcome == "limited":
                self.meter.cheapen()
        return outcome

    def _admit_body(self, call: Call, token: str) -> Admitted | Reply:
        query, variables, name = _read(call.body)
        if query is None:
            return refused(400, "Bad request", "The body must be a JSON object with the document under the key 'query'")
        prepared = self.schema.prepare(query, name)
        call.record.operations, call.record.aliases = tuple(prepared.fields.values()), tuple(prepared.fields)
        call.record.is_mutation = prepared.is_mutation
        call.record.fault = fault = self.faults.draw(prepared.fields.values())
        if fault in faults.BEFORE_EXECUTION:
            return faults.answer(fault) or NOTHING
        if prepared.errors:
            codes = tuple(str((error.extensions or {}).get("code")) for error in prepared.errors)
            return Reply(200, envelope({"errors": [described(error) for error in prepared.errors]}), "refused", errors=codes)
        admitted = Admitted(call, token, prepared, variables, fault)
        if call.idempotency_key and prepared.is_mutation:
            call.record.idempotency_key = call.idempotency_key
            try:
                admitted.replay = self.keys.begin(token, call.idempotency_key, hashlib.sha256(call.body).hexdigest())
            except InFlight:
                return faults.answer(Fault.CONFLICT_409) or NOTHING
        return admitted

    def execute(self, admitted: Admitted) -> Reply:
        """Carries a request out, takes as long as monday would, and gives its place back."""
        try:
            if admitted.replay:
                reply = admitted.replay.with_headers({"Idempotency-Replayed": "true"})
                admitted.call.record.outcome = "replayed"
            else:
                reply = self._execute_once(admitted)
        finally:
            self.meter.leave()
        if admitted.fault in {Fault.REPLY_LOST, Fault.HANG}:
            return NOTHING if admitted.fault is Fault.REPLY_LOST else reply
        return (faults.answer(admitted.fault) if admitted.fault else None) or reply

    def _execute_once(self, admitted: Admitted) -> Reply:
        remember: Reply | None = None
        try:
            reply, context = self._run(admitted)
            if context is None:
                return reply
            remember = reply
            return self._after_latency(admitted, context, reply)
        finally:
            key = admitted.call.record.idempotency_key
            if key:
                self.keys.finish(admitted.token, key, remember)

    def _run(self, admitted: Admitted) -> tuple[Reply, Context | None]:
        """The reply, and the context when something was executed."""
        prepared = admitted.prepared
        if prepared.document is None or prepared.operation is None:
            raise ValueError("a document with errors was admitted")
        points = Estimate(prepared.document, admitted.variables, self.costs).points(prepared.operation)
        admitted.call.record.cost = points
        most = self.meter.limits.complexity_per_query
        if points > most:
            message = f"Query has complexity of {points}, which exceeds max complexity of {most}"
            return refused(200, "maxComplexityExceeded", message), None
        spent = self.meter.charge(points, is_mutation=prepared.is_mutation)
        if isinstance(spent, Overrun):
            self.meter.cheapen()
            return _over(spent), None
        context = Context(self.state, self.cursors, self.meter, spent, admitted.call.base_url, admitted.call.record.version)
        if admitted.fault is Fault.REFUSE_ALIAS and prepared.is_mutation:
            context.refused_alias = self.faults.choose(
                [alias for alias, name in prepared.fields.items() if name != "complexity"]
            )
        if set(prepared.fields.values()) == {"complexity"}:
            self.meter.cheapen()
        return _answer(self.schema.execute(prepared, admitted.variables, context)), context

    def _after_latency(self, admitted: Admitted, context: Context, reply: Reply) -> Reply:
        mutations = len(admitted.prepared.fields) if admitted.prepared.is_mutation else 0
        seconds = self.latency.per_document + self.latency.per_mutation * mutations + self.latency.per_row * context.rows_read
        if seconds > MOST_SECONDS:
            self.sleep(MOST_SECONDS)
            return gateway_page(504, "Gateway Time-out")
        if seconds:
            self.sleep(seconds)
        return reply


def _read(body: bytes) -> tuple[str | None, Mapping[str, object], str | None]:
    """Document, variables and operation name of a body; no document when the body is not what GraphQL over HTTP sends."""
    try:
        content = json.loads(body)
    except ValueError:
        return None, {}, None
    query = content.get("query") if isinstance(content, dict) else None
    if not isinstance(query, str):
        return None, {}, None
    variables = content.get("variables")
    name = content.get("operationName")
    return query, variables if isinstance(variables, dict) else {}, name if isinstance(name, str) and name else None


def _answer(result: ExecutionResult) -> Reply:
    """What monday sends: HTTP 200 with data and errors, unless nothing succeeded and a refusal has a status of its own."""
    errors = [described(error) for error in result.errors or ()]
    extensions = [error["extensions"] for error in errors]
    codes = tuple(str(each.get("code")) for each in extensions if isinstance(each, dict))
    body = envelope({"data": result.data, **({"errors": errors} if errors else {})})
    succeeded = any(value is not None for value in (result.data or {}).values())
    if not errors:
        return Reply(200, body, "ok")
    if succeeded:
        return Reply(200, body, "partial", errors=codes)
    statuses = [each.get("status_code") for each in extensions if isinstance(each, dict)]
    return Reply(
        max([status for status in statuses if isinstance(status, int)] or [200]),
        body,
        "refused",
        errors=codes,
        all_refused=True,
    )


_OVERRUNS = {
    "complexity": ("COMPLEXITY_BUDGET_EXHAUSTED", "Complexity budget exhausted"),
    "minute": ("RATE_LIMIT_EXCEEDED", "Minute limit rate exceeded"),
    "concurrency": ("maxConcurrencyExceeded", "Concurrency limit exceeded"),
    "day": ("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded"),
    "ip": ("IP_RATE_LIMIT_EXCEEDED", "Your IP has exceeded the rate limit"),
}


def _over(overrun: Overrun) -> Reply:
    code, message = _OVERRUNS[overrun.limit]
    return refused(429, code, message, outcome="limited", retry_after=overrun.retry_in_seconds)
