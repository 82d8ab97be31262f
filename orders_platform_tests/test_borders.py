"""Who may import whom, and what every module owes its reader. Read from the source, so that a new module is held to it too."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "orders_platform"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Folder -> what it may import of ours (`.` is the package's own __init__: the version), and of others.
MAY_IMPORT = {
    "domain": ({"domain", "errors"}, set()),
    "sync": ({"sync", "domain", "errors"}, set()),
    "monday": ({"monday", "domain", "errors", "."}, {"httpx", "graphql"}),
    "database": (
        {"database", "domain", "errors", "configuration"},
        {"sqlalchemy", "jinja2", "markupsafe", "pydantic", "filelock", "openpyxl", "pyodbc"},
    ),
    "reports": ({"reports", "database", "domain", "errors"}, {"jinja2"}),
    "sandbox": ({"sandbox", "errors", "settings"}, {"starlette", "uvicorn", "graphql", "httpx"}),
}
# Thing -> the only modules (or folders) that may import it.
ONLY_IMPORTED_BY = {
    "dagster": {
        "alerts",
        "assets",
        "automation",
        "checks",
        "definitions",
        "demo",
        "failures",
        "operations",  # Dagster's rule of what a cron is
        "partitions",
        "resources",
        "schedules",
        "sensors",
        "upkeep",
        "waiting",
    },
    "apprise": {"messages"},
    "orders_platform.sandbox": {"cli", "demo", "embedded", "sandbox"},
    "orders_platform.assets": {"assets", "automation", "checks", "definitions"},
    "orders_platform.definitions": {"demo"},
    "click": {"cli", "cli_board", "cli_database", "cli_report", "cli_verify", "console"},
    "sqlalchemy": {"database"},
    "httpx": {"monday", "sandbox"},
    "jinja2": {"database", "reports"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "pyodbc": {"database"},
}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def part_of(path: Path) -> str:
    """Folder, or module beside the folders."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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


def ours(imported: str) -> str:
    part = imported.removeprefix("orders_platform").removeprefix(".").split(".")[0]
    return "." if part in {"", "__version__"} else part


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_nothing_beyond_its_border(folder: str) -> None:
    own, foreign = MAY_IMPORT[folder]
    allowed_foreign = foreign | sys.stdlib_module_names
    beyond = []
    for path in (PACKAGE / folder).rglob("*.py"):
        for imported in imports(path):
            top = imported.split(".")[0]
            fits = ours(imported) in own if top == "orders_platform" else top in allowed_foreign
            if not fits:
                beyond.append(f"{name_of(path)} imports {imported}")
    assert beyond == []


@pytest.mark.parametrize("thing", ONLY_IMPORTED_BY)
def test_a_library_and_a_layer_are_imported_where_they_belong_only(thing: str) -> None:
    found = {part_of(path) for path in MODULES for name in imports(path) if f"{name}.".startswith(f"{thing}.")}
    assert found <= ONLY_IMPORTED_BY[thing], f"{thing} is imported by {sorted(found - ONLY_IMPORTED_BY[thing])}"


@pytest.mark.parametrize("folder", ["assets", "domain", "database", "monday", "sync", "sandbox"])
def test_the_folders_of_the_layout_are_there(folder: str) -> None:
    assert (PACKAGE / folder / "__init__.py").exists()


def test_the_environment_is_read_in_one_module() -> None:
    found = [
        f"{name_of(path)}: {ast.unparse(node)}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "putenv"}
    ]
    # The one line in cli.py writes: Dagster must find telemetry off. settings.py reads through pydantic-settings.
    assert found == ["cli.py: os.environ"]
    written = [ast.unparse(node) for node in ast.walk(tree_of(PACKAGE / "cli.py")) if isinstance(node, ast.Call)]
    assert "os.environ.setdefault('DAGSTER_DISABLE_TELEMETRY', 'yes')" in written
    assert [part_of(path) for path in MODULES if "pydantic_settings" in imports(path)] == ["settings"]


def test_every_module_opens_with_what_belongs_there_and_what_does_not() -> None:
    silent = []
    for path in MODULES:
        words = ast.get_docstring(tree_of(path)) or ""
        bordered = re.search(r"elongs? here", words) and re.search(r"not\s+belong\s+here", words)
        if len(words) < 10 or not (bordered or path.name == "__init__.py"):
            silent.append(name_of(path))
    assert silent == []


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


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
    silent = [
        f"{name_of(path)}: {node.name}"
        for path in MODULES
        for node in tree_of(path).body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []
