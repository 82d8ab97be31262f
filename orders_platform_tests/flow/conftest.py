"""Fixtures: platforms, each with a database and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from orders_platform_tests.sync.harness import Platform, Stores, platforms


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return Stores(tmp_path_factory.mktemp("orders"))


@pytest.fixture
def make_platform(stores: Stores) -> Iterator[Callable[..., Platform]]:
    with platforms(stores) as make:
        yield make


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform()
