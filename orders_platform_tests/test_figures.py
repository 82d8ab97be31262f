"""benchmarks/figures.py: what it counts in a small checkout, and beside it what an older commit had."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orders_platform_tests.testing.workplace import CHECKOUT

GLOSSARY = "# Names\n\n| word | is |\n| --- | :-: |\n| order | a row |\n| line | a size |\n\n- **batch**: n calls\n- no term\n"
FILES = {
    "benchmarks/figures.py": (CHECKOUT / "benchmarks" / "figures.py").read_text(encoding="utf-8"),
    ".gitignore": "ignored.py\n",
    "docs/explanation/names.md": GLOSSARY,
    "orders_platform/__init__.py": "",
    "orders_platform/build.py": "class Order:\n    class Line:\n        pass\n",
    "orders_platform/ignored.py": "1\n2\n3\n",
    "orders_platform/sync/__init__.py": '"""Core."""\n',
    "orders_platform/sync/items.py": "class Item:\n    pass\n\n\n# the end\n",
    "orders_platform/demo/__main__.py": "start()\n",
    "orders_platform/sandbox/items.py": "class Item:\n    pass\n",
    "orders_platform_tests/test_items.py": "class Item:\n    pass\n",
    "sql/read_items.sql.j2": "SELECT 1\n",
    "sql/macros/sqlite.sql.j2": "{# text #}\n",
}
HERE = {
    "loose modules": 1,
    "modules": 3,
    "modules without sandbox and demo": 2,
    "lines": 12,
    "lines without sandbox and demo": 9,
    "lines of sandbox and demo": 3,
    "lines a module, without sandbox and demo": 4,
    "SQL statements": 1,
    "lines of tests": 2,
    "entries of the glossary": 3,
    "module names used twice": 1,
    "class names used twice": 1,
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"], ["tag", "before"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def printed(checkout: Path, *options: str) -> list[str]:
    command = [sys.executable, checkout / "benchmarks" / "figures.py", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.splitlines()


def table(lines: list[str]) -> dict[str, list[int]]:
    rows = [line.rsplit(maxsplit=len(lines[0].split())) for line in lines[1 : len(HERE) + 1]]
    return {what: [int(figure.replace(",", "")) for figure in figures] for what, *figures in rows}


def test_every_figure_of_a_checkout(checkout: Path) -> None:
    lines = printed(checkout)
    assert table(lines) == {what: [figure] for what, figure in HERE.items()}
    assert lines[len(HERE) + 1 :] == ["", "modules of the same name: items", "", "classes of the same name: Item"]


def test_what_is_not_committed_yet_stands_beside_an_older_commit(checkout: Path) -> None:
    shutil.rmtree(checkout / "orders_platform" / "sandbox")
    (checkout / "orders_platform" / "new.py").write_text("\n" * 1200)
    lines = printed(checkout, "--against", "before")
    assert lines[0].split() == ["here", "before"]
    assert len({len(line) for line in lines[: len(HERE) + 1]}) == 1
    changed = {
        "loose modules": [2, 1],
        "modules without sandbox and demo": [3, 2],
        "lines": [1210, 12],
        "lines without sandbox and demo": [1209, 9],
        "lines of sandbox and demo": [1, 3],
        "lines a module, without sandbox and demo": [403, 4],
        "module names used twice": [0, 1],
        "class names used twice": [0, 1],
    }
    assert table(lines) == {what: [figure, figure] for what, figure in HERE.items()} | changed
    assert lines[len(HERE) + 1 :] == []


def test_a_commit_that_is_not_there_is_named_without_a_traceback(checkout: Path) -> None:
    command = [sys.executable, checkout / "benchmarks" / "figures.py", "--against", "nowhere"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 128
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["fatal: not a valid object name: nowhere"]
