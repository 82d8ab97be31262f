"""A machine without a browser or nginx gets one before the tests start, or its owner reads which command installs one."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from orders_platform_tests.browser import install
from orders_platform_tests.browser.conftest import browser_path

APT_GET = """#!{python}
import os, pathlib, sys
folder = pathlib.Path(__file__).parent
with (folder / "calls").open("a") as calls:
    print(os.environ.get("AS_ROOT", "no"), *sys.argv[1:], file=calls)
for package in sys.argv[3:] if {installs} else []:
    (folder / package).write_text("")
    (folder / package).chmod(0o755)
"""
NODE = """#!{python}
import pathlib, sys
sys.exit(not pathlib.Path(__file__).with_name("libatomic1").exists())
"""
SUDO = """#!{python}
import os, sys
if {asks} or sys.argv[1] != "-n":
    sys.exit(1)
if sys.argv[2] != "true":
    os.environ["AS_ROOT"] = "yes"
    os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass
class Machine:
    """What is installed on it, and what its apt-get was asked for."""

    folder: Path

    def has(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / name).chmod(0o755)

    def has_apt_get(self, *, installs: bool = True) -> None:
        self.has("apt-get", APT_GET.format(python=sys.executable, installs=installs))

    def has_sudo(self, *, asks: bool) -> None:
        self.has("sudo", SUDO.format(python=sys.executable, asks=asks))

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One with nothing on it but nginx, in front of its administrator."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "NAMES", [name for name in install.NAMES if not name.startswith("/")])
    monkeypatch.setattr(install, "NGINX", ["nginx"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = Machine(tmp_path)
    made.has("nginx")
    return made


@pytest.mark.parametrize("name", ["chromium", "google-chrome-stable"])
def test_nothing_is_asked_for_where_a_browser_is_there(machine: Machine, name: str) -> None:
    machine.has_apt_get()
    machine.has(name)
    install.main()
    assert machine.calls == []
    assert browser_path() == str(machine.folder / name)


def test_root_installs_it(machine: Machine) -> None:
    machine.has_apt_get()
    install.main()
    assert machine.calls == ["no --quiet=2 update", "no --quiet=2 install --yes chromium fonts-liberation"]
    install.main()
    assert len(machine.calls) == 2


def test_somebody_whose_sudo_asks_nothing_installs_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.has_apt_get()
    machine.has_sudo(asks=False)
    install.main()
    assert machine.calls == ["yes --quiet=2 update", "yes --quiet=2 install --yes chromium fonts-liberation"]


@pytest.mark.parametrize("sudo", ["none", "asks for a password"])
def test_where_a_person_must_allow_it_the_command_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, sudo: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.has_apt_get()
    if sudo != "none":
        machine.has_sudo(asks=True)
    with pytest.raises(SystemExit, match="`apt-get install chromium fonts-liberation` on Debian"):
        install.main()
    assert machine.calls == []


def test_another_system_than_debian_reads_its_own_command(machine: Machine) -> None:
    with pytest.raises(SystemExit, match="`dnf install chromium` on Fedora, `brew install --cask google-chrome` on macOS"):
        install.main()


def test_an_installation_that_brings_no_browser_is_not_taken_for_one(machine: Machine) -> None:
    machine.has_apt_get(installs=False)
    with pytest.raises(SystemExit, match="snap install chromium"):
        install.main()


def test_a_bare_debian_gets_the_library_of_the_driver_too(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has("node", NODE.format(python=sys.executable))
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(machine.folder / "node"))
    machine.has("chromium")
    with pytest.raises(SystemExit, match=r"^The tests open a browser with Playwright, .* `apt-get install libatomic1`"):
        install.main()
    machine.has_apt_get()
    install.main()
    assert machine.calls[1:] == ["no --quiet=2 install --yes libatomic1"]


def test_a_machine_without_nginx_gets_it_too(machine: Machine) -> None:
    machine.has("chromium")
    (machine.folder / "nginx").unlink()
    with pytest.raises(SystemExit, match="`apt-get install nginx` on Debian"):
        install.main()
    machine.has_apt_get()
    install.main()
    assert machine.calls[1:] == ["no --quiet=2 install --yes nginx"]


def test_a_test_that_opens_a_browser_fails_without_one_and_says_what_to_install(machine: Machine) -> None:
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser_path()
