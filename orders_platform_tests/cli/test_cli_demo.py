"""`demo`: the main job on the embedded default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orders_platform.demo.demo_run import dagster_instance, unexpected
from orders_platform.demo.sample_orders import EXPECTED
from orders_platform.settings import Settings
from orders_platform_tests.testing.terminal import Outcome, Terminal
from orders_platform_tests.testing.workplace import Workplace

FIGURES = {
    "orders", "lines", "rejected", "groups", "items", "subitems", "created", "updated", "adopted", "failed", "documents", "mutations",
    "seconds",
}  # fmt: skip


@pytest.fixture
def figures(demo: tuple[Path, Outcome]) -> dict:
    return json.loads((demo[0] / "figures.json").read_text(encoding="utf-8"))


def test_the_demo_ends_well_and_shows_every_customer(demo: tuple[Path, Outcome]) -> None:
    _, outcome = demo
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert set(lines[0].split()[1:]) == FIGURES - {
        "documents",
        "mutations",
        "groups",
        "updated",
        "adopted",
        "failed",
    }  # columns of nothing fold
    assert all(any(line.startswith(f"{name}  ") for line in lines) for name in (*EXPECTED, "total"))
    assert "TITLE NINE: DESIGN FEE: 2 orders, for example TIT-00599, TIT-00600" in outcome.out
    assert "GREYSON: 390 created" in outcome.err


def test_the_runs_of_a_demo_are_kept_where_dagster_dev_looks_and_reported_to_nobody(offline: Workplace) -> None:
    with dagster_instance(Settings()) as beside:
        assert Path(beside.root_directory) == offline.folder / ".data" / "dagster"
        assert not beside.telemetry_enabled
    (offline.folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with dagster_instance(Settings()) as own:
        assert Path(own.root_directory) == offline.folder


def test_the_figures_in_the_file_have_the_agreed_shape(figures: dict) -> None:
    assert set(figures) == {"customers", "total"}
    assert set(figures["customers"]) == set(EXPECTED)
    assert all(set(row) - {"verdict"} == FIGURES for row in (*figures["customers"].values(), figures["total"]))
    for name in FIGURES - {"seconds"}:
        assert figures["total"][name] == sum(row[name] for row in figures["customers"].values())


def test_greyson_is_on_the_board_whole(figures: dict) -> None:
    greyson = figures["customers"]["GREYSON"]
    wanted = {"orders": 69, "lines": 317, "groups": 4, "items": 69, "subitems": 317, "failed": 0, "created": 390, "updated": 0}
    assert {name: greyson[name] for name in wanted} == wanted
    assert greyson["mutations"] == 390
    assert 0 < greyson["documents"] < 30


def test_fresh_forgets_what_was_there(demo: tuple[Path, Outcome]) -> None:
    assert not (demo[0] / ".data" / "left over").exists()
    assert (demo[0] / ".data" / "sandbox.db").exists()


def test_fresh_is_refused_while_somebody_serves_the_boards(workplace: Workplace, terminal: Terminal) -> None:
    kept = workplace.folder / ".data" / "sandbox.db"
    kept.parent.mkdir()
    kept.write_text("boards")
    outcome = terminal("demo", "--fresh")
    assert outcome.code == 2
    assert "is being served" in outcome.err
    assert "Stop it first" in outcome.err
    assert kept.read_text() == "boards"


def test_the_demo_is_refused_outside_the_sandbox(
    workplace: Workplace, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "production")
    monkeypatch.setenv("MONDAY_API_TOKEN", "not-the-sandbox-token")
    outcome = terminal("demo", "--fresh")
    assert outcome.code == 2
    assert "ORDERS_ENVIRONMENT is production; unset it" in outcome.err
    assert not workplace.database.exists()
    assert not workplace.sandbox.requests


def test_a_figure_that_is_off_is_named() -> None:
    right = {
        name: {"orders": e.orders, "lines": e.lines, "groups": e.groups, "failed": 0,
               "items": e.orders, "subitems": e.lines}
        for name, e in EXPECTED.items()
    }  # fmt: skip
    assert unexpected(right) == []
    del right["RHONE"]
    right["GREYSON"]["items"] = 68
    problems = unexpected(right)
    assert "GREYSON: items 68, expected 69" in problems
    assert "RHONE: orders absent, expected 30" in problems
    assert {problem.split(":")[0] for problem in problems} == {"GREYSON", "RHONE"}
