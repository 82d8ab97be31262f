"""One request to the sandbox: as it arrives, as it is let in, and as it stays in the log.

Belongs here: the values that the gate and those who carry requests to it share. Does not belong here: what becomes of a request
(`gate.py`), the wire (`application.py`, `in_process.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orders_platform.sandbox import versions
from orders_platform.sandbox.faults import Fault
from orders_platform.sandbox.replies import Reply
from orders_platform.sandbox.schema import Prepared


@dataclass(frozen=True, slots=True)
class Latency:
    """How long monday takes, in seconds.

    Attributes:
        per_row: of every item on a page; monday was seen to take 2.9 s for 500.
    """

    per_document: float = 0.0
    per_mutation: float = 0.0
    per_row: float = 0.0

    @classmethod
    def observed(cls) -> Latency:
        """As others measured: 2.9 s for 500 rows of id and name; documents and mutations as our benchmark takes them."""
        return cls(per_document=0.2, per_mutation=0.3, per_row=2.7 / 500)


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
    version: str = versions.CURRENT
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
    """A request that holds a place among those in flight: `Gate.execute` must follow.

    Attributes:
        replay: the remembered answer, when the key is known.
        boards: that it locks.
        nobody_waits: its client is gone already.
    """

    call: Call
    token: str
    prepared: Prepared
    variables: Mapping[str, object]
    fault: Fault | None = None
    replay: Reply | None = None
    boards: frozenset[int] = frozenset()
    nobody_waits: bool = False
