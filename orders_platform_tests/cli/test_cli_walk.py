"""Whatever people do to the list and to the board, the board is the list: `cli/list_walk.py`, a few steps of two seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_platform_tests.cli.list_walk import walk


@pytest.mark.parametrize(("seed", "policy"), [(2, "keep"), (3, "archive")])
def test_the_board_is_the_list_after_every_step(seed: int, policy: str, tmp_path: Path) -> None:
    assert walk(seed, 8, tmp_path, policy) == []
