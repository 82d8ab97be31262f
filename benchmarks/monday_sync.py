"""One load through our engine and through other people's clients: how long, how many calls, what is lost and what is there twice.

    python benchmarks/monday_sync.py [--quick] [--json FILE]

Every measurement has a sandbox of its own with the limits of a Pro account and a personal token, that takes 0.2 s for a document and 0.3 s
for each mutation in it, and time that is simulated (`simulated_time.py`). The floor, in one formula (`sync_load.py` has the reasons):

    windows = max( ceil(points / 10,000,000), ceil(creations / 333) )        points = 30,001 a creation, 10,001 a group
    floor   = (windows - 1) x 60 s + 0.5 s

Ours is the engine as it runs: database, intents, checks of the board, merge of an unchanged load; with faults it is run again, at once,
until nothing waits. Several customers are sent one after the other, as by the command line, or two at a time with a budget and a pace
each, as by two runs in Dagster's pool. The others do what a careful user does with them (`peers/workload.py`), each in a virtual
environment of its own. With faults, two requests in a hundred meet one of the sandbox's transient faults. Simulated time leaves processor
time out, so ours is measured once more in real time, sped up, where it counts many times over. Linux only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from peers.environments import PEERS, answer_of, python_of, started
from simulated_time import Clock, QuickClock, SimulatedClock, shared
from sync_load import LARGE, LATENCY, NIGHT, SIX, SMALL, Load, floor_seconds, opened

from orders_platform.merge.order_merge import OrderMerge
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import limits_of
from orders_platform.pipeline import sync_customer
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, AccountLimits, Faults, Sandbox, running
from orders_platform.settings import default_folder
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun

OURS = "orders_platform"
FAULT_RATE = 0.02
_MOST_RUNS = 6
_SEEDS = range(1, 11)  # the small load takes some 20 requests of ours, of which a single seed would spoil less than one


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement.

    Attributes:
        client: ours, or one of `PEERS`.
        repeats: how often a call that raises is made again, of other clients.
        batch: rows a call, of other clients.
        seed: of the faults; 0: none.
        factor: real time, so much faster, in place of simulated time; 0: simulated.
        at_a_time: customers, of ours.
    """

    client: str
    load: str
    repeats: int = 0
    batch: int = 1
    seed: int = 0
    factor: float = 0.0
    at_a_time: int = 1

    @property
    def name(self) -> str:
        """For people."""
        extra = [f"{self.batch} a call"] * (self.batch > 1) + [f"{self.repeats} repeats"] * (self.repeats > 0)
        extra += [f"{self.at_a_time} customers at a time"] * (self.at_a_time > 1)
        return ", ".join([self.client, *extra])


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a case; several seeds are one line with the worst of each figure and the sum of lost and doubled.

    Attributes:
        ratio: to the floor.
        limited: requests that a limit refused, injected ones not counted.
        runs: of our engine, until nothing waited.
        error: of another client, the first.
    """

    seconds: float
    ratio: float
    calls: int
    limited: int
    lost: int
    doubled: int
    runs: int = 1
    wall_seconds: float = 0.0
    error: str = ""


def measure(case: Case) -> Figures:
    """Carry out one case in this process, in which nothing else should be at work."""
    began = time.monotonic()
    clock: Clock = QuickClock(case.factor) if case.factor else SimulatedClock()
    faults = Faults(seed=case.seed, rate=FAULT_RATE if case.seed else 0.0)
    sandbox = Sandbox(clock=clock, sleep=clock.sleep, limits=AccountLimits(), latency=LATENCY, faults=faults)
    sandbox.requests = deque()  # all of them
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = stack.enter_context(opened(case.load, folder))
        stack.enter_context(closing(clock))
        stack.enter_context(closing(sandbox))
        url = stack.enter_context(running(sandbox))
        file = folder / "load.json"
        if case.client != OURS:
            file.write_text(as_json(load), encoding="utf-8")
        sent = clock()
        runs, error = _send_ours(case, load, url, clock) if case.client == OURS else _send(case, file, url, clock)
        seconds = clock() - sent
        outcome = load.outcome(sandbox.board_snapshot(ITEMS_BOARD_ID))
    return Figures(
        seconds=seconds,
        ratio=seconds / floor_seconds(load.size, AccountLimits()),
        calls=len(sandbox.requests),
        limited=sum(1 for request in sandbox.requests if request.outcome == "limited" and request.fault is None),
        lost=outcome.lost,
        doubled=outcome.doubled,
        runs=runs,
        wall_seconds=time.monotonic() - began,
        error=error,
    )


def _board(load: Load, url: str, clock: Clock, seed: int) -> MondayBoard:
    monday = load.configuration.monday
    return MondayBoard(
        f"{url}/v2", SANDBOX_TOKEN, default_folder("graphql"), limits=limits_of(monday.plan, monday.token_kind),
        max_in_flight=monday.max_in_flight, batch_size=monday.batch_size, timeout_seconds=monday.timeout_seconds,
        rng=random.Random(seed), clock=clock, sleep=clock.sleep,
    )  # fmt: skip


def _send_ours(case: Case, load: Load, url: str, clock: Clock) -> tuple[int, str]:
    """Runs of the engine until nothing waits; each is a process of its own as far as memory goes."""
    error = ""
    for run_number in range(1, _MOST_RUNS + 1):
        customers = iter(load.customers)
        with ThreadPoolExecutor(case.at_a_time) as pool:
            sending = [pool.submit(_sent, case, load, url, clock, customers) for _ in range(case.at_a_time)]
        reports = [report for each in sending for report in each.result()]
        if all(report.is_done for report in reports):
            return run_number, error
        troubles = [report.error or stage.trouble for report in reports for stage in report.stages]
        error = error or next(filter(None, troubles), "")
    return _MOST_RUNS, error


def _sent(case: Case, load: Load, url: str, clock: Clock, customers: Iterator[str]) -> list[CustomerReport]:
    """One customer after the other; beside others each has a board of its own, as a run in Dagster has."""
    reports = []
    for customer in customers:
        mine = [customer] if case.at_a_time > 1 else [customer, *customers]
        with _board(load, url, clock, case.seed) as board:
            run = SyncRun(
                load.store, board, clock=lambda: datetime.fromtimestamp(clock(), UTC), elapsed=clock,
                sleep=clock.sleep,
            )  # fmt: skip
            merge = OrderMerge(load.store)
            reports += [sync_customer(run, merge, each, merge.scan_staging()) for each in mine]
    return reports


def _send(case: Case, file: Path, url: str, clock: Clock) -> tuple[int, str]:
    """The script of another client."""
    options = {"url": f"{url}/v2", "token": SANDBOX_TOKEN, "file": file, "repeats": case.repeats, "batch": case.batch}
    with shared(clock) as address:
        words = [f"--{name}={value}" for name, value in {**options, "time": address}.items()]
        with started(case.client, "load", *words) as process, clock.watching(process.pid):
            return 1, str(answer_of(case.client, process)["error"])


def as_json(load: Load) -> str:
    """The load with values that fit the boards, which a sandbox beside the measured one describes."""
    configuration = load.configuration
    with running(Sandbox()) as url, _board(load, url, QuickClock(1.0), 0) as board:
        items = board.describe(configuration.items.board_id)
        return load.as_json(items, board.describe(configuration.subitems.board_id))


# --- cases and table ----------------------------------------------------------------------------------------------------


def cases(load: str) -> tuple[list[Case], list[Case]]:
    """Without faults and with them. Without them a repeat can only matter to who meets limits."""
    peers = [Case(peer, load) for peer in PEERS] + [Case("monday", load, batch=25)]
    side_by_side = [Case(OURS, load, at_a_time=2)] if load in {SIX, NIGHT} else []
    if load == NIGHT:
        return side_by_side, []
    smooth = [Case(OURS, load), *side_by_side, *peers, Case("monday-async", load, repeats=3)]
    rough = [Case(peer.client, load, repeats, peer.batch, seed=1) for peer in peers for repeats in (0, 3)]
    return smooth, [*(Case(OURS, load, seed=seed) for seed in _SEEDS), *rough]


def checks(load: str) -> list[Case]:
    """Ours in real time, sped up."""
    return [Case(OURS, load, factor=factor) for factor in {SMALL: (20.0, 10.0), NIGHT: ()}.get(load, (10.0,))]


def table(rows: Iterable[tuple[str, Sequence[Figures]]]) -> str:
    """Markdown; a line for each name."""
    lines = ["| client | seconds | x floor | HTTP calls | 429 | lost | doubled | runs |", "| --- " + "| ---: " * 7 + "|"]
    for name, figures in rows:
        worst = {key: max(getattr(each, key) for each in figures) for key in ("seconds", "ratio", "calls", "limited", "runs")}
        lost, doubled = sum(each.lost for each in figures), sum(each.doubled for each in figures)
        ratio = "–" if lost else f"{worst['ratio']:.2f}"  # who leaves rows out may be as quick as he likes
        lines.append(
            f"| {name} | {worst['seconds']:,.0f} | {ratio} | {worst['calls']:,} | {worst['limited']:,} "
            f"| {lost:,} | {doubled:,} | {worst['runs']} |"
        )
    return "\n".join(lines)


def _grouped(measured: dict[Case, Figures], wanted: list[Case]) -> list[tuple[str, list[Figures]]]:
    rows: dict[str, list[Figures]] = {}
    for case in wanted:
        speed = f", in real time x {case.factor:.0f}" if case.factor else ""
        rows.setdefault(case.name + speed, []).append(measured[case])
    return [(f"{name} ({len(figures)} seeds)" if len(figures) > 1 else name, figures) for name, figures in rows.items()]


def report(measured: dict[Case, Figures], loads: Sequence[str]) -> str:
    """All tables."""
    parts = []
    for load in loads:
        smooth, rough = cases(load)
        for title, wanted in (("", smooth), (" 2 % of the requests meet a fault.", rough), (" Real time.", checks(load))):
            if wanted:
                parts.append(f"**{load}.**{title}\n\n{table(_grouped(measured, wanted))}")
    return "\n\n".join(parts)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small load only")
    parser.add_argument("--json", type=Path, help="write every measurement there")
    parser.add_argument("--processes", type=int, default=2, help="measurements at a time")
    arguments = parser.parse_args()
    for peer in PEERS:
        python_of(peer)
    loads = [SMALL] if arguments.quick else [SMALL, SIX, NIGHT, LARGE]
    simulated = [case for load in reversed(loads) for wanted in cases(load) for case in wanted]
    real = [case for load in loads for case in checks(load)]
    measured = {**_all(simulated, arguments.processes), **_all(real, 1)}  # in real time the processor must be free
    print(report(measured, loads))
    if arguments.json:
        rows = [{**asdict(case), **asdict(figures)} for case, figures in measured.items()]
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _all(wanted: list[Case], processes: int) -> dict[Case, Figures]:
    """Each case in a process of its own: whoever works in it would hold up its time."""
    measured: dict[Case, Figures] = {}
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=fresh, max_tasks_per_child=1) as pool:
        for case, figures in zip(wanted, pool.map(measure, wanted), strict=True):
            measured[case] = figures
            print(f"{case.load}: {case.name}: {figures.seconds:,.0f} s, in {figures.wall_seconds:.0f} s", file=sys.stderr)
    return measured


if __name__ == "__main__":
    main()
