"""Time that passes only while everybody waits, for a sandbox and the programs that talk to it.

An hour of monday's limits is measured in a minute, and neither a slow machine nor somebody else's load on it changes the figure: the
clock stands still while any thread has work (Linux tells in /proc) and jumps to the next waker when none has. The processor time that
this leaves out is measured apart.
"""

from __future__ import annotations

import heapq
import itertools
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START = 1_793_000_000.0
"""Epoch seconds at which every measurement begins: nine hours from midnight UTC, when monday's daily calls start anew."""

_QUIET_SECONDS = 0.000_3
_QUIET_NANOSECONDS = 30_000  # of processor time; reading two clocks one after the other takes a few thousand


class SimulatedClock:
    """Seconds since the epoch that jump to the next waker as soon as nobody works any more.

    Who works are the threads of this process and of every process under `watching`. They may wait for each other in any way they like;
    to wait for time to pass they call `sleep`.

    Raises:
        RuntimeError: this is not Linux.
    """

    def __init__(self) -> None:
        if not Path("/proc/self/task").exists():
            raise RuntimeError("Simulated time reads in /proc who works, and only Linux has that; measure on Linux.")
        self._now = START
        self._lock = threading.Lock()
        self._turn = itertools.count()
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._someone_sleeps = threading.Event()
        self._watched: set[int] = set()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="simulated-time", daemon=True)
        self._thread.start()

    def __call__(self) -> float:
        """The time."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Return when that much of this time has passed."""
        woken = threading.Event()
        with self._lock:
            heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._turn), woken))
            self._someone_sleeps.set()
        woken.wait()

    @contextmanager
    def watching(self, process_id: int) -> Iterator[None]:
        """Time stands still while that process works, too."""
        self._watched.add(process_id)
        try:
            yield
        finally:
            self._watched.discard(process_id)

    def close(self) -> None:
        """Stop; whoever still sleeps is woken."""
        self._is_over = True
        self._someone_sleeps.set()
        self._thread.join()
        for _, _, woken in self._sleepers:
            woken.set()

    def _run(self) -> None:
        while not self._is_over:
            self._someone_sleeps.wait()
            if not self._is_over and self._nobody_works():
                self._jump()

    def _jump(self) -> None:
        with self._lock:
            if not self._sleepers:
                self._someone_sleeps.clear()
                return
            self._now = max(self._now, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self._now:
                heapq.heappop(self._sleepers)[2].set()

    def _nobody_works(self) -> bool:
        """No processor time used for a moment, and nobody who would use it if there were a free processor."""
        watched = tuple(self._watched)
        before = self._used(watched)
        time.sleep(_QUIET_SECONDS)
        threads = self._others(watched)
        if any(_wants_a_processor(process, thread) for process, thread in threads):
            return False
        # Whoever was looked at first may have worked since, and have begun a thread that nobody looked at.
        return self._used(watched) - before <= _QUIET_NANOSECONDS and self._others(watched) == threads

    def _others(self, watched: tuple[int, ...]) -> list[tuple[int, int]]:
        """Process and thread of all but this thread."""
        own = threading.get_native_id()
        return [(process, thread) for process in (os.getpid(), *watched) for thread in _threads(process) if thread != own]

    def _used(self, watched: tuple[int, ...]) -> int:
        """Nanoseconds of processor time of all but this thread."""
        return time.process_time_ns() - time.thread_time_ns() + sum(map(processor_nanoseconds, watched))


class QuickClock:
    """Real time, `factor` times as fast: the processor's work counts, `factor` times over."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._began = time.monotonic()

    def __call__(self) -> float:
        """The time."""
        return START + (time.monotonic() - self._began) * self._factor

    def sleep(self, seconds: float) -> None:
        """Return when that much of this time has passed."""
        time.sleep(max(0.0, seconds) / self._factor)

    @contextmanager
    def watching(self, process_id: int) -> Iterator[None]:  # noqa: ARG002
        """Whoever works, time passes."""
        yield

    def close(self) -> None:
        """Nothing to stop."""


Clock = SimulatedClock | QuickClock


@contextmanager
def shared(clock: Clock) -> Iterator[str]:
    """`host:port` where other processes sleep: they send a line with the seconds and get an empty one when these have passed."""

    class Sleeper(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            clock.sleep(float(self.rfile.readline()))
            self.wfile.write(b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Sleeper) as server:
        thread = threading.Thread(target=server.serve_forever, name="shared-time", daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def processor_nanoseconds(process_id: int) -> int:
    """Processor time that a process has used so far; 0 when it has ended."""
    # clock_getcpuclockid(3) gives this number; Python has no name for it.
    with suppress(OSError):
        return time.clock_gettime_ns((~process_id << 3) | 2)
    return 0


def _threads(process_id: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(entry.name) for entry in os.scandir(f"/proc/{process_id}/task")]
    return []


def _wants_a_processor(process_id: int, thread_id: int) -> bool:
    """Whether it runs, waits for a processor (R) or for a disk (D)."""
    with suppress(FileNotFoundError, ProcessLookupError):
        status = Path(f"/proc/{process_id}/task/{thread_id}/stat").read_text(encoding="ascii", errors="replace")
        return status.rpartition(")")[2].split()[0] in {"R", "D"}
    return False
