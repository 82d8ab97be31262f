"""What prose cites exists: every path and every name that a docstring, a comment or a document puts between backticks."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = (
    "orders_platform",
    "orders_platform_tests",
    "benchmarks",
    "sql",
    "graphql",
    "config",
    "deploy",
    "Makefile",
    "pyproject.toml",
    "setup.cfg",
    ".env.example",
    ".ci",
)
HISTORY = {"CHANGELOG.md"}  # says what was, so its names may be gone; decisions (docs/explanation/adr) too
PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*(?:/|\.(?:py|md|toml|yaml|yml|sql|j2|graphql|html|css|js|cfg|json|txt|conf))")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
LEFT_BY_A_RUN = (".data/", ".dagster/", ".venv/", ".venv-peers/", "build/", "dist/")

# Names of other people's programs, protocols and languages, which our code does not hold.
FOREIGN = frozenset(
    {
        *("ActiveDirectoryServicePrincipal", "fast_executemany", "msodbcsql18", "pg_dump", "pngquant"),
        *("dagsterWebserver", "enableReadOnly", "fsGroup", "platform_api", "undo_action"),
    }
)


@cache
def tracked() -> tuple[Path, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return tuple(ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


@cache
def places() -> frozenset[str]:
    """Every file and folder, by each of the ends of its path: `sync/stages.py` and `rows.py` alike."""
    found = set[str]()
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        for end in range(len(parts)):
            found.add("/".join(parts[end:]))
            found.update("/".join(parts[end:stop]) + "/" for stop in range(end + 1, len(parts)))
    return frozenset(found)


@cache
def split(path: Path) -> tuple[str, tuple[str, ...]]:
    """The code of a Python file, and what its comments and docstrings say."""
    code, prose, before = list[str](), list[str](), tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        starts_a_statement = before in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
        is_prose = token.type == tokenize.COMMENT or (token.type == tokenize.STRING and starts_a_statement)
        (prose if is_prose else code).append(token.string)
        before = before if token.type in {tokenize.COMMENT, tokenize.NL} else token.type
    return " ".join(code), tuple(prose)


@cache
def vocabulary() -> frozenset[str]:
    """Every identifier of the code itself, its strings among them; not what comments and docstrings say."""
    found = set[str]()
    for path in tracked():
        if path.suffix == ".md" or (path.relative_to(ROOT).parts[0] not in CODE and path.suffix not in {".yaml", ".yml"}):
            continue
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        source = split(path)[0] if path.suffix == ".py" else source
        found.update(re.findall(r"[A-Za-z_]\w*", source), (path.stem.split(".")[0],), path.relative_to(ROOT).parts)
    return frozenset(found)


def cited() -> Iterator[tuple[str, str]]:
    """Where, and what stands between backticks."""
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if path.suffix == ".md" and path.name not in HISTORY and "adr" not in path.parts:
            text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
            texts = [text]
        elif path.suffix == ".py":
            texts = list(split(path)[1])
        elif path.suffix in {".j2", ".graphql", ".toml"}:
            texts = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r"\s*(--|\{#|#)", line)]
        else:
            continue
        for text in texts:
            yield from ((name, code) for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text))


def test_every_path_that_prose_cites_exists() -> None:
    dead = sorted(
        {
            f"{where}: {code}"
            for where, code in cited()
            if PATH.fullmatch(code) and "*" not in code and not code.startswith(LEFT_BY_A_RUN) and code not in places()
        }
    )
    assert dead == []


def test_every_name_that_prose_cites_is_in_the_code() -> None:
    known = vocabulary() | FOREIGN
    gone = sorted(
        {
            f"{where}: {code}"
            for where, code in cited()
            if NAME.fullmatch(code) and not PATH.fullmatch(code) and not set(code.removesuffix("()").split(".")) <= known
        }
    )
    assert gone == []


def test_the_diagram_of_a_batch_has_at_most_fifteen_boxes_and_names_what_is_there() -> None:
    text = (ROOT / "docs" / "explanation" / "exactly_once.md").read_text(encoding="utf-8")
    (diagram,) = re.findall(r"^```mermaid$(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    boxes = dict(re.findall(r'\b([A-Z])[\[{]"(.*?)"[\]}]', diagram))
    assert set(re.findall(r"\b[A-Z]\b", diagram)) == set(boxes)
    assert len(boxes) <= 15
    words = {
        word for box in boxes.values() for word in re.findall(r"[A-Za-z_]\w*\.py|[A-Za-z]\w*_\w+|[A-Z][a-z]+[A-Z]\w*", box)
    }
    assert {"SyncRow", "stages.py", "before_request", "record_intents"} <= words
    assert words - places() - vocabulary() == set()
