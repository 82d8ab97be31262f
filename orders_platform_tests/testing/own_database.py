"""`make test-mssql`: the tests in a database of their own on the server of ORDERS_TEST_MSSQL_URL, made for them and dropped afterwards.

A database has a collation and a way to read of its own; tempdb has always those of the work tables, so that nothing could show there.
ORDERS_TEST_MSSQL_COLLATION and ORDERS_TEST_MSSQL_SNAPSHOT (ON or OFF) choose them; without, they are the server's. Afterwards it prints the
statements that took longest to compile, as far as the server tells.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pydantic import SecretStr
from sqlalchemy import URL, make_url

from orders_platform.database.engine import open_database

_COMPILED = (
    "SELECT TOP (12) q.last_compile_duration / 1000, DATALENGTH(t.query_sql_text) / 2, LEFT(t.query_sql_text, 100) "
    "FROM sys.query_store_query AS q INNER JOIN sys.query_store_query_text AS t ON t.query_text_id = q.query_text_id "
    "ORDER BY q.last_compile_duration DESC"
)
Run = Callable[[str], list[tuple[object, ...]]]


@contextmanager
def connected(url: URL) -> Iterator[Run]:
    """Runs statements that no transaction may hold."""
    database = open_database(SecretStr(url.render_as_string(hide_password=False)))
    connection = database.engine.raw_connection()
    connection.driver_connection.autocommit = True  # type: ignore[union-attr]  # of either driver

    def run(statement: str) -> list[tuple[object, ...]]:
        cursor = connection.cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    try:
        yield run
    finally:
        connection.invalidate()
        database.close()


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments; its exit code."""
    server = make_url(os.environ["ORDERS_TEST_MSSQL_URL"])
    name = f"orders_test_{uuid.uuid4().hex[:12]}"
    own = server.set(database=name)
    collation, snapshot = (os.environ.get(f"ORDERS_TEST_MSSQL_{what}", "") for what in ("COLLATION", "SNAPSHOT"))
    with connected(server) as run:
        run(f"CREATE DATABASE {name}{f' COLLATE {collation}' if collation else ''}")
        try:
            if snapshot:
                run(f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT {snapshot}")
            # Servers before 2022 keep no compile times otherwise, later ones not all.
            _try(run, f"ALTER DATABASE {name} SET QUERY_STORE = ON (QUERY_CAPTURE_MODE = ALL)")
            print(
                f"In the database {name}, collation {collation or 'as the server'}, snapshot {snapshot or 'as the server'}.",
                flush=True,
            )
            environment = {**os.environ, "ORDERS_TEST_MSSQL_URL": own.render_as_string(hide_password=False)}
            code = subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode
            _print_compile_times(own)
        finally:
            _try(run, f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
            _try(run, f"DROP DATABASE {name}", f"The database {name} is still there")
    return code


def _try(run: Run, statement: str, trouble: str = "") -> None:
    """Run what a server may not know, or may not do now; the result of the tests stands all the same."""
    try:
        run(statement)
    except Exception as error:  # noqa: BLE001 - of either driver
        if trouble:
            print(f"{trouble}: {error}")


def _print_compile_times(own: URL) -> None:
    try:
        with connected(own) as run:
            rows = run(_COMPILED)
    except Exception as error:  # noqa: BLE001 - a server without it has been tested all the same
        print(f"No compile times: {error}")
        return
    print("compiled in ms | characters | statement")
    for milliseconds, characters, statement in rows:
        print(f"{milliseconds} | {characters} | {' '.join(str(statement).split())}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
