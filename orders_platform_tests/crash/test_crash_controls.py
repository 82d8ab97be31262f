"""Each part of the protocol is needed: without it the same crashes double something. If one of these fails, the matrix is blind."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orders_platform_tests.crash.boundaries import SENT
from orders_platform_tests.crash.matrix import Ended, Scene
from orders_platform_tests.crash.worker import Task

CREATIONS = ("CreateGroup", "CreateItem", "CreateSubitem")
Untouched = Mapping[str, tuple[Ended, list[str]]]


def doubles(scene: Scene, wanted: list[str], creation: str, without: str = "") -> list[str]:
    """What is there too often after a process died when its first creation of a kind was sent."""
    # New groups are waited for, and that wait would help what comes after them.
    start = "empty" if creation == "CreateGroup" else "grouped"
    scene.restore(start)
    whole = scene.run(Task(without=without)).boundaries
    last = next(number for number, line in enumerate(whole, 1) if f"{SENT}: {creation}" in line)
    scene.restore(start)
    assert scene.kill(Task(last=last, without=without)).was_killed
    wrong = scene.recover(wanted, Task(without=without)).wrong
    return [line for line in wrong if line.startswith(("+ item", "+ subitem", "+ group"))]


@pytest.mark.parametrize(
    ("without", "creation"),
    [
        ("intent", "CreateGroup"),
        ("intent", "CreateItem"),
        ("intent", "CreateSubitem"),
        ("settle", "CreateGroup"),
        ("settle", "CreateItem"),
        ("settle", "CreateSubitem"),
        ("look_up", "CreateItem"),
        ("look_up", "CreateSubitem"),
    ],
)
def test_a_part_that_is_switched_off_doubles_something(scene: Scene, untouched: Untouched, without: str, creation: str) -> None:
    _ended, wanted = untouched["empty"]
    assert doubles(scene, wanted, creation, without)


@pytest.mark.parametrize(
    ("creation", "place"), [("CreateGroup", "after commit: UPDATE"), ("CreateItem", SENT), ("CreateSubitem", SENT)]
)
def test_without_the_fence_a_second_run_doubles_something(
    scene: Scene, untouched: Untouched, creation: str, place: str
) -> None:
    _ended, wanted = untouched["empty"]
    whole = untouched["empty"][0].boundaries
    sent = next(number for number, line in enumerate(whole, 1) if f"{SENT}: {creation}" in line)
    last = sent if place == SENT else max(n for n, line in enumerate(whole[:sent], 1) if place in line)
    wrong = {}
    for without in ("fence", ""):
        scene.restore("empty")
        assert scene.meet(last, without).was_killed
        scene.clock.sleep(200)
        found = scene.recover(wanted).wrong
        wrong[without] = [line for line in found if line.startswith(("+ item", "+ subitem", "+ group"))]
    assert wrong["fence"]
    assert wrong[""] == []


@pytest.mark.parametrize("creation", CREATIONS)
def test_the_same_crash_doubles_nothing_with_every_part_switched_on(scene: Scene, untouched: Untouched, creation: str) -> None:
    _ended, wanted = untouched["empty"]
    assert doubles(scene, wanted, creation) == []
