"""The pace: every limit of monday.com obeyed before it is hit, and no wait longer than a limit demands.

The limits are monday's published ones by plan and kind of token, until its headers say others. The cost of an operation is a guess
until a reply tells it. Units are counted in windows: one starts at the first call and is full again 60 seconds later. monday's window is
not visible; where it lies, and what other programs took from it, follows from our calls and from monday's headers. Nothing here knows
HTTP; time comes from a `Timer`.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from orders_platform.domain.mutations import LIMITED_CALL
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.error_policy import CROWDING, ErrorAction, ErrorKind
from orders_platform.monday.replies import Allowance, Reply


@dataclass(frozen=True, slots=True)
class Limits:
    """What one token may ask for."""

    calls_per_day: int = 1_000  # reset at midnight UTC
    calls_per_minute: int = 1_000
    concurrency: int = 40  # requests at the same time
    write_complexity: int = 10_000_000  # points a minute for mutations, and for reads as well when `read_complexity` is None
    read_complexity: int | None = None  # points a minute for reads where monday counts them apart, else None
    request_complexity: int = 5_000_000  # points of a single request (page on rate limits)
    reserve: float = 0.05  # part of the day's calls that we leave to people and other programs; our choice

    @property
    def calls_for_us(self) -> int:
        """Calls of a day that our runs may make, all together."""
        return self.calls_per_day - round(self.calls_per_day * self.reserve)


# Page on rate limits, September 2026.
_PLANS: Mapping[str, Limits] = {
    "trial": Limits(1_000, 1_000, 40, write_complexity=1_000_000),
    "basic": Limits(1_000, 1_000, 40),
    "pro": Limits(10_000, 2_500, 100),
    "enterprise": Limits(25_000, 5_000, 250),
}

# Same page: on a paid plan a personal token has one window for reads and writes, an app token one of this size for each.
_APP_COMPLEXITY = 5_000_000


def limits_of(plan: str, token_kind: str = "personal") -> Limits:  # noqa: S107 - a kind of token, not a token
    """The limits of one plan and kind of token, as the configuration names them."""
    limits = _PLANS[plan]
    if token_kind == "personal" or plan == "trial":  # noqa: S105
        return limits
    return replace(limits, write_complexity=_APP_COMPLEXITY, read_complexity=_APP_COMPLEXITY)


# Points of a request before the first reply tells them. An item was measured by others and in monday's changelog: 30,000 and one point a
# field. Of a subitem monday publishes no figure: as dear as an item. Any other mutation: monday's older text. A page of 500 full rows was
# measured at 222,000.
_ITEM, _OTHER_MUTATION, _READ = 30_001, 10_001, 20_000
_FIRST_GUESSES: Mapping[str, int] = {"create_item": _ITEM, "create_subitem": _ITEM}
_SLICE_SECONDS = 1.0
_DAY_SECONDS = 86_400


class Timer:
    """The clock of a board, and every wait: in short pieces, so that an interrupted run does not hang in a thread that waits.

    Only the day, at whose midnight monday counts anew, is read off the wall.
    """

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], None], wall: Callable[[], float] | None = None
    ) -> None:
        self.now = clock
        self._wall = wall or clock
        self._sleep = sleep
        self._given_up = threading.Event()

    def pause(self, seconds: float) -> bool:
        """Wait; False when it was given up before the end."""
        until = self.now() + seconds
        while not self._given_up.is_set():
            left = until - self.now()
            if left <= 0:
                return True
            self._sleep(min(left, _SLICE_SECONDS))
        return False

    @property
    def day(self) -> int:
        """Days since the epoch, UTC."""
        return int(self._wall() // _DAY_SECONDS)

    def give_up(self) -> None:
        """End every wait, now and until `resume`."""
        self._given_up.set()

    def resume(self) -> None:
        self._given_up.clear()


WINDOW_SECONDS = 60.0  # length of the complexity and call windows; they open with the first call (page on rate limits)
MARGIN = 0.5
"""Seconds by which one call may travel longer than another: around the turn of a window nobody can say which one it meets."""

MOST_MARGIN = 2.0  # the same after the turn, when monday's answers cannot exclude that its window opened so much later
RESET_ROUNDING = 1.0  # monday tells the rest of a window in whole seconds, rounded up or down


@dataclass(slots=True)
class Window:
    """One window as we see it: `ours` is taken by our calls, `others` by what we know of everyone else's."""

    first: float  # monday's window does not end before this moment
    last: float  # nor after this one, as far as monday's answers can exclude it
    ours: int = 0
    others: int = 0
    is_told: bool = False  # an answer of monday has told its end
    # nothing is sent before: monday wants to be asked again then, in this window; 0 once it answered such a call well
    reopens: float = 0.0

    @property
    def ends(self) -> float:
        """A call sent before reaches monday in this window."""
        return self.first - MARGIN

    @property
    def closes(self) -> float:
        """A call sent from here on reaches monday in the next one."""
        return (self.last if self.is_told else self.first) + MARGIN

    def narrow(self, first: float, last: float) -> None:
        """An answer says that the window ends between these moments."""
        if last + RESET_ROUNDING < self.ends or first > self.last + MARGIN:
            # Not the window that our call opened: another program's was open before, or ours reached monday much later.
            self.first, self.last = first, last
        else:
            self.last = max(self.first, min(self.last, last))
        self.is_told = True


