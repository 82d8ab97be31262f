"""Complexity, calls, concurrency, latency."""

from __future__ import annotations

import threading

import pytest

from orders_platform.sandbox.sandbox_options import PriceList
from orders_platform.sandbox.server import AccountLimits, Latency

GROUP = 'mutation { create_group(board_id: 9609317401, group_name: "G") { id } }'
ITEM = 'mutation { create_item(board_id: 9609317401, item_name: "A") { id } }'
READ = "{ boards(ids: [9609317401]) { id } }"
COMPLEXITY = "{ complexity { before after query reset_in_x_seconds } }"


def cost(api, query: str, **variables: object) -> int:
    api.post(query, variables)
    return api.sandbox.requests[-1].cost


@pytest.mark.parametrize(
    ("query", "points"),
    [
        (ITEM, 30_001),
        ('mutation { a: create_item(board_id: 1, item_name: "A") { id name } b: archive_item(item_id: 1) { id } }', 40_003),
        ('mutation { create_subitem(parent_item_id: 1, item_name: "A") { id board { id } } }', 30_003),
        (READ, 2),
        ("{ boards(ids: 9609317401) { id } }", 2),
        ("{ boards { id name } }", 51),
        ("{ boards(ids: [1, 2]) { items_page(limit: 100) { cursor items { id name } } } }", 1 + 2 * (1 + 100 * (1 + 3))),
        ("query F { me { ...U } } fragment U on User { id name }", 3),
        ('{ items(ids: [1]) { column_values(ids: ["a"]) { ... on StatusValue { label } id } } }', 4),
    ],
)
def test_a_document_costs_what_its_fields_add_up_to(api, query, points):
    assert cost(api, query) == points


def test_the_size_of_a_list_may_come_from_a_variable(api):
    assert cost(api, "query($i: [ID!]) { items(ids: $i) { id } }", i=[1, 2, 3]) == 4
    assert cost(api, "query($l: Int!) { boards(ids: [9609317401]) { items_page(limit: $l) { items { id } } } }", l=10) == 1 + (
        1 + 10 * 2
    )


def test_costs_are_configurable(start):
    api = start(costs=PriceList(mutation=7, mutations={"create_item": 100}))
    assert (cost(api, ITEM), cost(api, GROUP)) == (101, 8)


def test_the_budget_is_whole_again_sixty_seconds_after_the_first_call(start):
    api = start(limits=AccountLimits(complexity_per_minute=60_000))
    assert api.data(COMPLEXITY)["complexity"] == {"before": 60_000, "after": 59_995, "query": 5, "reset_in_x_seconds": 60}
    api.clock.now += 20
    api.data(ITEM)
    answer = api.post(ITEM)
    assert answer.status_code == 429
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "COMPLEXITY_BUDGET_EXHAUSTED", "retry_in_seconds": 40}
    assert answer.headers["Retry-After"] == "40"
    assert answer.headers["RateLimit"].endswith('"complexityMinute";r=29994;t=40')
    api.clock.now += 40
    api.data(ITEM)
    assert len(api.names()) == 2


def test_a_mutation_can_ask_for_its_cost(api):
    found = api.data('mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } complexity { query after } }')
    assert found["complexity"] == {"query": 30_003, "after": 10_000_000 - 30_003}


def test_a_document_over_five_million_points_is_refused_whole(api):
    aliases = " ".join(f'a{number}: create_item(board_id: 9609317401, item_name: "A") {{ id }}' for number in range(167))
    answer = api.post(f"mutation {{ {aliases} }}")
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "maxComplexityExceeded"
    assert api.names() == []


def test_an_app_token_has_budgets_of_its_own_for_reads_and_writes(start):
    api = start(limits=AccountLimits(complexity_per_minute=30_001, separate_writes=True))
    api.data(ITEM)
    assert api.post(ITEM).status_code == 429
    api.data(READ)


@pytest.mark.parametrize(("limits", "minute"), [(AccountLimits.trial(), 1_000_000), (AccountLimits.app_token(), 5_000_000)])
def test_the_plans_differ_in_their_budget(start, limits, minute):
    assert start(limits=limits).data(COMPLEXITY)["complexity"]["before"] == minute


def test_calls_per_minute(start):
    api = start(limits=AccountLimits(calls_per_minute=2))
    api.data(READ)
    api.data(READ)
    answer = api.post(READ)
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["extensions"] == {"code": "RATE_LIMIT_EXCEEDED", "retry_in_seconds": 60}
    assert answer.headers["RateLimit"].startswith('"minuteRate";r=0;t=60')
    api.clock.now += 60
    api.data(READ)


def test_calls_per_day_until_midnight_utc(start):
    api = start(limits=AccountLimits(calls_per_day=2))
    api.data(READ)
    api.data(READ)
    answer = api.post(READ)
    seconds = 86_400 - int(api.clock.now) % 86_400
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["extensions"] == {"code": "DAILY_LIMIT_EXCEEDED", "retry_in_seconds": seconds}
    api.clock.now += seconds
    api.data(READ)


