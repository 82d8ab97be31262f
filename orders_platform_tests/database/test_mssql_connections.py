"""Connections to SQL Server: encrypted, by a driver that the URL names, each value bound as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, make_url

from orders_platform.database.engine import Database
from orders_platform.database.mssql import MSSQL, type_of_value
from orders_platform.database.server_checks import check_server
from orders_platform.errors import ConfigurationError, DatabaseRefusedError, TransactionLostError
from orders_platform_tests.testing.workplace import CHECKOUT

VALUES = st.one_of(st.text(), st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes())


def query_of(url: str) -> dict[str, object]:
    """What a URL becomes for the driver."""
    engine = MSSQL.make_engine(make_url(url))
    try:
        return dict(engine.url.query)
    finally:
        engine.dispose()


def test_a_connection_is_encrypted_and_no_certificate_is_trusted_unseen() -> None:
    assert query_of("mssql+pyodbc://u:p@h/d") == {"driver": "ODBC Driver 18 for SQL Server", "Encrypt": "yes"}


@pytest.mark.parametrize("driver", ["FreeTDS", "/usr/lib/odbc/libtdsodbc.so"])
def test_a_driver_that_cannot_record_what_was_sent_is_refused_before_anything_is_sent(driver: str) -> None:
    with pytest.raises(ConfigurationError, match=r"NTEXT.*mssql\+mssqlpython"):
        query_of(f"mssql+pyodbc://u:p@h/d?driver={driver}")


PAGE = (CHECKOUT / "docs" / "how_to" / "sql_server.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "url",
    [
        *re.findall(r"`(mssql\+pyodbc:[^`]*\?Authentication=[^`]*)`", PAGE),
        "mssql+pyodbc://@h/d?authentication=ActiveDirectoryMsi&Driver=msodbcsql18",
        "mssql+pyodbc://ID:SECRET@h/d?Authentication=ActiveDirectoryServicePrincipal",
    ],
)
def test_whoever_signs_in_by_entra_does_not_sign_in_by_windows_as_well(url: str) -> None:
    """Microsoft's driver refuses both together (FA001); SQLAlchemy adds the second unless it finds the first in small letters."""
    engine = MSSQL.make_engine(make_url(url))
    ((connection_string,), _) = engine.dialect.create_connect_args(engine.url)
    words = connection_string.casefold()
    assert words.startswith("driver={")
    assert words.count("authentication=activedirectory") == 1
    assert "trusted_connection" not in words


def test_what_the_url_says_itself_stays() -> None:
    said = {"encrypt": "strict", "driver": "ODBC Driver 19 for SQL Server"}
    url = make_url("mssql+pyodbc://u:p@h/d").update_query_dict(said).render_as_string(hide_password=False)
    assert query_of(url) == said
    whole = "mssql+pyodbc:///?odbc_connect=Driver%3Dx"
    assert query_of(whole) == {"odbc_connect": "Driver=x"}


def test_odbc_keeps_no_session_that_was_closed() -> None:
    """In a pool of the driver manager it would keep its customer's lock until somebody reuses it."""
    import pyodbc

    pyodbc.pooling = True
    MSSQL.make_engine(make_url("mssql+pyodbc://u:p@h/d")).dispose()
    assert pyodbc.pooling is False


def test_a_dead_connection_is_given_up_without_a_traceback() -> None:
    """mssql-python rolls back before it closes; SQLAlchemy printed its error, beside ours, to whoever looked."""
    engine = MSSQL.make_engine(make_url("mssql+pyodbc://u:p@h/d"))

    def close() -> None:
        raise engine.dialect.loaded_dbapi.OperationalError("ROLLBACK can only be used in transaction blocks")  # type: ignore[attr-defined]

    engine.dialect.do_terminate(cast(Any, SimpleNamespace(close=close)))


class Server:
    """Stands for a server that gives this answer to every question, and takes nothing else."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def __getattr__(self, name: str) -> object:
        raise DatabaseRefusedError(name)

    @contextmanager
    def read(self) -> Iterator[Server]:
        yield self

    def execute(self, *_asked: object) -> SimpleNamespace:
        return SimpleNamespace(first=lambda: (self.answer,))


@pytest.mark.parametrize(("answer", "is_ok"), [("Azure", True), ("16", True), ("14", True), ("13", False), ("12", False)])
def test_azure_is_new_enough_whatever_its_version_says(answer: str, is_ok: bool) -> None:
    """It says 12 for ever, as SQL Server 2014 did."""
    version = check_server(cast(Database, Server(answer)))[0]
    assert (version.name, version.found, version.is_ok) == ("version", answer, is_ok)


class Cursor:
    """Keeps the types that it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def setinputsizes(self, sizes: list[object]) -> None:
        self.told = sizes


def bound(*values: object) -> list[object]:
    """The types under which an engine binds values."""
    engine = MSSQL.make_engine(make_url("mssql+pyodbc://u:p@h/d"))
    cursor = Cursor()
    connection = SimpleNamespace(engine=SimpleNamespace(driver="mssqlpython"))
    engine.dispatch.before_cursor_execute(connection, cursor, "", values, None, False)  # type: ignore[attr-defined]
    engine.dispose()
    return cursor.told


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_a_value_is_bound_under_a_type_that_does_not_depend_on_its_length_or_size(values: list[object]) -> None:
    """Each length of a text had a plan of its own, and a NULL made another statement."""
    assert {type_of_value(value) for value in values if value is None or isinstance(value, str)} <= {(-9, 4_000, 0)}
    assert len({type_of_value(value) for value in values if type(value) is int}) < 2


def test_a_long_text_is_bound_as_nvarchar_max_and_never_as_ntext() -> None:
    assert bound("x" * 2_000, "x" * 2_001, None) == [(-9, 4_000, 0), (-9, 0, 0), (-9, 4_000, 0)]
    assert bound("\N{PILE OF POO}" * 2_001) == [(-9, 0, 0)]  # two of the server's characters each


def test_every_kind_of_value_has_a_type() -> None:
    assert [kind for kind, *_ in map(type_of_value, (True, 1, 1.5, date(2026, 1, 5), datetime(2026, 1, 5, tzinfo=UTC)))] == [
        -7, -5, 8, 91, 93,
    ]  # fmt: skip


@given(st.integers(-999, 999), st.integers(0, 3), st.sampled_from(["INT", "BIGINT", "SMALLINT"]))
def test_a_whole_number_is_written_as_a_text_that_the_server_takes_for_one(number: int, zeros: int, type_: str) -> None:
    """`0.0` in a size ended the merge of its customer: error 245."""
    stored = MSSQL.stored_number(Decimal(f"{number}.{'0' * zeros}" if zeros else str(number)), type_)
    assert format(cast(Decimal, stored), "f") == str(number)


class Answering:
    """Stands for a connection whose server answers sp_getapplock with a number."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.connection = self
        self.description = ("answer",)

    def cursor(self) -> Answering:
        return self

    def execute(self, _sql: str, _values: Sequence[object]) -> None: ...

    def fetchone(self) -> tuple[int]:
        return (self.answer,)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("answer", "error"), [(-3, TransactionLostError), (-2, TransactionLostError), (-999, DatabaseRefusedError)]
)
def test_a_lock_that_fails_otherwise_than_by_waiting_is_not_called_busy(answer: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="sp_getapplock"):
        MSSQL.lock_merge(cast(Connection, Answering(answer)), "GREYSON")
