"""Whatever text a cell of an order holds: its row reaches the board, with it or without it and with a reason.

Over the engine's own path: format, send, read back, compare. The sandbox refuses what monday refuses, so a value that slips through
the formats makes a mutation fail here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from orders_platform.domain.board import BoardItem, Column
from orders_platform.domain.cell_codecs import is_blank
from orders_platform.domain.cell_texts import PLACEHOLDER_DATES, day, numeral
from orders_platform.domain.column_values import (
    DROPDOWN_LABELS,
    ROW_BYTES,
    STATUS_LABELS,
    LabelIndex,
    RowFormat,
    changed_cells,
    column_values_json,
    creates_labels,
)
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.domain.mutations import Mutation, Operation, Outcome
from orders_platform.domain.text import clean, fold
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import Limits as ClientLimits
from orders_platform.sandbox.in_process import InProcess
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox
from orders_platform_tests.monday.stage import GRAPHQL
from orders_platform_tests.testing.clock import VirtualClock

SEARCH = settings(max_examples=120, deadline=None, print_blob=True)


@dataclass
class Bench:
    """A board with one column of each type that we write."""

    board: MondayBoard
    board_id: int
    group_id: str
    ids: dict[ColumnType, str]
    columns: dict[str, Column]
    labels: LabelIndex

    def mapping(self, kind: ColumnType, policy: LabelPolicy = LabelPolicy.REJECT) -> BoardMapping:
        return BoardMapping(self.board_id, (Field(("cell",), self.ids[kind], kind, policy),))

    def send(self, operation: Operation, cells: object, **variables: object) -> BoardItem:
        values = {"board_id": str(self.board_id), "column_values": column_values_json(cells), **variables}  # type: ignore[arg-type]
        report = next(iter(self.board.send(operation, [Mutation("row", values)])))
        result = report.results["row"]
        assert result.outcome is Outcome.DONE, result
        found = self.board.items([int(str(result.monday_id))], list(self.columns))
        return found[int(str(result.monday_id))]

    def create(self, cells: object, *, create_labels: bool) -> BoardItem:
        return self.send(
            Operation.CREATE_ITEM, cells, group_id=self.group_id, item_name="row", create_labels_if_missing=create_labels
        )

    def describe(self) -> None:
        """Read the columns again, with the labels that were made, as the next run does."""
        self.columns = {column.id: column for column in self.board.describe(self.board_id).columns}
        self.labels = LabelIndex()


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock = VirtualClock()
    roomy = AccountLimits(complexity_per_minute=10**12, calls_per_minute=10**9, calls_per_day=10**9, calls_per_10_seconds=10**9)
    sandbox = Sandbox(clock=clock, sleep=clock.sleep, limits=roomy, items_limit=1_000_000)
    wire = InProcess(sandbox)
    asked = httpx.Client(transport=wire, headers={"Authorization": SANDBOX_TOKEN}, base_url="http://sandbox")

    def ask(query: str) -> dict[str, dict[str, str]]:
        return asked.post("/v2", json={"query": query}).json()["data"]  # type: ignore[no-any-return]

    board_id = int(
        ask('mutation { create_board(board_name: "Cells", board_kind: public, empty: true) { id } }')["create_board"]["id"]
    )
    group = ask(f'mutation {{ create_group(board_id: {board_id}, group_name: "all") {{ id }} }}')["create_group"]["id"]
    made = {
        kind: ask(f'mutation {{ create_column(board_id: {board_id}, column_type: {kind}, title: "The {kind}") {{ id }} }}')
        for kind in ColumnType
    }
    ids = {kind: answer["create_column"]["id"] for kind, answer in made.items()}
    ours = ClientLimits(10**9, 10**9, write_complexity=10**12)
    with MondayBoard(
        "http://sandbox/v2",
        SANDBOX_TOKEN,
        GRAPHQL,
        http_transport=wire,
        clock=clock,
        sleep=clock.sleep,
        max_in_flight=1,
        limits=ours,
    ) as board:
        found = Bench(board, board_id, group, ids, {}, LabelIndex())
        found.describe()
        yield found


LINES = st.text(max_size=80)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str), st.decimals(allow_nan=True, allow_infinity=True).map(str), st.floats().map(str)
)
DATES = st.one_of(st.dates().map(str), st.datetimes().map(str), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True))
CELLS = {
    ColumnType.TEXT: st.one_of(LINES, st.text(max_size=3_000)),
    ColumnType.LONG_TEXT: st.one_of(LINES, st.text(max_size=2_100), st.integers(1_990, 2_010).map("x".__mul__)),
    ColumnType.NUMBERS: st.one_of(NUMBERS, LINES, st.from_regex(r"[-+.,0-9eE ]{0,12}", fullmatch=True)),
    ColumnType.DATE: st.one_of(DATES, LINES),
    ColumnType.STATUS: st.one_of(LINES, NUMBERS, st.sampled_from(["Done", "done", "2023", "A, B"])),
    ColumnType.DROPDOWN: st.one_of(LINES, NUMBERS, st.sampled_from(["A, B", "a,b", "B", "2023", "30/32"])),
    ColumnType.CHECKBOX: st.one_of(st.sampled_from(["yes", "No", "TRUE", "0", "1", "x", "maybe"]), LINES),
    ColumnType.LINK: st.one_of(LINES.map("https://example.com/".__add__), LINES),
    ColumnType.EMAIL: st.one_of(LINES.map("{}@example.com".format), st.emails(), LINES),
}
NULLS: tuple[object, ...] = (None, "", "  ", "\u00a0")


@dataclass(frozen=True)
class Formatted:
    """A row of one cell as it would be sent; `is_left_out` when its column cannot hold the cell."""

    mapping: BoardMapping
    cells: Mapping[str, object]
    is_left_out: bool

    @property
    def creates_labels(self) -> bool:
        return creates_labels(self.mapping, self.cells)


def formatted(bench: Bench, kind: ColumnType, cell: object) -> Formatted:
    mapping = bench.mapping(kind, LabelPolicy.CREATE if kind.has_labels else LabelPolicy.REJECT)
    made = RowFormat(mapping, bench.columns, bench.labels)({"cell": cell})
    for problem in made.problems:
        assert (problem.column, bool(problem.code), bool(problem.reason)) == ("cell", True, True)
    return Formatted(mapping, made.cells, bool(made.problems))


@pytest.mark.parametrize("kind", list(ColumnType))
def test_whatever_a_cell_holds_its_row_is_on_the_board_with_it_or_without_it_and_with_a_reason(
    kind: ColumnType, bench: Bench
) -> None:
    @SEARCH
    @given(cell=CELLS[kind])
    def holds(cell: str) -> None:
        assume(SANDBOX_TOKEN not in cell.casefold())  # Hypothesis finds it in our modules, and we blank it in every reply
        wanted = formatted(bench, kind, cell)
        filled = {column_id: value for column_id, value in wanted.cells.items() if value is not None}
        item = bench.create(filled, create_labels=wanted.creates_labels)
        assert changed_cells(wanted.mapping, bench.columns, wanted.cells, item.cells) == {}
        text = item.cells[bench.ids[kind]].text or ""
        if wanted.is_left_out:
            assert not text or text.endswith("…")
        elif not is_blank(cell):
            assert _says(kind, cell, text)

    holds()


def _says(kind: ColumnType, cell: str, text: str) -> bool:
    """Whether people read on the board what the order says; not by way of our own comparison."""
    said = " ".join(cell.split())
    match kind:
        case ColumnType.NUMBERS:
            return Decimal(text or 0) == Decimal(numeral(clean(cell)) or 0)
        case ColumnType.DATE:
            return text == day(clean(cell)) or (not text and day(clean(cell)) in PLACEHOLDER_DATES)
        case ColumnType.CHECKBOX:
            return (text != "") == (said.casefold() in {"yes", "true", "1", "x", "y", "v"})
        case ColumnType.STATUS | ColumnType.DROPDOWN:
            return fold(text) == fold(cell)
        case ColumnType.LINK | ColumnType.EMAIL:
            return cell.strip() in text
        case _:
            return text.split() == cell.split()


@pytest.mark.parametrize("null", NULLS, ids=repr)
@pytest.mark.parametrize(
    ("kind", "full"),
    [
        (ColumnType.TEXT, "abc"),
        (ColumnType.LONG_TEXT, "a\nb"),
        (ColumnType.NUMBERS, "42.5"),
        (ColumnType.DATE, "2026-06-15"),
        (ColumnType.STATUS, "Cleared"),
        (ColumnType.DROPDOWN, "Cleared, too"),
        (ColumnType.CHECKBOX, "yes"),
        (ColumnType.LINK, "https://example.com/a"),
        (ColumnType.EMAIL, "a@example.com"),
    ],
)
def test_a_cell_that_became_blank_is_cleared_and_never_becomes_zero(
    kind: ColumnType, full: str, null: object, bench: Bench
) -> None:
    bench.describe()
    wanted = formatted(bench, kind, full)
    item = bench.create(wanted.cells, create_labels=wanted.creates_labels)
    assert item.cells[bench.ids[kind]].text
    cleared = formatted(bench, kind, null)
    assert (cleared.cells, cleared.is_left_out) == ({bench.ids[kind]: None}, False)
    after = bench.send(Operation.CHANGE_VALUES, cleared.cells, item_id=str(item.id), create_labels_if_missing=False)
    assert not after.cells[bench.ids[kind]].text


def test_a_date_with_a_time_keeps_its_day(bench: Bench) -> None:
    for text in ("2026-06-15 23:30:00", "2026-06-15T00:15:00Z", "2026-06-15 23:30:00+10:00"):
        item = bench.create(formatted(bench, ColumnType.DATE, text).cells, create_labels=False)
        assert json.loads(item.cells[bench.ids[ColumnType.DATE]].value or "null")["date"] == "2026-06-15"


@pytest.mark.parametrize(("kind", "most"), [(ColumnType.STATUS, STATUS_LABELS), (ColumnType.DROPDOWN, DROPDOWN_LABELS)])
def test_a_column_takes_labels_up_to_its_limit_and_then_leaves_out_one_more(kind: ColumnType, most: int, bench: Bench) -> None:
    bench.describe()
    free = most - len(bench.columns[bench.ids[kind]].labels)
    for number in range(free):
        wanted = formatted(bench, kind, f"label {number:03d} of {kind}")
        assert not wanted.is_left_out, number
        bench.create(wanted.cells, create_labels=wanted.creates_labels)
    assert formatted(bench, kind, "one more").is_left_out
    bench.describe()
    assert len(bench.columns[bench.ids[kind]].labels) == most
    assert formatted(bench, kind, "one more").is_left_out
    known = formatted(bench, kind, f"LABEL 000 of {kind}")
    assert (known.is_left_out, known.creates_labels) == (False, False)


@SEARCH
@given(texts=st.lists(st.text(max_size=6_000), min_size=9, max_size=14))
@example(texts=["x" * 7_000] * 9)
@example(texts=["x" * 8_000] * 9)
@example(texts=["\u2206" * 3_000] * 9)
def test_a_row_of_more_than_64_kb_goes_without_its_longest_cells(texts: list[str]) -> None:
    fields = tuple(Field((f"c{n}",), f"text_{n}", ColumnType.TEXT) for n in range(len(texts)))
    columns = {field.column_id: Column(field.column_id, field.column_id, "text") for field in fields}
    made = RowFormat(BoardMapping(1, fields), columns, LabelIndex())({f"c{n}": text for n, text in enumerate(texts)})
    assert len(column_values_json(made.cells).encode()) <= ROW_BYTES
    large = [problem for problem in made.problems if problem.code == "row_too_large"]
    # A character takes six bytes of JSON at most.
    assert not large or sum(map(len, texts)) > ROW_BYTES / 7
