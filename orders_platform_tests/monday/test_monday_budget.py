"""The pace: no limit exceeded, no wait longer than a limit demands."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_platform.monday.budget import MARGIN, MOST_MARGIN, Budget, DailyLimitError, Limits, RateWindow, Timer, limits_of
from orders_platform.monday.error_policy import ErrorAction, ErrorKind, rule_for
from orders_platform.monday.replies import Allowance, Problem, Reply
from orders_platform_tests.testing.clock import VirtualClock

DAY = 86_400


class MondaysWindow:
    """monday's side of a minute limit: opened by the first call that arrives, whole again 60 seconds later."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self.ends = -math.inf

    def take(self, now: float, units: int) -> bool:
        if now >= self.ends:
            self.taken, self.ends = 0, now + 60
        if self.taken + units > self.limit:
            return False
        self.taken += units
        return True

    def told(self, now: float) -> Allowance:
        return Allowance(self.limit, self.limit - self.taken, max(0, math.ceil(self.ends - now)))


def budget(clock: VirtualClock, **limits: object) -> Budget:
    return Budget(Limits(**limits), Timer(clock, clock.sleep))


def done(cost: int | None = None, quota: Mapping[str, Allowance] | None = None, **fields: object) -> Reply:
    return Reply(200, ErrorAction.DONE, executed=True, cost=cost, quota=quota or {}, **fields)


def refused(code: str, wait: float = 0.0) -> Reply:
    rule, _ = rule_for(code, 429, "")
    return Reply(429, rule.action, problems=(Problem(code, "", rule),), wait=wait)


CREATE = ("create_item", 25)


@pytest.mark.slow
@given(
    calls=st.lists(
        st.tuples(st.integers(1, 900), st.floats(0, 30), st.floats(0.01, 0.4), st.floats(0, 9), st.booleans()),
        max_size=60,
    ),
)
@settings(max_examples=1_000, deadline=None)
def test_a_window_never_exceeds_mondays_and_never_waits_longer_than_it_demands(
    calls: list[tuple[int, float, float, float, bool]],
) -> None:
    now, window, monday = 0.0, RateWindow(1_000), MondaysWindow(1_000)
    for units, gap, travel, work, is_told in calls:
        now += gap
        delay = window.delay(now, units)
        if delay > 0:
            assert now + delay <= monday.ends + MOST_MARGIN + 0.01  # it waits for the end of monday's window and no longer
            assert monday.taken + units > monday.limit or delay <= MARGIN + MOST_MARGIN  # when there is no room, or at the turn
        now += delay + 1e-6
        assert window.delay(now, units) == 0
        taken = window.take(now, units)
        assert monday.take(now + travel, units), "monday would have answered 429"
        answered = now + travel + work
        if is_told:
            window.observe(taken, now, answered + 0.05, monday.told(answered), alone=True)
        now = answered + 0.05


@given(
    others=st.lists(st.tuples(st.integers(0, 300), st.floats(0.1, 20)), min_size=1, max_size=40),
)
@settings(deadline=None)
def test_what_others_take_is_learned_from_the_answers(others: list[tuple[int, float]]) -> None:
    """Whatever another program takes, the next answer shows it: only what was taken since may come unawares."""
    now, window, monday = 0.0, RateWindow(1_000), MondaysWindow(1_000)
    for units, gap in others:
        now += gap
        now += window.delay(now, 100)
        taken = window.take(now, 100)
        if not monday.take(now, 100):
            taken.ours -= 100
            window.exhausted(now, now, math.ceil(monday.ends - now))
            continue
        window.observe(taken, now, now, monday.told(now), alone=True)
        assert window.room(now) <= monday.limit - monday.taken
        monday.take(now, units)


def test_a_window_that_another_program_opened_ends_when_monday_says() -> None:
    window = RateWindow(1_000)
    taken = window.take(0.0, 900)
    window.observe(taken, 0.0, 0.1, Allowance(1_000, 50, 12), alone=True)
    assert window.room(0.1) == 50
    assert 11 <= window.delay(0.1, 100) <= 13
    assert window.delay(10.4, 50) == 0
    assert window.delay(10.6, 50) > 0  # monday writes whole seconds: it may be over from here on


