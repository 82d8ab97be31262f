"""Documents over real HTTP against the sandbox, with its limits and its faults: nothing lost, nothing twice, no 429."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest

from orders_platform.domain.mutations import Batch, Mutation, Operation, Outcome
from orders_platform.errors import DatabaseUnavailableError, MondayRefusedError
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import DailyLimitError, limits_of
from orders_platform.monday.client import FRESH_SECONDS, RetryPolicy
from orders_platform.sandbox.server import AccountLimits, Fault, Faults, Latency
from orders_platform_tests.monday.stage import BOARD_ID, Stage
from orders_platform_tests.testing.clock import VirtualClock

ONCE = (
    Fault.REPLY_LOST,
    Fault.CONNECTION_DROPPED,
    Fault.COMPLEXITY_429,
    Fault.MINUTE_429,
    Fault.CONCURRENCY_429,
    Fault.IP_429,
    Fault.FIELD_429,
    Fault.JOB_429,
    Fault.HTML_429,
    Fault.BUDGET_200,
    Fault.BUDGET_2025,
    Fault.BUDGET_LEGACY,
    Fault.LOCKED_423,
    Fault.CONFLICT_409,
    Fault.ERROR_500,
    Fault.ERROR_500_AFTER,
    Fault.HTML_502,
    Fault.HTML_502_AFTER,
    Fault.HTML_504_AFTER,
)
"""Every fault that a batch survives."""


CREATE = Operation.CREATE_ITEM


def next_size(board: MondayBoard) -> int:
    """Of the next batch, when many mutations wait."""
    budget = board.client.budget
    return budget._share(CREATE, min(board.client.pace.size(CREATE), budget.largest(CREATE)), 10_000)


@pytest.mark.parametrize("fault", ONCE)
def test_no_fault_creates_an_item_twice_or_loses_one(
    fault: Fault, stage: Callable[..., Stage], outcomes: Callable[..., dict[str, str]]
) -> None:
    scene = stage()
    scene.sandbox.faults.queue(fault, operation="create_item")
    reports = list(scene.board(batch_size=10).send(CREATE, scene.creates(30)))
    assert scene.sandbox.faults.waiting == 0
    assert Counter(outcomes(reports).values()) == {"done": 30}
    assert Counter(scene.names) == {f"order {n}": 1 for n in range(30)}
    assert sum(report.calls for report in reports) == len(reports) + 1


def test_an_answer_that_comes_too_late_does_not_create_the_items_twice(stage: Callable[..., Stage]) -> None:
    """The client gives up, monday executes, the repeat meets the key."""
    scene = stage()
    scene.sandbox.faults.queue(Fault.HANG, operation="create_item")
    (report,) = scene.board(timeout_seconds=0.3).send(CREATE, scene.creates(5))
    assert {result.outcome for result in report.results.values()} == {Outcome.DONE}
    assert len(scene.names) == 5
    assert report.calls >= 2


def test_ids_come_back_under_the_right_name(stage: Callable[..., Stage]) -> None:
    scene = stage()
    (report,) = scene.board().send(CREATE, scene.creates(25))
    shown = {item.name: str(item.id) for group in scene.sandbox.board_snapshot(BOARD_ID) for item in group.items}
    assert {ref: result.monday_id for ref, result in report.results.items()} == shown


def test_one_refused_mutation_leaves_its_neighbours_with_their_ids(stage: Callable[..., Stage]) -> None:
    scene = stage()
    scene.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    (report,) = scene.board().send(CREATE, scene.creates(10))
    outcomes = Counter(result.outcome for result in report.results.values())
    assert outcomes == {Outcome.DONE: 9, Outcome.REFUSED: 1}
    assert all(result.monday_id for result in report.results.values() if result.outcome is Outcome.DONE)
    assert all(result.code and result.message for result in report.results.values() if result.outcome is Outcome.REFUSED)
    assert len(scene.names) == 9
    assert (report.calls, report.error) == (1, None)


def test_an_item_that_monday_refuses_is_named_with_mondays_reason(stage: Callable[..., Stage]) -> None:
    scene = stage()
    good, bad = scene.creates(2)
    too_long = Mutation("bad", {**bad.variables, "item_name": "x" * 256})
    (report,) = scene.board().send(CREATE, [good, too_long])
    assert report.results["order 0"].outcome is Outcome.DONE
    assert report.results["bad"].outcome is Outcome.REFUSED
    assert report.results["bad"].code == "ItemNameTooLongException"


def test_a_full_board_refuses_the_items_that_no_longer_fit(stage: Callable[..., Stage]) -> None:
    scene = stage(items_limit=12)
    reports = list(scene.board(batch_size=10).send(CREATE, scene.creates(20)))
    results = [result for report in reports for result in report.results.values()]
    assert Counter(result.outcome for result in results) == {Outcome.DONE: 12, Outcome.REFUSED: 8}
    assert {result.code for result in results if result.outcome is Outcome.REFUSED} == {"ItemsLimitationException"}
    assert len(scene.names) == 12


def test_a_batch_too_heavy_for_one_request_is_split_and_the_next_ones_are_smaller(stage: Callable[..., Stage]) -> None:
    scene = stage(limits=AccountLimits(complexity_per_query=200_000))
    board = scene.board()
    (report,) = board.send(CREATE, scene.creates(25))
    assert {result.outcome for result in report.results.values()} == {Outcome.DONE}
    assert len(scene.names) == 25
    assert report.error is not None
    assert next_size(board) < 25


class Traffic(httpx.BaseTransport):
    """Requests on their way, during which no time passes: the clock of a worker that waits would run past those of the others."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._sockets = httpx.HTTPTransport()
        self._senders: set[int] = set()
        self._changed = threading.Condition()

    def begin(self, _batch: Batch) -> None:
        with self._changed:
            self._senders.add(threading.get_ident())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._sockets.handle_request(request)
        finally:
            with self._changed:
                self._senders.discard(threading.get_ident())
                self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: not self._senders, timeout=30)
            self._clock.sleep(seconds)

    def close(self) -> None:
        self._sockets.close()


