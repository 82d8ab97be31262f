"""HTTP around the API: token, version, bodies, headers, loopback."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import httpx
import pytest
from graphql import build_schema

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.server import SANDBOX_TOKEN, Fault, Sandbox, running, serve

VERSION = "{ version { value kind } }"


@pytest.mark.parametrize("header", [{}, {"Authorization": ""}, {"Authorization": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_a_wrong_token_is_refused_with_401(api, header):
    answer = httpx.post(f"{api.url}/v2", json={"query": VERSION}, headers=header)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "Unauthorized"


def test_a_bearer_prefix_is_tolerated(api):
    assert api.post(VERSION, Authorization="Bearer sandbox-token").status_code == 200


@pytest.mark.parametrize(
    ("asked", "served", "kind"),
    [
        (None, "2026-10", "current"),
        ("2026-10", "2026-10", "current"),
        ("2026-07", "2026-07", "maintenance"),
        ("2027-01", "2027-01", "release_candidate"),
        ("2024-02", "2026-10", "current"),
        ("2024-01", "2026-04", "maintenance"),
    ],
)
def test_the_version_header_routes_and_the_answer_says_where(api, asked, served, kind):
    answer = api.post(VERSION, **({"API_Version": asked} if asked else {}))
    assert answer.headers["API-Version"] == served
    assert answer.json()["data"]["version"] == {"value": served, "kind": kind}


def test_a_malformed_version_is_refused(api):
    answer = api.post(VERSION, API_Version="2023")
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "InvalidVersionException"


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"query": 3}', b'{"variables": {}}'])
def test_a_body_without_a_document_is_a_bad_request(api, body):
    answer = api.http.post("/v2", content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "Bad request"


def test_a_syntax_error_is_answered_with_200(api):
    answer = api.post("{ boards(")
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"].startswith("Parse error on")


@pytest.mark.parametrize(
    "query", ["{ boards { new_field } }", "query($x: Nothing) { me { id } }", "query($x: ID!) { boards(ids: [$x]) { id } }"]
)
def test_a_document_that_does_not_fit_the_schema_is_refused(api, query):
    answer = api.post(query)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_one_of_several_operations_is_chosen_by_name(api):
    body = {"query": "query A { me { id } } query B { account { slug } }", "operationName": "B"}
    assert api.http.post("/v2", json=body).json()["data"] == {"account": {"slug": "sandbox"}}


def test_every_answer_carries_a_request_id_of_its_own(api):
    first, second = (api.post(query).json()["extensions"]["request_id"] for query in (VERSION, "{ nothing"))
    assert first != second


def test_every_answer_carries_the_rate_limit_headers(api):
    answer = api.post(VERSION)
    assert answer.headers["RateLimit-Policy"] == (
        '"minuteRate";q=2500;w=60, "concurrency";q=100;qu="concurrent-requests", "complexityMinute";q=10000000;w=60;qu="content-bytes"'
    )
    assert answer.headers["RateLimit"] == '"minuteRate";r=2499, "concurrency";r=100, "complexityMinute";r=9999997;t=60'


def test_a_sandbox_without_a_server_answers_in_process():
    """Cutting a connection needs one; in-process the client sees the error itself."""
    sandbox = Sandbox()

    async def ask() -> int:
        transport = httpx.ASGITransport(sandbox.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"Authorization": SANDBOX_TOKEN}
        ) as http:
            status = (await http.post("/v2", json={"query": VERSION})).status_code
            sandbox.faults.queue(Fault.REPLY_LOST)
            with pytest.raises(ConnectionResetError):
                await http.post("/v2", json={"query": VERSION})
            return status

    assert asyncio.run(ask()) == 200
    sandbox.close()


def test_health_answers_without_a_token(api):
    answer = httpx.get(f"{api.url}/health")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.com"])
def test_another_host_than_loopback_is_refused(host):
    sandbox = Sandbox()
    with pytest.raises(ConfigurationError, match="loopback only"):
        serve(sandbox, host, 0)
    sandbox.close()


def test_a_sandbox_may_be_served_twice_and_keeps_its_boards():
    sandbox = Sandbox()
    headers = {"Authorization": SANDBOX_TOKEN}
    create = 'mutation { create_item(board_id: 9609317401, item_name: "A") { id } }'
    for _ in range(2):
        with running(sandbox) as url:
            assert httpx.post(f"{url}/v2", json={"query": create}, headers=headers).status_code == 200
    assert len(sandbox.board_snapshot(9609317401)[0].items) == 2
    sandbox.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_serving_says_when_it_is_ready_and_stops_when_interrupted(host):
    """As people run it: a process of its own, ended by an interrupt."""
    call = f"serve(Sandbox(), {host!r}, 0, lambda url: print(url, flush=True))"
    program = f"from orders_platform.sandbox.server import Sandbox, serve; {call}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/health").text == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in {0, -signal.SIGINT, 130, 1}
    assert url.startswith(f"http://{host}:")


def test_a_taken_port_is_named(api):
    other = Sandbox()
    with pytest.raises(ConfigurationError, match="Choose another port"), running(other, int(api.url.rpartition(":")[2])):
        pass
    other.close()


def test_the_request_log_keeps_what_was_asked_and_what_came_of_it(api):
    api.post('mutation { a: create_group(board_id: 9609317401, group_name: "G") { id } b: delete_item(item_id: 1) { id } }')
    (record,) = api.sandbox.requests
    assert (record.operations, record.aliases) == (("create_group", "delete_item"), ("a", "b"))
    assert (record.outcome, record.status, record.cost, record.errors) == (
        "partial",
        200,
        20_002,
        ("ResourceNotFoundException",),
    )


def test_the_schema_can_be_downloaded_without_a_token(api):
    text = httpx.get(f"{api.url}/v2/get_schema", params={"format": "sdl", "version": "2026-10"}).text
    assert "create_item" in build_schema(text).mutation_type.fields
