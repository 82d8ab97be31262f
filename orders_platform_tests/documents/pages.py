"""The code blocks of the documents, and a reader who does what they say.

The language of a block says what is made of it:

    console                           each line after `$ ` is typed into one shell a page, and what it prints must follow it
    console title="second terminal"   typed into a shell of its own, left running until the page ends
    csv title="FILE", toml title=     the file is written
    diff title="FILE"                 the file is changed so
    toml                              a part of the configuration; it must be right
    sh                                needs what is not at hand here (a server, a cluster, a minute of time): read, and not run
    text, mermaid                     no code

A page with the comment `<!-- after the tutorial -->` begins where the tutorial has sent its twenty orders.
A line `...` of an output stands for any lines. Times, ids, seconds and calls made today are not compared, nor how many blanks there are
between words.
HTML comments are not shown to readers, and what is in them is no code.

    python -m orders_platform_tests.documents.pages docs/tutorial.md    writes what the commands print into the page
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from orders_platform.configuration import ENVIRONMENTS, read_configuration
from orders_platform_tests.documents.preloaded import preloaded
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.workplace import CHECKOUT, VARIABLES

KINDS = frozenset({"console", "csv", "toml", "diff", "sh", "text", "mermaid"})
PAGES = sorted(
    path
    for path in (*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), CHECKOUT / "sql" / "README.md")
    if path.name != "CHANGELOG.md"
)
SHOWN_FOLDER = "/path/to/orders"
SHOWN_SERVER = "127.0.0.1:8765"
ANYTHING = "..."
TUTORIAL = CHECKOUT / "docs" / "tutorial.md"
AFTER_THE_TUTORIAL = "<!-- after the tutorial -->"
SECONDS = 90
STARTED = f'#!/bin/sh\nexec {sys.executable} -m orders_platform.cli "$@"\n'
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>\w*)(?: +title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_END = "<the command has ended>"
_MASKS = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?", "<time>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\brun [0-9a-f]{12}\b", "run <id>"),
    (r"\b\d{11,}\b", "<id>"),
    (r" \d+\.\d$", " <seconds>"),
    # It varies by a call with the speed of the machine.
    (r"\b[\d,]+ of ([\d,]+ calls)", r"<some> of \1"),
    (r"[ \t]+", " "),
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and where in the page its text is; within a list it is indented."""

    kind: str
    title: str
    text: str
    indent: str
    start: int
    end: int

    def commands(self) -> list[tuple[str, list[str]]]:
        """What is typed, and the lines that follow it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
        return found


def blocks_of(text: str) -> list[Block]:
    shown = re.sub(r"<!--.*?-->", lambda comment: re.sub(r"[^\n]", " ", comment[0]), text, flags=re.DOTALL)
    return [
        Block(
            found["kind"],
            found["title"] or "",
            re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            found["indent"],
            *found.span("text"),
        )
        for found in _FENCE.finditer(shown)
    ]


def masked(line: str) -> str:
    for pattern, word in _MASKS:
        line = re.sub(pattern, word, line)
    return line.rstrip()


def is_like(printed: list[str], told: list[str]) -> bool:
    """Whether a page tells what was printed."""
    pattern = "".join(r"(?:.*\n)*" if line == ANYTHING else re.escape(masked(line)) + r"\n" for line in told)
    return re.fullmatch(pattern, "".join(masked(line) + "\n" for line in printed)) is not None


def changed(text: str, diff: str) -> str:
    """A text after a diff without line numbers: `...` stands between parts that are apart; each part is there once."""
    for part in re.split(r"^ ?\.\.\.\n", diff, flags=re.MULTILINE):
        old = "".join(line[1:] for line in part.splitlines(keepends=True) if line[0] in " -")
        new = "".join(line[1:] for line in part.splitlines(keepends=True) if line[0] in " +")
        assert text.count(old) == 1, f"there {text.count(old)} times, should be there once:\n{old}"
        text = text.replace(old, new)
    return text


class Shell:
    """One bash, whose variables and folder last from command to command."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.server = urlsplit(variables["MONDAY_API_URL"]).netloc
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.code = 0

    def type(self, command: str, *, lines: int | None = None) -> list[str]:
        """What the command prints until it ends, or its first lines."""
        assert self.process.stdin
        self.process.stdin.write(f"{{ {command}\n}} </dev/null; code=$?; printf '\\n%s%s\\n' '{_END}' $code; (exit $code)\n")
        self.process.stdin.flush()
        watchdog = threading.Timer(SECONDS, self.end)
        watchdog.start()
        try:
            return list(self._read(lines))
        finally:
            watchdog.cancel()

    def _read(self, lines: int | None) -> Iterator[str]:
        assert self.process.stdout
        printed = list[str]()
        while lines is None or len(printed) < lines:
            line = self.process.stdout.readline().replace(str(self.folder), SHOWN_FOLDER)
            line = line.replace(self.server, SHOWN_SERVER)
            if not line or line.startswith(_END):
                self.code = int(line.removeprefix(_END)) if line else -1
                break
            printed.append(line.rstrip("\n"))
        while printed and not printed[-1].strip():
            printed.pop()
        return iter(printed)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


