"""One of monday.com's minute limits: a bucket of units that opens with the first call and is full again 60 seconds later.

Pure: time comes in with each call. Belongs here: where the window lies, what was taken from it, by us and by others. Does not
belong here: waiting, several limits at once, costs (`monday/budget.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orders_platform.monday.limits import WINDOW_SECONDS
from orders_platform.monday.quota import Allowance

MARGIN = 0.5
"""Seconds by which a window counts as open for longer: its first call may have travelled longer than the next one's."""

MOST_MARGIN = 2.0
"""The same when monday's answers cannot exclude that its window opened so much later."""

RESET_ROUNDING = 1.0
"""monday tells the rest of a window in whole seconds, rounded up or down."""


@dataclass(slots=True)
class _Window:
    """One window as we see it: `ours` is taken by our calls, `others` by what we know of everyone else's.

    Attributes:
        ends: when monday's window ends at the earliest.
        closes: when we take it as ended; never before `soonest`, never after `latest`.
        is_aligned: an answer of monday has told its end.
    """

    ends: float
    soonest: float
    latest: float
    closes: float = 0.0
    ours: int = 0
    others: int = 0
    is_aligned: bool = False

    def __post_init__(self) -> None:
        self.closes = self.soonest

    @property
    def taken(self) -> int:
        return self.ours + self.others


@dataclass(frozen=True, slots=True)
class Taking:
    """What one call took: needed to correct it when the answer tells the real figure."""

    windows: tuple[_Window, ...]
    units: int
    at: float


@dataclass(slots=True)
class Bucket:
    """A limit of `limit` units in a window of 60 seconds.

    `share` is the part of the limit that we use: 1.0, less for a while after monday said that it was exceeded.
    """

    limit: int
    share: float = 1.0
    _windows: list[_Window] = field(default_factory=list)

    def delay(self, now: float, units: int) -> float:
        """Seconds to wait before `units` may be taken; more than the limit counts as the whole limit."""
        window = self._current(now)
        if window is None or window.taken + min(units, self._allowed) <= self._allowed:
            return 0.0
        return window.closes - now

    def room(self, now: float) -> int:
        """Units that may be taken now."""
        window = self._current(now)
        return self._allowed if window is None else max(0, self._allowed - window.taken)

    def take(self, now: float, units: int) -> Taking:
        """Count `units` before the call that takes them is made."""
        window = self._current(now) or self._open(now)
        # monday's window may have ended a moment before ours: then this call opens its next one, so it counts in both.
        if now >= window.ends and window is self._windows[-1]:
            self._open(now)
        for each in self._windows:
            each.ours += units
        return Taking(tuple(self._windows), units, now)

    def correct(self, taking: Taking, units: int) -> None:
        """The call of `taking` took `units` in truth."""
        for window in taking.windows:
            window.ours += units - taking.units

    def observe(self, taking: Taking, now: float, told: Allowance, *, alone: bool) -> None:
        """Compare with what the answer to a call, which arrived at `now`, says of the window.

        Args:
            taking: what the call took.
            now: when the answer arrived.
            told: the window as monday sees it.
            alone: no other call of ours was under way during this one, so that the figure is exact.
        """
        if told.quota:
            self.limit = told.quota
        window = taking.windows[0]
        if window is not self._current(now) or now >= window.ends:
            return  # the answer may speak of monday's next window already
        if told.remaining is not None:
            difference = self.limit - told.remaining - window.ours
            window.others = difference if alone else max(window.others, difference)
        if told.reset is not None:
            _align(window, taking.at, now, told.reset)

    def exhausted(self, now: float, seconds: float) -> None:
        """Note that monday calls the limit exceeded and free again in `seconds`: use a little less of it for a while."""
        self.share = max(0.5, self.share * 0.8)
        window = self._current(now) or self._open(now)
        window.others = max(window.others, self.limit - window.ours)
        window.ends = window.soonest = window.latest = window.closes = now + seconds
        del self._windows[1:]

    def recover(self) -> None:
        """One more call went well."""
        self.share = min(1.0, self.share + 0.01)

    @property
    def _allowed(self) -> int:
        return max(1, int(self.limit * self.share))

    def _current(self, now: float) -> _Window | None:
        while self._windows and now >= self._windows[0].closes:
            self._windows.pop(0)
        return self._windows[0] if self._windows else None

    def _open(self, now: float) -> _Window:
        end = now + WINDOW_SECONDS
        window = _Window(ends=end, soonest=end + MARGIN, latest=end + MOST_MARGIN)
        self._windows.append(window)
        return window


def _align(window: _Window, sent: float, received: float, reset: float) -> None:
    """Move the end of the window to where it must be: monday wrote `reset` at some moment between sent and received."""
    earliest, latest = sent + reset - RESET_ROUNDING, received + reset
    if latest + RESET_ROUNDING < window.ends or earliest > window.latest:
        # Not the window that our call opened: another program's was open before, or ours reached monday much later.
        window.ends = window.soonest = earliest
        window.latest = window.closes = latest
    elif window.is_aligned:
        window.closes = max(window.soonest, min(window.closes, latest))
    else:
        window.closes = min(window.latest, max(window.soonest, latest))
    window.is_aligned = True
