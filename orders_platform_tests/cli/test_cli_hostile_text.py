"""What a terminal would obey stands in cells and in monday's messages; it is shown, and not sent to the terminal."""

from __future__ import annotations

import json
import re

import pytest

from orders_platform.domain.text import visible
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e\u2066\u2028"
"""A new title for the window, an empty screen, red, the line's begin, letters that run backwards, a line of its own."""
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(bhood: Workplace) -> Workplace:
    rows = samples_of("B'HOOD", "BHOOD")[:3]
    for row in rows:
        for name in row:
            if isinstance(row[name], str) and name not in {"CUSTOMER NAME", "AAG ORDER NUMBER"}:
                row[name] += ATTACK
        row["AAG ORDER NUMBER"] += ATTACK
        row["TOTAL QTY"] = f"many{ATTACK}"
    stranger = {**rows[0], "CUSTOMER NAME": f"NOBODY{ATTACK}", "AAG ORDER NUMBER": f"X{ATTACK}"}
    bhood.stage([*rows, stranger, {**rows[1], "AAG ORDER NUMBER": f"Y{ATTACK}", "M": f"4{ATTACK}"}])
    return bhood


@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_of_a_cell_reaches_the_terminal(hostile: Workplace, terminal: Terminal, as_json: bool) -> None:
    machine = ["--json"] if as_json else []
    said = [terminal("sync", *machine), terminal("sync", "--execute", *machine)]
    hostile.write("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'odd', sync_error_message = ?", ATTACK)
    key = hostile.rows("SELECT order_key FROM ORDER_LIST_V2")[0][0]
    said += [terminal(*words, *machine) for words in (["status"], ["customers"], ["verify"], ["history", key])]
    said += [] if as_json else [terminal("report"), terminal("report", "--customer", "B'HOOD")]
    shown = "".join(each.out + each.err for each in said)
    assert COMMANDS.findall(shown) == []
    assert "\\u001b]0;owned" in shown
    if as_json:
        found = [json.loads(each.out) for each in said]
        assert json.dumps(ATTACK, ensure_ascii=False)[1:-1] in json.dumps(
            found, ensure_ascii=False
        )  # programs read what is there


def test_a_message_keeps_its_lines_and_every_other_sign() -> None:
    assert visible("a\tb\nORDER ∆ 30/32 \U0001f9e5 ｅ") == "a\tb\nORDER ∆ 30/32 \U0001f9e5 ｅ"
    assert visible(f"a{ATTACK}\ud800b") == ("a\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u000d\\u202e\\u2066\\u2028\\ud800b")
