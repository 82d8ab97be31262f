"""What goes wrong on request: every fault, queued and scattered."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.conflicts import boards_of
from orders_platform.sandbox.faults import TRANSIENT, UNCLEAR
from orders_platform.sandbox.sandbox_options import Switches
from orders_platform.sandbox.server import Fault, Faults, Latency

ITEM = 'mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } }'
TWO = 'mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } b: create_item(board_id: 9609317401, item_name: "B") { id } }'


@pytest.mark.parametrize(("fault", "items"), [(Fault.REPLY_LOST, 1), (Fault.CONNECTION_DROPPED, 0)])
def test_a_connection_closes_without_an_answer(api, fault, items):
    api.sandbox.faults.queue(fault)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.post(ITEM)
    assert len(api.names()) == items
    assert api.sandbox.requests[0].outcome == "reply lost"


def test_a_lost_reply_comes_with_the_same_key(api):
    api.sandbox.faults.queue(Fault.REPLY_LOST, times=2)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            api.post(ITEM, Idempotency_Key="k")
    answer = api.post(ITEM, Idempotency_Key="k")
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert len(api.names()) == 1


def test_a_request_that_hangs_is_executed_after_its_client_gave_up(api):
    api.sandbox.faults.queue(Fault.HANG)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{api.url}/v2", json={"query": ITEM}, headers={"Authorization": "sandbox-token"}, timeout=0.2)
    deadline = time.monotonic() + 10
    while not api.names() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert api.names() == ["A"]


def test_a_hanging_request_ends_by_itself(start):
    api = start(hang_seconds=0.05)
    api.sandbox.faults.queue(Fault.HANG)
    assert api.post(ITEM).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        (Fault.COMPLEXITY_429, 429, "COMPLEXITY_BUDGET_EXHAUSTED", "2"),
        (Fault.BUDGET_2025, 429, "COMPLEXITY_BUDGET_EXHAUSTED", "2"),
        (Fault.BUDGET_200, 200, "COMPLEXITY_BUDGET_EXHAUSTED", "2"),
        (Fault.MINUTE_429, 429, "RATE_LIMIT_EXCEEDED", "2"),
        (Fault.CONCURRENCY_429, 429, "maxConcurrencyExceeded", "1"),
        (Fault.FIELD_429, 429, "FIELD_LIMIT_EXCEEDED", "2"),
        (Fault.IP_429, 429, "IP_RATE_LIMIT_EXCEEDED", "10"),
        (Fault.DAILY_429, 429, "DAILY_LIMIT_EXCEEDED", "3600"),
        (Fault.JOB_429, 429, "RATE_LIMIT_EXCEEDED", None),
        (Fault.FIELD_MINUTE_200, 200, "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", "2"),
        (Fault.BLOCKED_200, 200, "API_TEMPORARILY_BLOCKED", None),
        (Fault.TOKEN_401, 401, "Unauthorized", None),
        (Fault.UNAUTHORIZED_403, 403, "UserUnauthorizedException", None),
        (Fault.LOCKED_423, 423, "RESOURCE_LOCKED", "1"),
        (Fault.CONFLICT_409, 409, "IDEMPOTENCY_CONFLICT", "1"),
        (Fault.ERROR_500, 500, "INTERNAL_SERVER_ERROR", None),
    ],
)
def test_an_answer_in_json_says_no_and_nothing_is_done(api, fault, status, code, retry_after):
    api.sandbox.faults.queue(fault)
    answer = api.post(ITEM)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert api.names() == []


def test_the_budget_error_has_had_three_shapes(api):
    for fault in (Fault.BUDGET_200, Fault.BUDGET_2025, Fault.BUDGET_LEGACY):
        api.sandbox.faults.queue(fault)
    new, middle, old = (api.post(ITEM).json() for _ in range(3))
    assert new["data"] == []
    assert middle["errors"][0]["extensions"]["complexity_budget_limit"] == 5_000_000
    assert old["error_code"] == "ComplexityException"
    assert old["errors"] == [old["error_message"]]
    assert "reset in 2 seconds" in old["error_message"]


def test_a_wait_may_be_given_in_milliseconds(api):
    api.sandbox.faults.queue(Fault.JOB_429)
    assert api.refusal(ITEM)["extensions"]["retryAfterMs"] == 2_000


@pytest.mark.parametrize(
    ("fault", "status", "items"),
    [
        (Fault.HTML_429, 429, 0),
        (Fault.HTML_502, 502, 0),
        (Fault.HTML_502_AFTER, 502, 1),
        (Fault.HTML_504_AFTER, 504, 1),
    ],
)
def test_a_gateway_answers_with_a_page(api, fault, status, items):
    api.sandbox.faults.queue(fault)
    answer = api.post(ITEM, Idempotency_Key="k")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")
    assert len(api.names()) == items
    assert api.post(ITEM, Idempotency_Key="k").headers.get("Idempotency-Replayed") == ("true" if items else None)
    assert len(api.names()) == 1


@pytest.mark.parametrize("fault", UNCLEAR)
def test_an_unclear_answer_comes_after_the_work_and_names_no_id_of_it(api, fault):
    api.sandbox.faults.queue(fault)
    answer = api.post(ITEM)
    assert len(api.names()) == 1
    (made,) = (item.id for group in api.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items if item.name == "A")
    assert str(made) not in answer.text


def test_an_alias_may_be_left_out_and_ids_may_be_the_same(api):
    api.sandbox.faults.queue(Fault.MISSING_ALIAS)
    assert len(api.post(TWO).json()["data"]) == 1
    seen = set()
    while "twice" not in seen:
        api.sandbox.faults.queue(Fault.STRANGE_ID)
        ids = [node["id"] for node in api.post(TWO).json()["data"].values()]
        seen.add("twice" if ids[0] == ids[1] else str(ids))
        assert len(seen) < 100


def test_an_error_500_may_come_after_the_work(api):
    api.sandbox.faults.queue(Fault.ERROR_500_AFTER)
    assert api.post(ITEM).status_code == 500
    assert len(api.names()) == 1


def test_one_alias_is_refused_and_its_neighbour_done(api):
    api.sandbox.faults.queue(Fault.REFUSE_ALIAS)
    body = api.post(TWO).json()
    (error,) = body["errors"]
    (refused,) = error["path"]
    assert error["extensions"]["code"] == "ColumnValueException"
    assert [alias for alias, value in body["data"].items() if value is None] == [refused]
    assert len(api.names()) == 1


def test_an_alias_whose_result_cannot_be_read_is_done_and_its_error_path_is_longer(api):
    api.sandbox.faults.queue(Fault.BREAK_ALIAS)
    body = api.post(TWO).json()
    (error,) = body["errors"]
    broken, field = error["path"]
    assert (field, body["data"][broken]) == ("id", None)
    assert sorted(api.names()) == ["A", "B"]


def test_a_late_commit_is_seen_by_who_looks_late_enough(start):
    api = start(faults=Faults(late_seconds=(40, 40)))
    api.sandbox.faults.queue(Fault.LATE_COMMIT)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.post(ITEM)
    assert (api.names(), api.sandbox.under_way) == ([], 1)
    api.clock.now += 39
    assert api.names() == []
    api.clock.now += 1
    assert (api.names(), api.sandbox.under_way) == (["A"], 0)


def test_the_key_of_a_late_commit_is_in_use_until_it_happens(api):
    api.sandbox.faults.queue(Fault.LATE_COMMIT)
    with pytest.raises(httpx.TransportError):
        api.post(ITEM, Idempotency_Key="k")
    assert api.post(ITEM, Idempotency_Key="k").status_code == 409
    api.sandbox.settle()
    assert api.post(ITEM, Idempotency_Key="k").headers["Idempotency-Replayed"] == "true"
    assert api.names() == ["A"]


def test_a_late_commit_of_several_mutations_keeps_their_order_and_takes_no_time(start):
    api = start(latency=Latency(per_mutation=5), faults=Faults(late_seconds=(10, 10)))
    for query in (ITEM, ITEM.replace('"A"', '"B"')):
        api.sandbox.faults.queue(Fault.LATE_COMMIT)
        with pytest.raises(httpx.TransportError):
            api.post(query)
    api.sandbox.settle()
    assert (api.names(), api.clock.waits) == (["A", "B"], [])


def test_a_refused_request_is_neither_read_nor_done_and_neither_is_the_next(start):
    api = start(faults=Faults(refused_seconds=5))
    api.sandbox.faults.queue(Fault.REFUSED)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            api.post(ITEM)
    assert (api.sandbox.meter.in_flight, list(api.sandbox.requests)) == (0, [])
    assert (api.sandbox.meter.day.left, api.sandbox.meter.minute.left) == (10_000, 2_500)
    api.clock.now += 5
    assert api.names() == []


def test_connections_are_refused_for_a_while_by_the_clock(api):
    api.sandbox.refuse_for(60)
    with pytest.raises(httpx.TransportError):
        api.post(ITEM)
    api.clock.now += 60
    api.data(ITEM)
    assert api.names() == ["A"]


def test_a_mutation_that_meets_another_one_on_its_board_is_locked_out_when_the_switch_is_on(start):
    asleep, wake = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        if not asleep.is_set():
            asleep.set()
            wake.wait(10)

    api = start(latency=Latency(per_mutation=1), sleep=sleep, switches=Switches(lock_boards=True))
    first = threading.Thread(target=api.post, args=(ITEM,))
    first.start()
    asleep.wait(10)
    locked = api.post(ITEM)
    elsewhere = api.post('mutation { create_board(board_name: "B", board_kind: public) { id } }')
    wake.set()
    first.join()
    assert (locked.status_code, elsewhere.status_code, api.post(ITEM).status_code) == (423, 200, 200)
    assert "locked" in locked.json()["errors"][0]["message"]


def test_a_board_is_locked_through_its_items_too(api):
    item = api.create()
    query = 'mutation($i: ID!) { a: archive_item(item_id: $i) { id } b: create_group(board_id: 7, group_name: "G") { id } }'
    prepared = api.sandbox.pipeline.schema.prepare(query)
    assert boards_of(api.sandbox.state, prepared, {"i": str(item)}) == {7, ITEMS_BOARD_ID}


def test_a_fault_waits_for_its_operation(api):
    api.sandbox.faults.queue(Fault.ERROR_500, operation="create_item")
    api.data("{ me { id } }")
    assert api.sandbox.faults.waiting == 1
    assert api.post(ITEM).status_code == 500
    assert api.sandbox.faults.waiting == 0


def test_queued_faults_come_in_their_order_one_a_request(api):
    api.sandbox.faults.queue(Fault.LOCKED_423, times=2)
    api.sandbox.faults.queue(Fault.ERROR_500)
    assert [api.post(ITEM).status_code for _ in range(4)] == [423, 423, 500, 200]
    assert [record.fault for record in api.sandbox.requests] == [Fault.LOCKED_423, Fault.LOCKED_423, Fault.ERROR_500, None]


def test_a_limit_met_by_a_fault_costs_a_tenth_of_a_call(api):
    api.sandbox.faults.queue(Fault.MINUTE_429)
    api.post(ITEM)
    assert api.sandbox.meter.day.left == pytest.approx(10_000 - 0.1)


def test_a_seed_scatters_the_same_faults_again():
    plans = [Faults(seed=seed, rate=0.3) for seed in (7, 7, 8)]
    first, again, other = ([plan.draw(["create_item"]) for _ in range(1_000)] for plan in plans)
    assert first == again != other
    met = [fault for fault in first if fault]
    assert 230 < len(met) < 370
    assert set(met) == set(TRANSIENT)


def test_scattered_faults_reach_requests(start):
    api = start(faults=Faults(rate=1.0, kinds=[Fault.LOCKED_423]))
    assert api.post(ITEM).status_code == 423
