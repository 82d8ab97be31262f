"""Fixtures: platforms, each with a database and a sandbox of its own; the same as those of `sync/`."""

from __future__ import annotations

from orders_platform_tests.sync.conftest import make_platform, platform, server, stores

__all__ = ["make_platform", "platform", "server", "stores"]
