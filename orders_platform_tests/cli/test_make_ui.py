"""`make ui`: the sandbox is there before Dagster starts, and both end together. Dagster itself is in browser/test_dagster_ui.py."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from orders_platform_tests.testing.dagster_webserver import wait_for
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.workplace import CHECKOUT, VARIABLES

SANDBOX = f'#!/bin/sh\nexec {sys.executable} -m orders_platform.cli "$@" --port {{port}}\n'
DAGSTER = '#!/bin/sh\necho $$ "$@" > dagster.started\nexec sleep 60\n'
"""It only has to run until it is ended."""


@dataclass
class MakeUi:
    """The target as it is written, in an installed folder, with the sandbox on a port of the test's own."""

    folder: Path
    port: int

    def start(self) -> subprocess.Popen[str]:
        given = {name: value for name, value in os.environ.items() if name not in VARIABLES and not name.startswith("MAKE")}
        command = ["make", "-f", str(CHECKOUT / "Makefile"), "-o", ".venv/installed", "ui"]
        return subprocess.Popen(
            command, cwd=self.folder, env={**given, "PYTHONPATH": str(CHECKOUT)}, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def dagster(self) -> str:
        """Its process id and arguments; empty when it was not started."""
        file = self.folder / "dagster.started"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def make_ui(tmp_path: Path) -> MakeUi:
    (tmp_path / ".dagster" / "storage").mkdir(parents=True)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    port = free_port()
    for name, text in (("orders-platform", SANDBOX.format(port=port)), ("python", DAGSTER)):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    return MakeUi(tmp_path, port)


def test_a_port_that_is_taken_ends_with_the_sandbox_s_own_words_before_dagster_starts(make_ui: MakeUi) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", make_ui.port))
        taken.listen()
        said, _ = (process := make_ui.start()).communicate(timeout=60)
    assert process.returncode != 0
    assert f"Port {make_ui.port} on 127.0.0.1 cannot be used (Address already in use). Choose another port" in said
    assert make_ui.dagster == ""


def test_dagster_starts_on_a_sandbox_that_answers_and_ctrl_c_ends_both(make_ui: MakeUi) -> None:
    process = make_ui.start()
    wait_for("Dagster is started", lambda: make_ui.dagster.endswith("\n"))
    assert make_ui.answers()
    number, _, arguments = make_ui.dagster.partition(" ")
    assert arguments == "-m orders_platform.webserver dev -w workspace.yaml -h 127.0.0.1 -p 3000\n"
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert f"monday sandbox ready: http://127.0.0.1:{make_ui.port}/" in said
    assert not make_ui.answers()
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)


def test_a_port_of_the_ui_that_is_taken_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "orders_platform.webserver", "dev", "-p", str(port)]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"Port {port} on 127.0.0.1 is taken, maybe by another Dagster UI. Choose another: `make ui PORT="
    )
