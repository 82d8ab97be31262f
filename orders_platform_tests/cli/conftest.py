"""Fixtures: a workplace as a demo left it (made once for all tests)."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from orders_platform.cli import main as cli
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.terminal import Outcome, captured
from orders_platform_tests.testing.workplace import VARIABLES, Workplace, samples_of


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> tuple[Path, Outcome]:
    """`demo --fresh` on the embedded default, at a port that is free: its folder and what it said. One for all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "demo"
    said = folder / "outcome.json"
    with FileLock(f"{folder}.lock"):
        if not said.exists():
            folder.mkdir()
            said.write_text(json.dumps(asdict(demonstrated(folder))), encoding="utf-8")
    return folder, Outcome(**json.loads(said.read_text(encoding="utf-8")))


def demonstrated(folder: Path) -> Outcome:
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        patch.setenv("MONDAY_API_URL", f"http://127.0.0.1:{port}/v2")
        (folder / ".data").mkdir()
        (folder / ".data" / "left over").touch()
        patch.setattr(sys, "argv", ["orders-platform", "demo", "--fresh", "--output-json", "figures.json"])
        return captured(cli.main)


@pytest.fixture
def after_demo(demo: tuple[Path, Outcome], tmp_path: Path, make_workplace: Callable[..., Workplace]) -> Workplace:
    """A copy of what the demo left: database and boards."""
    for file in (demo[0] / ".data").glob("orders.db*"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    for file in (demo[0] / ".data").glob("sandbox.db*"):
        shutil.copy(file, tmp_path)
    return make_workplace(state=tmp_path / "sandbox.db")


@pytest.fixture
def bhood(workplace: Workplace) -> Workplace:
    """A database that holds the staged rows of one customer, and no more: 24 orders, 60 lines."""
    workplace.stage(samples_of("B'HOOD", "BHOOD"))
    return workplace