class RateWindow:
    """A limit of `limit` units in a window of 60 seconds.

    Only a part of it is used for a while after monday said that it was exceeded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._share = 1.0
        self._window: Window | None = None

    def delay(self, now: float, units: int) -> float:
        """Seconds to wait before `units` may be taken; more than the limit counts as the whole limit."""
        has_room = self.room(now) >= min(units, self._allowed)
        if has_room or self._window is None:
            return 0.0
        return (self._window.reopens if now < self._window.reopens else self._window.closes) - now

    def room(self, now: float) -> int:
        window = self._current(now)
        if window is None:
            return self._allowed
        is_open = window.reopens <= now < window.ends
        return max(0, self._allowed - window.ours - window.others) if is_open else 0

    def take(self, now: float, units: int) -> Window:
        """Count `units` before the call that takes them is made; the window that they are of."""
        window = self._current(now)
        if window is None:
            end = now + WINDOW_SECONDS
            window = self._window = Window(end, end + MOST_MARGIN - MARGIN)
        window.ours += units
        return window

    def observe(self, window: Window, sent_at: float, now: float, told: Allowance, *, alone: bool) -> None:
        """Compare with what the answer to a call, which arrived now, says of the window that the call was counted in by `take`.

        It is exact where the call was `alone`: no other one of ours was under way.
        """
        if told.quota:
            self.limit = told.quota
        if window is not self._window or now >= window.ends:
            return  # the answer may speak of monday's next window already
        if told.remaining is not None:
            difference = self.limit - min(told.remaining, self.limit) - window.ours
            window.others = difference if alone else max(window.others, difference)
        if told.reset is not None:
            # monday wrote it at some moment between the call and its answer.
            window.narrow(sent_at + told.reset - RESET_ROUNDING, now + told.reset)

    def exhausted(self, sent_at: float, now: float, seconds: float) -> None:
        """Note that monday calls the limit exceeded and free again in `seconds`: use a little less of it for a while.

        Where its headers told that the window is not over by then, it is asked once more in that window, which stays as it is counted;
        `sent_at` tells whether this was that call.
        """
        window = self._current(now)
        was_asked_again = window is not None and 0 < window.reopens <= sent_at
        if window is not None and window.is_told and not was_asked_again and now + seconds < window.ends:
            window.reopens = max(window.reopens, now + seconds)
            return
        self._share = max(0.5, self._share * 0.8)
        known = window.closes if window is not None and window.is_told else now
        # An end that monday's headers told is not given up for an earlier one: then the window would be spent twice.
        end = max(now + seconds, known) - MARGIN
        self._window = Window(end, end, others=self.limit)

    def recover(self, sent_at: float) -> None:
        """One more call went well, which was counted then."""
        self._share = min(1.0, self._share + 0.01)
        if self._window is not None and sent_at >= self._window.reopens:
            self._window.reopens = 0.0

    @property
    def _allowed(self) -> int:
        return max(1, int(self.limit * self._share))

    def _current(self, now: float) -> Window | None:
        if self._window is not None and now >= self._window.closes:
            self._window = None
        return self._window


_UNTOLD = Allowance()
_FIRST_IN_FLIGHT = 3
_LEAST_SHARE = 12  # mutations that are worth a request of their own
_LOOK_SECONDS = 1.0
_MOST_EXHAUSTED = 1_200.0  # as long as one request waits in all


class DailyLimitError(MondayUnavailableError):
    """No call is left today; the count starts anew at midnight UTC."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to make one request; give it back with `Budget.release`. A request without mutations is a read."""

    operation: str
    mutations: int
    at: float  # when it was given; `points` were counted then in `complexity`, and a call in `calls`
    points: int
    complexity: Window
    calls: Window
    serial: int  # its number when no other request was under way, else -1

    def is_current(self, now: float) -> bool:
        """Whether a request that leaves now still reaches monday in the windows that it was counted in."""
        return now < min(self.complexity.ends, self.calls.ends)


