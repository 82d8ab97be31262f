"""Processor time of commands that do little, over that of importing what they cannot do without; each pair measured in turn.

Usage: python benchmarks/start_up.py [runs]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
CLICK = "import click"
STORE = "import click, sqlalchemy, pydantic_settings, jinja2"
COMPLETION = {"_ORDERS_PLATFORM_COMPLETE": "bash_complete", "COMP_WORDS": "orders-platform sync --", "COMP_CWORD": "2"}
CASES = (
    ("--help", ("--help",), {}, CLICK, 3.0),
    ("sync --help", ("sync", "--help"), {}, CLICK, 3.0),
    ("--version", ("--version",), {}, CLICK, 3.0),
    ("completion of sync --", (), COMPLETION, CLICK, 3.0),
    ("status, on an empty database", ("status",), {}, STORE, 1.6),
)


def processor_seconds(command: list[str], folder: str, more: dict[str, str]) -> float:
    """User and system time of a process."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "DAGSTER_HOME": folder, **more}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int = 9) -> None:
    """Print a line for each command: its time, the yardstick's, and the median of the ratios."""
    # As the installed script: its name is what completion asks for.
    ours = [
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'orders-platform'; from orders_platform.cli.main import main; main()",
    ]
    with tempfile.TemporaryDirectory() as folder:
        processor_seconds([*ours, "init-db"], folder, {})
        for name, arguments, variables, yardstick, target in CASES:
            pairs = [
                (
                    processor_seconds([*ours, *arguments], folder, variables),
                    processor_seconds([sys.executable, "-c", yardstick], folder, {}),
                )
                for _ in range(runs + 1)
            ][1:]  # the first compiles
            took, least = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratio = statistics.median(one / other for one, other in pairs)
            print(f"{name:30} {took:6.3f} s, over {least:.3f} s of `{yardstick}`: {ratio:.2f} (at most {target:g})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
