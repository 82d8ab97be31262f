"""Transactions, dry runs, and the driver's errors as ours."""

from __future__ import annotations

import os
import sqlite3
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from orders_platform.database import sqlite as sqlite_module
from orders_platform.database.engine import Database, dialect_of, open_database, translated_errors
from orders_platform.errors import ConfigurationError, DatabaseRefusedError, DatabaseUnavailableError
from orders_platform_tests.testing.order_list import GREYSON, OrderList, batch_of, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def opened(path: Path) -> Database:
    return open_database(SecretStr(f"sqlite:///{path}"))


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file with an empty table t."""
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("CREATE TABLE t (n INT CHECK (n < 100))")
    return tmp_path / "t.db"


# --- opening


def test_nothing_is_connected_or_made_before_the_first_use_but_the_folder(tmp_path: Path) -> None:
    database = opened(tmp_path / "a" / "b" / "orders.db")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    database.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("orders.db", "no SQLAlchemy URL"),
        ("", "no SQLAlchemy URL"),
        ("sqlite+nothing://", "no SQLAlchemy URL"),
        ("postgresql://user:s3cret@host/orders", "names 'postgresql'; the platform works on sqlite and mssql"),
        ("mysql://user:s3cret@host/orders", "names 'mysql'"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_database(SecretStr(url))
    assert "s3cret" not in str(caught.value)


def refusal(url: str) -> str:
    """All that is told of a URL that is refused; nothing for one that is taken."""
    try:
        dialect_of(SecretStr(url))
    except ConfigurationError as error:
        return f"{error} {error.__cause__}"
    return ""


@given(password=st.text("@:/#%?[]&=+ s3", min_size=1, max_size=9), user=st.sampled_from(["sa", "DOM/sa", "a@b"]))
@example(password="@h:5", user="sa")
@example(password="@?x=", user="sa")
def test_a_password_that_is_not_percent_encoded_is_shown_in_no_part(user: str, password: str) -> None:
    """It ends where the URL says that the server begins: what comes behind must not be taken for the server or the database."""
    url = f"mssql+pyodbc://{user}:{password}secret@server/orders"
    if said := refusal(url):
        assert "percent-encoded" in said
        assert "secret" not in said
    else:
        assert (make_url(url).host, make_url(url).database) == ("server", "orders")


@pytest.mark.parametrize("url", ["mssql+pyodbc://sa:secret", "mssql+pyodbc://sa:secret/orders", "mssql://server:secret/orders"])
def test_a_password_without_a_server_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encoded") as told:
        open_database(SecretStr(url))
    assert "secret" not in "".join(traceback.format_exception(told.value))


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = opened(tmp_path / "data" / "orders.db")
        with database.customer_lock("GREYSON"), database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE t (n INT)")
            modes = {file.name: oct(file.stat().st_mode & 0o777) for file in [*tmp_path.iterdir(), *tmp_path.glob("data/*")]}
        database.close()
    finally:
        os.umask(before)
    files = dict.fromkeys(("orders.db", "orders.db-wal", "orders.db-shm"), "0o600")
    assert modes == {**files, "data": "0o700", "orders.db.locks": "0o700"}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="folder of the database"):
        opened(tmp_path / "file" / "orders.db")


def test_a_driver_that_is_not_installed_is_refused_with_the_next_step() -> None:
    with pytest.raises(ConfigurationError, match="driver of the database in ORDERS_DATABASE_URL cannot be loaded"):
        open_database(SecretStr("mssql+pymssql://user:s3cret@host/orders"))


def test_a_file_is_safe_against_a_power_cut_and_readers_do_not_wait_for_writers(table: Path) -> None:
    database = opened(table)
    with database.read() as connection:
        answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    database.close()
    assert answers == ["wal", 2]


# --- transactions


def test_a_write_is_kept_at_the_end_of_its_block(table: Path) -> None:
    database = opened(table)
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert count(table) == 0
    database.close()
    assert count(table) == 1


def test_a_write_that_raises_keeps_nothing(table: Path) -> None:
    database = opened(table)

    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    database.close()
    assert count(table) == 0


def test_a_read_keeps_nothing(table: Path) -> None:
    database = opened(table)
    with database.read() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    database.close()
    assert count(table) == 0


def test_a_reader_sees_the_state_before_a_write_under_way(table: Path) -> None:
    database = opened(table)
    with database.write() as writer:
        writer.exec_driver_sql("INSERT INTO t VALUES (1)")
        with database.read() as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    database.close()


def test_a_moment_is_iso_text_in_utc_with_microseconds(table: Path) -> None:
    database = opened(table)
    assert database.dialect.timestamp(NOW) == "2026-01-05 12:00:00.000000"
    database.close()


def test_a_dry_run_leaves_the_file_byte_for_byte_as_it_was(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    order_list.load(order("GRE-1", NOTES="rush"), order("GRE-2"))
    order_list.store.database.close()
    before = order_list.path.read_bytes()
    with order_list.store.dry_run_transaction() as store:
        rehearsed = OrderList(order_list.path, order_list.configuration, store, order_list.sql_folder)
        headers, lines = rehearsed.merge_all()
        rows = store.orders(GREYSON, waiting=True)
        store.record_intents(rows, batch_of(rows), "r", NOW, GREYSON)
        assert (headers.created, headers.updated, lines.created) == (1, 1, 2)
        assert {item.state.value for item in store.orders(GREYSON, waiting=True)} == {"PENDING"}
    order_list.store.database.close()
    assert order_list.path.read_bytes() == before
    assert [path.name for path in order_list.path.parent.iterdir()] == ["orders.db"]


def test_a_dry_run_that_raises_leaves_nothing_either(table: Path) -> None:
    database = opened(table)

    def rehearse() -> None:
        with database.dry_run_transaction() as rehearsed:
            with rehearsed.write() as connection:
                connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            with rehearsed.read() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 1
            raise KeyError

    with pytest.raises(KeyError):
        rehearse()
    database.close()
    assert count(table) == 0


# --- errors


def test_a_missing_table_is_refused_with_the_next_step(table: Path) -> None:
    database = opened(table)
    with (
        pytest.raises(DatabaseRefusedError, match=r"no such table: x. Run `orders-platform init-db`"),
        database.read() as connection,
    ):
        connection.exec_driver_sql("SELECT 1 FROM x")
    database.close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT x FROM t", "no such column: x. Run `orders-platform init-db`"),
        ("INSERT INTO t (x) VALUES (1)", "no column named x. Run `orders-platform init-db`"),
        ("SELEC 1", "syntax error"),
        ("INSERT INTO t VALUES (100)", "CHECK constraint failed"),
    ],
)
def test_what_repeating_does_not_cure_is_refused(table: Path, statement: str, words: str) -> None:
    database = opened(table)
    with pytest.raises(DatabaseRefusedError, match=words), database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"not a database, but long enough to be taken for one" * 10)
    database = opened(tmp_path / "t.db")
    with pytest.raises(DatabaseRefusedError, match="not a database"), database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()


def test_a_statement_without_its_values_is_a_defect_of_ours(table: Path) -> None:
    database = opened(table)
    with pytest.raises(DatabaseRefusedError, match="defect in sql/"), database.read() as connection:
        connection.execute(sqlalchemy.text("SELECT :n"))
    database.close()


def test_another_writer_makes_the_database_unavailable_and_not_refused(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_module, "BUSY_SECONDS", 0.05)
    database = opened(table)
    with closing(sqlite3.connect(table, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match=r"database is locked.*then repeat"), database.write():
            pass
        other.execute("ROLLBACK")
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    database.close()
    assert count(table) == 1


@pytest.mark.parametrize(
    ("kind", "state", "invalidated", "ours"),
    [
        (DBAPIError, "40001", False, DatabaseUnavailableError),
        (OperationalError, "08S01", False, DatabaseUnavailableError),
        (OperationalError, "HYT00", False, DatabaseUnavailableError),
        (OperationalError, "HYT00", True, DatabaseUnavailableError),
        (ProgrammingError, "42000", True, DatabaseUnavailableError),
        (ProgrammingError, "42S02", False, DatabaseRefusedError),
        (DBAPIError, "28000", False, DatabaseRefusedError),
    ],
)
def test_sql_servers_errors_become_ours_by_what_repeating_does(
    kind: type[DBAPIError], state: str, invalidated: bool, ours: type[Exception]
) -> None:
    """The driver needs a library that may be absent, so its error is made here and the engine has no driver."""
    engine = sqlalchemy.create_mock_engine("mssql+pyodbc://user:s3cret@host/orders", lambda *_: None)
    engine.url = sqlalchemy.make_url("mssql+pyodbc://user:s3cret@host/orders")  # type: ignore[attr-defined]
    with pytest.raises(ours) as caught, translated_errors(engine):  # type: ignore[arg-type]
        raise kind("SELECT 1", {}, RuntimeError(state, f"[{state}] about x"), connection_invalidated=invalidated)
    assert "s3cret" not in str(caught.value)
    assert "x" in str(caught.value)


# --- what a person should do next


@pytest.mark.parametrize(("trouble", "step"), [
    ("database or disk is full", "Make room on its disk, then repeat"), ("disk I/O error", "look there, then repeat"),
    ("unable to open database file", "Name another by --home"), ("database disk image is malformed", "put back a backup"),
    ("file is not a database", "name another by --home"), ("attempt to write a readonly database", "may only be read"),
    ("no such column: x", "orders-platform init-db"), ("database is locked", "let that end"),
])  # fmt: skip
def test_each_trouble_of_sqlite_names_the_next_step(table: Path, trouble: str, step: str) -> None:
    database = opened(table)
    with (
        closing(database),
        pytest.raises((DatabaseRefusedError, DatabaseUnavailableError)) as told,
        translated_errors(database.engine),
    ):
        raise OperationalError("SELECT 1", {}, sqlite3.OperationalError(trouble))
    assert str(table) in str(told.value)
    assert step in str(told.value)
    runbook = (Path(__file__).parents[2] / "docs" / "how_to" / "runbook.md").read_text(encoding="utf-8")
    assert trouble.removesuffix(": x") in runbook


def test_a_full_disk_keeps_nothing_of_a_transaction_and_with_room_the_next_goes_on(table: Path) -> None:
    database, most = opened(table), [2]
    sqlalchemy.event.listen(database.engine, "connect", lambda made, _: made.execute(f"PRAGMA max_page_count = {most[0]}"))

    def fill() -> None:
        with database.write() as run:
            run.exec_driver_sql("INSERT INTO t VALUES (1)")
            run.exec_driver_sql("CREATE TABLE big AS SELECT randomblob(9000) AS bytes")

    with closing(database):
        with pytest.raises(DatabaseRefusedError, match=r"disk is full\. Nothing of this step was kept\. Make room"):
            fill()
        database.close()
        most[0] = 100
        with database.write() as run:
            run.exec_driver_sql("INSERT INTO t VALUES (2)")
    assert count(table) == 1