@pytest.mark.parametrize("max_in_flight", [1, 3])
def test_a_large_load_takes_as_long_as_the_limit_demands_and_meets_no_429(
    max_in_flight: int, stage: Callable[..., Stage], clock: VirtualClock
) -> None:
    scene, traffic = stage(), Traffic(clock)
    board = scene.board(max_in_flight=max_in_flight, sleep=traffic.sleep, http_transport=traffic)
    began = clock()
    reports = list(board.send(CREATE, scene.creates(1_000), traffic.begin))
    floor = 3 * 60.0  # 10,000,000 points a minute, 30,001 an item: 333 a minute, and the last one in the fourth
    assert floor <= clock() - began <= 1.05 * floor
    assert not any(record.status == 429 for record in scene.sandbox.requests)
    assert sum(report.rate_limited for report in reports) == 0
    assert len(scene.names) == len(set(scene.names)) == 1_000
    assert sum(report.calls for report in reports) <= 35


def test_a_trial_account_is_paced_as_well(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    scene = stage(limits=AccountLimits.trial(), latency=Latency(per_document=0.2, per_mutation=0.3))
    board = scene.board(limits=limits_of("trial"))
    began = clock()
    list(board.send(CREATE, scene.creates(80)))
    assert 120 <= clock() - began <= 1.1 * 120 + 10
    assert not any(record.status == 429 for record in scene.sandbox.requests)


def test_a_plan_set_too_high_is_corrected_by_mondays_first_answer(stage: Callable[..., Stage]) -> None:
    scene = stage(limits=AccountLimits.trial())
    board = scene.board(limits=limits_of("enterprise"))
    board.groups(BOARD_ID)
    list(board.send(CREATE, scene.creates(40)))
    assert not any(record.status == 429 for record in scene.sandbox.requests)


def test_the_end_of_a_load_does_not_wait_for_a_budget_that_nobody_needs(
    stage: Callable[..., Stage], clock: VirtualClock
) -> None:
    scene = stage()
    board = scene.board(max_in_flight=3)
    began = clock()
    list(board.send(CREATE, scene.creates(333)))
    assert clock() - began < 5
    assert next_size(board) > 1


def test_the_rest_of_a_minute_is_used_for_a_smaller_document(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    scene = stage(limits=AccountLimits.trial())
    board = scene.board(limits=limits_of("trial"))
    (report,) = board.send(CREATE, scene.creates(25))
    assert report.complexity > 750_000
    assert next_size(board) == 8
    list(board.send(CREATE, scene.creates(8, start=100)))
    assert next_size(board) > 8
    assert clock.slept == 0


def test_a_batch_that_is_sent_away_until_others_took_its_place_goes_in_other_batches(
    stage: Callable[..., Stage], clock: VirtualClock
) -> None:
    scene, others = stage(), [9_800_000]

    def sleep(seconds: float) -> None:
        if others:  # they take nearly all that is left of the minute
            board.client.budget._writes.take(clock(), others.pop())
        clock.sleep(seconds)

    board = scene.board(sleep=sleep)
    list(board.send(CREATE, scene.creates(1, start=200)))  # monday's headers tell when the minute ends
    scene.sandbox.faults.queue(Fault.BUDGET_200, operation="create_item")
    sent_away, *reports = board.send(CREATE, scene.creates(12))
    assert (sent_away.calls, sent_away.batch.mutations, sent_away.results) == (1, (), {})
    assert [len(report.results) for report in reports] == [5, 7]  # what there is room for, and the rest a minute later
    assert len(scene.names) == len(set(scene.names)) == 13


def test_small_loads_take_few_calls(stage: Callable[..., Stage]) -> None:
    scene = stage()
    board = scene.board()
    reports = list(board.send(CREATE, scene.creates(386)))
    assert sum(report.calls for report in reports) <= 16


def test_mutations_are_drawn_as_they_are_sent_and_no_more_batches_are_under_way_than_allowed(
    stage: Callable[..., Stage],
) -> None:
    scene = stage(latency=Latency(per_document=0.05), sleep=threading.Event().wait)
    drawn: list[str] = []
    seen: list[int] = []

    def mutations() -> Iterator[Mutation]:
        for mutation in scene.creates(40):
            drawn.append(mutation.ref)
            yield mutation

    list(scene.board(max_in_flight=3, batch_size=2).send(CREATE, mutations(), lambda _batch: seen.append(len(drawn))))
    assert len(scene.names) == len(drawn) == 40
    assert seen[0] <= 6  # two for each of three places
    assert all(later - earlier <= 18 for earlier, later in pairwise(seen))


def test_with_one_in_flight_everything_happens_in_the_callers_thread_one_thing_after_the_other(
    stage: Callable[..., Stage],
) -> None:
    scene = stage()
    events: list[str] = []

    def before_request(batch: Batch) -> None:
        assert threading.current_thread() is threading.main_thread()
        events.append(f"intent of {batch.mutations[0].ref}")

    sending = scene.board(batch_size=1).send(CREATE, scene.creates(3), before_request)
    events.extend(f"report of {next(iter(report.results))}" for report in sending)
    assert events == [f"{what} of order {n}" for n in range(2) for what in ("intent", "report")]  # the second batch holds two


@pytest.mark.parametrize("fault", [Fault.LOCKED_423, Fault.CONFLICT_409, Fault.CONCURRENCY_429])
def test_crowding_lowers_the_batches_in_flight(fault: Fault, stage: Callable[..., Stage]) -> None:
    scene = stage(latency=Latency(per_document=0.03), sleep=threading.Event().wait)
    scene.sandbox.faults.queue(fault, times=3, operation="create_item")
    board = scene.board(max_in_flight=3, batch_size=1)
    allowed: list[int] = []
    list(board.send(CREATE, scene.creates(16), lambda _batch: allowed.append(board.client.budget.in_flight)))
    assert allowed[0] == 3
    assert min(allowed) == 1
    assert len(scene.names) == 16


@pytest.mark.parametrize("max_in_flight", [1, 3])
def test_a_refused_token_reports_what_was_sent_and_then_raises(max_in_flight: int, stage: Callable[..., Stage]) -> None:
    scene = stage()
    intended: list[str] = []
    reports = []
    board = scene.board(token="not-the-token", max_in_flight=max_in_flight, batch_size=1)
    with pytest.raises(MondayRefusedError, match="MONDAY_API_TOKEN"):
        reports.extend(board.send(CREATE, scene.creates(50), lambda batch: intended.append(batch.key)))
    assert sorted(report.batch.key for report in reports) == sorted(intended)
    assert len(intended) <= max_in_flight
    assert {result.outcome for report in reports for result in report.results.values()} == {Outcome.NOT_SENT}


def test_the_last_call_of_the_day_leaves_the_rest_untouched(stage: Callable[..., Stage]) -> None:
    scene = stage()
    board = scene.board(max_in_flight=3, batch_size=1)
    board.client.budget.note_calls_today(9_496.0)  # of 10,000, 500 of them kept for people
    intended: list[str] = []
    reports = []
    with pytest.raises(DailyLimitError, match="00:00 UTC"):
        reports.extend(board.send(CREATE, scene.creates(10), lambda batch: intended.append(batch.key)))
    assert {result.outcome for report in reports for result in report.results.values()} == {Outcome.DONE}
    assert len(scene.names) == sum(len(report.results) for report in reports) < 10
    assert len(intended) == 4


def test_leaving_a_load_half_way_lets_nothing_run_on(stage: Callable[..., Stage]) -> None:
    scene = stage(limits=AccountLimits.trial())
    board = scene.board(limits=limits_of("trial"), max_in_flight=3, batch_size=20)
    sending = board.send(CREATE, scene.creates(200))
    next(sending)
    sending.close()
    names = scene.names
    assert len(names) < 200
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("monday")]
    assert board.groups(BOARD_ID)
    assert scene.names == names


def test_leaving_a_load_gives_up_the_waits_for_a_limit(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    scene = stage()
    naps = 0

    def nap(_seconds: float) -> None:
        """Time stands still, unless somebody insists on waiting."""
        nonlocal naps
        naps += 1
        threading.Event().wait(0.01)
        if naps > 200:
            clock.sleep(60)

    board = scene.board(max_in_flight=2, sleep=nap, batch_size=1)
    scene.sandbox.faults.queue(Fault.COMPLEXITY_429, operation="create_item")
    sending = board.send(CREATE, scene.creates(2))
    next(sending)
    sending.close()
    assert naps <= 200
    assert len(scene.names) == 1


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_day_loses_nothing_and_doubles_nothing(
    seed: int, stage: Callable[..., Stage], outcomes: Callable[..., dict[str, str]]
) -> None:
    """One request in five fails in one of many ways; what is not DONE is said to be so, and is not on the board unknown."""
    scene = stage(faults=Faults(seed=seed, rate=0.2, kinds=[*ONCE, Fault.REFUSE_ALIAS]))
    board = scene.board(max_in_flight=1 + seed % 3, policy=RetryPolicy(attempts=5))
    told = outcomes(list(board.send(CREATE, scene.creates(150))))
    counted = Counter(scene.names)
    assert len(told) == 150
    assert max(counted.values()) == 1
    for name, outcome in told.items():
        assert outcome == "unknown" or (outcome == "done") == (name in counted), (name, outcome)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_right_before_every_request_its_intent_is_committed_in_the_thread_that_sends(
    stage: Callable[..., Stage], clock: VirtualClock, in_flight: int
) -> None:
    """Also what is held back by a limit, or repeated."""
    scene = stage()
    committed: dict[str, list[float]] = {}
    threads: set[threading.Thread] = set()

    def before_request(batch: Batch) -> None:
        threads.add(threading.current_thread())
        committed.setdefault(batch.key, []).append(clock())

    scene.sandbox.faults.queue(Fault.LOCKED_423, times=6, operation="create_item")
    scene.sandbox.faults.queue(Fault.IP_429, times=3, operation="create_item")
    with scene.board(max_in_flight=in_flight, batch_size=20) as board:
        reports = list(board.send(CREATE, scene.creates(400), before_request))
    assert len(scene.names) == 400
    sent = [request for request in scene.sandbox.requests if request.idempotency_key]
    calls = sum(report.calls for report in reports)
    assert sum(map(len, committed.values())) == calls
    # with several threads the clock of this test jumps while a request is on its way, and one more may be repeated
    assert calls == len(reports) + 9 or (in_flight > 1 and calls > len(reports) + 9)
    assert (threading.main_thread() in threads) is (in_flight == 1)
    if in_flight == 1:  # with several threads the clock of this test jumps while a request is on its way
        for request in sent:
            intents = committed[str(request.idempotency_key).split(".")[0]]
            assert any(0 <= request.at - at <= FRESH_SECONDS for at in intents)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_batch_whose_intent_cannot_be_committed_stays_at_home_and_ends_the_load(
    stage: Callable[..., Stage], in_flight: int
) -> None:
    scene = stage()
    intended: list[str] = []

    def before_request(batch: Batch) -> None:
        intended.append(batch.key)
        if len(intended) > 2:
            raise DatabaseUnavailableError("the database is away")

    reports = []
    with scene.board(max_in_flight=in_flight, batch_size=20) as board, pytest.raises(DatabaseUnavailableError):
        reports.extend(board.send(CREATE, scene.creates(100), before_request))
    assert {report.batch.key for report in reports} == set(intended[:2])
    assert len(scene.names) == sum(len(report.results) for report in reports)


def test_a_commit_that_takes_long_is_made_again_before_the_request(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    scene = stage()
    pauses = [9.0, 9.0, 1.0]

    def before_request(_batch: Batch) -> None:
        clock.sleep(pauses.pop(0))

    assert len(list(scene.board().send(CREATE, scene.creates(2), before_request))) == 1
    assert pauses == []
    pauses = [9.0] * 3
    assert list(scene.board().send(CREATE, scene.creates(2, start=2), before_request)) == []
    assert len(scene.names) == 2


def test_a_mutation_that_was_tried_in_vain_travels_with_few_others(stage: Callable[..., Stage]) -> None:
    scene = stage()
    tried = {3: 1, 20: 3}
    mutations = [replace(mutation, tries=tried.get(n, 0)) for n, mutation in enumerate(scene.creates(30))]
    reports = scene.board(batch_size=16).send(CREATE, mutations)
    assert [[int(ref.split()[1]) for ref in report.results] for report in reports] == [
        list(range(4)), list(range(4, 20)), [20], list(range(21, 30)),
    ]  # fmt: skip


def test_a_key_is_not_used_after_monday_may_have_forgotten_it(stage: Callable[..., Stage]) -> None:
    """The first request is executed unheard; the repeats meet locks until the key is too old, and then there is none."""
    scene = stage()
    scene.sandbox.faults.queue(Fault.REPLY_LOST, operation="create_item")
    scene.sandbox.faults.queue(Fault.IP_429, times=11, operation="create_item")
    policy = RetryPolicy(key_lifetime=150.0)
    with scene.board(policy=policy) as board:
        (report,) = board.send(CREATE, scene.creates(2))
    assert {result.outcome for result in report.results.values()} == {Outcome.UNKNOWN}
    sent = [request.at for request in scene.sandbox.requests if request.idempotency_key]
    assert sent[-1] - sent[0] <= 30.0
    assert len(scene.names) == 2
