"""What is no request, or one without end: refused before it costs anything, and the next one is answered as ever."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.sandbox.gate import MOST_BYTES
from orders_platform.sandbox.graphql_schema import ExecutableSchema
from orders_platform.sandbox.sandbox_options import PriceList
from orders_platform.settings import default_folder
from orders_platform_tests.sandbox.conftest import CREATE, Api, Start

OWN = "{ me { id } }"
SECONDS = 10
"""What an attack may cost at most, on a machine that does much else."""


def bomb(levels: int, inside: str) -> str:
    """A short document whose fragments say `inside` twice as often with each level."""
    spread = " ".join(f"fragment F{i} on Item {{ {inside.replace('NEXT', f'...F{i + 1}')} }}" for i in range(levels))
    return f"{{ items(ids: [1]) {{ ...F0 }} }} {spread} fragment F{levels} on Item {{ id }}"


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "evil.example:80@127.0.0.1"}, {"Host": "[::1"}, {"Host": ""},
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("path", ["/v2", "/", "/page/overview.json"])
def test_another_name_and_another_origin_get_nothing(api: Api, headers: dict[str, str], path: str) -> None:
    answer = api.http.request("POST" if path == "/v2" else "GET", path, json={"query": OWN}, headers=headers)
    assert answer.status_code == 403
    assert list(api.sandbox.requests) == []


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8765", "LOCALHOST:80"])
def test_the_own_names_and_the_own_pages_are_let_in(api: Api, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert api.http.post("/v2", json={"query": OWN}, headers=headers).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), 20) as connection:
        head = f"POST /v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_body_that_turns_out_too_large_is_refused(api: Api) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * (1 << 20)

    try:
        assert api.http.post("/v2", content=chunks()).status_code == 413
    except httpx.TransportError:  # the answer came while we were still sending
        assert api.sandbox.requests[-1].status == 413
    body = json.dumps({"query": OWN}).encode()
    assert api.http.post("/v2", content=body + b" " * (MOST_BYTES - len(body))).status_code == 200


def test_a_body_that_never_ends_is_given_up(start: Start) -> None:
    api = start(hang_seconds=0.05)
    with socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), 20) as connection:
        connection.sendall(b'POST /v2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"query"')
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # and the connection ends
    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("body", [
    b"[" * 100_000, b'{"query": ' + b"[" * 100_000, b'{"a":' * 100_000,
    b'{"query": "{ me { id } }", "variables": {"i": ' + b"9" * 5_000 + b"}}",
    b'{"query": "{ me { id } }", "variables": {"i": 1e999}}', b'{"query": "{ me { id } }", "variables": {"i": NaN}}',
    b'{"query": "{ me { id } } # \\ud800"}', b'{"query": "{ me { id } }", "variables": {"\\uDFFF": 1}}', b'{"query": "# \xed\xa0\x80"}',
    '{"query": "{ me { id } }"}'.encode("utf-16"), b"\xff\xfe", b'{"query": "{ me { id } }"} trailing',
], ids=lambda body: repr(body[:24]))  # fmt: skip
def test_what_is_no_json_of_the_web_is_a_bad_request(api: Api, body: bytes) -> None:
    answer = api.http.post("/v2", content=body)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "Bad request")


@pytest.mark.parametrize(
    "values", ["[" * 100_000, '{"text_mkr5wya6": "\\ud800"}', '{"numeric_mkra7j8e": 1e999}', '{"a": NaN}', "9" * 5_000]
)
def test_nor_are_column_values_that_are_none(api: Api, values: str) -> None:
    answer = api.create_as(values)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "JsonParseException")


@pytest.mark.parametrize("number", ["9" * 5_000, "9" * 40, "9" * 19, "-1", "１", "1e3", ""])
def test_an_id_that_is_no_id_is_the_id_of_nothing(api: Api, number: str) -> None:
    board = "query($i: ID!) { boards(ids: [$i]) { id } items(ids: [$i]) { id } }"
    page = "query($q: ItemsQuery) { boards { items_page(query_params: $q) { items { id } } } }"
    assert api.http.get("/page/group.json", params={"board": number, "group": "a", "rows": number}).status_code == 404
    for answer in (
        api.post(board, {"i": number}), api.post(page, {"q": {"ids": [number]}}), api.post(CREATE, {"board": number, "name": "A"}),
        api.post("mutation($i: ID!) { archive_item(item_id: $i) { id } }", {"i": number}),
        api.create_as(json.dumps({"status": {"index": number}})), api.create_as(json.dumps({"dropdown_mkr5rgs6": {"ids": [number]}})),
    ):  # fmt: skip
        assert answer.status_code == 200
        assert "INTERNAL_SERVER_ERROR" not in answer.text


@pytest.mark.parametrize(("query", "code"), [
    ("{ items(ids: [1]) " + "{ parent_item " * 5_000 + "{ id }" + "}" * 5_001, "PARSE_ERROR"),
    ("{ items(ids: [1]) " + "{ parent_item " * 150 + "{ id }" + "}" * 151, "maxDepthExceeded"),
    ("{ items(ids: [1]) " + "{ parent_item " * 20 + "{ id }" + "}" * 21, "maxDepthExceeded"),
    (bomb(30, "a: parent_item { NEXT } b: parent_item { NEXT }"), "maxDepthExceeded"),
    (bomb(18, "a: subitems { NEXT } b: subitems { NEXT }"), "maxComplexityExceeded"),
    ("{" + " me { id }" * 20_000 + "}", "PARSE_ERROR"), ("query(" + "$a: [" * 5_000, "PARSE_ERROR"),
    ("{ items(ids: " + "[" * 5_000 + "]" * 5_000 + ") { id } }", "PARSE_ERROR"),
    ("{ " + " ".join(f"a{i}: me {{ id }}" for i in range(9_000)) + "}", "PARSE_ERROR"),
], ids=lambda text: text[:40])  # fmt: skip
def test_a_document_without_end_is_refused_before_it_costs_anything(api: Api, query: str, code: str) -> None:
    began = time.process_time()
    answer = api.post(query)
    assert time.process_time() - began < SECONDS
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (200, code)


@given(levels=st.integers(1, 12))
def test_a_fragment_counts_wherever_it_stands_and_once_in_one_place(levels: int) -> None:
    def points(query: str) -> int:
        prepared = ExecutableSchema(default_folder("graphql") / "schema.graphql").prepare(query, None)
        assert prepared.errors == ()
        return prepared.points({}, PriceList())

    nested = bomb(levels, "a: parent_item { NEXT } b: parent_item { NEXT }")
    assert points(nested) == 1 + 2 ** (levels + 1) - 2 + 2**levels
    assert points(bomb(levels, "NEXT NEXT")) == 2
