"""What a request may be: the bytes, the time, the JSON, the numbers. Whatever reads what a client wrote begins here."""

from __future__ import annotations

import asyncio
import json
import math

from starlette.requests import Request

from orders_platform.sandbox.answers import HttpReply, refused

MOST_BYTES = 16 << 20
MOST_TOKENS = 20_000
"""Of a document; monday publishes no such limit, its points end sooner."""

MOST_DEPTH = 20
"""Fields inside fields; monday publishes the error and not the figure."""

_LONGEST_NUMBER = 18
"""Digits of an id, which SQLite still holds."""


async def read_body(request: Request, seconds: float) -> bytes | HttpReply:
    """The body, or what is answered to one that is too large, which is not read, or too slow; then the connection closes."""
    body, announced = bytearray(), request.headers.get("content-length", "0")
    try:
        async with asyncio.timeout(seconds):
            if len(announced) < _LONGEST_NUMBER and int(announced) <= MOST_BYTES:
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        break
                else:
                    return bytes(body)
    except TimeoutError:
        return refused(408, "Request timeout", f"The body did not come within {seconds:g} seconds").with_headers(_CLOSE)
    return refused(413, "Payload too large", f"A body may have {MOST_BYTES:,} bytes").with_headers(_CLOSE)


_CLOSE = {"Connection": "close"}


def read_json(text: str | bytes) -> object:
    """JSON whose texts have an encoding, whose numbers are finite and whose brackets end somewhere.

    Raises:
        ValueError: it is none.
    """
    try:
        plain = text.decode() if isinstance(text, bytes) else text
        content: object = json.loads(plain, parse_float=_finite, parse_constant=_finite)
        if "\\u" in plain:
            json.dumps(content, ensure_ascii=False).encode()  # half of a character has no encoding
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return content


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:20]} is no number of JSON")
    return number


def read_id(value: object) -> int | None:
    """An id as a number; None for what is none."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else None
