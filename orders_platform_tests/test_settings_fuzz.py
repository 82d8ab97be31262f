"""Whatever stands in the configuration file or in a variable, it is taken or refused in words; nothing else comes of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from orders_platform.configuration import read_configuration
from orders_platform.database.engine import dialect_of
from orders_platform.defs.alerts import addresses_of
from orders_platform.domain.customers import CustomerNames
from orders_platform.errors import ConfigurationError
from orders_platform.settings import Settings, default_folder
from orders_platform_tests.testing.workplace import VARIABLES

SHIPPED = (default_folder("config") / "order_sync.toml").read_text(encoding="utf-8")
LINES = SHIPPED.splitlines()
VALUES = (
    *(
        "",
        "''",
        "0",
        "-1",
        "1e999",
        "nan",
        "true",
        "[]",
        "{}",
        "[[]]",
        "{a = 1}",
        "9" * 30,
        "9" * 5_000,
        "0x7fffffffffffffff",
        "['a', 1, []]",
    ),
    *("'\x1b'", '"\\u0000"', '"\\ud800"', f"'{'x' * 5_000}'", "'''\n'''", "'%s {} {{ x }}'", f"{'[' * 3_000}{']' * 3_000}"),
    *("1979-05-27", "9999-99-99", "07:32:00"),
)
ODD = st.sampled_from(VALUES) | st.text(max_size=8)
HEADS = st.sampled_from(
    ["[environment]", "[environment.sandbox]", "[[environment]]", "environment = 1", "[a.b.c]", "[[monday]]", "=", "["]
)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """The shipped file after some odd edits of its values and lines."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["value", "value", "value", "gone", "head", "twice"]))
        if kind == "gone":
            del lines[at]
        elif kind == "head":
            lines.insert(at, draw(HEADS))
        elif kind == "twice":
            lines.insert(at, lines[at])
        elif found := re.match(r"([^=#]+= *)", lines[at]):
            lines[at] = found[1] + draw(ODD)
    return "\n".join(lines)


def refusal(of: Callable[[], object]) -> str | None:
    """What is said when it is refused; any other error goes through."""
    try:
        of()
    except ConfigurationError as error:
        return str(error)
    return None


def require_answer(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    for environment in ("sandbox", "production"):
        said = refusal(lambda environment=environment: read_configuration(file, environment))
        assert said is None or said.startswith(str(file))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration") / "order_sync.toml"


@given(text=edited())
@example(text="environment = 5")
@example(text="environment.sandbox = 5")
@example(text="[[environment]]")
@example(text=f"a = {'9' * 5_000}")
@example(text=f"a = {'[' * 5_000}")
def test_any_file_is_a_configuration_or_refused(file: Path, text: str) -> None:
    require_answer(file, text.encode("utf-8", "surrogatepass"))


@given(content=st.binary(max_size=80))
def test_any_bytes_are_refused(file: Path, content: bytes) -> None:
    require_answer(file, content)


def test_the_edits_start_from_a_file_that_is_taken(file: Path) -> None:
    assert tomllib.loads(SHIPPED)
    require_answer(file, SHIPPED.encode())


PIECES = st.sampled_from([
    "http", "https", "sqlite", "mssql+pyodbc", "json", "mailto", "slack", "://", "/", "//", ":", "@", "?", "#", "[", "]", "%", "%zz",
    "a", "host", "127.0.0.1", "::1", "99999", "=", "&", " ", "é", "\udc80", "\x1b",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=9).map("".join) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)


@given(variables=st.dictionaries(st.sampled_from(VARIABLES), TEXTS))
def test_any_variables_are_settings_or_refused(variables: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as here:
        for name in VARIABLES:
            here.delenv(name, raising=False)
        for name, value in variables.items():
            here.setenv(name, value)
        assert refusal(lambda: dialect_of(Settings().database_url)) != ""


@given(text=TEXTS)
@example(text="http://://\udc80")
def test_any_addresses_of_alerts_are_taken_or_refused(text: str) -> None:
    said = refusal(lambda: addresses_of(SecretStr(text), CustomerNames({})))
    assert said is None or said.startswith("ORDERS_ALERT_URLS: number ")


@given(content=st.binary(max_size=60))
def test_any_dotenv_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / ".env").write_bytes(content)
    with pytest.MonkeyPatch.context() as here:
        for name in VARIABLES:
            here.delenv(name, raising=False)
        here.chdir(folder)
        assert refusal(Settings) != ""
    (folder / ".env").unlink()
