"""Requests of an httpx client carried to a sandbox in the same thread, without sockets and without waiting.

With a virtual clock and a seed of faults a whole run repeats to the letter: nothing here starts a thread, reads the time or draws at
random.
"""

from __future__ import annotations

import math

import httpx

from orders_platform.sandbox.application import Sandbox
from orders_platform.sandbox.calls import Admitted, Call, RequestRecord
from orders_platform.sandbox.faults import Fault


class InProcess(httpx.BaseTransport):
    """The transport of `httpx.Client(transport=InProcess(sandbox))`; any host will do in the URL.

    A refused connection raises `httpx.ConnectError`, a connection that closes without an answer `httpx.RemoteProtocolError`. A
    request that hangs, or that takes longer on the sandbox's clock than the client's read time-out, raises `httpx.ReadTimeout`
    once that time has passed on the sandbox's clock.

    Args:
        sandbox: its clock and its sleep are those of the requests.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers one request; httpx calls it.

        Raises:
            httpx.TransportError: the client gets no answer.
        """
        if (request.method, request.url.path) != ("POST", "/v2"):
            return httpx.Response(404)
        sandbox = self._sandbox
        record = RequestRecord(at=sandbox.clock())
        headers = request.headers
        url = request.url
        call = Call(
            authorization=headers.get("authorization", ""),
            version=headers.get("api-version"),
            idempotency_key=headers.get("idempotency-key"),
            body=request.read(),
            base_url=f"{url.scheme}://{url.netloc.decode()}/",
            record=record,
        )
        patience = (request.extensions.get("timeout") or {}).get("read") or math.inf
        reply = sandbox.pipeline.admit(call)
        if isinstance(reply, Admitted):
            if reply.fault is Fault.HANG:
                sandbox.sleep(min(patience, sandbox.hang_seconds))
            reply = sandbox.pipeline.execute(reply)
        record.seconds = sandbox.clock() - record.at
        fields = sandbox.logged(reply, record)
        if reply.unconnected:
            raise httpx.ConnectError("[Errno 111] Connection refused", request=request)
        if record.seconds >= patience:
            raise httpx.ReadTimeout("The read operation timed out", request=request)
        if reply.dropped:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        return httpx.Response(reply.status, headers={**fields, "Content-Type": reply.content_type}, content=reply.body)