class Reader:
    """Somebody in a folder of their own, with the command and a copy of the configuration, as in a checkout."""

    def __init__(self, folder: Path, program: str = STARTED) -> None:
        self.folder = folder
        (folder / "config").mkdir()
        configuration = folder / "config" / "order_sync.toml"
        configuration.write_bytes((CHECKOUT / "config" / "order_sync.toml").read_bytes())
        programs = folder / ".programs"
        programs.mkdir()
        (programs / "orders-platform").write_text(program)
        (programs / "orders-platform").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        self.variables = {
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
            "ORDERS_CONFIG": str(configuration),
            "MONDAY_API_URL": f"http://127.0.0.1:{free_port()}/v2",
        }
        self.shell = Shell(folder, self.variables)
        self.others = list[Shell]()

    def do(self, block: Block) -> list[tuple[str, list[str], list[str]]]:
        """Each command of a block, what the page tells, and what was printed."""
        if block.kind == "console":
            return [(command, told, self._typed(block, command, told)) for command, told in block.commands()]
        if block.title:
            file = self.folder / block.title
            file.write_text(changed(file.read_text("utf-8"), block.text) if block.kind == "diff" else block.text, "utf-8")
            if file.suffix == ".toml":
                for environment in ENVIRONMENTS:
                    read_configuration(file, environment)
        return []

    def _typed(self, block: Block, command: str, told: list[str]) -> list[str]:
        if not block.title:
            return self.shell.type(command.replace(SHOWN_SERVER, self.shell.server))
        self.others.append(Shell(self.folder, self.variables))
        return self.others[-1].type(command, lines=len(told) or 1)

    def end(self) -> None:
        for shell in (self.shell, *self.others):
            shell.end()


@cache
def after_the_tutorial() -> tempfile.TemporaryDirectory[str]:
    """What a reader has who sent the twenty orders; once for all pages that go on from there."""
    folder = tempfile.TemporaryDirectory()
    made = Reader(Path(folder.name).resolve())
    try:
        made.do(next(block for block in blocks_of(TUTORIAL.read_text(encoding="utf-8")) if block.title == "orders.csv"))
        printed = made.shell.type("orders-platform load orders.csv && orders-platform sync --execute")
        assert not made.shell.code, printed
    finally:
        made.end()
    return folder


@cache
def preloaded_program() -> str:
    """Of a process that lives as long as this one."""
    kept = ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(preloaded())


@contextmanager
def reader_of(page: str) -> Iterator[Reader]:
    with tempfile.TemporaryDirectory() as folder:
        if AFTER_THE_TUTORIAL in page:
            shutil.copytree(
                after_the_tutorial().name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("config", ".programs")
            )
        # The tutorial and the pages that begin afresh start each command as a person does.
        made = Reader(Path(folder).resolve(), preloaded_program() if AFTER_THE_TUTORIAL in page else STARTED)
        try:
            yield made
        finally:
            made.end()


def has_code_to_run(page: Path) -> bool:
    return any(block.kind in {"console", "diff"} for block in blocks_of(page.read_text(encoding="utf-8")))


def rewritten(text: str) -> str:
    """The page with what its commands print; what it tells already, if so only up to masks, stays."""
    parts, end = list[str](), 0
    with reader_of(text) as somebody:
        for block in blocks_of(text):
            done = somebody.do(block)
            if block.kind == "console":
                lines = [
                    line
                    for command, told, printed in done
                    for line in (f"$ {command}", *(told if is_like(printed, told) else printed))
                ]
                parts += [text[end : block.start], *(f"{block.indent}{line}".rstrip() + "\n" for line in lines)]
                end = block.end
    return "".join(parts) + text[end:]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(rewritten(page.read_text("utf-8")), "utf-8")
