"""An order database to merge into: SQLite in a folder of the test's own, made by init-db from the real sql/.

Most tests use a narrow order list, whose tables have every configured column and a few sizes; `wide` has all columns.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import SIZES, UNMAPPED, OrderList
from orders_platform_tests.testing.order_stores import CONFIG
from orders_platform_tests.testing.order_stores import narrow_sql as narrow_sql_in

CONTRACT = {
    "test_cleaning", "test_merge_headers", "test_order_store", "test_queries", "test_sample_merge",
    "test_sizes_and_lines", "test_staging", "test_staging_scan", "test_unread_rows", "test_views",
}  # fmt: skip
"""Modules whose tests run on every engine there is; what is about SQLite alone in them is marked `sqlite`."""


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    return read_configuration(CONFIG, "sandbox")


@pytest.fixture(scope="session")
def narrow_sql(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return narrow_sql_in(tmp_path_factory.mktemp("narrow"), SIZES, UNMAPPED)


def _made(folder: Path, configuration: Configuration, sql: Path) -> Path:
    database = open_database(SecretStr(f"sqlite:///{folder / 'orders.db'}"))
    OrderStore(database, configuration, sql).schema.apply()
    database.close()
    return folder / "orders.db"


@pytest.fixture(scope="session")
def narrow_file(tmp_path_factory: pytest.TempPathFactory, configuration: Configuration, narrow_sql: Path) -> Path:
    return _made(tmp_path_factory.mktemp("narrow"), configuration, narrow_sql)


@pytest.fixture(scope="session")
def wide_file(tmp_path_factory: pytest.TempPathFactory, configuration: Configuration) -> Path:
    return _made(tmp_path_factory.mktemp("wide"), configuration, default_folder("sql"))


def _opened(path: Path, made: Path, configuration: Configuration, sql: Path) -> Iterator[OrderList]:
    shutil.copy(made, path)
    database = open_database(SecretStr(f"sqlite:///{path}"))
    yield OrderList(path, configuration, OrderStore(database, configuration, sql), sql)
    database.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The contract of the order database holds on both engines."""
    is_contract = metafunc.module.__name__.rpartition(".")[2] in CONTRACT
    only_sqlite = metafunc.definition.get_closest_marker("sqlite") is not None
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", sql_server.ENGINES if is_contract and not only_sqlite else ["sqlite"], scope="session")


@pytest.fixture(scope="session")
def served(
    configuration: Configuration, narrow_sql: Path
) -> Iterator[Callable[[bool], tuple[Configuration, OrderStore, Path]]]:
    """Stores on the server, narrow or wide, each in a schema of its own; made when they are first asked for."""
    made: dict[bool, tuple[Configuration, OrderStore, Path]] = {}
    with ExitStack() as stack:

        def store(is_wide: bool) -> tuple[Configuration, OrderStore, Path]:
            if is_wide not in made:
                own = sql_server.in_schema(configuration, stack.enter_context(sql_server.schema_of_its_own()))
                sql = default_folder("sql") if is_wide else narrow_sql
                made[is_wide] = own, OrderStore(stack.enter_context(closing(sql_server.opened())), own, sql), sql
                made[is_wide][1].schema.apply()
            return made[is_wide]

        yield store


def _on_server(made: tuple[Configuration, OrderStore, Path]) -> OrderList:
    own, store, sql = made
    sql_server.empty(store.database, own.tables.schema_name)
    return OrderList(Path(), own, store, sql)


@pytest.fixture
def order_list(
    engine: str,
    tmp_path: Path,
    narrow_file: Path,
    configuration: Configuration,
    narrow_sql: Path,
    request: pytest.FixtureRequest,
) -> Iterator[OrderList]:
    """A fresh, narrow order list."""
    if engine == "mssql":
        yield _on_server(request.getfixturevalue("served")(False))
        return
    yield from _opened(tmp_path / "orders.db", narrow_file, configuration, narrow_sql)


@pytest.fixture
def wide(
    engine: str, tmp_path: Path, wide_file: Path, configuration: Configuration, request: pytest.FixtureRequest
) -> Iterator[OrderList]:
    """A fresh order list with all 411 columns."""
    if engine == "mssql":
        yield _on_server(request.getfixturevalue("served")(True))
        return
    yield from _opened(tmp_path / "orders.db", wide_file, configuration, default_folder("sql"))
