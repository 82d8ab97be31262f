"""What only a server can show. Without ORDERS_TEST_MSSQL_URL nothing here is collected; `make test-mssql` insists on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_stores import CONFIG

collect_ignore_glob = [] if sql_server.URL else ["test_*.py"]


@pytest.fixture
def configuration() -> Iterator[Configuration]:
    """In a schema of the test's own."""
    with sql_server.schema_of_its_own() as schema:
        yield sql_server.in_schema(read_configuration(CONFIG, "sandbox"), schema)


@pytest.fixture
def store(configuration: Configuration) -> Iterator[OrderStore]:
    """On the server, with all 411 columns."""
    with closing(sql_server.opened()) as database:
        made = OrderStore(database, configuration, default_folder("sql"))
        made.schema.apply()
        yield made
