"""What a long command is at, on standard error: a bar and a line that change at a terminal, elsewhere a line every ten seconds."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress import Progress as Bar
from rich.text import Text

from orders_platform.cli import output
from orders_platform.domain.text import visible

EVERY_SECONDS = 10.0


class Progress(ProgressColumn):
    """Told what is done, how far and of how many, it tells people; `SyncRun.progress` is its `update`.

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
        super().__init__()
        self._verbosity, self._waits = verbosity, waits
        self._over = threading.Event()
        self._pause = pause or self._over.wait
        self._where = ""
        self._bar = Bar(BarColumn(20), self, console=output.console(err=True), get_time=clock, transient=True)
        self._task = self._bar.add_task("starting", total=None)

    def update(self, words: str, done: int = 0, total: int = 0) -> None:
        """Something begins, or got further; `total` is 0 where nobody knows."""
        task = self._bar.tasks[0]
        if words != task.description or done < task.completed:
            self._bar.reset(self._task, description=words)
        task.total = total or None
        self._bar.update(self._task, completed=done)
        if self._verbosity == "verbose":
            output.say(f"  {self.line}", err=True)

    @contextmanager
    def shown(self, customers: Sequence[str] = ()) -> Iterator[Iterator[str]]:
        """Show it during the block, which is given the customers to go through."""
        self._where = ""
        if self._verbosity is not None:
            yield self._each(customers)
        elif self._bar.console.is_terminal:
            with self._bar:
                yield self._each(customers)
        else:
            teller = threading.Thread(target=self._tell, name="progress", daemon=True)
            self._over.clear()
            teller.start()
            try:
                yield self._each(customers)
            finally:
                self._over.set()
                teller.join()

    def _each(self, customers: Sequence[str]) -> Iterator[str]:
        for place, customer in enumerate(customers, start=1):
            self._where = f"customer {place} of {len(customers)}: {customer}: " if len(customers) > 1 else f"{customer}: "
            yield customer

    def _tell(self) -> None:
        while not self._pause(EVERY_SECONDS):
            output.say(self.line, err=True)

    def render(self, task: Task) -> Text:  # noqa: ARG002 - Rich's signature
        """Rich's: the line beside the bar."""
        return Text(visible(self.line))

    @property
    def line(self) -> str:
        """Which customer of how many, what is done, how far, how fast, for how long still, and what is waited for."""
        task, waits = self._bar.tasks[0], self._waits()
        parts = [f"{self._where}{task.description}"]
        if task.total:
            parts.append(f"{task.completed:,.0f} of {task.total:,.0f}" if task.completed else f"{task.total:,.0f}")
        if task.speed:
            parts.append(f"{task.speed:,.0f} a second" if task.speed >= 1 else f"{60 * task.speed:,.0f} a minute")
            if task.time_remaining and not waits:
                parts.append(f"about {_duration(task.time_remaining)} left")
        elif task.elapsed and task.elapsed >= 1:
            parts.append(f"for {_duration(task.elapsed)}")
        return ", ".join(parts) + (f"; waiting for {waits}" if waits else "")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
