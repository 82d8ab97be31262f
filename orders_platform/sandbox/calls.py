"""One request: as it arrives, as it is let in, and as it stays in the log."""

from __future__ import annotations

from dataclasses import dataclass

from orders_platform.sandbox.answers import HttpReply
from orders_platform.sandbox.faults import Fault
from orders_platform.sandbox.graphql_schema import Prepared
from orders_platform.sandbox.resolver_context import CURRENT


@dataclass(slots=True)
class RequestRecord:
    """A line of the request log.

    Attributes:
        operations: root fields, one for each of `aliases`.
        outcome: `ok`, `partial`, `refused`, `limited`, `replayed`, `reply lost` ...
        errors: codes in the body.
        version: of the API that served it.
        is_mutation: whether it could have changed anything.
        request_id: as the answer named it.
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
    version: str = CURRENT
    is_mutation: bool = False
    request_id: str = ""


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
    """A request that holds a place among those in flight: `RequestPipeline.execute` must follow.

    Attributes:
        replay: the remembered answer, when the key is known.
        boards: that it locks.
        nobody_waits: its client is gone already.
    """

    call: Call
    token: str
    prepared: Prepared
    variables: dict[str, object]
    fault: Fault | None = None
    replay: HttpReply | None = None
    boards: frozenset[int] = frozenset()
    nobody_waits: bool = False
