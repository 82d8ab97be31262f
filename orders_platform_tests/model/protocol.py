"""Schedules: who crashes when, what follows, and whether every row is on the board exactly once in the end.

Each schedule follows from its seed alone, and so can be replayed. From the root of the repository:

    python -m orders_platform_tests.model.protocol --seed 7             one schedule, with its trace
    python -m orders_platform_tests.model.protocol --schedules 100000   the verdict over many
    ... --without renew            without a part of the protocol
    ... --lag 60                   where monday is not what the proof takes it for
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import partial

import greenlet

from orders_platform_tests.model.fault_profiles import FAULT_PROFILES, NO_FAULTS
from orders_platform_tests.model.process import Crashed, Ended, Process
from orders_platform_tests.model.rows import Database, Kind, Row, State
from orders_platform_tests.model.switches import Switches
from orders_platform_tests.model.world import Assumptions, World

RUNS_TO_THE_END = 6
"""Runs without faults after which nothing may wait any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one schedule came to.

    Attributes:
        lost: rows that are neither on the board nor refused.
        doubled: rows that are on the board more than once.
        orphans: creations on the board that no row knows, of rows that are not doubled.
        violations: what did not hold on the way.
    """

    lost: int
    doubled: int
    orphans: int
    violations: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing twice, and no wrong word on the way."""
        return not (self.lost or self.doubled or self.orphans or self.violations)


def run_schedule(
    seed: int,
    switches: Switches = Switches(),  # noqa: B008 - frozen
    assumptions: Assumptions = Assumptions(),  # noqa: B008 - frozen
    seen: Counter[str] | None = None,
    trace: list[str] | None = None,
) -> Outcome:
    """Run the schedule of a seed to its end.

    Args:
        seed: everything that happens follows from it.
        switches: the protocol.
        assumptions: monday.com.
        seen: counts what happened.
        trace: takes one line for each event.
    """
    rng = random.Random(seed)
    world = World(rng, assumptions, Counter() if seen is None else seen, trace)
    database = _database(rng)
    for _ in range(rng.randrange(3)):
        world.person_at(400.0 * rng.random())
    for number in range(1 + rng.randrange(3)):
        world.fault_profile = FAULT_PROFILES[rng.randrange(len(FAULT_PROFILES))]
        if rng.random() < 0.3:
            _run_two(world, database, switches, f"run{number}")
        else:
            _run(world, database, switches, f"run{number}-", dies_after=int(150 * rng.random() ** 2))
        _time_passes(world, database)
    _come_to_an_end(world, database, switches)
    return _verdict(world, database)


def _database(rng: random.Random) -> Database:
    """One group with one or two orders, and up to three lines."""
    group = Row(0, Kind.GROUP, None, is_bad=False)
    items = [Row(1 + number, Kind.ITEM, group, is_bad=rng.random() < 0.03) for number in range(1 + rng.randrange(2))]
    lines = [
        Row(3 + number, Kind.SUBITEM, items[number % len(items)], is_bad=rng.random() < 0.03)
        for number in range(rng.randrange(4))
    ]
    for row in (*items, *lines):
        if row.parent is not None:
            row.parent.children.append(row)
    return Database(([group], items, lines))


def _run(world: World, database: Database, switches: Switches, name: str, dies_after: int) -> None:
    """One process alone."""
    _live(world, Process(world, database, switches, dies_after, name, world.advance), name)


def _live(world: World, process: Process, name: str) -> None:
    world.tell("{} begins", name)
    try:
        process.run()
    except Crashed:
        world.seen["crashed"] += 1
        world.tell("{} is killed", name)
    except Ended:
        world.tell("{} gives up", name)


def _run_two(world: World, database: Database, switches: Switches, name: str) -> None:
    """Two processes at once, whose lock is lost; whoever has the earliest moment to wait for acts next."""
    rng = world.rng
    hub, moments = greenlet.getcurrent(), dict[greenlet.greenlet, float]()

    def wait_until(moment: float) -> None:
        moments[greenlet.getcurrent()] = moment
        hub.switch()

    def live(each: str) -> None:
        wait_until(world.now + (300.0 * rng.random() ** 3 if each == "b" else 0.0))
        dies_after = int(300 * rng.random() ** 2) if rng.random() < 0.5 else 0
        process = Process(world, database, switches, dies_after, f"{name}{each}-", wait_until, stalls=0.02)
        _live(world, process, f"{name}{each}-")

    world.seen["two at once"] += 1
    lives = [greenlet.greenlet(partial(live, each)) for each in "ab"]
    for each in lives:
        each.switch()
    while lives := [each for each in lives if not each.dead]:
        chosen = min(lives, key=lambda each: (moments[each], rng.random()))
        world.advance(moments[chosen])
        chosen.switch()