class Budget:
    """All limits of one token, shared by every thread that talks to monday.com with it; what monday's headers say goes before them."""

    def __init__(self, limits: Limits, timer: Timer) -> None:
        self.limits = limits
        self.timer = timer
        self._costs: dict[str, int] = {}
        self._writes = RateWindow(limits.write_complexity)
        self._reads = self._writes if limits.read_complexity is None else RateWindow(limits.read_complexity)
        self._calls = RateWindow(limits.calls_per_minute)
        self._concurrency = limits.concurrency
        self._in_flight = 0
        self.in_flight = min(limits.concurrency, _FIRST_IN_FLIGHT)  # how many may be under way now
        self._calm = 0
        self._was_crowded = False
        self._serial = 0
        self._day = timer.day
        self.calls_today = 0.0  # counted since midnight UTC, when a request was last made
        self._changed = threading.Condition()
        self.waits_for = ""  # which limit a request waits for, in words; empty when none does

    def acquire(self, operation: str, mutations: int = 0, waiting: int = 0) -> Permit | None:
        """Wait until a request with so many mutations (0: a read) may be made, and count it. None when the wait was given up.

        Of `waiting` ones, if they are named, the permit is for what suits the moment, and for `mutations` at most. Raises
        `DailyLimitError`: the day's calls are used up.
        """
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._in_flight < min(self._concurrency, self.in_flight))
                    count = self._share(operation, mutations, waiting) if waiting else mutations
                    seconds = self._delay(operation, count)
                    if seconds <= 0:
                        return self._take(operation, count)
                    self.waits_for = f"monday's limits, {seconds:,.0f} s"
                # Replies that arrive meanwhile may show that less was taken than was reserved.
                if not self.timer.pause(min(seconds, _LOOK_SECONDS)):
                    return None
        finally:
            self.waits_for = ""

    def room(self, operation: str) -> int:
        with self._changed:
            return self._writes.room(self.timer.now()) // self._points(operation, 1)

    def _share(self, operation: str, most: int, waiting: int) -> int:
        """How many of the mutations that wait to send now: even shares, so that requests that begin together end together."""
        room = self.room(operation)
        if waiting <= room:  # the last ones: in as many places as there are
            places = min(self._concurrency, self.in_flight) - self._in_flight
            return min(most, ceil(waiting / max(1, min(places, waiting // _LEAST_SHARE))))
        # The rest of a minute is worth a smaller batch, unless next to nothing is left.
        return ceil(room / ceil(room / most)) if room >= max(1, most // 10) else most

    def largest(self, operation: str) -> int:
        """How many mutations of `operation` one batch may hold at most: complexity a request, and a minute."""
        with self._changed:
            most = min(self.limits.request_complexity, self._writes.limit)
            return max(1, most // self._points(operation, 1))

    def note_calls_today(self, calls: float) -> None:
        """At least so many of the day's calls are used: other runs share the token, and the log of the runs knows of all."""
        with self._changed:
            self.calls_today = max(self._roll_day(), calls)

    def release(self, permit: Permit, reply: Reply) -> None:
        """The request of `permit` is over: correct what it took, and take in what the reply says of the limits."""
        with self._changed:
            self._in_flight -= 1
            self._correct(permit, reply)
            now, alone = self.timer.now(), permit.serial == self._serial
            for window, taken, name, kinds in (
                (self._window(permit.mutations), permit.complexity, "complexityMinute", {ErrorKind.COMPLEXITY}),
                (self._calls, permit.calls, "minuteRate", {ErrorKind.CALLS_PER_MINUTE, ErrorKind.ADDRESS}),
            ):
                window.observe(taken, permit.at, now, reply.quota.get(name, _UNTOLD), alone=alone)
                if reply.kind in kinds:
                    window.exhausted(permit.at, now, min(reply.wait, _MOST_EXHAUSTED))
                if reply.action is ErrorAction.DONE:
                    window.recover(permit.at)
            self._note_crowding(permit, is_crowded=any(problem.rule.kind in CROWDING for problem in reply.problems))
            self._concurrency = reply.quota.get("concurrency", _UNTOLD).quota or self._concurrency
            self._changed.notify_all()

    def _correct(self, permit: Permit, reply: Reply) -> None:
        """What the request really took, as far as its reply tells."""
        if reply.action in {ErrorAction.WAIT, ErrorAction.SPLIT} or reply.replayed:
            permit.complexity.ours -= permit.points
        elif reply.cost is not None:
            permit.complexity.ours += reply.cost - permit.points
            if reply.cost > 0:  # a reply that says it was free teaches nothing
                self._costs[permit.operation] = ceil(reply.cost / max(1, permit.mutations))
        if reply.never_sent:
            permit.calls.ours -= 1
            self.calls_today -= 1
        elif reply.rate_limited:
            self.calls_today -= 1 - LIMITED_CALL
        if reply.kind is ErrorKind.CALLS_PER_DAY:
            self.calls_today = max(self.calls_today, self.limits.calls_per_day)

    def _delay(self, operation: str, mutations: int = 0) -> float:
        if self._roll_day() + 1 > (most := self.limits.calls_for_us):
            raise DailyLimitError(
                f"monday.com's calls of today are used up ({most:,} of {self.limits.calls_per_day:,}, the rest is kept for"
                " people): the next run after 00:00 UTC goes on where this one stopped"
            )
        now = self.timer.now()
        return max(self._window(mutations).delay(now, self._points(operation, mutations)), self._calls.delay(now, 1))

    def _take(self, operation: str, mutations: int) -> Permit:
        now, points = self.timer.now(), self._points(operation, mutations)
        self._in_flight += 1
        self._serial += 1
        self.calls_today += 1
        complexity, calls = self._window(mutations).take(now, points), self._calls.take(now, 1)
        return Permit(operation, mutations, now, points, complexity, calls, self._serial if self._in_flight == 1 else -1)

    def _note_crowding(self, permit: Permit, *, is_crowded: bool) -> None:
        """One more request at a time for each calm batch, until monday is crowded: then half as many, and one more a calm round."""
        self._calm = 0 if is_crowded else self._calm + (permit.mutations > 0)
        if is_crowded:
            self.in_flight, self._was_crowded = max(1, self.in_flight // 2), True
        elif self._calm >= (self.in_flight if self._was_crowded else 1) and self.in_flight < self.limits.concurrency:
            self.in_flight, self._calm = self.in_flight + 1, 0

    def _roll_day(self) -> float:
        # A clock that is set back does not make a day begin twice.
        if (today := self.timer.day) > self._day:
            self._day, self.calls_today = today, float(self._in_flight)
        return self.calls_today

    def _points(self, operation: str, mutations: int) -> int:
        """What a request will cost; a read is counted by the call, mutations one by one."""
        guess = _FIRST_GUESSES.get(operation, _OTHER_MUTATION) if mutations else _READ
        return self._costs.get(operation, guess) * max(1, mutations)

    def _window(self, mutations: int) -> RateWindow:
        return self._writes if mutations else self._reads
