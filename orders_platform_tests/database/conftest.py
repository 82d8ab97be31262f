"""An order database to merge into: SQLite in a folder of the test's own, made by init-db from the real sql/.

Most tests use a narrow order list, a copy of sql/ whose tables have every configured column and a few sizes: a statement over 411
columns takes SQLite longer to read than to run. `wide` has all of them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import default_folder
from orders_platform_tests.database.order_list import CONFIG, SIZES, UNMAPPED, OrderList


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    return read_configuration(CONFIG, "sandbox")


@pytest.fixture(scope="session")
def narrow_sql(tmp_path_factory: pytest.TempPathFactory, configuration: Configuration) -> Path:
    """sql/ with the configured columns, some unmapped ones and a few sizes."""
    folder = tmp_path_factory.mktemp("narrow") / "sql"
    shutil.copytree(default_folder("sql"), folder)
    text = CONFIG.read_text(encoding="utf-8")
    path = folder / "tables" / "business_columns.sql.j2"
    lines = re.findall(r'^\{\{ column\("(.*)", .*\) \}\}', path.read_text(encoding="utf-8"), re.MULTILINE)
    sizes = lines[lines.index("UNIT OF MEASURE") + 1 : lines.index("TOTAL QTY")]
    wanted = {name for name in lines if f'"{name}"' in text and name not in sizes} | {*SIZES, *UNMAPPED}
    ddl = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in ddl if (found := re.match(r'\{\{ column\("(.*)", ', line)) and found[1] in wanted]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return folder


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


@pytest.fixture
def order_list(tmp_path: Path, narrow_file: Path, configuration: Configuration, narrow_sql: Path) -> Iterator[OrderList]:
    """A fresh, narrow order list."""
    yield from _opened(tmp_path / "orders.db", narrow_file, configuration, narrow_sql)


@pytest.fixture
def wide(tmp_path: Path, wide_file: Path, configuration: Configuration) -> Iterator[OrderList]:
    """A fresh order list with all 411 columns."""
    yield from _opened(tmp_path / "orders.db", wide_file, configuration, default_folder("sql"))
