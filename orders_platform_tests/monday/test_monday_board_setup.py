"""Making a board over a network that loses answers: nothing is doubled, and a repeated run finishes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.errors import OrdersError
from orders_platform.monday.board_setup import BoardSetup
from orders_platform.sandbox.server import Fault, Faults
from orders_platform_tests.monday.stage import Stage
from orders_platform_tests.testing.clock import VirtualClock

ITEMS = BoardMapping(
    0,
    (
        Field(("Order",), "text_order", ColumnType.TEXT),
        Field(("Dealer",), "dropdown_dealer", ColumnType.DROPDOWN, LabelPolicy.REJECT),
        Field(("Unit",), "status_unit", ColumnType.STATUS, LabelPolicy.REJECT),
        Field(("Notes",), "Not An Id Of Monday's", ColumnType.LONG_TEXT),
        Field(("Due",), "date_due", ColumnType.DATE),
    ),
    "text_order",
)
SUBITEMS = BoardMapping(
    0, (Field(("size_code",), "text_size", ColumnType.TEXT), Field(("qty",), "numbers_qty", ColumnType.NUMBERS))
)
VALUES = {"Dealer": ["NORTH", "SOUTH, LTD"], "Unit": ["PCS", "2023", "A UNIT OF MORE THAN THIRTY CHARACTERS"]}
LOST = (Fault.REPLY_LOST, Fault.ERROR_500_AFTER, Fault.HTML_502_AFTER, Fault.MISSING_ALIAS, Fault.STRANGE_ID, Fault.EMPTY_204)


def titles(stage: Stage, board_id: int) -> list[str]:
    with_columns = stage.board().describe(board_id)
    return sorted(column.title for column in with_columns.columns)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("forgets", [False, True])
def test_lost_answers_double_nothing(stage: Callable[..., Stage], clock: VirtualClock, seed: int, forgets: bool) -> None:
    faults = Faults(seed=seed, rate=0.3, kinds=LOST)
    there = stage(faults=faults, visibility_lag=20.0)
    kept: dict[str, int] = {}
    for attempt in range(8):
        setup = BoardSetup(ITEMS, SUBITEMS, there.board(), 120.0, sleep=clock.sleep)
        try:
            setup.run(
                kept.get("items", 0),
                None if "items" in kept else "Parts",
                VALUES,
                lambda name, board, _: kept.update({name: board}),
            )
        except OrdersError:
            continue
        finally:
            if forgets:
                clock.sleep(2_000.0)
        if not [step for step in setup.steps if "again" in step]:
            break
        assert attempt < 7, setup.steps
    faults.quiet()
    clock.sleep(120.0)
    assert [name for _, name, _ in there.board().boards()].count("Parts") == 1
    assert titles(there, kept["items"]) == sorted(["Name", "Order", "Dealer", "Unit", "Notes", "Due", "Subitems"])
    assert titles(there, kept["subitems"]) == ["Name", "Quantity", "Size"]
    labels = {column.title: [label.name for label in column.labels] for column in there.board().describe(kept["items"]).columns}
    assert labels["Dealer"] == ["NORTH", "SOUTH, LTD"]
    assert labels["Unit"] == ["PCS"]


@pytest.mark.parametrize("stopped_at", range(13))
def test_a_run_that_is_stopped_while_a_request_is_under_way_doubles_nothing(
    stage: Callable[..., Stage], clock: VirtualClock, stopped_at: int
) -> None:
    there, kept = stage(visibility_lag=20.0), dict[str, int]()

    class Stopped(Exception):
        pass

    class Stopping(BoardSetup):
        sent = 0

        def _do(self, *wish: object) -> object:
            done = super()._do(*wish)  # executed, and nobody has taken note of it
            self.sent += 1
            if self.sent > stopped_at:
                raise Stopped
            return done

    def go(kind: type[BoardSetup]) -> BoardSetup:
        setup = kind(ITEMS, SUBITEMS, there.board(), 120.0, sleep=clock.sleep)
        setup.run(
            kept.get("items", 0),
            None if "items" in kept else "Parts",
            VALUES,
            lambda name, board, _: kept.update({name: board}),
        )
        return setup

    try:
        go(Stopping)
    except Stopped:
        go(BoardSetup)
    clock.sleep(120.0)
    assert [name for _, name, _ in there.board().boards()].count("Parts") == 1
    assert titles(there, kept["items"]) == sorted(["Name", "Order", "Dealer", "Unit", "Notes", "Due", "Subitems"])
    assert titles(there, kept["subitems"]) == ["Name", "Quantity", "Size"]


def test_what_monday_does_not_let_a_program_make_is_said(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    setup = BoardSetup(ITEMS, SUBITEMS, stage().board(), 120.0, sleep=clock.sleep)
    setup.run(0, "Parts", VALUES, lambda *_: None)
    assert setup.is_incomplete
    assert [step for step in setup.steps if "'2023' would be read by monday as the number of a label" in step]
    assert [step for step in setup.steps if "THIRTY CHARACTERS' has 37 characters" in step]


def test_labels_that_are_there_keep_their_ids_when_others_are_added(stage: Callable[..., Stage], clock: VirtualClock) -> None:
    there = stage()
    kept: dict[str, int] = {}
    setup = BoardSetup(ITEMS, SUBITEMS, there.board(), 120.0, sleep=clock.sleep)
    setup.run(0, "Parts", VALUES, lambda name, board, _: kept.update({name: board}))
    before = there.board().describe(kept["items"])
    setup.make_labels(ITEMS, before, {"Dealer": ["EAST"], "Unit": ["SET", "PCS"]})
    after = there.board().describe(kept["items"])
    for column, more in (("dropdown_dealer", ["EAST"]), ("status_unit", ["SET"])):
        assert [label.name for label in after.column(column).labels if label not in before.column(column).labels] == more
        assert set(before.column(column).labels) <= set(after.column(column).labels)
