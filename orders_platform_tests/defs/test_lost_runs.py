"""A run whose process and all that would notice it were killed, as by a power cut, on Dagster's own instance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from orders_platform.defs.automation import busy_customers, end_lost_runs
from orders_platform.defs.resources import SqliteResource
from orders_platform.sandbox.sandbox_options import Latency
from orders_platform_tests.testing.dagster_location import Ticks, local_home
from orders_platform_tests.testing.workplace import Workplace, samples_of

RUN = """
import dagster as dg
from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Location
with dg.DagsterInstance.get() as instance:
    Location(instance).sync("RHONE")
"""


def test_its_customer_is_free_minutes_after_the_process_was_killed(
    make_workplace: Callable[..., Workplace], tmp_path: Path
) -> None:
    place = make_workplace(latency=Latency(6, 0))  # whoever asks the board is still waiting when it is killed
    place.stage(samples_of("RHONE")[:2])
    home = local_home(tmp_path / "home")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=home, env={**place.variables, "DAGSTER_HOME": os.fspath(home)}, stderr=subprocess.PIPE
    )
    database, soon = SqliteResource(), timedelta(minutes=6)
    try:
        for line in process.stderr:
            if b"STEP_START" in line and b"monday_groups" in line:
                break
        with dg.DagsterInstance.from_config(os.fspath(home)) as instance:
            assert end_lost_runs(instance, database, datetime.now(UTC) + soon) == []
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            assert busy_customers(instance, datetime.now(UTC)) == {"RHONE"}
            assert end_lost_runs(instance, database, datetime.now(UTC)) == []  # too young to tell
            (lost,) = end_lost_runs(instance, database, datetime.now(UTC) + soon)
            run = instance.get_run_by_id(lost)
            assert run.is_failure
            assert run.tags["dagster/partition"] == "RHONE"
            assert end_lost_runs(instance, database, datetime.now(UTC) + soon) == []
            instance.add_run_tags(lost, {"dagster/will_retry": "false"})
            assert set(Ticks(instance).changed()) == {"RHONE"}
    finally:
        process.kill()
        process.stderr.close()
        database.teardown_after_execution(None)


def test_a_run_that_never_got_its_lock_is_nobodys_to_end(workplace: Workplace, tmp_path: Path) -> None:
    workplace.stage(samples_of("RHONE")[:2])
    with dg.DagsterInstance.local_temp(os.fspath(tmp_path)) as instance:
        ticks = Ticks(instance)
        run = ticks.busy("RHONE")
        assert "0 runs ended" in ticks.sensor("lost_runs").skip_reason.skip_message
        instance.add_run_tags(run.run_id, {"orders/lock": "that of the run which it repeats"})
        assert end_lost_runs(instance, SqliteResource(), datetime.now(UTC) + timedelta(hours=1)) == []


def test_a_run_gives_its_lock_back(workplace: Workplace, tmp_path: Path) -> None:
    workplace.stage(samples_of("RHONE")[:2])
    with dg.DagsterInstance.local_temp(os.fspath(tmp_path)) as instance:
        ticks = Ticks(instance)
        (request,) = ticks.changed().values()
        run = instance.get_run_by_id(ticks.run(request).run_id)
        assert run.tags["orders/lock"] == run.run_id
        database = SqliteResource()
        with database.store.database.customer_lock("run:RHONE"):
            database.teardown_after_execution(None)
