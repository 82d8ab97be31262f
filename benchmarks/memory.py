"""Peak memory and processor time of each command, on as many orders as you like.

    python benchmarks/memory.py [--rows 100000] [--customers 50] [--send]

Every command is a process of its own, and so is the sandbox that it talks to, whose memory is not counted. With `--send` the orders are
sent as well, so that `verify` finds them on the board; the local sandbox takes a minute for some thousand of them with their lines.
Targets: 300 MB for each, and for a dry run and `sync --show` 1.5 times the processor time of the first merge.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from orders_platform.configuration import read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_orders import wide_orders
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder

PORT = 8799
CONFIG = default_folder("config") / "order_sync.toml"


def write_orders(file: Path, rows: int, customers: Sequence[str]) -> None:
    """A file of the order list."""
    columns = dict.fromkeys(name for row in wide_orders(min(rows, 1_000), customers, 1) for name in row)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns))
        writer.writeheader()
        writer.writerows(wide_orders(rows, customers, 1))


def merge(file: str) -> None:
    """What a first merge does, and nothing else."""
    with closing(open_database(SecretStr(f"sqlite:///{file}"))) as database:
        merging = OrderMerge(OrderStore(database, read_configuration(CONFIG, "sandbox"), default_folder("sql")))
        scan = merging.scan_staging()
        for customer in scan.customers:
            merging.merge_headers(customer, scan, datetime.now(UTC))
            merging.unpivot_sizes(customer)
            merging.merge_lines(customer, datetime.now(UTC))


def measured(name: str, words: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a command, print what it took, and return its processor seconds."""
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = usage.ru_utime + usage.ru_stime
    print(
        f"{name:16} {seconds:7.1f} s  {usage.ru_maxrss / 1024:5.0f} MB  exit code {os.waitstatus_to_exitcode(status)}",
        flush=True,
    )
    return seconds


@contextmanager
def served(command: Sequence[str]) -> Iterator[None]:
    """A sandbox beside the commands."""
    process = subprocess.Popen([sys.executable, *command, "sandbox", "serve", "--port", str(PORT)], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--send", action="store_true", help="send the orders and verify them")
    parser.add_argument("--merge", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.merge:
        merge(arguments.merge)
        return
    customers = list(read_configuration(CONFIG, "sandbox").customers)[: arguments.customers]
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder), Path(folder) / "orders.csv"
        write_orders(file, arguments.rows, customers)
        command = ["-m", "orders_platform.cli", "--home", folder]
        environment = {"MONDAY_API_URL": f"http://127.0.0.1:{PORT}/v2", "ORDERS_ENVIRONMENT": "sandbox"}
        with served(command):
            measured("load", [*command, "load", str(file)], environment)
            dry = measured("sync (dry run)", [*command, "sync"], environment)
            shown = measured("sync --show", [*command, "sync", "--show"], environment)
            first = measured("first merge", [__file__, "--merge", str(home / ".data" / "orders.db")], environment)
            print(f"dry run {dry / first:.2f} and --show {shown / first:.2f} times the first merge")
            for name in ("status", "report"):
                measured(name, [*command, name], environment)
            if arguments.send:
                measured("sync --execute", [*command, "sync", "--execute"], environment)
                for name in ("sync", "verify", "status", "report"):
                    measured(name, [*command, name], environment)


if __name__ == "__main__":
    main()
