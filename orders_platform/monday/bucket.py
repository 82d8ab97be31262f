"""One of monday.com's minute limits: a bucket of units that opens with the first call and is full again 60 seconds later.

Pure: time comes in with each call. Belongs here: where the window lies, what was taken from it, by us and by others. Does not
belong here: waiting, several limits at once, costs (`monday/budget.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orders_platform.monday.limits import WINDOW_SECONDS
from orders_platform.monday.quota import Allowance

MARGIN = 0.5
"""Seconds by which a window counts as open for longer: the first call of a window may have travelled longer than the next one's."""

RESET_ROUNDING = 1.0
"""monday tells the rest of a window in whole seconds; which way it rounds is not documented."""


@dataclass(slots=True)
class _Window:
    """One window as we see it: `ours` is taken by our calls, `others` by what we know of everyone else's.

    monday's window ends at some moment between `ends` and `closes`.
    """

    ends: float
    closes: float
    ours: int = 0
    others: int = 0

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
        """Compare with what the answer to `taking` says of the window.

        Args:
            now: when the answer arrived.
            alone: no other call of ours was under way during this one, so that the figure is exact.
        """
        if told.quota:
            self.limit = told.quota
        window = taking.windows[0]
        if window is not self._current(now) or now >= window.ends:
            return
        if told.remaining is not None:
            difference = self.limit - told.remaining - window.ours
            window.others = difference if alone else max(window.others, difference)
        if told.reset is not None:
            self._align(window, taking.at, now, told.reset)

    def exhausted(self, now: float, seconds: float) -> None:
        """monday says that the limit is exceeded and free again in `seconds`: use a little less of it for a while."""
        self.share = max(0.5, self.share * 0.8)
        window = self._current(now) or self._open(now)
        window.others = max(window.others, self.limit - window.ours)
        window.ends = window.closes = now + seconds
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
        window = _Window(ends=now + WINDOW_SECONDS, closes=now + WINDOW_SECONDS + MARGIN)
        self._windows.append(window)
        return window

    def _align(self, window: _Window, sent: float, received: float, reset: float) -> None:
        """Move the end of the window to where monday's answer says it must be: it wrote `reset` between sent and received."""
        earliest, latest = sent + reset - RESET_ROUNDING, received + reset + RESET_ROUNDING
        if latest < window.closes or earliest > window.closes:
            window.ends, window.closes = earliest, latest
