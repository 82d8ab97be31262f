"""How large the code is and how often a name is used twice, for the checkout that this file stands in.

    python benchmarks/figures.py [--against REVISION]

`make figures AGAINST=REVISION` prints the same of another commit beside it. Files that git ignores do not count.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

ROOT = Path(__file__).parents[1]
PLATFORM, TESTS = "orders_platform/", "orders_platform_tests/"
GLOSSARY = ("docs/explanation/names.md", "docs/names.md")  # where it is, and was in older commits
LOCAL_MONDAY = ("orders_platform/sandbox/", "orders_platform/demo/", "orders_platform/demo.py")
Files = Mapping[str, str]


def is_counted(name: str) -> bool:
    """Python, statements and the glossary."""
    return name.endswith((".py", ".sql.j2")) or name in GLOSSARY


def git(*words: str) -> bytes:
    """What it prints. When it fails, its own message says why."""
    asked = subprocess.run(["git", *words], cwd=ROOT, check=False, stdout=subprocess.PIPE)
    return sys.exit(asked.returncode) if asked.returncode else asked.stdout


def files_of_the_checkout() -> Files:
    """As they are on the disk, committed or not."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z").decode().split("\0")
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in listed if is_counted(name) and (ROOT / name).is_file()}


def files_of(revision: str) -> Files:
    """As they were committed."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", revision))) as archive:
        found = ((member.name, archive.extractfile(member)) for member in archive if is_counted(member.name))
        return {name: file.read().decode() for name, file in found if file}


def lines(files: Files) -> int:
    """Blank ones and comments too."""
    return sum(text.count("\n") for text in files.values())


def modules(files: Files) -> list[str]:
    """The names of Python files; those that only make a package or start it do not count."""
    return [PurePath(name).stem for name in files if not name.endswith(("/__init__.py", "/__main__.py"))]


def classes(files: Files) -> list[str]:
    """The names of all classes, nested ones too."""
    return [node.name for text in files.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]


def doubled(names: Iterable[str]) -> list[str]:
    """What is there more than once, a single time."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def glossary_entries(text: str) -> int:
    """Rows of tables without their heads, and points of a list that begin with a term in bold."""
    heads = 2 * len(re.findall(r"^\|[ :|-]+\|$", text, flags=re.MULTILINE))
    return len(re.findall(r"^\|", text, flags=re.MULTILINE)) - heads + len(re.findall(r"^[-*] \*\*", text, flags=re.MULTILINE))


def figures(files: Files) -> dict[str, int]:
    """Each figure by what it counts."""
    platform = {name: text for name, text in files.items() if name.startswith(PLATFORM) and name.endswith(".py")}
    core = {name: text for name, text in platform.items() if not name.startswith(LOCAL_MONDAY)}
    tests = {name: text for name, text in files.items() if name.startswith(TESTS)}
    loose = {name: text for name, text in platform.items() if name.count("/") == 1}
    return {
        "loose modules": len(modules(loose)),
        "modules": len(modules(platform)),
        "modules without sandbox and demo": len(modules(core)),
        "lines": lines(platform),
        "lines without sandbox and demo": lines(core),
        "lines of sandbox and demo": lines(platform) - lines(core),
        "lines a module, without sandbox and demo": round(lines(core) / max(1, len(modules(core)))),
        "SQL statements": len([name for name in files if re.fullmatch(r"sql/[^/]+\.sql\.j2", name)]),
        "lines of tests": lines(tests),
        "entries of the glossary": sum(glossary_entries(files.get(name, "")) for name in GLOSSARY),
        "module names used twice": len(doubled(modules(platform))),
        "class names used twice": len(doubled(classes(platform))),
    }


def main() -> None:
    """Print the table, and below it the names that are used twice here."""
    parser = argparse.ArgumentParser(description="The size of the code, in figures.")
    parser.add_argument("--against", metavar="REVISION", help="print the figures of this commit as well")
    revision = parser.parse_args().against
    here = files_of_the_checkout()
    columns = {"here": figures(here)} | ({revision: figures(files_of(revision))} if revision else {})
    widths = {head: max(len(head), 7) for head in columns}
    print(" " * 40, *(f"{head:>{width}}" for head, width in widths.items()), sep="  ")
    for what in columns["here"]:
        print(f"{what:40}", *(f"{columns[head][what]:>{width},}" for head, width in widths.items()), sep="  ")
    platform = {name: text for name, text in here.items() if name.startswith(PLATFORM) and name.endswith(".py")}
    for what, names in (("modules", modules(platform)), ("classes", classes(platform))):
        if twice := doubled(names):
            print(f"\n{what} of the same name: {', '.join(twice)}")


if __name__ == "__main__":
    main()
