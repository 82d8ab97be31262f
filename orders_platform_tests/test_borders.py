"""Who may import whom, and what every module owes its reader. Read from the source, so that a new module is held to it too."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "orders_platform"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Room -> the rooms and libraries that it may import besides itself, `errors` and the standard library.
ROOMS = {
    "domain":        "",
    "configuration": "domain pydantic tomlkit",
    "settings":      "configuration pydantic pydantic_settings",
    "database":      "domain configuration sqlalchemy jinja2 markupsafe pydantic filelock pyodbc",
    "merge":         "domain configuration database sqlalchemy jinja2 markupsafe python_calamine",
    "sync":          "domain configuration database monday",
    "monday":        "domain __version__ httpx graphql",
    "pipeline":      "domain merge sync",
    "reports":       "domain database jinja2",
    "build":         "settings database monday reports",
    "defs":          "domain configuration settings database merge monday sync pipeline reports build dagster pydantic apprise",
    "definitions":   "settings defs dagster",
    "webserver":     "settings reports starlette dagster dagster_webserver",
    "sandbox":       "settings webserver __version__ starlette uvicorn graphql httpx",
    "cli":           "domain configuration settings database merge monday sync pipeline reports build defs sandbox demo __version__ "
                     "definitions click rich pydantic",
    "demo":          "domain settings database merge sync defs definitions cli sandbox dagster",
}  # fmt: skip


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def part_of(path: Path) -> str:
    """Folder, or module beside the folders."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that a module imports, inside functions too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} has a relative import"
            if node.module == "orders_platform":
                yield from (f"orders_platform.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def top_of(imported: str) -> str:
    """The room of ours or the library that is imported."""
    first, *rest = imported.split(".")
    return rest[0] if first == "orders_platform" else first


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_nothing_beyond_its_border(room: str) -> None:
    allowed = {room, "errors", *ROOMS[room].split(), *sys.stdlib_module_names}
    beyond = [
        f"{name_of(path)} imports {imported}"
        for path in MODULES
        if part_of(path) == room
        for imported in imports(path)
        if top_of(imported) not in allowed
    ]
    assert beyond == []


def test_every_folder_and_loose_module_is_a_room_of_the_table() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__", "errors"} == set(ROOMS)


def test_the_environment_is_read_in_one_module() -> None:
    found = [
        f"{name_of(path)}: {ast.unparse(node)}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "putenv"}
    ]
    # The lines in cli/main.py write: Dagster must find telemetry off, its home and ours. settings.py reads through pydantic-settings.
    assert found == ["cli/main.py: os.environ"] * 3
    written = [ast.unparse(node) for node in ast.walk(tree_of(PACKAGE / "cli" / "main.py"))]
    assert {
        "os.environ.setdefault('DAGSTER_DISABLE_TELEMETRY', 'yes')",
        "os.environ['DAGSTER_HOME'] = str(home.absolute())",
    } <= {*written}
    assert [part_of(path) for path in MODULES if "pydantic_settings" in imports(path)] == ["settings"]


def test_commands_write_to_the_terminal_in_one_place() -> None:
    """`cli/output.py`, which lets no cell and no name give the terminal orders; progress is drawn beside it."""
    written = {"click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write"}
    found = [
        f"{name_of(path)}: {ast.unparse(node.func)}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in written
    ]
    assert found == ["cli/output.py: click.echo"]
    drawing = [name_of(path) for path in MODULES if any(name.split(".")[0] == "rich" for name in imports(path))]
    assert drawing == ["cli/output.py", "cli/progress.py"]


def test_every_module_is_named_after_what_is_in_it() -> None:
    catch_all = {"utils", "util", "helpers", "helper", "common", "misc", "shared"}
    parts = {name_of(path): {path.stem, *path.relative_to(PACKAGE).parts} for path in MODULES}
    assert [name for name, words in parts.items() if words & catch_all] == []


def is_passed_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler only tidies up and raises the same again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_error_is_caught_that_nobody_thought_of() -> None:
    broad = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                if re.search(r"\bException\b|everything", caught) or ("BaseException" in caught and not is_passed_on(node)):
                    broad.append(f"{name_of(path)}:{node.lineno} catches {caught}")
    assert broad == []


def test_library_code_prints_nothing() -> None:
    forbidden = {"print", "breakpoint", "input", "eval", "exec"}
    found = [
        f"{name_of(path)}:{node.lineno} {node.func.id}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden
    ]
    assert found == []


def test_every_public_function_and_class_says_what_it_does() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    commands = {  # described once, where they are declared
        node.name
        for node in tree_of(PACKAGE / "cli" / "main.py").body
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node)
    }
    silent = [
        f"{name_of(path)}: {node.name}"
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
        if not (path.parent.name == "cli" and node.name in commands)
    ]
    assert silent == []
