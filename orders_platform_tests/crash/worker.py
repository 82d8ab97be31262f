"""The process that is killed: one run of the real engine over SQLite and HTTP, a process of its own for each task.

A helper imports everything once and forks, since a fresh interpreter for each of a thousand runs would take half an hour; it has one
thread and no open connection when it forks.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import Limits
from orders_platform.pipeline import sync_customer
from orders_platform.settings import SANDBOX_TOKEN, default_folder
from orders_platform.sync.run import SyncRun
from orders_platform_tests.crash.boundaries import Boundaries, WatchedTransport
from orders_platform_tests.crash.scenario import CONFIGURATION
from orders_platform_tests.testing.clock import SharedClock
from orders_platform_tests.testing.platform import SETTLE
from orders_platform_tests.testing.unfenced import Unfenced

_LONGEST_RUN = 120
"""Seconds after which a run that hangs is ended, with a code of its own."""

STOPPED = 99

_NO_LIMITS = Limits(10**9, 10**9, 1000, 10**12, None, 10**12, 0)


@dataclass(frozen=True)
class Task:
    """One run.

    Attributes:
        last: the boundary at which it dies.
        without: a part of the protocol that is switched off, to show that it is needed: `intent`, `settle`, `look_up` or `fence`.
        stops: it only stops at that boundary.
        resumes: the process that stopped last goes on; nothing else counts.
        has_lock: False takes no lock, as if it were lost.
        forks: False runs in the helper itself, whose caches all later processes start with.
    """

    last: int | None = None
    max_in_flight: int = 1
    without: str = ""
    stops: bool = False
    resumes: bool = False
    has_lock: bool = True
    forks: bool = True


class Without:
    """An object some of whose methods were replaced."""

    def __init__(self, whole: object, replaced: Mapping[str, Any]) -> None:
        self._whole = whole
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._whole, name)


class Worker:
    """What all runs have in common."""

    def __init__(self, database: str, clock: str, trace: str, url: str) -> None:
        self._store = OrderStore(open_database(SecretStr(f"sqlite:///{database}")), CONFIGURATION, default_folder("sql"))
        self._merge = OrderMerge(self._store)
        self._clock = SharedClock(Path(clock))
        self._trace = trace
        self._url = url

    def work(self, task: Task) -> None:
        """One whole run, as the command line does it. Raises `SystemExit` with the words of the first customer's error."""
        boundaries = Boundaries(
            os.open(self._trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), task.last, stops=task.stops
        )
        if task.forks:
            boundaries.watch_commits(self._store.database.engine)
        with self._board(task, boundaries) as board:
            run = self._run(task, board)
            scan = self._merge.scan_staging()
            self._merge.record_scan(scan, run.clock())
            reports = (sync_customer(run, self._merge, customer, scan) for customer in scan.customers)
            errors = [report.error for report in reports if report.error]
        self._store.database.close()
        if errors:
            sys.exit(errors[0])

    def _board(self, task: Task, boundaries: Boundaries) -> MondayBoard:
        return MondayBoard(
            self._url, SANDBOX_TOKEN, default_folder("graphql"), limits=_NO_LIMITS, max_in_flight=task.max_in_flight,
            batch_size=2, timeout_seconds=20.0, http_transport=WatchedTransport(boundaries), rng=random.Random(1),
            clock=self._clock, wall=self._clock.wall, sleep=self._clock.sleep,
        )  # fmt: skip

    def _run(self, task: Task, board: MondayBoard) -> SyncRun:
        store: Any = self._store
        looking: Any = board
        if task.without == "intent":
            store = Without(store, {"record_intents": _the_rows, "record_groups_sent": _the_known})
        if task.without == "fence":
            store = Unfenced(store, self._store)
        if not task.has_lock:
            store = Without(store, {"lock": nullcontext})
        if task.without == "look_up":
            looking = Without(board, {"find_items": _nowhere, "children": _childless})
        settle = {"settle_seconds": 0.0 if task.without == "settle" else SETTLE, "index_lag_seconds": 0.0}
        self._store.configuration = CONFIGURATION.model_copy(update={"monday": CONFIGURATION.monday.model_copy(update=settle)})
        return SyncRun(
            store, looking,
            clock=lambda: datetime.fromtimestamp(self._clock(), UTC), elapsed=self._clock, boot="machine", sleep=self._clock.sleep,
        )  # fmt: skip


def _the_rows(rows: list[object], *_rest: object) -> list[object]:
    return rows


def _the_known(_customer: str, known: object, *_rest: object) -> object:
    return known


def _nowhere(_board_id: int, _column_id: str, keys: list[str]) -> dict[str, list[object]]:
    return {key: [] for key in keys}


def _childless(_board_id: int, parent_ids: list[int]) -> dict[int, list[object]]:
    return {parent_id: [] for parent_id in parent_ids}


def main() -> None:
    """Tasks come in as lines of JSON, exit codes go out: 0 for an ended run, -9 for a killed one, `STOPPED` for one that stands still."""
    worker, stopped = Worker(*sys.argv[1:]), 0
    for line in sys.stdin:
        task = Task(**json.loads(line))
        if task.resumes:
            os.kill(stopped, signal.SIGCONT)
            code = os.waitstatus_to_exitcode(os.waitpid(stopped, 0)[1])
        elif not task.forks:
            worker.work(task)
            gc.freeze()
            code = 0
        elif (process := os.fork()) == 0:
            signal.alarm(_LONGEST_RUN)
            worker.work(task)
            os._exit(0)
        else:
            _, status = os.waitpid(process, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                stopped, code = process, STOPPED
            else:
                code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
