"""Fixtures: the scene of all histories, and what its starts lead to when nobody is killed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from orders_platform_tests.crash.matrix import Ended, Scene, scenes
from orders_platform_tests.crash.worker import Task


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder, scenes(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def untouched(scene: Scene) -> Mapping[str, tuple[Ended, list[str]]]:
    """By start: a run that nobody kills, and what it leaves."""
    found = {}
    for start in ("empty", "loaded"):
        scene.restore(start)
        ended = scene.run(Task())
        found[start] = ended, scene.evidence()
    return found
