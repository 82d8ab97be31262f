"""What a command imports, and that what the command line declares is what its functions take."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module

import click
import pytest

from orders_platform.cli import main as cli
from orders_platform.merge.file_tables import FileOptions
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, python

RUN = """
import os, sys
sys.argv = {argv!r}
os.environ.update({variables!r})
from orders_platform.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=sys.stderr)
"""
COMPLETION = {"_ORDERS_PLATFORM_COMPLETE": "bash_complete", "COMP_WORDS": "orders-platform sync --", "COMP_CWORD": "2"}
HEAVY = {"dagster", "httpx", "graphql", "openpyxl", "starlette", "uvicorn", "apprise"}
SLOW_TO_IMPORT = HEAVY | {"sqlalchemy", "pydantic", "jinja2", "rich", "asyncio"}


def imported(place: Workplace, *arguments: str, **variables: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that are there when it ends."""
    ran = python(RUN.format(argv=["orders-platform", *arguments], variables=variables), place)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, set(ran.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("sync", "--help"), ("sandbox", "serve", "--help")])
def test_help_imports_nothing_that_takes_time(offline: Workplace, arguments: tuple[str, ...]) -> None:
    shown, modules = imported(offline, *arguments)
    assert shown
    assert modules & SLOW_TO_IMPORT == set()


def test_completion_imports_nothing_that_takes_time(offline: Workplace) -> None:
    shown, modules = imported(offline, **COMPLETION)
    assert "--execute" in shown
    assert modules & SLOW_TO_IMPORT == set()


def test_status_imports_neither_dagster_nor_the_sandbox_nor_an_http_client(offline: Workplace, terminal: Terminal) -> None:
    terminal("init-db")
    _, modules = imported(offline, "status")
    assert "sqlalchemy" in modules
    assert modules & HEAVY == set()
    assert {name for name in modules if name.startswith(("orders_platform.sandbox.server", "orders_platform.defs"))} == set()


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


@pytest.mark.parametrize("command", list(commands(cli.cli)), ids=lambda command: command.name)
def test_a_command_hands_its_function_what_it_takes(command: click.Command) -> None:
    module = inspect.getclosurevars(command.callback).nonlocals["module"]
    function = getattr(import_module(f"orders_platform.cli.{module}"), command.callback.__name__)
    taken = inspect.signature(function).parameters
    given = {parameter.name for parameter in command.params}
    more = FileOptions.__dataclass_fields__ if "reading" in taken else {}
    assert given <= {*taken, *more}
    assert {name for name, each in taken.items() if each.default is each.empty and each.kind is not each.VAR_KEYWORD} <= given


def test_the_help_lists_every_command_once() -> None:
    listed = [name for names in cli._HEADINGS.values() for name in names]
    assert sorted(listed) == sorted(name for name, command in cli.cli.commands.items() if not command.hidden)
