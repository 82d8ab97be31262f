"""A folder of its own with a database, a sandbox served on a free port, and the environment that points at both.

What a person has who starts the command line or Dagster; shared by the tests of both.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from orders_platform.build import open_store
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.demo_run import load_sample_orders
from orders_platform.demo.sample_orders import sample_orders
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.sandbox.server import Sandbox
from orders_platform.settings import SANDBOX_TOKEN, Settings

CHECKOUT = Path(__file__).parents[2]
VARIABLES = (
    "ORDERS_ENVIRONMENT",
    "ORDERS_CONFIG",
    "ORDERS_DATABASE_URL",
    "MONDAY_API_URL",
    "MONDAY_API_TOKEN",
    "ORDERS_ALERT_URLS",
    "DAGSTER_HOME",
)
Row = Mapping[str, object]


@dataclass
class Workplace:
    """Where a test works; the process's own environment points here while the fixture lives."""

    folder: Path
    sandbox: Sandbox
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "orders.db"

    @property
    def variables(self) -> dict[str, str]:
        """For a process of its own, which must also find the package."""
        kept = {name: text for name, text in os.environ.items() if name not in VARIABLES}
        return {**kept, "PYTHONPATH": str(CHECKOUT), "DAGSTER_DISABLE_TELEMETRY": "yes", **self.environment}

    def load_samples(self) -> None:
        with self.store() as store:
            load_sample_orders(store, Settings())

    def stage(self, rows: Iterable[Row], *, append: bool = False) -> None:
        """Put rows into the staging table."""
        rows = list(rows)
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with self.store() as store:
            store.schema.apply()
            cells = [[row.get(name) for name in columns] for row in rows]
            replace_staged_rows(store, columns, cells, append=append)

    @contextmanager
    def store(self) -> Iterable[OrderStore]:
        opened = open_store(Settings())
        with closing(opened.database):
            yield opened

    def rows(self, sql: str, *parameters: object) -> list[tuple]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def write(self, sql: str, *parameters: object) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(sql, parameters)

    def dump(self) -> list[str]:
        """Every row of every table."""
        with closing(sqlite3.connect(self.database)) as connection:
            return list(connection.iterdump())

    @property
    def mutations(self) -> int:
        """Requests that could have changed the board."""
        return sum(record.is_mutation for record in self.sandbox.requests)

    @property
    def board(self) -> dict[str, list[str]]:
        """Item names by group title, of the board that is configured."""
        return self.board_of(Settings().configuration.items.board_id)

    def board_of(self, board_id: int) -> dict[str, list[str]]:
        """Item names by group title."""
        return {group.title: [item.name for item in group.items] for group in self.sandbox.board_snapshot(board_id)}

    def graphql(self, query: str) -> dict[str, Any]:
        """A person's or another program's hand on the board; an answer with an error fails the test."""
        headers = {"Authorization": SANDBOX_TOKEN, "Content-Type": "application/json", "API-Version": "2026-10"}
        request = urllib.request.Request(self.url, json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = json.load(answer)
        assert "errors" not in said, said
        data: dict[str, Any] = said["data"]
        return data

    def configure(self, *changes: tuple[str, str]) -> Path:
        """A copy of the configuration with each first text replaced, for ORDERS_CONFIG."""
        text = (CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"the configuration has no {old!r}"
            text = text.replace(old, new)
        file = self.folder / "changed.toml"
        file.write_text(text, encoding="utf-8")
        return file

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """The command line in a process of its own."""
        command = [sys.executable, "-m", "orders_platform.cli", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.variables, **{**pipes, **options})


def samples_of(*spellings: str) -> list[Row]:
    """The sample orders whose customer is written so."""
    return [dict(row) for row in _samples() if row.get("CUSTOMER NAME") in spellings]


@cache
def _samples() -> list[Row]:
    return sample_orders()


def without_times(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?", "<time>", text)


def python(code: str, place: Workplace, *options: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter."""
    command: Sequence[str] = [sys.executable, *options, "-c", code]
    return subprocess.run(
        command, cwd=place.folder, env=place.variables, capture_output=True, text=True, timeout=60, check=False
    )