def test_a_refused_call_and_a_lone_complexity_query_cost_a_tenth(start):
    api = start(limits=AccountLimits(complexity_per_minute=30_010, calls_per_day=100))
    api.data(COMPLEXITY)
    api.data(ITEM)
    assert api.post(ITEM).status_code == 429
    assert api.sandbox.meter.day.left == pytest.approx(100 - 0.1 - 1 - 0.1)


def test_calls_of_one_address(start):
    api = start(limits=AccountLimits(calls_per_10_seconds=1))
    api.data(READ)
    assert api.refusal(READ)["extensions"]["code"] == "IP_RATE_LIMIT_EXCEEDED"


def test_requests_at_the_same_time(start):
    """The first request sleeps inside the sandbox while the second one arrives."""
    asleep, wake = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        asleep.set()
        wake.wait(10)

    api = start(limits=AccountLimits(concurrent_requests=1), latency=Latency(per_mutation=1), sleep=sleep)
    first = threading.Thread(target=api.data, args=(ITEM,))
    first.start()
    asleep.wait(10)
    answer = api.post(ITEM)
    wake.set()
    first.join()
    assert answer.status_code == 429
    assert answer.json()["errors"][0]["extensions"] == {"code": "maxConcurrencyExceeded", "retry_in_seconds": 1}
    assert answer.headers["Retry-After"] == "1"
    assert len(api.names()) == 1


def test_boards_made_per_minute(start):
    api = start(limits=AccountLimits(boards_created_per_minute=1))
    query = 'mutation { create_board(board_name: "B", board_kind: public, empty: true) { id } }'
    api.data(query)
    answer = api.post(query)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (429, "Call limit exceeded for CreateBoard")


def test_latency_grows_with_documents_mutations_and_rows(start):
    api = start(latency=Latency(per_document=0.2, per_mutation=0.3, per_row=0.01))
    api.data(
        'mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } '
        'b: create_item(board_id: 9609317401, item_name: "B") { id } }'
    )
    api.names()
    assert api.clock.waits == pytest.approx([0.8, 0.22])


def test_a_request_over_sixty_seconds_meets_a_gateway_page_but_is_done(start):
    api = start(latency=Latency(per_document=61))
    answer = api.post(ITEM)
    assert answer.status_code == 504
    assert answer.headers["Content-Type"].startswith("text/html")
    assert api.clock.waits == [60]
    assert len(api.sandbox.board_snapshot(9609317401)[0].items) == 1


def test_the_question_for_the_cost_takes_no_time_of_its_own(start):
    api = start(latency=Latency(per_mutation=1))
    api.data('mutation { a: create_group(board_id: 9609317401, group_name: "G") { id } complexity { query } }')
    assert api.clock.waits == [1]


def test_mutations_of_a_fragment_count_like_others(start):
    api = start(latency=Latency(per_mutation=1))
    api.data('mutation { ...G } fragment G on Mutation { create_group(board_id: 9609317401, group_name: "G") { id } }')
    assert (api.clock.waits, api.sandbox.requests[-1].operations) == ([1], ("create_group",))


def test_a_field_may_have_a_limit_of_its_own_a_minute(start):
    api = start(limits=AccountLimits(fields_per_minute={"create_group": 1}))
    api.data(GROUP)
    answer = api.post(GROUP)
    (error,) = answer.json()["errors"]
    assert answer.status_code == 200
    assert error["extensions"] == {
        "code": "FIELD_MINUTE_RATE_LIMIT_EXCEEDED",
        "status_code": 429,
        "retry_in_seconds": 60,
    }
    api.data(ITEM)
    api.clock.now += 60
    api.data(GROUP)


def test_a_field_may_have_a_limit_of_its_own_at_the_same_time(start):
    asleep, wake = threading.Event(), threading.Event()

    def sleep(_seconds: float) -> None:
        if not asleep.is_set():
            asleep.set()
            wake.wait(10)

    api = start(latency=Latency(per_mutation=1), sleep=sleep, limits=AccountLimits(fields_at_once={"create_item": 1}))
    first = threading.Thread(target=api.post, args=(ITEM,))
    first.start()
    asleep.wait(10)
    answer, other = api.post(ITEM), api.post(GROUP)
    wake.set()
    first.join()
    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.headers["Retry-After"], other.status_code) == (429, "15", 200)
    assert error["extensions"]["code"] == "FIELD_LIMIT_EXCEEDED"
    assert error["extensions"]["error_data"] == {"retry_in_seconds": 15, "entity": "create_item"}
    assert api.post(ITEM).status_code == 200


def test_a_free_plan_has_a_thousand_calls_a_day_or_two_hundred():
    assert (AccountLimits.trial().calls_per_day, AccountLimits.trial(calls_per_day=200).calls_per_day) == (1_000, 200)


def test_an_item_cost_a_third_in_2025(start):
    assert cost(start(costs=PriceList(mutations={"create_item": 10_000})), ITEM) == 10_001
