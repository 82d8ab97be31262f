"""A night with a real daemon: its queue, its sensors and schedules, run workers as processes of their own, and kill -9.

As a program, `python -m orders_platform_tests.defs.night [customers]`, it shows a whole night: one tick of
`nightly_sync`, a worker killed, an alert of rows that are stuck. With `measure` before the number it says what a night costs in time,
memory and storage, with Dagster's storage on Postgres and a fifth of the customers at work; `measure op` counts steps against the pools.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import dagster as dg

from orders_platform.cli.embedded import ROOMY
from orders_platform.domain.customers import customer_for, partition_key_for
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.sandbox.server import Latency, Sandbox
from orders_platform.sandbox.server import running as serving
from orders_platform_tests.deploy.postgres import running_postgres
from orders_platform_tests.testing.alert_receiver import Receiver, receiving
from orders_platform_tests.testing.workplace import CHECKOUT, Row, Workplace, samples_of

T = TypeVar("T")
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass
class Night:
    """The instance that a daemon works on."""

    instance: dg.DagsterInstance
    session: int = 0

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
def daemon(place: Workplace, rules: str = "", **variables: str) -> Iterator[Night]:
    """Dagster's daemon on an instance with these rules, or the repository's dagster.yaml, in the folder of the workplace."""
    home = place.folder / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(rules or _instance_file(home), "utf-8")
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
            yield Night(instance, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def _instance_file(home: Path) -> str:
    """The repository's, with what it waits for after a crash cut short."""
    text = (CHECKOUT / "dagster.yaml").read_text("utf-8").replace(".dagster/", f"{home}/")
    for long, short in (
        ("poll_interval_seconds: 30", "poll_interval_seconds: 3"),
        ("run_end_seconds: 60", "run_end_seconds: 3"),
    ):
        assert long in text, long
        text = text.replace(long, short)
    return text


def customers_of(count: int) -> tuple[list[str], list[Row]]:
    """So many customers with five orders each, some with odd names, as configured names are not enough of them."""
    odd = ["B'HOOD", "DAVID JONES(UNE PIECE)", "STARLIGHT CHILDREN'S FOUNDATION (AU)", "ÆRØ, ∆ & 東京"]
    names = (odd + [f"CUSTOMER {number:02d}" for number in range(count)])[:count]
    rows = samples_of("B'HOOD", "BHOOD")[:5]
    staged = [
        {**row, "CUSTOMER NAME": name, "_SOURCE_TABLE": f"x{turn}", "AAG ORDER NUMBER": f"N{turn:02d}-{number}"}
        for turn, name in enumerate(names)
        for number, row in enumerate(rows)
    ]
    return names, staged


def configured(place: Workplace, *, running: bool = True, **automation: object) -> str:
    """A configuration that takes every customer, with the given keys of [automation]."""
    file = place.configure(
        ('unknown_customers = "reject"', 'unknown_customers = "accept"'),
        ('type = "dropdown", labels = "reject"', 'type = "dropdown", labels = "create"'),
        ("starts_running = false", f"starts_running = {str(running).lower()}"),
    )
    text = file.read_text("utf-8")
    for key, value in automation.items():
        shown = f'"{value}"' if isinstance(value, str) else value
        text, count = re.subn(rf"^{key} = [^#\n]+", f"{key} = {shown} ", text, flags=re.MULTILINE)
        assert count == 1, key
    file.write_text(text, "utf-8")
    return str(file)


def pretend_sent(place: Workplace, names: Sequence[str]) -> None:
    """Merge these customers' loads, and take all of it for sent: they have nothing to do."""
    with place.store() as store:
        merge, now = OrderMerge(store), datetime.now(UTC)
        scan = merge.scan_staging()
        for name in names:
            merge.merge_headers(name, scan, now)
            merge.unpivot_sizes(name)
            merge.merge_lines(name, now)
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES"):
        place.write(f"UPDATE {table} SET sync_state = 'SYNCED'")


