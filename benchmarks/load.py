"""What `load` costs, beside other programs that put the same file into SQLite, in one run: processor time and memory.

    python benchmarks/load.py [--rows 100000] [--workbook-rows 15000] [--peers PYTHON]

The CSV has all 411 columns of the order list. `.import` of the program sqlite3 is the yardstick for it: processor time <= 2.5 x. For a
workbook it is python-calamine reading its cells, and nothing more: <= 4 x. PYTHON is an interpreter that has sqlite-utils and
`dlt[sqlalchemy]`; a program that is absent is said so and left out. Each runs in a process of its own, twice; the quickest counts.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import openpyxl

from orders_platform.configuration import read_configuration
from orders_platform.demo.sample_orders import wide_orders
from orders_platform.settings import default_folder

TIMES = 2
CALAMINE = """
import sys, python_calamine
for row in python_calamine.CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).iter_rows(): pass
"""
SQLITE_UTILS = """
import csv, sys, sqlite_utils
csv.field_size_limit(10**7)
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    sqlite_utils.Database("peer.db")["orders"].insert_all(csv.DictReader(file), batch_size=1000)
"""
DLT = """
import csv, os, sys
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import dlt
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    dlt.pipeline("orders", destination=dlt.destinations.sqlalchemy("sqlite:///peer.db"), dataset_name="main", pipelines_dir="dlt").run(
        csv.DictReader(file), table_name="orders"
    )
"""


def write_files(folder: Path, rows: int, workbook_rows: int) -> tuple[Path, Path]:
    """The orders as CSV, and the first of them as a workbook whose numbers are numbers."""
    configuration = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
    columns, customers = ["record_uuid", *configuration.order_list], list(configuration.customers)[:50]
    text, workbook = folder / "orders.csv", folder / "orders.xlsx"
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("MASTER")
    page.append(columns)
    with text.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for number, row in enumerate(wide_orders(rows, customers, 1)):
            cells = [row.get(name) for name in columns]
            writer.writerow(cells)
            if number < workbook_rows:
                page.append([float(cell) if re.fullmatch(r"\d+(\.\d+)?", str(cell)) else cell for cell in cells])
    book.save(workbook)
    return text, workbook


def cost(command: list[str], folder: Path) -> tuple[float, float]:
    """Processor seconds and the peak memory in MB of a command and its children: the quickest of several."""
    found = []
    for _ in range(TIMES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        report = folder.parent / "cost"
        measured = (
            "import json, resource, subprocess, sys; done = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL); "
            "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "open(sys.argv[1], 'w').write(f'{used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}'); sys.exit(done.returncode)"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        subprocess.run([sys.executable, "-c", measured, str(report), *command], cwd=folder, env=environment, check=True)
        seconds, memory = map(float, report.read_text(encoding="utf-8").split())
        found.append((seconds, memory))
    return min(found)


def has(python: str, module: str) -> bool:
    """Whether a peer is installed."""
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workbook-rows", type=int, default=15_000)
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has sqlite-utils and dlt")
    arguments = parser.parse_args()
    ours = [sys.executable, "-m", "orders_platform.cli", "load", "--json"]
    with tempfile.TemporaryDirectory() as made:
        text, workbook = write_files(Path(made), arguments.rows, arguments.workbook_rows)
        run: Callable[[list[str]], tuple[float, float]] = lambda command: cost(command, Path(made) / "work")  # noqa: E731
        tables: dict[str, dict[str, list[str] | None]] = {
            f"CSV, {arguments.rows:,} x 411": {
                "sqlite3 .import": ["sqlite3", "peer.db", ".mode csv", f".import {text} orders"]
                if shutil.which("sqlite3")
                else None,
                "orders_platform": [*ours, str(text)],
                "sqlite-utils": [arguments.peers, "-c", SQLITE_UTILS, str(text)]
                if has(arguments.peers, "sqlite_utils")
                else None,
                "dlt": [arguments.peers, "-c", DLT, str(text)] if has(arguments.peers, "dlt") else None,
            },
            f".xlsx, {arguments.workbook_rows:,} x 411": {
                "python-calamine, reading alone": [sys.executable, "-c", CALAMINE, str(workbook)],
                "orders_platform": [*ours, str(workbook)],
            },
        }
        for title, commands in tables.items():
            print(f"\n{title}")
            yardstick = None
            for name, command in commands.items():
                if command is None:
                    print(f"{name:32} absent")
                    continue
                seconds, memory = run(command)
                yardstick = yardstick or seconds
                print(f"{name:32} {seconds:6.1f} s  {seconds / yardstick:5.2f} x  {memory:5.0f} MB", flush=True)


if __name__ == "__main__":
    main()
