"""Replays seeds: `python -m orders_platform_tests.simulation.replay 17 [18 ...]` prints what happened, `--seeds 5000` runs so many."""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from orders_platform_tests.simulation.world import live
from orders_platform_tests.testing.order_stores import SIZES, FileStores


def main() -> int:
    """0 when nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, nargs="*", help="prints the trace of these")
    parser.add_argument("--seeds", type=int, default=0, help="runs so many and prints the bad ones")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        stores = FileStores(Path(folder), SIZES)
        for seed in [*options.seed, *range(options.start, options.start + options.seeds)]:
            verdict = live(stores, seed)
            bad += bool(verdict.problems)
            if verdict.problems or seed in options.seed:
                print(f"seed {seed}:", "; ".join(verdict.problems) or "nothing lost, nothing doubled")
            if seed in options.seed:
                print(*verdict.trace, sep="\n")
        stores.database.close()
    print(f"{len(options.seed) + options.seeds} seeds, {bad} bad")
    return min(1, bad)


if __name__ == "__main__":
    raise SystemExit(main())
