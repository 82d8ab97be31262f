"""A night with a real daemon: its queue, its sensors and schedules, run workers as processes of their own, and kill -9.

Belongs here: starting the daemon on a folder of its own and watching the instance. Does not belong here: what is expected
(`test_night.py`). As a program, `python -m orders_platform_tests.dagster.night [customers]`, it shows a whole night: one tick of
`nightly_sync`, a worker killed, an alert of rows that are stuck.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg

from orders_platform.domain.customers import customer_for, partition_key_for
from orders_platform_tests.workplace import CHECKOUT, Row, Workplace, samples_of

T = TypeVar("T")
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass
class Night:
    """The instance that a daemon works on."""

    instance: dg.DagsterInstance

    def runs(self, job: str = "sync_customer") -> list[dg.RunRecord]:
        """Oldest first."""
        return list(self.instance.get_run_records(dg.RunsFilter(job_name=job), ascending=True))

    def runs_of(self, customer: str) -> list[dg.RunRecord]:
        tags = {"dagster/partition": partition_key_for(customer)}
        return list(self.instance.get_run_records(dg.RunsFilter(tags=tags), ascending=True))

    @property
    def customers(self) -> list[str]:
        """Of the runs there are."""
        return [customer_for(record.dagster_run.tags["dagster/partition"]) for record in self.runs()]

    def has_ended(self) -> bool:
        """Every run ended, and none will be tried again."""
        ended = [record.dagster_run for record in self.runs()]
        again = {run.tags.get("dagster/parent_run_id") for run in ended}
        waits = [run for run in ended if run.tags.get("dagster/will_retry") == "true" and run.run_id not in again]
        return bool(ended) and all(run.status in ENDED for run in ended) and not waits

    def worker_of(self, record: dg.RunRecord) -> int | None:
        """The process of a run, as Dagster tells it."""
        for entry in self.instance.all_logs(record.dagster_run.run_id):
            found = re.search(r"Started process for run \(pid: (\d+)\)", entry.message or "")
            if found:
                return int(found[1])
        return None

    def kill(self, customer: str, *, within: float) -> None:
        """kill -9 the worker of a customer's first run, once that run has begun to send."""
        record = wait_for(lambda: next(iter(self.runs_of(customer)), None), within)
        pid = wait_for(lambda: self.worker_of(record), within)
        wait_for(lambda: "monday_items" in self.steps_begun(record.dagster_run.run_id), within)
        os.kill(pid, signal.SIGKILL)

    def steps_begun(self, run_id: str) -> set[str | None]:
        return {entry.step_key for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)}


def wait_for(look: Callable[[], T | None], within: float) -> T:
    """The first answer that is one; `AssertionError` when there is none in time."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing came within {within:.0f} s")


@contextmanager
def daemon(place: Workplace, **variables: str) -> Iterator[Night]:
    """Dagster's daemon on an instance with the repository's dagster.yaml, in the folder of the workplace."""
    home = place.folder / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text("utf-8").replace(".dagster/", f"{home}/"), "utf-8")
    command = [Path(sys.executable).parent / "dagster-daemon", "run", "-m", "orders_platform.definitions"]
    environment = {**place.variables, "DAGSTER_HOME": str(home), **variables}
    with dg.DagsterInstance.from_config(str(home)) as instance, (home / "daemon.log").open("w") as log:
        instance.get_run_records(limit=1)  # one process makes the storage, before others open it
        instance.all_logs("nothing")
        instance.add_dynamic_partitions("customers", [])
        process = subprocess.Popen(
            command, cwd=place.folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield Night(instance)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def customers_of(count: int) -> tuple[list[str], list[Row]]:
    """So many customers with five orders each, some with odd names, as configured names are not enough of them."""
    odd = ["B'HOOD", "DAVID JONES(UNE PIECE)", "STARLIGHT CHILDREN'S FOUNDATION (AU)", "Ærø, ∆ & 東京"]
    names = (odd + [f"CUSTOMER {number:02d}" for number in range(count)])[:count]
    rows = samples_of("B'HOOD", "BHOOD")[:5]
    staged = [
        {**row, "CUSTOMER NAME": name, "_SOURCE_TABLE": f"x{turn}", "AAG ORDER NUMBER": f"N{turn:02d}-{number}"}
        for turn, name in enumerate(names)
        for number, row in enumerate(rows)
    ]
    return names, staged


def configured(place: Workplace, **automation: object) -> str:
    """A configuration that takes every customer, with automation on and the given keys of [automation]."""
    file = place.configure(
        ('unknown_customers = "reject"', 'unknown_customers = "accept"'),
        ('type = "dropdown", labels = "reject"', 'type = "dropdown", labels = "create"'),
        ("starts_running = false", "starts_running = true"),
    )
    text = file.read_text("utf-8")
    for key, value in automation.items():
        shown = f'"{value}"' if isinstance(value, str) else value
        text, count = re.subn(rf"^{key} = [^#\n]+", f"{key} = {shown} ", text, flags=re.MULTILINE)
        assert count == 1, key
    file.write_text(text, "utf-8")
    return str(file)
