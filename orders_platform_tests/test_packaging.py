"""The wheel: that an installed platform has all that a checkout has, and finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from orders_platform import __version__
from orders_platform_tests.testing.workplace import VARIABLES

ROOT = Path(__file__).parents[1]
SOURCES = ("orders_platform", "config", "graphql", "sql", "pyproject.toml", "setup.cfg", "README.md")


def can_build_here() -> bool:
    """Whether this environment's setuptools makes wheels by itself; otherwise pip fetches one that does."""
    try:
        return int(version("setuptools").split(".")[0]) >= 77
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout gets no build folder."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    options = ["--no-build-isolation"] if can_build_here() else []
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--disable-pip-version-check", "-w", str(out), *options]
    built = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = out.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def run_installed(unpacked: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if name not in VARIABLES}
    environment = {**kept, "PYTHONPATH": str(unpacked), "ORDERS_DATABASE_URL": f"sqlite:///{cwd / 'orders.db'}"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("folder", ["sql", "graphql", "config"])
def test_the_wheel_holds_every_file_that_lies_beside_the_package(unpacked: Path, folder: str) -> None:
    shipped = {name for name in files_below(unpacked / "orders_platform" / folder) if not name.endswith("__init__.py")}
    assert shipped == files_below(ROOT / folder)


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path, unpacked: Path) -> None:
    package = unpacked / "orders_platform"
    shipped = {name for name in files_below(package) if name.split("/")[0] not in {"sql", "graphql", "config"}}
    assert shipped == files_below(ROOT / "orders_platform")
    assert {"py.typed", "sandbox/page.html"} <= shipped
    assert wheel.name.startswith(f"orders_platform-{__version__}-")
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"orders_platform"}


def test_the_wheel_brings_the_command(unpacked: Path) -> None:
    (points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "orders-platform = orders_platform.cli.main:main" in points.read_text(encoding="utf-8")


def test_an_installed_platform_finds_its_templates_inside_itself(unpacked: Path, tmp_path: Path) -> None:
    code = "from orders_platform.settings import default_folder as f; print(*map(f, ('sql', 'graphql', 'config')), sep='\\n')"
    found = run_installed(unpacked, tmp_path, "-c", code)
    assert found.stdout.split() == [str(unpacked / "orders_platform" / name) for name in ("sql", "graphql", "config")], (
        found.stderr
    )
    shown = run_installed(unpacked, tmp_path, "-m", "orders_platform.cli", "init-db", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert 'CREATE TABLE "ORDER_LIST_V2"' in shown.stdout
