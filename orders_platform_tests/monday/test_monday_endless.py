"""Answers without end: drips, bombs and floods end as unknown, within the deadline and little memory."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from orders_platform.domain.mutations import BatchReport, Mutation, Operation, Outcome
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.client import RetryPolicy
from orders_platform.monday.transport import MOST_BYTES
from orders_platform_tests.monday.stage import BOARD_ID

ONCE = RetryPolicy(attempts=1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DEADLINE = 0.3

Send = Callable[[Callable[[bytes], None]], None]


@contextmanager
def speaking(send: Send, wrap: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a server that takes whatever is asked and says what `send` says, until nobody listens any more."""

    def serve(connection: socket.socket) -> None:
        try:
            with connection:
                connection.recv(65_536)
                send(connection.sendall)
        except OSError:
            return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=serve, args=[connection], daemon=True)
            thread.start()
            threads.append(thread)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v2"
        listener.shutdown(socket.SHUT_RDWR)
    accepting.join()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()  # the client has hung up


def drip(head: bytes, drop: bytes) -> Send:
    def send(say: Callable[[bytes], None]) -> None:
        say(head)
        while True:
            say(drop)
            time.sleep(0.02)

    return send


def send_one(board: MondayBoard) -> BatchReport:
    (report,) = board.send(Operation.CREATE_ITEM, [Mutation("a", {"board_id": 1, "item_name": "x"})])
    return report


DRIPS = {
    "of the status": drip(b"HTTP/1.1 20", b"0"),
    "of the headers": drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "of headers": drip(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
    "of interim answers": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "of the body": drip(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "of chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "without an end": drip(HEAD + b"\r\n", b" "),
    "of what unpacks to nothing": drip(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff"
    ),
}


@pytest.mark.parametrize("name", DRIPS)
def test_a_drip_ends_with_the_deadline_and_is_unknown(name: str, connect: Callable[..., MondayBoard]) -> None:
    with speaking(DRIPS[name]) as url, connect(url, timeout_seconds=DEADLINE, policy=ONCE) as board:
        began = time.monotonic()
        report = send_one(board)
        with pytest.raises(MondayUnavailableError, match="timeout"):
            board.describe(BOARD_ID)
        assert time.monotonic() - began < 10 * DEADLINE
    result = report.results["a"]
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "timeout")


def test_a_deadline_holds_for_each_request_of_a_connection_that_stays_open(connect: Callable[..., MondayBoard]) -> None:
    answers = iter([0, 1])

    def send(say: Callable[[bytes], None]) -> None:
        if next(answers) == 0:
            say(HEAD + b'Content-Length: 24\r\n\r\n{"data":{"m0":{"id":7}}}')
        drip(b"", b"H")(say)

    with speaking(send) as url, connect(url, timeout_seconds=DEADLINE, policy=ONCE) as board:
        assert send_one(board).results["a"].monday_id == "7"
        assert send_one(board).results["a"].outcome is Outcome.UNKNOWN


def flood(head: bytes, piece: bytes, counted: list[int]) -> Send:
    def send(say: Callable[[bytes], None]) -> None:
        say(head)
        while counted[0] < 300 * 2**20:
            say(piece)
            counted[0] += len(piece)

    return send


def packed(wbits: int, times: int = 1) -> bytes:
    body = b'{"data": {}}' + b" " * 300 * 2**20
    for _ in range(times):
        packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
        body = packer.compress(body) + packer.flush()
    return body


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "gzip, gzip"])
def test_a_flood_is_cut_and_unknown(encoding: str, connect: Callable[..., MondayBoard]) -> None:
    wbits = {"gzip": 31, "deflate": 15, "gzip, gzip": 31}
    piece = packed(wbits[encoding], 1 + ("," in encoding)) if encoding else b" " * 2**20
    # What is packed twice is a small body that is no JSON, and then there is more of it.
    head = HEAD + (f"Content-Encoding: {encoding}\r\n".encode() if encoding else b"") + b"\r\n"
    counted = [0]
    with speaking(flood(head, piece, counted)) as url, connect(url, timeout_seconds=20.0, policy=ONCE) as board:
        tracemalloc.start()
        report = send_one(board)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    result = report.results["a"]
    assert result.outcome is Outcome.UNKNOWN
    assert result.code == "connection_lost" if "," in encoding else "too_long"
    assert peak < 4 * MOST_BYTES
    assert counted[0] < 4 * MOST_BYTES


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "nonsense"])
def test_a_body_that_cannot_be_unpacked_is_a_lost_one(encoding: str, connect: Callable[..., MondayBoard]) -> None:
    head = HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: 24\r\n\r\n".encode()
    with speaking(lambda say: say(head + b'{"data":{"m0":{"id":7}}}')) as url:
        result = send_one(connect(url, policy=ONCE)).results["a"]
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "connection_lost")


def test_a_packed_body_that_breaks_off_is_a_lost_one(connect: Callable[..., MondayBoard]) -> None:
    body = gzip.compress(b'{"data":{"m0":{"id":7}}}')[:-4]
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with speaking(lambda say: say(head + body)) as url:
        assert send_one(connect(url, policy=ONCE)).results["a"].code == "connection_lost"


def test_a_packed_answer_is_read(connect: Callable[..., MondayBoard]) -> None:
    body = gzip.compress(b'{"data":{"m0":{"id":7}}}')
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with speaking(lambda say: say(head + body)) as url:
        assert send_one(connect(url)).results["a"].monday_id == "7"


def test_pages_without_end_are_given_up(connect: Callable[..., MondayBoard]) -> None:
    page = {"cursor": "next", "items": []}
    data = {"boards": [{"items_page": page}], "next_items_page": page}
    board = connect("http://monday", http_transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data})))
    with pytest.raises(MondayUnavailableError, match="pages"):
        board.items_of_groups(BOARD_ID, ["g"], [])
