"""Idempotency keys: executed once, replayed for thirty minutes."""

from __future__ import annotations

import threading

import pytest

from orders_platform.sandbox.sandbox_options import IdempotencyRules
from orders_platform.sandbox.server import SANDBOX_TOKEN, AccountLimits, Fault, Latency

ITEM = 'mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } }'


def send(api, key: str = "key-1", query: str = ITEM, **headers: str):
    return api.post(query, Idempotency_Key=key, **headers)


def test_the_same_key_is_executed_once_and_replayed(api):
    first, second = send(api), send(api)
    assert second.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert api.names() == ["A"]
    assert api.sandbox.requests[1].outcome == "replayed"


def test_another_key_or_no_key_is_another_intent(api):
    for headers in ({"Idempotency_Key": "1"}, {"Idempotency_Key": "2"}, {}, {}):
        api.post(ITEM, **headers)
    assert len(api.names()) == 4


def test_a_key_belongs_to_its_token(start):
    api = start(tokens=(SANDBOX_TOKEN, "second-token"))
    send(api)
    send(api, Authorization="second-token")
    assert len(api.names()) == 2


def test_after_thirty_minutes_the_key_executes_again(api):
    send(api)
    api.clock.now += 1_799
    send(api)
    assert len(api.names()) == 1
    api.clock.now += 1
    send(api)
    assert len(api.names()) == 2


def test_a_key_on_a_query_is_ignored(api):
    query = "{ boards(ids: [9609317401]) { items_count } }"
    before = send(api, query=query).json()["data"]
    api.create("A")
    assert send(api, query=query).json()["data"] != before


def test_a_key_in_flight_is_a_conflict(start):
    asleep, wake = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        asleep.set()
        wake.wait(10)

    api = start(latency=Latency(per_mutation=1), sleep=sleep)
    first = threading.Thread(target=send, args=(api,))
    first.start()
    asleep.wait(10)
    answer = send(api)
    wake.set()
    first.join()
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDEMPOTENCY_CONFLICT"
    assert send(api).headers["Idempotency-Replayed"] == "true"
    assert len(api.names()) == 1


def test_another_body_under_a_known_key_gets_the_first_answer(api):
    first = send(api)
    assert send(api, query=ITEM.replace('"A"', '"B"')).content == first.content
    assert api.names() == ["A"]


def test_a_partly_refused_document_is_replayed_as_it_was(api):
    query = ITEM[:-1] + " b: archive_item(item_id: 1) { id } }"
    assert send(api, query=query).content == send(api, query=query).content
    assert api.names() == ["A"]


def test_a_request_that_a_limit_refused_is_not_remembered(start):
    api = start(limits=AccountLimits(complexity_per_minute=30_001))
    api.post("{ me { id } }")
    assert send(api).status_code == 429
    api.clock.now += 60
    answer = send(api)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.HTML_502, Fault.MINUTE_429, Fault.CONFLICT_409])
def test_a_request_that_failed_before_execution_is_not_remembered(api, fault):
    api.sandbox.faults.queue(fault)
    send(api)
    assert "Idempotency-Replayed" not in send(api).headers
    assert api.names() == ["A"]


@pytest.mark.parametrize(
    ("rules", "items"),
    [
        (IdempotencyRules(largest_reply=10), 2),
        (IdempotencyRules(memory_bytes=10), 2),
        (IdempotencyRules(), 1),
    ],
)
def test_a_reply_that_is_too_large_is_not_remembered(start, rules, items):
    api = start(idempotency=rules)
    send(api)
    send(api)
    assert len(api.names()) == items


@pytest.mark.parametrize(("remember", "replayed"), [(True, "true"), (False, None)])
def test_whether_a_refusal_is_remembered_is_a_switch(start, remember, replayed):
    api = start(idempotency=IdempotencyRules(remember_errors=remember))
    query = "mutation { archive_item(item_id: 1) { id } }"
    send(api, query=query)
    assert send(api, query=query).headers.get("Idempotency-Replayed") == replayed


@pytest.mark.parametrize(
    ("rule", "status", "names"), [("replay", 200, ["A"]), ("execute", 200, ["A", "B"]), ("refuse", 422, ["A"])]
)
def test_what_another_body_under_a_known_key_does_is_a_switch(start, rule, status, names):
    api = start(idempotency=IdempotencyRules(other_body=rule))
    send(api)
    assert send(api, query=ITEM.replace('"A"', '"B"')).status_code == status
    assert api.names() == names


@pytest.mark.parametrize(("costs", "calls"), [(True, 2), (False, 1)])
def test_whether_a_replay_is_a_daily_call_is_a_switch(start, costs, calls):
    api = start(idempotency=IdempotencyRules(replay_costs_call=costs))
    send(api)
    send(api)
    assert api.sandbox.meter.day.left == 10_000 - calls


@pytest.mark.parametrize(("costs", "times"), [(True, 2), (False, 1)])
def test_whether_a_replay_costs_complexity_is_a_switch(start, costs, times):
    api = start(idempotency=IdempotencyRules(replay_costs_complexity=costs))
    send(api)
    assert send(api).headers["Idempotency-Replayed"] == "true"
    assert api.sandbox.meter.complexity_left() == 10_000_000 - times * 30_001


def test_a_replay_that_costs_complexity_may_find_none_left(start):
    api = start(idempotency=IdempotencyRules(replay_costs_complexity=True), limits=AccountLimits(complexity_per_minute=30_001))
    send(api)
    assert send(api).status_code == 429
    api.clock.now += 60
    assert send(api).headers["Idempotency-Replayed"] == "true"


def test_a_mutation_that_a_limit_refused_is_not_remembered_either(start):
    api = start(limits=AccountLimits(boards_created_per_minute=1))
    query = 'mutation { create_board(board_name: "B", board_kind: public) { id } }'
    api.data(query)
    assert send(api, query=query).status_code == 429
    api.clock.now += 60
    answer = send(api, query=query)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)


def test_what_was_done_but_cannot_be_read_is_remembered(api):
    api.sandbox.faults.queue(Fault.BREAK_ALIAS)
    assert send(api).json()["data"] == {"a": None}
    assert send(api).headers["Idempotency-Replayed"] == "true"
    assert api.names() == ["A"]