def test_nothing_is_sent_at_the_turn_of_a_window_where_it_could_meet_either() -> None:
    window = RateWindow(1_000)
    window.take(0.0, 100)
    assert window.delay(59.4, 1) == 0
    assert window.delay(59.6, 1) == pytest.approx(0.9)
    assert window.delay(60.6, 1_000) == 0


def test_an_answer_that_may_tell_of_the_next_window_does_not_change_this_one() -> None:
    window = RateWindow(1_000)
    taken = window.take(0.0, 900)
    window.observe(taken, 0.0, 60.3, Allowance(1_000, 1_000, 60), alone=True)
    assert window.delay(60.3, 900) == pytest.approx(0.2)


def test_a_call_larger_than_the_limit_waits_for_an_empty_window_and_no_longer() -> None:
    window = RateWindow(1_000)
    assert window.delay(0.0, 5_000) == 0
    window.take(0.0, 10)
    assert 60 <= window.delay(0.0, 5_000) <= 61


def test_an_exceeded_limit_lowers_the_pace_at_once_and_recovers_slowly() -> None:
    window = RateWindow(1_000)
    window.take(0.0, 100)
    window.exhausted(0.0, 1.0, 7.0)
    assert window.delay(1.0, 1) == 7.0
    assert window.room(8.0) == 800
    for _ in range(10):
        window.recover(8.0)
    assert 890 <= window.room(8.0) <= 900
    for _ in range(30):
        window.recover(8.0)
    assert window.room(8.0) == 1_000


def test_who_is_sent_away_for_less_than_the_rest_of_a_window_loses_that_time_and_nothing_of_the_window() -> None:
    window = RateWindow(1_000)
    taken = window.take(0.0, 100)
    window.observe(taken, 0.0, 0.1, Allowance(1_000, 900, 60), alone=True)
    window.exhausted(0.2, 4.8, 2.0)
    window.exhausted(0.3, 5.0, 2.0)  # that was under way at the same time
    assert (window.room(5.0), window.delay(5.0, 1)) == (0, 2.0)
    assert (window.room(7.0), window.delay(7.0, 900)) == (900, 0.0)
    window.recover(7.0)
    window.exhausted(7.5, 8.0, 2.0)  # there was an answer in between
    assert window.delay(10.0, 900) == 0.0
    window.exhausted(10.0, 10.1, 2.0)  # there was none: then it is over
    assert window.delay(10.1, 1) >= 49
    assert window.room(61.0) == 800


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 5)), max_size=80))
@settings(max_examples=60, deadline=None)
def test_requests_never_exceed_a_limit_of_monday(requests: list[tuple[int, float]]) -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, write_complexity=1_000_000, calls_per_minute=20, calls_per_day=1_000, reserve=0)
    complexity, calls = MondaysWindow(1_000_000), MondaysWindow(20)
    for mutations, work in requests:
        count = min(mutations, pace.largest("create_item"))
        permit = pace.acquire("create_item", count)
        assert permit is not None
        assert complexity.take(clock.now, 30_001 * count)
        assert calls.take(clock.now, 1)
        clock.now += work
        pace.release(
            permit, done(30_001 * count, {"complexityMinute": complexity.told(clock.now), "minuteRate": calls.told(clock.now)})
        )


def test_a_thousand_items_take_no_longer_than_the_limit_demands() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock)
    left = 1_000
    while left:
        count = min(left, 25, pace.room("create_item") or 25)
        permit = pace.acquire("create_item", count)
        assert permit is not None
        pace.release(permit, done(30_001 * count))
        left -= count
    floor = 3 * 60  # 333 items a minute: the last one falls into the fourth
    assert floor <= clock.now - 1_000 <= 1.02 * floor


def test_the_first_answer_teaches_what_an_operation_costs() -> None:
    pace = budget(VirtualClock(1_000.0), write_complexity=1_000_000)
    assert pace.largest("archive_item") == 99
    permit = pace.acquire("archive_item", 10)
    assert permit is not None
    pace.release(permit, done(1_000))
    assert pace.room("archive_item") == 999_000 // 100


