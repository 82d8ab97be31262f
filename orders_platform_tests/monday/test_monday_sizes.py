"""Size of batches and batches in flight follow from how the last ones went; repeats have a floor and an end."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from orders_platform.monday.client import KEY_LIFETIME_SECONDS, Pace, RequestResult, RetryPolicy
from orders_platform.monday.error_policy import ErrorAction, ErrorKind, ErrorRule
from orders_platform.monday.replies import Problem, Reply, lost_reply


def test_batches_start_at_the_default_and_hold_three_times_that_once_they_are_known_to_be_quick() -> None:
    sizes = Pace(25)
    assert sizes.size("create_item") == sizes.size("create_subitem") == 25
    sizes.went_well("create_item", 25, 1.0)
    assert sizes.size("create_item") == 75
    assert sizes.size("create_group") == 25


def test_a_subitem_is_taken_to_be_as_quick_as_an_item_until_it_is_measured() -> None:
    sizes = Pace(25)
    sizes.went_well("create_item", 25, 10.0)
    assert sizes.size("create_subitem") == 50
    sizes.went_well("create_subitem", 50, 40.0)
    assert (sizes.size("create_subitem"), sizes.size("create_item")) == (25, 50)


def test_slow_mutations_make_batches_small() -> None:
    sizes = Pace(25)
    sizes.went_well("create_item", 25, 50.0)
    assert sizes.size("create_item") == 10


def test_a_batch_that_was_too_much_halves_the_next_one() -> None:
    sizes = Pace(24)
    sizes.was_too_much("create_item", 24)
    assert sizes.size("create_item") == 12
    sizes.was_too_much("create_item", 1)
    assert sizes.size("create_item") == 12  # a single mutation says nothing about size
    for _ in range(10):
        sizes.was_too_much("create_item", 24)
    assert sizes.size("create_item") == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60), st.floats(0, 1_000))), st.integers(1, 50))
def test_there_is_always_room_for_one(events: list[tuple[bool, int, float]], default: int) -> None:
    sizes = Pace(default)
    for went_well, mutations, seconds in events:
        if went_well:
            sizes.went_well("create_item", mutations, seconds)
        else:
            sizes.was_too_much("create_item", mutations)
        assert 1 <= sizes.size("create_item") <= 3 * default


def limited(wait: float, limit: ErrorKind = ErrorKind.COMPLEXITY) -> Reply:
    return Reply(429, ErrorAction.WAIT, problems=(Problem("X", "", ErrorRule(ErrorAction.WAIT, limit)),), wait=wait)


LOST = lost_reply("timeout", "", never_sent=False)


class Repeats(RequestResult):
    """A request that was sent once, at second 0, and maybe executed then."""

    def __init__(self, *, executed: bool = False, **policy: float) -> None:
        super().__init__(first_unknown=0.0 if executed else None)
        self.policy, self.rng = RetryPolicy(**policy), random.Random(3)

    def after(self, reply: Reply, now: float = 0.0) -> float | None:
        self.reply = reply
        return self.next_wait(now, self.policy, self.rng, self.policy.attempts)


def test_what_monday_asks_for_is_a_floor() -> None:
    wait = Repeats().after(limited(17.0))
    assert wait is not None
    assert 17.0 < wait <= 18.0


def test_waits_double_with_jitter_up_to_a_ceiling() -> None:
    repeats = Repeats(attempts=20)
    waits = [repeats.after(LOST) for _ in range(8)]
    for wait, full in zip(waits, [0.5, 1, 2, 4, 8, 16, 30, 30], strict=True):
        assert wait is not None
        assert full / 2 <= wait <= full
    assert len(set(waits)) == 8


def test_failures_end_after_the_attempts() -> None:
    repeats = Repeats(attempts=4)
    assert [repeats.after(LOST) is None for _ in range(4)] == [False, False, False, True]


def test_limits_are_counted_apart_from_failures() -> None:
    repeats = Repeats(attempts=2, limit_waits=3)
    assert repeats.after(LOST) is not None
    assert [repeats.after(limited(1.0)) is None for _ in range(4)] == [False, False, False, True]


def test_waiting_has_an_end_however_long_monday_asks_for() -> None:
    assert Repeats(patience=100.0).after(limited(3_600.0)) is None


def test_a_key_is_never_used_after_its_thirty_minutes() -> None:
    repeats = Repeats(executed=True, patience=1e9, limit_waits=100)
    assert repeats.after(limited(60.0), 1_500.0) is not None
    assert repeats.after(limited(300.0), 1_500.0) is None
    assert repeats.after(limited(60.0), KEY_LIFETIME_SECONDS) is None
    assert Repeats().after(limited(60.0), KEY_LIFETIME_SECONDS) is not None


def test_a_settled_request_is_not_repeated() -> None:
    for action in set(ErrorAction) - {ErrorAction.WAIT, ErrorAction.WAIT_UNKNOWN}:
        assert Repeats().after(Reply(200, action)) is None
