"""What the documents tell people to do works as they tell it: `orders_platform_tests/documents/pages.py` says how code is marked."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from orders_platform import configuration
from orders_platform_tests.documents.pages import KINDS, PAGES, blocks_of, changed, has_code_to_run, is_like, reader_of
from orders_platform_tests.testing.workplace import CHECKOUT

RUN = [page for page in PAGES if has_code_to_run(page)]


def name_of(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_tells_to_type_prints_what_it_tells(page: Path) -> None:
    """`python -m orders_platform_tests.documents.pages PAGE` writes what is printed into the page."""
    text = page.read_text(encoding="utf-8")
    with reader_of(text) as somebody:
        after_failure = ""
        for block in blocks_of(text):
            for command, told, printed in somebody.do(block):
                assert is_like(printed, told), f"$ {command}\nprints:\n" + "\n".join(printed) + "\ntold:\n" + "\n".join(told)
                assert not after_failure or command == "echo $?", f"{after_failure} fails; say so with `echo $?`"
                after_failure = command if somebody.shell.code else ""
        assert not after_failure


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_has_a_kind_and_what_is_not_run_can_be_read(page: Path) -> None:
    blocks = blocks_of(page.read_text(encoding="utf-8"))
    assert [block.text for block in blocks if block.kind not in KINDS] == []
    for block in blocks:
        if block.kind == "sh":
            read = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert read.stderr == ""
            modules = re.findall(r"python -m (\S+)", block.text)
            assert [module for module in modules if importlib.util.find_spec(module) is None] == []
        elif block.kind == "toml" and not block.title:
            is_right_as_a_part(block.text)


def is_right_as_a_part(text: str) -> None:
    """Laid over the configuration, it is right for the environment that it names, or for all."""
    whole = tomllib.loads((CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8"))
    merged = configuration._merged(whole, tomllib.loads(text))
    environments = merged.pop("environment")
    for name in configuration.ENVIRONMENTS:
        configuration.Configuration.model_validate(
            configuration._merged(merged, environments[name]), by_alias=True, by_name=False
        )


def test_a_page_that_tells_something_else_is_found() -> None:
    assert is_like(["a  1.5", "at 2026-11-29 09:41", "b"], ["a 2.5", "at 2025-01-01 00:00", "b"])
    assert is_like(["a", "b", "c"], ["a", "...", "c"])
    assert not is_like(["a", "b"], ["a"])
    assert is_like(["today: 56 of 9,500 calls"], ["today: 1,057 of 9,500 calls"])
    assert not is_like(["today: 56 of 9,500 calls"], ["today: 56 of 950 calls"])
    assert not is_like(["12 orders"], ["13 orders"])


def test_a_change_is_made_where_it_fits_and_nowhere_else() -> None:
    assert changed("a\nb\nc\nd\n", " a\n-b\n+B\n ...\n d\n+e\n") == "a\nB\nc\nd\ne\n"
    with pytest.raises(AssertionError, match="2 times"):
        changed("a\na\n", "-a\n")


def test_comments_hold_no_code() -> None:
    assert blocks_of("<!--\n```console\n$ false\n```\n-->\n```text\nx\n```\n")[0].kind == "text"


def test_a_block_in_a_list_is_read_as_one_that_is_not() -> None:
    (block,) = blocks_of("1. a\n\n    ```console\n    $ true\n\n      b\n    ```\n")
    assert block.commands() == [("true", ["", "  b"])]
