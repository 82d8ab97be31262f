"""The repository as a `dg` project: its definitions are found by `pyproject.toml` alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from orders_platform_tests.testing.workplace import CHECKOUT, Workplace


def test_dg_lists_every_definition(offline: Workplace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    variables = {**offline.variables, "DAGSTER_HOME": os.fspath(home)}
    command = [Path(sys.executable).with_name("dg"), "list", "defs", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=variables, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    names = {
        kind: {each.get("name") or each["asset_key"] for each in listed[kind]}
        for kind in ("assets", "jobs", "schedules", "sensors")
    }
    assert {"order_headers", "monday_items", "sync_report"} <= names["assets"]
    assert {"sync_customer", "pause_customers", "retention"} <= names["jobs"]
    assert {"nightly_sync", "check_orders_schedule"} <= names["schedules"]
    assert names["sensors"] == {"alerts", "changed_customers", "lost_runs", "new_customers"}
