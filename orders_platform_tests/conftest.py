"""Fixtures of several suites: the command line, a workplace with a sandbox of its own, and the platform below Dagster."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import hypothesis
import pytest

from orders_platform.cli import main as cli
from orders_platform.cli.embedded import ROOMY
from orders_platform.sandbox.server import Sandbox, running
from orders_platform_tests.testing.dagster_storage import prepare_once
from orders_platform_tests.testing.order_stores import FileStores, ServerStores
from orders_platform_tests.testing.platform import Platform, platforms
from orders_platform_tests.testing.sandbox_server import SandboxServer, serving
from orders_platform_tests.testing.terminal import Outcome, Terminal, captured
from orders_platform_tests.testing.workplace import VARIABLES, Workplace

hypothesis.settings.register_profile("tests", deadline=None, print_blob=True)  # a busy machine is no failure
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True, max_examples=2_000)
hypothesis.settings.load_profile("tests")
prepare_once()

NOBODY = "http://127.0.0.1:9/"
"""Port 9 (discard) is served by nobody; nor will commands serve it, whose sandbox answers at /v2."""

ROOM = 2 << 30
"""Bytes that must be free in memory before temporary files go there; a whole run takes a small part of it."""


def work_in_memory() -> None:
    """Temporary files of this process and its children lie in memory: the tests commit so often that they would wait for the disk.

    What is in memory outlives a killed process as well as what is on a disk; no test cuts the power.
    """
    memory = Path("/dev/shm")
    if "TMPDIR" not in os.environ and memory.is_dir():
        there = os.statvfs(memory)
        if there.f_bavail * there.f_frsize >= ROOM and not there.f_flag & os.ST_NOEXEC:  # Postgres is started from there
            tempfile.tempdir = os.environ["TMPDIR"] = str(memory)


work_in_memory()


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so, and children inherit it: programs that tests interrupt would go on.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is imported and collected stays until the end; the garbage collector need not walk through it each time, nor so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def make_workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workplace]]:
    """Makes the workplace of a test; `served=False` leaves the board unreachable, other options are the sandbox's."""
    with ExitStack() as stack:

        def made(*, served: bool = True, **options: object) -> Workplace:
            sandbox = Sandbox(**{"limits": ROOMY, **options})
            stack.callback(sandbox.close)
            url = stack.enter_context(running(sandbox)) + "/v2" if served else NOBODY
            place = Workplace(tmp_path, sandbox, url)
            place.environment = {"ORDERS_DATABASE_URL": f"sqlite:///{place.database}", "MONDAY_API_URL": url}
            for name in VARIABLES:
                monkeypatch.delenv(name, raising=False)
            for name, value in place.environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", os.environ.get("DAGSTER_DISABLE_TELEMETRY", "yes"))
            monkeypatch.chdir(tmp_path)
            return place

        yield made


@pytest.fixture
def workplace(make_workplace: Callable[..., Workplace]) -> Workplace:
    return make_workplace()


@pytest.fixture
def offline(make_workplace: Callable[..., Workplace]) -> Workplace:
    """A workplace whose board nobody serves; starts and stops faster."""
    return make_workplace(served=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Calls `orders-platform` with arguments, in this process."""

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["orders-platform", *arguments])
        return captured(cli.main)

    return call


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileStores]:
    made = FileStores(tmp_path_factory.mktemp("orders"))
    with closing(made.database):
        yield made


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with serving() as server:
        yield server


@pytest.fixture
def make_platform(stores: FileStores | ServerStores, sandbox_server: SandboxServer) -> Iterator[Callable[..., Platform]]:
    """Makes the platform of a test, on an empty database; options are the sandbox's."""
    with platforms(stores, sandbox_server) as make:
        yield make


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have recorded with `record_property`, also where they passed."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")
