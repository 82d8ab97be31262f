"""What monday's pages leave open: the default of each switch, and that turning it changes what it should."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.sandbox_options import IdempotencyRules, Lagging, Switches

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"
VERSION = "{ version { value } }"
GROUP = 'mutation { create_group(board_id: 9609317401, group_name: "G") { id } }'
UNIT = "color_mkr5yf27"


@pytest.mark.parametrize(("accept", "status"), [(True, 200), (False, 401)])
def test_a_token_after_bearer(start, accept, status):
    api = start(switches=Switches(accept_bearer=accept))
    assert api.post(VERSION, Authorization="Bearer sandbox-token").status_code == status
    assert api.post(VERSION).status_code == 200


@pytest.mark.parametrize(("fold", "labels"), [(False, 8), (True, 6)])
def test_the_case_of_labels(start, fold, labels):
    api = start(switches=Switches(fold_label_case=fold))
    if not fold:
        assert (
            api.create_refusal("A", {UNIT: "pcs"})["extensions"]["error_data"]["column_validation_error_code"] == "missingLabel"
        )
    item = api.create("A", {UNIT: "pcs"}, labels=True)
    api.create("B", {UNIT: "Each"}, labels=True)
    assert api.cell(item, UNIT)[0] == ("PCS" if fold else "pcs")
    query = '{ boards(ids: [9609317401]) { columns(ids: ["color_mkr5yf27"]) { settings } } }'
    assert len(api.data(query)["boards"][0]["columns"][0]["settings"]["labels"]) == labels


def test_exact_labels_go_before_folded_ones(start):
    api = start()
    api.create("A", {UNIT: "pcs"}, labels=True)
    api.sandbox.state.switches = Switches(fold_label_case=True)
    assert api.cell(api.create("B", {UNIT: "pcs"}), UNIT)[0] == "pcs"


@pytest.mark.parametrize("code", ["labelsLimitExceeded", "somethingElse"])
def test_the_code_for_one_label_too_many(start, code):
    api = start(switches=Switches(label_limit_code=code))
    for number in range(34):
        api.create("A", {UNIT: f"L{number}"}, labels=True)
    refusal = api.create_refusal("A", {UNIT: "one more"}, labels=True)
    assert refusal["extensions"]["error_data"]["column_validation_error_code"] == code


@pytest.mark.parametrize(("most", "fits"), [(None, True), (1, False)])
def test_groups_per_board(start, most, fits):
    api = start(switches=Switches(groups_per_board=most))
    assert ("errors" not in api.post(GROUP).json()) is fits


@pytest.mark.parametrize("make", [True, False])
def test_the_first_subitem_of_a_board_without_a_subitems_column(start, make):
    api = start(switches=Switches(make_subitems_column=make))
    board = api.data('mutation { create_board(board_name: "B", board_kind: public, empty: true) { id } }')["create_board"]["id"]
    item = api.data(f'mutation {{ create_item(board_id: {board}, item_name: "A") {{ id }} }}')["create_item"]["id"]
    answer = api.post(f'mutation {{ create_subitem(parent_item_id: {item}, item_name: "S") {{ id }} }}').json()
    assert ("errors" not in answer) is make


@pytest.mark.parametrize(("turned", "kind"), [(False, "classic"), (True, "multi_level")])
def test_a_board_says_whether_it_is_a_multi_level_one_after_a_restart_too(start, tmp_path, turned, kind):
    first = start(state=tmp_path / "boards.sqlite")
    if turned:
        first.sandbox.make_multi_level(ITEMS_BOARD_ID)
    query = "{ boards(ids: [9609317401]) { hierarchy_type } }"
    assert first.data(query)["boards"] == [{"hierarchy_type": kind}]
    first.sandbox.close()
    assert start(state=tmp_path / "boards.sqlite").data(query)["boards"] == [{"hierarchy_type": kind}]


@pytest.mark.parametrize("switches", [Switches, IdempotencyRules])
def test_every_switch_stands_on_its_page(switches):
    text = PAGE.read_text(encoding="utf-8")
    missing = [field.name for field in dataclasses.fields(switches) if f"`{field.name}`" not in text]
    assert missing == []


def test_the_page_names_the_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for defaults in (Switches(), IdempotencyRules()):
        for field in dataclasses.fields(defaults):
            value = getattr(defaults, field.name)
            shown = "all" if value == frozenset(Lagging) else f"{value:,}" if type(value) is int else str(value)
            assert rows[field.name] == shown, field.name
