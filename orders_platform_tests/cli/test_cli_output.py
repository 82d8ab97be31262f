"""What a terminal is shown, whatever its width and whatever the cells hold, and what a pipe is given."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest

from orders_platform.cli import output
from orders_platform.domain.differences import CellChange, ChangeKind, RowChange, change_counts
from orders_platform.domain.orders import RowProblem
from orders_platform.domain.verdicts import Verdict
from orders_platform.reports.rendering import changes_text

Screen = Callable[[Callable[[], None]], str]
FIRST_RUN = dict(zip(output.FIGURES, [1_700, 1_699, 12, 51, 1_700, 1_699, 2_350, 24, 0, 5, 108, 2_350, 135.8], strict=True))
RESULT = {"customers": {"SUN DAY RED": FIRST_RUN, "RHONE": dict.fromkeys(output.FIGURES, 0)}, "total": FIRST_RUN}
LONG = RowProblem(
    "GREYSON", "GRE-1", "", "phantom", "none of the columns that make an order is filled, so the row is a total " * 3
)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a terminal of this width is sent."""

    def shown(draw: Callable[[], None], width: int = 80, **variables: str) -> str:
        for name, value in {"COLUMNS": str(width), "TERM": "xterm-256color", **variables}.items():
            monkeypatch.setenv(name, value)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal := Tty())
            draw()
        return terminal.getvalue()

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return shown


def bare(text: str) -> list[str]:
    """Lines without their colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_and_sentences_fit_the_terminal(screen: Screen, width: int) -> None:
    def draw() -> None:
        output.show_run(RESULT, as_json=False, output_json=None)
        output.print_refusals("Rejected", [LONG])

    lines = bare(screen(draw, width))
    assert max(map(len, lines)) <= width
    assert lines[0].split() == [
        "customer",
        "orders",
        "lines",
        "rejected",
        "items",
        "subitems",
        "created",
        "updated",
        "failed",
        "seconds",
    ]
    assert lines[1].split() == ["SUN", "DAY", "RED", "1,700", "1,699", "12", "1,700", "1,699", "2,350", "24", "5", "135.8"]
    assert "GREYSON: GRE-1: [phantom]" in "\n".join(lines)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_a_run_would_change_fits_the_terminal_and_its_marks_have_colours(screen: Screen, width: int) -> None:
    found = [
        RowChange(ChangeKind.CHANGED, "GRE-1", "", "POLO", 7, (CellChange("STYLE", "old " * 60, "new"),)),
        RowChange(ChangeKind.NEW, "GRE-2", "", "A long name of an order " * 8, None),
        RowChange(ChangeKind.ARCHIVED, "GRE-3", "", "POLO", 9),
    ]
    text = screen(lambda: output.print_changes(changes_text("GREYSON", found, change_counts(found))), width)
    assert max(map(len, bare(text))) <= width
    for colour, mark in (("33", "~ GRE-1 changed"), ("32", r"\+ GRE-2 new"), ("1;31", "- GRE-3 archived")):
        assert re.search(rf"\x1b\[{colour}m{mark}", text)
    assert "-> new" in " ".join(line.strip() for line in bare(text))


def test_columns_of_nothing_are_left_out_and_those_of_orders_stay(screen: Screen) -> None:
    (header, *_) = bare(screen(lambda: output.print_table(["customer", "orders", "new", "failed"], [["GREYSON", 0, 0, 2]])))
    assert header.split() == ["customer", "orders", "failed"]


def test_what_failed_has_a_colour_and_no_color_takes_it_away(screen: Screen) -> None:
    def draw() -> None:
        output.print_table(["customer", "failed"], [["GREYSON", 2]])
        output.print_verdicts([Verdict("GREYSON", orders=2, on_board=1, failed=1)])

    coloured = screen(draw)
    assert re.search(r"\x1b\[1;31m *2", coloured)
    assert "\x1b[1;31mGREYSON: 1 of 2 orders on the board" in coloured
    assert "31m" not in screen(draw, NO_COLOR="1")


def test_clean_customers_are_one_sentence(screen: Screen) -> None:
    clean = [Verdict("GREYSON", orders=69, on_board=69), Verdict("RHONE", orders=30, on_board=30)]
    other = Verdict("PELOTON", orders=2, on_board=1, waiting=1)
    assert bare(screen(lambda: output.print_verdicts(clean[:1]))) == ["", "GREYSON: 69 orders, all on the board"]
    assert bare(screen(lambda: output.print_verdicts([clean[0], other, clean[1]]))) == [
        "", "2 customers: 99 orders, all on the board", "PELOTON: 1 of 2 orders on the board; 1 row waits"
    ]  # fmt: skip


def test_a_terminal_obeys_no_cell(screen: Screen) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07\u202eevil\nnext"
    shown = screen(lambda: output.print_table(["customer", "orders"], [[hostile, 1]]), NO_COLOR="1")
    said = screen(lambda: output.say(hostile, style="red"), NO_COLOR="1")
    for text in (shown, said):
        assert "\x07" not in text
        assert "\u202e" not in text
        assert "\x1b[2J" not in text
        assert "\\u001b[2J" in text
    assert "evil next" in shown  # a table's cell is one line


def test_a_pipe_is_given_whole_lines_without_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    output.show_run(RESULT, as_json=False, output_json=None)
    output.print_refusals("Rejected", [LONG])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.splitlines()[1].split() == [
        "SUN",
        "DAY",
        "RED",
        "1,700",
        "1,699",
        "12",
        "1,700",
        "1,699",
        "2,350",
        "24",
        "5",
        "135.8",
    ]
    assert said.splitlines()[-1].endswith(LONG.reason)
    assert not any(line != line.rstrip() for line in said.splitlines()[:3])
