"""Histories: a start, a process that dies once or twice, and runs until nothing is left to do.

The starts, the worker, the sandbox it talks to, and one cell of the matrix at a time. Which cells there are and what must be true of them
stands in the tests.
"""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from orders_platform.cli.embedded import ROOMY
from orders_platform.demo.sample_rows import Row
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.sandbox.application import CuttableProtocol
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import Faults, Sandbox, running
from orders_platform.settings import SANDBOX_TOKEN
from orders_platform_tests.crash import scenario
from orders_platform_tests.crash.boundaries import SENT
from orders_platform_tests.crash.evidence import board_lines, database_lines
from orders_platform_tests.crash.worker import STOPPED, Task
from orders_platform_tests.testing.clock import START, SharedClock
from orders_platform_tests.testing.order_stores import FileStores
from orders_platform_tests.testing.platform import NUMBER_COLUMN

VISIBILITY_LAG = 20.0
"""A look-up right after a crash misses what was made before it; only waiting helps."""

LATEST_COMMIT = 60.0
"""Seconds after which monday ends a request: so long after its sender died it may still be carried out."""

_PAUSES = (0.0, 5.0)
_MOST_RUNS = 4
_CLOCK = "clock"
_FILL = """mutation($b: ID!, $i: ID!, $v: JSON!) {
  change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v) { id }
}"""
_GROUP = "mutation($b: ID!, $t: String!) { create_group(board_id: $b, group_name: $t) { id } }"
_LOOK = "query($b: ID!) { boards(ids: [$b]) { name } }"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """One process: whether it was killed, and the boundaries it reached."""

    was_killed: bool
    boundaries: Sequence[str]


@dataclass(frozen=True)
class Cell:
    """How one history ended.

    Attributes:
        recovery: boundaries of the first run that was left to end.
        wrong: how the end differs from that of a history without a kill; empty when it does not.
    """

    recovery: int
    wrong: Sequence[str]


