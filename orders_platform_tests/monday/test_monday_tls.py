"""Over https the token reaches nobody whose certificate is not vouched for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import trustme

from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard
from orders_platform_tests.monday.stage import BOARD_ID

EMPTY = b'{"data": {"boards": [{"id": "9609317401", "columns": [], "groups": []}], "versions": []}}'


class Impostor:
    """A server on this machine whose certificate an authority of its own has signed."""

    def __init__(self, authority: trustme.CA) -> None:
        tokens = self.tokens = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                tokens.append(self.headers["Authorization"])
                self.send_response(200)
                self.send_header("Content-Length", str(len(EMPTY)))
                self.end_headers()
                self.wfile.write(EMPTY)

            def log_message(self, *_: object) -> None:
                """Not on the terminal."""

        class Quiet(HTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that hangs up during the handshake is what is tested."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}/v2"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def impostor(authority: trustme.CA) -> Iterator[Impostor]:
    made = Impostor(authority)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_a_server_whose_certificate_nobody_vouches_for_never_sees_the_token(
    impostor: Impostor, connect: Callable[..., MondayBoard]
) -> None:
    with pytest.raises(MondayUnavailableError, match="certificate verify failed"):
        connect(impostor.url).describe(BOARD_ID)
    assert impostor.tokens == []


def test_one_whose_authority_is_known_does(
    impostor: Impostor, authority: trustme.CA, connect: Callable[..., MondayBoard]
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    board = connect(impostor.url, token="a-token", http_transport=httpx.HTTPTransport(verify=context))
    assert board.describe(BOARD_ID).id == BOARD_ID
    assert impostor.tokens == ["a-token"]
