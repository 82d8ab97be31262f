"""Fixtures: platforms, each with a database and a sandbox of its own; those of `sync/`, on every engine there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from orders_platform_tests.sync.conftest import make_platform, platform, server
from orders_platform_tests.testing.platform import Stores
from orders_platform_tests.testing.served import ServedStores
from orders_platform_tests.testing.sql_server import ENGINES, schema_of_its_own

__all__ = ["make_platform", "platform", "server", "stores"]


@pytest.fixture(scope="session", params=ENGINES)
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores | ServedStores]:
    if request.param == "sqlite":
        yield Stores(tmp_path_factory.mktemp("orders"))
        return
    with schema_of_its_own() as schema:
        served = ServedStores(schema)
        with closing(served.database):
            yield served
