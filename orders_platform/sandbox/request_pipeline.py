"""The steps of a request, in their order: token, version, limits, faults, idempotency, complexity, execution, latency."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from graphql import ExecutionResult

from orders_platform.sandbox import faults
from orders_platform.sandbox.answers import NOTHING, UNCONNECTED, HttpReply, gateway_page, refused
from orders_platform.sandbox.calls import Admitted, Call
from orders_platform.sandbox.conflicts import BoardLocks, IdempotencyKeys, KeyInUse, KeyMismatch, boards_of
from orders_platform.sandbox.faults import Fault, Faults
from orders_platform.sandbox.gate import read_json
from orders_platform.sandbox.graphql_schema import ExecutableSchema, described
from orders_platform.sandbox.item_search import Cursors
from orders_platform.sandbox.metering import Meter, Spent
from orders_platform.sandbox.resolver_context import Context, MalformedVersion, serving
from orders_platform.sandbox.sandbox_options import Latency, PriceList
from orders_platform.sandbox.scheduler import IdStream, Scheduler
from orders_platform.sandbox.state import State

MOST_SECONDS = 60.0
"""monday gives up on a request after this long; the work goes on behind the gateway's page."""


@dataclass(slots=True)
class RequestPipeline:
    """The request pipeline of a sandbox, shared by its threads."""

    schema: ExecutableSchema
    state: State
    meter: Meter
    faults: Faults
    keys: IdempotencyKeys
    tokens: Collection[str]
    latency: Latency
    costs: PriceList
    sleep: Callable[[float], None]
    ids: IdStream
    scheduler: Scheduler
    refused_until: float = 0.0
    cursors: Cursors = field(init=False)
    locks: BoardLocks = field(default_factory=BoardLocks)

    def __post_init__(self) -> None:
        self.cursors = Cursors(self.state.clock, self.ids)

    @property
    def refuses(self) -> bool:
        """Whether connections are refused now."""
        return self.state.clock() < self.refused_until

    def admit(self, call: Call) -> Admitted | HttpReply:
        """Lets a request in, or answers it at once; what was due before it is done first."""
        if self.refuses:
            return UNCONNECTED
        self.scheduler.do_due()
        outcome = self._let_in(call)
        if isinstance(outcome, HttpReply):
            return self._sealed(outcome)
        if outcome.fault is not Fault.LATE_COMMIT:
            return outcome
        outcome.nobody_waits = True
        self.scheduler.add(self.faults.delay(), lambda: self.execute(outcome))
        return NOTHING

    def _let_in(self, call: Call) -> Admitted | HttpReply:
        try:
            call.record.version = serving(call.version)
        except MalformedVersion:
            return refused(200, "InvalidVersionException", f"Invalid API version: {call.version}")
        bare = call.authorization.removeprefix("Bearer ") if self.state.switches.accept_bearer else call.authorization
        token = bare.strip()
        if token not in self.tokens:
            return refused(401, "Unauthorized", "Not Authenticated")
        if limit := self.meter.enter():
            return limit
        outcome = self._admit_body(call, token)
        if isinstance(outcome, HttpReply):
            self.meter.leave()
            if outcome.outcome == "limited":
                self.meter.cheapen()
            if outcome.unconnected:
                self.meter.forget()
        return outcome

    def _admit_body(self, call: Call, token: str) -> Admitted | HttpReply:
        query, variables, name = _read(call.body)
        if query is None:
            return refused(400, "Bad request", "The body must be a JSON object with the document under the key 'query'")
        prepared = self.schema.prepare(query, name)
        call.record.operations, call.record.aliases = tuple(prepared.fields.values()), tuple(prepared.fields)
        call.record.is_mutation = prepared.is_mutation
        always_fails = prepared.is_mutation and self.faults.fails_on(call.body)
        call.record.fault = fault = Fault.ERROR_500 if always_fails else self.faults.draw(prepared.fields.values())
        if fault is Fault.REFUSED:
            self.refused_until = self.state.clock() + self.faults.refused_seconds
            return UNCONNECTED
        if fault in faults.BEFORE_EXECUTION:
            return faults.answer(fault) or NOTHING
        if prepared.errors:
            codes = tuple(str((error.extensions or {}).get("code")) for error in prepared.errors)
            return HttpReply(
                200, b"", "refused", errors=codes, content={"errors": [described(each) for each in prepared.errors]}
            )
        return self._reserve(Admitted(call, token, prepared, variables, fault))

    def _reserve(self, admitted: Admitted) -> Admitted | HttpReply:
        """Fields, boards and key that nobody else may have at the same time."""
        call, prepared = admitted.call, admitted.prepared
        if limit := self.meter.enter_fields(prepared.fields.values()):
            return limit
        refusal = self._lock_boards(admitted)
        if refusal is None and call.idempotency_key and prepared.is_mutation:
            call.record.idempotency_key = call.idempotency_key
            try:
                admitted.replay = self.keys.begin(admitted.token, call.idempotency_key, hashlib.sha256(call.body).hexdigest())
            except KeyInUse:
                refusal = faults.answer(Fault.CONFLICT_409)
            except KeyMismatch:
                message = "This idempotency key was used with another request"
                refusal = refused(422, "IDEMPOTENCY_KEY_REUSED", message)
        if refusal:
            self._release(admitted)
        return refusal or admitted

    def _lock_boards(self, admitted: Admitted) -> HttpReply | None:
        if not (self.state.switches.lock_boards and admitted.prepared.is_mutation):
            return None
        boards = boards_of(self.state, admitted.prepared, admitted.variables)
        if not self.locks.take(boards):
            return faults.answer(Fault.LOCKED_423)
        admitted.boards = boards
        return None

    def _release(self, admitted: Admitted) -> None:
        self.locks.release(admitted.boards)
        self.meter.leave_fields(admitted.prepared.fields.values())

    def execute(self, admitted: Admitted) -> HttpReply:
        """Carries a request out, takes as long as monday would, and gives its place back."""
        try:
            reply = self._replayed(admitted) if admitted.replay else self._execute_once(admitted)
        finally:
            self._release(admitted)
            self.meter.leave()
        if admitted.fault in {Fault.REPLY_LOST, Fault.LATE_COMMIT}:
            return NOTHING
        return self._sealed(faults.answer(admitted.fault) or self.faults.distort(reply, admitted.fault))

    def _replayed(self, admitted: Admitted) -> HttpReply:
        admitted.call.record.outcome = "replayed"
        if not self.keys.rules.replay_costs_call:
            self.meter.day.spend(-1.0)
        if self.keys.rules.replay_costs_complexity:
            spent = self._charge(admitted)
            if isinstance(spent, HttpReply):
                return spent
        return (admitted.replay or NOTHING).with_headers({"Idempotency-Replayed": "true"})

    def _execute_once(self, admitted: Admitted) -> HttpReply:
        remember: HttpReply | None = None
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

    def _run(self, admitted: Admitted) -> tuple[HttpReply, Context | None]:
        """The reply, and the context when something was executed."""
        prepared = admitted.prepared
        spent = self._charge(admitted)
        if isinstance(spent, HttpReply):
            return spent, None
        call = admitted.call
        context = Context(self.state, self.cursors, self.meter, spent, call.base_url, call.record.version)
        if prepared.is_mutation and admitted.fault in {Fault.REFUSE_ALIAS, Fault.BREAK_ALIAS}:
            chosen = self.faults.choose([alias for alias, name in prepared.fields.items() if name != "complexity"])
            context.refused_alias = chosen if admitted.fault is Fault.REFUSE_ALIAS else None
            context.broken_alias = chosen if admitted.fault is Fault.BREAK_ALIAS else None
        if set(prepared.fields.values()) == {"complexity"}:
            self.meter.cheapen()
        reply = self._sealed(_answer(self.schema.execute(prepared, admitted.variables, context)))
        if reply.outcome == "limited":
            self.meter.cheapen()
        return reply, context

    def _charge(self, admitted: Admitted) -> Spent | HttpReply:
        """Takes the points of a document from the budget, or says why it cannot."""
        prepared = admitted.prepared
        admitted.call.record.cost = points = prepared.points(admitted.variables, self.costs)
        most = self.meter.limits.complexity_per_query
        if points > most:
            message = f"Query has complexity of {points}, which exceeds max complexity of {most}"
            return refused(200, "maxComplexityExceeded", message)
        spent = self.meter.charge(points, is_mutation=prepared.is_mutation)
        if isinstance(spent, HttpReply):
            self.meter.cheapen()
        return spent

    def _after_latency(self, admitted: Admitted, context: Context, reply: HttpReply) -> HttpReply:
        if admitted.nobody_waits:
            return reply
        changes = [name for name in admitted.prepared.fields.values() if name != "complexity"]
        mutations = len(changes) if admitted.prepared.is_mutation else 0
        seconds = self.latency.per_document + self.latency.per_mutation * mutations + self.latency.per_row * context.rows_read
        if seconds > MOST_SECONDS:
            self.sleep(MOST_SECONDS)
            return gateway_page(504, "Gateway Time-out")
        if seconds:
            self.sleep(seconds)
        return reply

    def _sealed(self, reply: HttpReply) -> HttpReply:
        return reply.sealed(self.ids.next()) if reply.content is not None else reply


