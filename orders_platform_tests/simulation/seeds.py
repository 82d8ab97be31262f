"""Which seeds the suite runs, and what it says of one that is bad.

`SIMULATION_SEEDS` and `SIMULATION_START` in the environment choose others, for longer soaks.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from orders_platform_tests.simulation.world import live
from orders_platform_tests.testing.order_stores import FileStores

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
START = int(os.environ.get("SIMULATION_START", "0"))
A_TEST = 50
FIRST = list(range(START, START + SEEDS, A_TEST))
"""The first seed of each test."""

AGAIN = 100
"""One seed in so many runs twice and must give the same trace."""


@dataclass
class Seeds:
    """What all seeds of a worker met."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)


def check_seeds(first: int, stores: FileStores, seen: Seeds) -> None:
    """Live through `A_TEST` seeds; a bad one is told with the command that replays it."""
    for seed in range(first, min(first + A_TEST, START + SEEDS)):
        verdict = live(stores, seed)
        assert not verdict.problems, _told(seed, verdict.problems)
        if seed % AGAIN == 0:
            assert live(stores, seed).trace == verdict.trace, f"seed {seed} did not repeat to the letter"
        seen.seeds += 1
        seen.faults += verdict.faults
        seen.events += verdict.events


def _told(seed: int, problems: list[str]) -> str:
    return f"seed {seed}: {'; '.join(problems)}\nreplay it: python -m orders_platform_tests.simulation.replay {seed}"