class Scene:
    """One database file, one sandbox, one worker; every history begins with `restore`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now = folder / "now"
        self._now.mkdir()
        self._stores = FileStores(self._now, scenario.SIZES)
        self.file = self._stores.file
        self.clock = SharedClock(self._now / _CLOCK)
        self._trace = folder / "trace"
        self._active = 0
        self._standing = False
        self._worker: subprocess.Popen[str] | None = None
        self.sandbox = self._open_sandbox()

    # --- the sandbox ----------------------------------------------------------------------------------------------------

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The sandbox of the current history, and how many of its requests are under way."""
        self._active += 1
        try:
            await self.sandbox.app(scope, receive, send)
        finally:
            self._active -= 1

    def _open_sandbox(self) -> Sandbox:
        return Sandbox(
            state=self._now / "board.db", clock=self.clock, sleep=self.clock.sleep, limits=ROOMY, visibility_lag=VISIBILITY_LAG,
            faults=Faults(late_seconds=(LATEST_COMMIT, LATEST_COMMIT)),
        )  # fmt: skip

    def _settle_sandbox(self, boundaries: Sequence[str]) -> None:
        """Until the board has carried out what reached it and noticed that its client is gone."""
        sent = sum(SENT in line for line in boundaries)
        deadline = time.monotonic() + 20
        while len(self.sandbox.requests) < sent or self._active or (self._has_clients() and not self._standing):
            if time.monotonic() > deadline:
                raise AssertionError(f"of {sent} requests the sandbox carried out {len(self.sandbox.requests)}")
            time.sleep(0.0005)

    def _has_clients(self) -> bool:
        names = [transport.get_extra_info("sockname") for transport in list(CuttableProtocol.open.values())]
        return any(name and name[1] == self._port for name in names)  # the others are at a sandbox of another test

    # --- the worker -----------------------------------------------------------------------------------------------------

    @contextmanager
    def working(self) -> Iterator[None]:
        """With a worker that can be given tasks."""
        with running(self) as url:  # type: ignore[arg-type]  # all that it needs of a sandbox is its app
            self._url, self._port = url, httpx.URL(url).port
            command = [sys.executable, "-m", "orders_platform_tests.crash.worker"]
            places = [str(self.file), str(self._now / _CLOCK), str(self._trace), f"{url}/v2"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with subprocess.Popen([*command, *places], cwd=_ROOT, **pipes) as self._worker:
                yield

    def run(self, task: Task) -> Ended:
        """One process from its start to its end, and the board at rest after it."""
        self.sandbox.requests.clear()
        self._worker.stdin.write(f"{json.dumps(asdict(task))}\n")
        self._worker.stdin.flush()
        code = self._worker.stdout.readline().strip()
        boundaries = self._trace.read_text(encoding="utf-8").splitlines()
        is_cut = code in {"-9", str(STOPPED)}
        if (code != "0" and not is_cut and task.has_lock) or (is_cut and len(boundaries) != task.last):
            raise AssertionError(f"{task} ended with {code or 'its helper'} after {boundaries[-3:]}")
        self._standing = code == str(STOPPED) or (self._standing and not task.resumes)
        self._settle_sandbox(boundaries if not task.resumes else [])
        return Ended(is_cut, boundaries)

    # --- starts ---------------------------------------------------------------------------------------------------------

    def make_starts(self) -> None:
        """Keep the starts.

        `empty`: the first load is staged. `grouped`: the same on a board that has the groups already. `loaded`: the second load is
        staged on what a run made of the first.
        """
        self._stores.empty()
        self.clock.now = START
        self._stage(scenario.FIRST_LOAD)
        self.keep("empty")
        self._run_in_helper("empty")
        self.restore("empty")
        self.run(Task())
        self.clock.sleep(3_600)
        self._stage(scenario.SECOND_LOAD)
        self._fill(scenario.FULL)
        self.clock.sleep(3_600)
        self.keep("loaded")
        self._run_in_helper("loaded")
        self.restore("empty")
        for title in sorted({group for group, _state, _sizes in scenario.BOARDS["empty"].values()}):
            self._ask(_GROUP, b=str(ITEMS_BOARD_ID), t=title)
        self.clock.sleep(3_600)
        self.keep("grouped")

    def _run_in_helper(self, start: str) -> None:
        """A run, and one after a death at each kind of creation: what these have rendered and compiled all later processes start with."""
        self.restore(start)
        boundaries = self.run(Task(forks=False)).boundaries
        creations = {line.rsplit(" ", 1)[1]: n for n, line in enumerate(boundaries, 1) if SENT in line and ": Create" in line}
        for last in creations.values():
            self.restore(start)
            self.kill(Task(last=last))
            self.run(Task(forks=False))

    def keep(self, name: str) -> None:
        """Keep database, board and time as they are; no process may be at work."""
        kept = self._folder / name
        kept.mkdir(exist_ok=True)
        _copy(self._now, kept)

    def restore(self, name: str) -> None:
        """Begin a history where `keep` was called."""
        self.sandbox.close()
        _copy(self._folder / name, self._now)
        self.sandbox = self._open_sandbox()

    def _stage(self, rows: Sequence[Row]) -> None:
        cells = [[row.get(name) for name in scenario.COLUMNS] for row in rows]
        replace_staged_rows(self._stores.of(scenario.CONFIGURATION), scenario.COLUMNS, cells)
        self._stores.database.close()

    def _fill(self, number: str) -> None:
        groups = self.sandbox.board_snapshot(ITEMS_BOARD_ID)
        (item,) = (item for group in groups for item in group.items if item.values.get(NUMBER_COLUMN) == number)
        values = json.dumps({scenario.MATCH_COLUMN: "x" * 65_000})
        self._ask(_FILL, b=str(ITEMS_BOARD_ID), i=str(item.id), v=values)

    def _ask(self, query: str, **variables: str) -> None:
        """A request of a person."""
        with httpx.Client(headers={"Authorization": SANDBOX_TOKEN}) as person:
            answer = person.post(f"{self._url}/v2", json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise AssertionError(answer)

    # --- histories ------------------------------------------------------------------------------------------------------

    def evidence(self) -> list[str]:
        """Board and database as they are now."""
        return [*board_lines(self.sandbox), *database_lines(self.sandbox, self.file)]

    def kill(self, task: Task) -> Ended:
        """A process that is to die, and the moment until the next one starts: none or a short one, the board lags either way."""
        ended = self.run(task)
        if ended.was_killed:
            self.clock.sleep(_PAUSES[(task.last or 0) % len(_PAUSES)])
        return ended

    def meet(self, last: int, without: str = "") -> Ended:
        """One process stops at a boundary; another one comes, since the lock is lost, and does all it finds; then the first goes on."""
        first = self.run(Task(last=last, stops=True, has_lock=False, without=without))
        if first.was_killed:
            self.run(Task(has_lock=False, without=without))
            self.run(Task(resumes=True, has_lock=False))
        return first

    def let_pass(self, seconds: float) -> None:
        """Nothing happens for so long, then somebody looks at the board: it does what it had put off."""
        self.clock.sleep(seconds)
        self._ask(_LOOK, b=str(ITEMS_BOARD_ID))
        self._settle_sandbox([])
        self.sandbox.requests.clear()

    def recover(self, wanted: Sequence[str], task: Task | None = None) -> Cell:
        """Run until a run changes nothing on the board, and compare with the evidence of a history without a kill."""
        recovery, problems = 0, [f"after {_MOST_RUNS} runs there is still something to send"]
        for _ in range(_MOST_RUNS):
            ended = self.run(task or Task())
            recovery = recovery or len(ended.boundaries)
            if not any(request.is_mutation for request in self.sandbox.requests):
                problems = []
                break
        differences = [line for line in difflib.ndiff(wanted, self.evidence()) if line[0] in "+-"]
        return Cell(recovery, [*problems, *differences])


def _copy(source: Path, target: Path) -> None:
    """All files; a database is left without the journals of another one."""
    for old in target.iterdir():
        if old.is_file() and old.name != _CLOCK:
            old.unlink()
    for file in source.iterdir():
        if file.name == _CLOCK:
            (target / file.name).touch()
            with (target / file.name).open("r+b") as opened:  # in place: other processes have it mapped
                opened.write(file.read_bytes())
        elif file.is_file():
            shutil.copy(file, target)


@contextmanager
def scenes(folder: Path) -> Iterator[Scene]:
    """A scene with its starts made."""
    scene = Scene(folder)
    try:
        with scene.working():
            scene.make_starts()
            yield scene
    finally:
        scene.sandbox.close()
