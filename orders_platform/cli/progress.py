"""What a long command is at, on standard error: two lines that change at a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orders_platform.cli import output
from orders_platform.domain.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

EVERY_SECONDS = 10.0


class Progress:
    """Called with what is done, how far and of how many it tells people; `SyncRun.progress` is one.

    Args:
        verbosity: `quiet` tells nothing, `verbose` each step in a line of its own.
        waits: what monday's limits make a run wait for, in words; empty when it does not wait.
        clock: seconds.
        pause: waits so many seconds, or less; True when the command is over.
    """

    def __init__(
        self,
        verbosity: str | None = None,
        waits: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._verbosity, self._waits, self._clock = verbosity, waits, clock
        self._over = threading.Event()
        self._pause = pause or self._over.wait
        self._customers: Sequence[str] = ()
        self._place = 0
        self._words, self._done, self._total, self._since = "", 0, 0, clock()

    def __call__(self, words: str, done: int = 0, total: int = 0) -> None:
        """Something begins, or got further; `total` is 0 where nobody knows."""
        if words != self._words or done < self._done:
            self._since = self._clock()
        self._words, self._done, self._total = words, done, total
        if self._verbosity == "verbose":
            output.say(f"  {self.line}", err=True)

    @contextmanager
    def shown(self, customers: Sequence[str] = ()) -> Iterator[Iterator[str]]:
        """Show it during the block, which is given the customers to go through."""
        self._customers, self._place, self._words = customers, 0, ""
        if self._verbosity is not None:
            yield self._each()
        elif sys.stderr.isatty():
            from rich.live import Live

            with Live(get_renderable=self._drawing, console=output.console(err=True), transient=True, refresh_per_second=4):
                yield self._each()
        else:
            teller = threading.Thread(target=self._tell, name="progress", daemon=True)
            self._over.clear()
            teller.start()
            try:
                yield self._each()
            finally:
                self._over.set()
                teller.join()

    def _each(self) -> Iterator[str]:
        for customer in self._customers:
            self._place += 1
            yield customer

    def _tell(self) -> None:
        while not self._pause(EVERY_SECONDS):
            output.echo(self.line, err=True)

    def _drawing(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        share = self._done / self._total if self._total else 0
        first = Table.grid(padding=(0, 1))
        total = max(len(self._customers), 1)
        first.add_row(ProgressBar(total, max(self._place - 1, 0) + share, width=20), Text(visible(self.where)))
        return Group(first, Text(visible(self.what), no_wrap=True, overflow="ellipsis"))

    @property
    def where(self) -> str:
        """Which customer of how many."""
        if not self._place:
            return ""
        count = f"customer {self._place} of {len(self._customers)}: " if len(self._customers) > 1 else ""
        return f"{count}{self._customers[self._place - 1]}"

    @property
    def what(self) -> str:
        """What is done, how far, how fast, for how long still, and what is waited for."""
        parts, waits = [self._words or "starting"], self._waits()
        seconds = self._clock() - self._since
        if self._total:
            parts.append(f"{self._done:,} of {self._total:,}" if self._done else f"{self._total:,}")
        if self._done and seconds > 0:
            pace = self._done / seconds
            parts.append(f"{pace:,.0f} a second" if pace >= 1 else f"{60 * pace:,.0f} a minute")
            if self._done < self._total and not waits:
                parts.append(f"about {_duration((self._total - self._done) / pace)} left")
        elif seconds >= 1:
            parts.append(f"for {_duration(seconds)}")
        return ", ".join(parts) + (f"; waiting for {waits}" if waits else "")

    @property
    def line(self) -> str:
        """All of it."""
        return f"{self.where}: {self.what}" if self.where else self.what


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
