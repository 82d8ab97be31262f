"""The stores of the flow tests, those of every engine there is; after each test no order number has more orders or items than rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from orders_platform_tests.testing.identity import surplus
from orders_platform_tests.testing.order_stores import FileStores, ServerStores
from orders_platform_tests.testing.platform import Platform
from orders_platform_tests.testing.sql_server import ENGINES, schema_of_its_own


@pytest.fixture(scope="session", params=ENGINES)
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileStores | ServerStores]:
    if request.param == "sqlite":
        made = FileStores(tmp_path_factory.mktemp("orders"))
        with closing(made.database):
            yield made
        return
    with schema_of_its_own() as schema:
        served = ServerStores(schema)
        with closing(served.database):
            yield served


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Iterator[Platform]:
    made = make_platform()
    yield made
    assert surplus(made) == []
