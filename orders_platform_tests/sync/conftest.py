"""Fixtures: platforms, each with a database and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from orders_platform_tests.testing.platform import Platform, Server, Stores, platforms, serving


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return Stores(tmp_path_factory.mktemp("orders"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving() as served:
        yield served


@pytest.fixture
def make_platform(stores: Stores, server: Server) -> Iterator[Callable[..., Platform]]:
    with platforms(stores, server) as make:
        yield make


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform()