def test_a_reservation_too_high_is_given_back() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, write_complexity=800_000)
    permit = pace.acquire("create_item", 25)
    assert permit is not None
    assert pace._delay(*CREATE) > 0
    pace.release(permit, done(25_000))
    assert pace._delay(*CREATE) == 0


@pytest.mark.parametrize("reply", [refused("COMPLEXITY_BUDGET_EXHAUSTED", 3), refused("maxComplexityExceeded")])
def test_a_request_that_was_not_executed_costs_nothing(reply: Reply) -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock)
    permit = pace.acquire(*CREATE)
    assert permit is not None
    pace.release(permit, reply)
    clock.now += 3.1
    assert pace.room("create_item") >= 266  # all of it, or four fifths after the limit was hit


def test_reads_and_writes_have_budgets_of_their_own_with_an_app_token() -> None:
    clock = VirtualClock(1_000.0)
    pace = Budget(limits_of("pro", "app"), Timer(clock, clock.sleep))
    for _ in range(6):
        permit = pace.acquire(*CREATE)
        assert permit is not None
        pace.release(permit, done(833_300))
    assert pace._delay(*CREATE) > 0
    assert pace._delay("items_by_ids") == 0


def test_reads_and_writes_share_one_budget_with_a_personal_token() -> None:
    pace = budget(VirtualClock(1_000.0), write_complexity=1_000_000)
    permit = pace.acquire(*CREATE)
    assert permit is not None
    pace.release(permit, done(1_000_000))
    assert pace._delay("items_by_ids") > 0


def test_mondays_own_figures_go_before_the_plan() -> None:
    pace = budget(VirtualClock(1_000.0), write_complexity=10_000_000)
    permit = pace.acquire("create_item", 1)
    assert permit is not None
    pace.release(permit, done(30_001, {"complexityMinute": Allowance(1_000_000, 969_999, 60)}))
    assert pace.room("create_item") == 32


def test_the_day_ends_with_a_reserve_for_people() -> None:
    clock = VirtualClock(10.0 * DAY + 5)
    pace = budget(clock, calls_per_day=10, reserve=0.3)
    for _ in range(7):
        permit = pace.acquire(*CREATE)
        assert permit is not None
        pace.release(permit, done(1))
    with pytest.raises(DailyLimitError, match="00:00 UTC"):
        pace.acquire(*CREATE)
    clock.now = 11.0 * DAY
    assert pace.acquire(*CREATE) is not None


def test_calls_made_earlier_today_count() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, calls_per_day=100, reserve=0)
    pace.note_calls_today(99.5)
    with pytest.raises(DailyLimitError):
        pace.acquire(*CREATE)


def test_a_rate_limited_call_counts_as_a_tenth_and_one_never_made_not_at_all() -> None:
    pace = budget(VirtualClock(1_000.0))
    first = pace.acquire(*CREATE)
    assert first is not None
    pace.release(first, refused("RATE_LIMIT_EXCEEDED"))
    assert pace.calls_today == pytest.approx(0.1)
    clock_free = pace.acquire(*CREATE)
    assert clock_free is not None
    pace.release(clock_free, Reply(0, ErrorAction.WAIT, never_sent=True))
    assert pace.calls_today == pytest.approx(0.1)


def test_no_call_is_made_after_monday_says_that_the_day_is_over() -> None:
    pace = budget(VirtualClock(1_000.0))
    permit = pace.acquire(*CREATE)
    assert permit is not None
    pace.release(permit, refused("DAILY_LIMIT_EXCEEDED"))
    with pytest.raises(DailyLimitError):
        pace.acquire(*CREATE)


def test_calm_raises_the_requests_in_flight_until_crowding_halves_them_and_slowly_after_that() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, concurrency=5)

    def after(reply: Reply, times: int = 1) -> int:
        for _ in range(times):
            permit = pace.acquire("create_item", 1)
            assert permit is not None
            pace.release(permit, reply)
        return pace.in_flight

    assert pace.in_flight == 3
    assert [after(done(1)) for _ in range(3)] == [4, 5, 5]
    assert after(refused("maxConcurrencyExceeded")) == 2
    assert after(refused("IDEMPOTENCY_CONFLICT"), 2) == 1
    assert [after(done(1)) for _ in range(6)] == [2, 2, 3, 3, 3, 4]
    assert after(done(1), 100) == 5