def _time_passes(world: World, database: Database) -> None:
    """Until the next run: none, a little, or hours; a load may change rows meanwhile."""
    rng = world.rng
    world.may_jump()
    world.advance(world.now + (2.0, 60.0, 200.0, 9_000.0)[rng.randrange(4)] * rng.random())
    if rng.random() < 0.3:
        _load(database, world)


def _load(database: Database, world: World) -> None:
    """Every row changed: all are to be sent again. What is of unknown outcome stays so."""
    world.tell("a load changes every row")
    for row in (*database.rows[Kind.ITEM], *database.rows[Kind.SUBITEM]):
        if row.state is not State.PENDING:
            row.state = State.NEW


def _come_to_an_end(world: World, database: Database, switches: Switches) -> None:
    world.fault_profile = NO_FAULTS
    world.people_leave()
    _load(database, world)
    for number in range(RUNS_TO_THE_END):
        _run(world, database, switches, f"last{number}-", dies_after=0)
        if not database.waiting(Kind.ITEM) and not database.waiting(Kind.SUBITEM):
            break
    world.advance(world.now + 1_000.0)


def _verdict(world: World, database: Database) -> Outcome:
    on_board: dict[Row, list[int]] = {row: [] for rows in database.rows for row in rows}
    for made in world.board:
        if world.is_active(made.id):
            on_board[made.row].append(made.id)
    lost = doubled = orphans = 0
    for row, ids in on_board.items():
        can_be_there = not row.is_bad and not (row.parent and row.parent.is_bad)
        lost += can_be_there and not ids
        doubled += len(ids) > 1
        orphans += len(ids) == 1 and row.item != ids[0]
    verdict = Outcome(lost, doubled, orphans, tuple(database.violations))
    world.tell("{}", verdict)
    return verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """What many schedules came to, and what happened in them."""

    schedules: int
    lost: int
    doubled: int
    orphans: int
    bad_seeds: tuple[int, ...]
    seen: Counter[str]

    def __str__(self) -> str:
        return (
            f"{self.schedules} schedules: {self.lost} rows lost, {self.doubled} doubled, {self.orphans} orphans,"
            f" {len(self.bad_seeds)} schedules went wrong"
        )


def run_schedules(
    seeds: Iterable[int],
    switches: Switches = Switches(),  # noqa: B008 - frozen
    assumptions: Assumptions = Assumptions(),  # noqa: B008 - frozen
) -> Tally:
    """Run the schedules of many seeds and add up."""
    seen: Counter[str] = Counter()
    schedules = lost = doubled = orphans = 0
    bad = []
    for seed in seeds:
        verdict = run_schedule(seed, switches, assumptions, seen)
        schedules += 1
        if not verdict.is_good:
            lost, doubled, orphans = lost + verdict.lost, doubled + verdict.doubled, orphans + verdict.orphans
            bad.append(seed)
    return Tally(schedules, lost, doubled, orphans, tuple(bad), seen)


def replay_command(seed: int, switches: Switches = Switches(), assumptions: Assumptions = Assumptions()) -> str:  # noqa: B008
    """What to type to see the schedule of a seed."""
    without = [f"--without {field.name}" for field in fields(Switches) if not getattr(switches, field.name)]
    changed = [
        f"--{field.name.replace('_', '-')} {getattr(assumptions, field.name)}"
        for field in fields(Assumptions)
        if getattr(assumptions, field.name) != field.default
    ]
    return " ".join(["python -m orders_platform_tests.model.protocol", f"--seed {seed}", *without, *changed])


def main(arguments: list[str] | None = None) -> int:
    """Replay one schedule with its trace, or run many; 0 when nothing was lost and nothing doubled."""
    parser = argparse.ArgumentParser(prog="python -m orders_platform_tests.model.protocol")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--without", action="append", default=[], choices=[field.name for field in fields(Switches)])
    for field in fields(Assumptions):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    options = parser.parse_args(arguments)
    switches = replace(Switches(), **dict.fromkeys(options.without, False))
    assumptions = Assumptions(**{field.name: getattr(options, field.name) for field in fields(Assumptions)})
    if options.seed is not None:
        trace: list[str] = []
        verdict = run_schedule(options.seed, switches, assumptions, trace=trace)
        sys.stdout.write("\n".join(trace) + "\n")
        return 0 if verdict.is_good else 1
    tally = run_schedules(range(options.schedules), switches, assumptions)
    sys.stdout.write(f"{tally}\n{', '.join(f'{what} {count}' for what, count in sorted(tally.seen.items()))}\n")
    sys.stdout.writelines(f"{replay_command(seed, switches, assumptions)}\n" for seed in tally.bad_seeds[:5])
    return 1 if tally.bad_seeds else 0


if __name__ == "__main__":
    sys.exit(main())
