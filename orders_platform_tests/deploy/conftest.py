"""Fixtures: a Postgres server for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orders_platform_tests.deploy.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server