@contextmanager
def customers_at_work(count: int, busy: int) -> Iterator[tuple[Workplace, list[str]]]:
    """A workplace of so many customers, the first of which have something to send; every one of the schedules ticks each minute."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sandbox = Sandbox(limits=ROOMY, latency=Latency(0.2, 0.3))
        stack.callback(sandbox.close)
        url = stack.enter_context(serving(sandbox)) + "/v2"
        place = Workplace(Path(folder), sandbox, url)
        place.environment = {"ORDERS_DATABASE_URL": f"sqlite:///{place.database}", "MONDAY_API_URL": url}
        every_minute = "* * * * *"
        place.environment["ORDERS_CONFIG"] = configured(place, nightly=every_minute, checks=every_minute, running=False)
        os.environ.update(place.environment)
        names, rows = customers_of(count)
        place.stage(rows)
        pretend_sent(place, names[busy:])
        yield place, names[:busy]


def show(count: int) -> None:
    """A whole night, and an alert."""
    with receiving() as receiver, customers_at_work(count, count * 2 // 5) as (place, busy):
        place.environment["ORDERS_ALERT_URLS"] = receiver.url
        with daemon(place) as night:
            show_night(place, night, busy)
            show_alert(place, receiver, busy[1])


def measure(count: int, granularity: str, limit: int = 2) -> None:
    """What a night costs, from the tick of the schedule to the end of the last run, on the rules of deploy/compose."""
    rules = (CHECKOUT / "deploy" / "compose" / "dagster.yaml").read_text("utf-8")
    for old, new in (("granularity: run", f"granularity: {granularity}"), ("default_limit: 2", f"default_limit: {limit}")):
        assert old in rules, old
        rules = rules.replace(old, new)
    with running_postgres() as server, customers_at_work(count, count // 5) as (place, busy):
        variables = server.new_database("night")
        os.environ.update(variables)
        with daemon(place, rules, **variables) as night:
            before = server.size("night")
            schedule(place, "start", "nightly_sync")
            wait_for(lambda: len(night.runs()) >= len(busy), 300)
            schedule(place, "stop", "nightly_sync")
            most, used = 0, dict[int, float]()
            while not night.has_ended():
                memory, seconds = usage(night.session)
                most, used = max(most, memory), used | seconds
                time.sleep(1)
            runs = night.runs()
            first, last = min(each.start_time or 0 for each in runs), max(each.end_time or 0 for each in runs)
            well, stored = sum(each.dagster_run.is_success for each in runs), server.size("night") - before
            print(
                f"{granularity} {limit}: {len(runs)} runs, {well} well, in {last - first:.0f} s, {sum(used.values()):.0f} s of processor;"
            )
            print(
                f"{most / 2**20:.0f} MB at most, daemon and code server included; {stored / len(runs) / 2**10:.0f} kB of Postgres a run"
            )
            print(place.rows("SELECT sync_state, COUNT(*) FROM ORDER_LIST_V2 GROUP BY 1"))


def usage(session: int) -> tuple[int, dict[int, float]]:
    """Of the processes of a session: bytes of memory, shared ones in parts, and seconds of processor by process."""
    memory, seconds = 0, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            values = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(values[3]) == session:
                rollup = (folder / "smaps_rollup").read_text()
                memory += 1024 * int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
                seconds[int(folder.name)] = (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, TypeError):
            continue  # it has ended
    return memory, seconds


def show_night(place: Workplace, night: Night, busy: Sequence[str]) -> None:
    """One tick of nightly_sync, and a worker killed."""
    schedule(place, "start", "nightly_sync")
    wait_for(lambda: len(night.runs()) >= len(busy), 180)
    schedule(place, "stop", "nightly_sync")
    started = time.monotonic()
    print(
        f"the night asked for {len(night.runs())} of {len(busy)} customers with work: {sorted(night.customers) == sorted(busy)}"
    )
    night.kill(night.customers[len(busy) // 2], within=600)
    wait_for(night.has_ended, 3600)
    runs = night.runs()
    failed = [record for record in runs if record.dagster_run.is_failure]
    print(
        f"{len(runs)} runs in {time.monotonic() - started:.0f} s, {len(failed)} failed: {[night.worker_of(each) for each in failed]}"
    )
    killed, again = night.runs_of(customer_for(failed[0].dagster_run.tags["dagster/partition"]))
    ends = sorted(record.end_time or 0 for record in runs)
    late, spread = (again.end_time or 0) - (killed.end_time or 0), sorted(Counter(Counter(night.customers).values()).items())
    print(
        f"killed run again {again.dagster_run.status.value} {late:.0f} s later; last run {ends[-1] - ends[0]:.0f} s after the first"
    )
    print(f"runs a customer: {spread}")
    print(place.rows("SELECT sync_state, COUNT(*) FROM ORDER_LIST_V2 GROUP BY 1"), sum(map(len, place.board.values())), "items")


def show_alert(place: Workplace, receiver: Receiver, customer: str) -> None:
    """Rows of a customer are made stuck; how long until somebody is told."""
    schedule(place, "start", "check_waiting_rows_schedule")
    place.write(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING', sync_pending_at = datetime('now', '-31 minutes') WHERE \"CUSTOMER NAME\" = ?",
        customer,
    )
    started = time.monotonic()
    assert receiver.came.wait(300)
    print(f"alert after {time.monotonic() - started:.0f} s (checks every 60 s): {receiver.arrived[0]['title']}")


def schedule(place: Workplace, verb: str, name: str) -> None:
    """`dagster schedule start NAME`."""
    home = {"DAGSTER_HOME": str(place.folder / "home")}
    command = [Path(sys.executable).parent / "dagster", "schedule", verb, name, "-m", "orders_platform.definitions"]
    subprocess.run(command, cwd=place.folder, env={**place.variables, **home}, check=True, capture_output=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        words = [word for word in sys.argv[2:] if not word.isdecimal()]
        measure(int(next((word for word in sys.argv[2:] if word.isdecimal()), "60")), *(words or ["run"]))
    else:
        show(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