def _read(body: bytes) -> tuple[str | None, dict[str, object], str | None]:
    """Document, variables and operation name of a body; no document when the body is not what GraphQL over HTTP sends."""
    try:
        content = read_json(body)
    except ValueError:
        return None, {}, None
    if not isinstance(content, dict) or not isinstance(query := content.get("query"), str):
        return None, {}, None
    variables = content.get("variables")
    name = content.get("operationName")
    return query, variables if isinstance(variables, dict) else {}, name if isinstance(name, str) and name else None


def _answer(result: ExecutionResult) -> HttpReply:
    """What monday sends: HTTP 200 with data and errors, unless nothing succeeded and a refusal has a status of its own."""
    errors = [described(error) for error in result.errors or ()]
    extensions = [error["extensions"] for error in errors]
    codes = tuple(str(each.get("code")) for each in extensions if isinstance(each, dict))
    content = {"data": result.data, **({"errors": errors} if errors else {})}
    succeeded = any(value is not None for value in (result.data or {}).values())
    if not errors:
        return HttpReply(200, b"", "ok", content=content)
    if succeeded:
        return HttpReply(200, b"", "partial", errors=codes, content=content)
    statuses = [each.get("status_code") for each in extensions if isinstance(each, dict)]
    status = max([status for status in statuses if isinstance(status, int)] or [200])
    outcome = "limited" if status == 429 else "refused"
    return HttpReply(status, b"", outcome, errors=codes, all_refused=True, content=content)