@given(waiting=st.integers(1, 400), most=st.integers(1, 80), places=st.integers(1, 12))
def test_the_last_mutations_are_shared_out_over_all_places_in_even_parts(waiting: int, most: int, places: int) -> None:
    pace = budget(VirtualClock(1_000.0), concurrency=places, write_complexity=30_001 * 400)
    pace.in_flight = places
    sizes = []
    while waiting and len(sizes) < places and (permit := pace.acquire("create_item", most, waiting)):
        sizes.append(permit.mutations)
        waiting -= permit.mutations
    assert max(sizes) <= most
    assert waiting == 0 or set(sizes) == {most}
    assert most in sizes or max(sizes) - min(sizes) <= 1
    assert most in sizes or len(sizes) == 1 or min(sizes) >= 12


def test_what_a_minute_has_room_for_goes_in_even_parts_and_no_more() -> None:
    pace = budget(VirtualClock(1_000.0), write_complexity=30_001 * 100)
    assert [pace._take("create_item", pace._share("create_item", 60, 1_000)).mutations for _ in range(2)] == [50, 50]
    assert pace._share("create_item", 60, 1_000) == 60  # in the next minute


def test_no_more_requests_run_at_a_time_than_the_plan_allows() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, concurrency=2)
    running, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(2)  # two may meet; three never do

    def work() -> None:
        nonlocal running, most
        for _ in range(5):
            permit = pace.acquire("items_by_ids")
            assert permit is not None
            with lock:
                running += 1
                most = max(most, running)
            barrier.wait(5)
            with lock:
                running -= 1
            pace.release(permit, done(1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_permit_is_good_until_the_window_ends_that_it_is_counted_in() -> None:
    clock = VirtualClock(1_000.0)
    permit = budget(clock).acquire(*CREATE)
    assert permit is not None
    assert permit.is_current(1_059.4)
    assert not permit.is_current(1_059.6)


def test_a_wait_that_is_given_up_makes_no_call() -> None:
    clock = VirtualClock(1_000.0)
    timer = Timer(clock, clock.sleep)
    pace = Budget(Limits(write_complexity=100), timer)
    permit = pace.acquire(*CREATE)
    assert permit is not None
    pace.release(permit, done(100))
    timer.give_up()
    assert pace.acquire(*CREATE) is None
    assert pace.calls_today == 1


@pytest.mark.parametrize(
    ("plan", "kind", "expected"),
    [
        ("trial", "personal", (1_000_000, None, 1_000, 1_000, 40)),
        ("trial", "app", (1_000_000, None, 1_000, 1_000, 40)),
        ("basic", "personal", (10_000_000, None, 1_000, 1_000, 40)),
        ("pro", "personal", (10_000_000, None, 2_500, 10_000, 100)),
        ("pro", "app", (5_000_000, 5_000_000, 2_500, 10_000, 100)),
        ("enterprise", "personal", (10_000_000, None, 5_000, 25_000, 250)),
    ],
)
def test_each_plan_has_mondays_published_limits(plan: str, kind: str, expected: tuple[int | None, ...]) -> None:
    limits = limits_of(plan, kind)
    assert expected == (
        limits.write_complexity,
        limits.read_complexity,
        limits.calls_per_minute,
        limits.calls_per_day,
        limits.concurrency,
    )
    assert limits.request_complexity == 5_000_000
    assert limits.calls_for_us == limits.calls_per_day * 19 // 20


def test_the_limit_that_was_hit_decides_which_budget_is_lowered() -> None:
    clock = VirtualClock(1_000.0)
    pace = budget(clock, calls_per_minute=100)
    permit = pace.acquire(*CREATE)
    assert permit is not None
    pace.release(permit, refused("RATE_LIMIT_EXCEEDED", wait=9))
    assert refused("RATE_LIMIT_EXCEEDED").kind is ErrorKind.CALLS_PER_MINUTE
    assert pace._delay(*CREATE) == 9
    assert pace.room("create_item") == 333
