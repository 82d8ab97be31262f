"""Fixed-window rate limit: the window starts at the first call and is full again 60 seconds later.

monday's window is not visible. Where it lies, and what other programs took from it, follows from our calls and from monday's headers.
"""

from __future__ import annotations

from dataclasses import dataclass

from orders_platform.monday.replies import Allowance

WINDOW_SECONDS = 60.0
"""Length of the complexity and call windows; they open with the first call (page on rate limits)."""

MARGIN = 0.5
"""Seconds by which one call may travel longer than another: around the turn of a window nobody can say which one it meets."""

MOST_MARGIN = 2.0
"""The same after the turn, when monday's answers cannot exclude that its window opened so much later."""

RESET_ROUNDING = 1.0
"""monday tells the rest of a window in whole seconds, rounded up or down."""


@dataclass(slots=True)
class Window:
    """One window as we see it: `ours` is taken by our calls, `others` by what we know of everyone else's.

    Attributes:
        first: monday's window does not end before this moment.
        last: nor after this one, as far as monday's answers can exclude it.
        is_told: an answer of monday has told its end.
        reopens: nothing is sent before: monday wants to be asked again then, in this window; 0 once it answered such a call well.
    """

    first: float
    last: float
    ours: int = 0
    others: int = 0
    is_told: bool = False
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
        """Units that may be taken now."""
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
