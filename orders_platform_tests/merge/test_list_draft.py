"""What is guessed of an order list, and what is refused; whatever is drafted is a valid configuration."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orders_platform.cli.setup_commands import own_columns
from orders_platform.configuration import Configuration, read_configuration
from orders_platform.demo.sample_orders import sample_orders
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.list_draft import draft
from orders_platform.settings import default_folder

SHIPPED = default_folder("config") / "order_sync.toml"
TEMPLATE = SHIPPED.with_name("draft.toml.j2").read_text(encoding="utf-8")
OURS = own_columns(SHIPPED)
WORDS = "x " * 200
HEAD = ["Ref", "Shop", "Item", "S", "M", "L"]
ROWS = [["R1", "North", "Bell", "1", "", "2"], ["R2", "North", "Lamp", "", "3", ""], ["R3", "South", "Bell", "4", "4", "1"],
        ["R4", "South", "Rack", "", "", "9"]]  # fmt: skip


def drafted(folder: Path, *rows: list[str]) -> tuple[Configuration, list[str]]:
    path = folder / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    made = draft(path, FileOptions(), folder, OURS)
    (folder / "list.toml").write_text(made.text(SHIPPED.read_text(encoding="utf-8"), TEMPLATE), encoding="utf-8")
    return read_configuration(folder / "list.toml", "production"), made.said


def sizes_of(configuration: Configuration) -> list[str]:
    names = ["record_uuid", *configuration.order_list]
    return names[names.index(configuration.sizes.after) + 1 : names.index(configuration.sizes.before)]


def test_key_sizes_customer_and_names_are_found(tmp_path: Path) -> None:
    made, _ = drafted(tmp_path, HEAD, *ROWS)
    assert (made.keys.unique, made.keys.extra) == (("Ref",), ())
    assert sizes_of(made) == ["S", "M", "L"]
    assert made.columns.customer == "Shop"
    assert list(made.customers) == ["North", "South"]
    assert made.names.item == (("Ref",), ("Item",))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["01/02/2026", "15/02/2026"], "looks like days ('01/02/2026'), kept as text"), (["1.2.2026", "15.2.2026"], "looks like days"),
        (["2-Jan-26", "15-Feb-26"], "looks like days"), (["2. März 2026", "tbc"], "looks like days"),
        (["2026/1/2", "2026/02/15"], "looks like days"), (["12,50 €", "9,90 €"], "amounts"),
        (["12,50", "9,90"], "looks like amounts ('12,50')"),
        (["zł 12.50", "zł 9.90"], "looks like amounts"), (["12,50 kr", "9,90 kr"], "looks like amounts"),
    ],
)  # fmt: skip
def test_what_looks_like_days_or_amounts_and_cannot_be_read_is_said_and_names_no_item(
    tmp_path: Path, cells: list[str], said: str
) -> None:
    rows = [[*row, cells[number % 2]] for number, row in enumerate(ROWS)]
    for other in (["Due name"], ["Name of the day"]):
        made, told = drafted(tmp_path, [*HEAD, *other], *rows)
        (remark,) = [line for line in told if line.startswith(f"look at '{other[0]}'")]
        assert said in remark
        assert f'"{other[0]}" = "' in remark
        assert made.order_list[other[0]].type == "nvarchar(255)"
        assert made.names.item == (("Ref",), ("Item",))


def test_a_column_that_is_numbers_or_days_but_for_a_few_words_is_one_and_that_is_said(tmp_path: Path) -> None:
    prices, days = ["€ 12.50", "tbc", "9.90", "n/a", "10", "3", "TBC", "on request"], ["2026-01-02", "tbc"] * 4
    rows = [[f"R{n}", "North", "Bell", "1", "x" if n == 3 else "2", "2", prices[n], days[n]] for n in range(8)]
    made, told = drafted(tmp_path, [*HEAD, "Price", "Due"], *rows)
    assert (made.order_list["Price"].type, made.order_list["Due"].type) == ("decimal(18, 4)", "date")
    assert "look at 'Price': numbers but for 3 cells ('tbc', 'TBC', 'on request'), left out of the board" in told
    assert "look at 'Due': days but for 4 cells ('tbc'), left out of the board" in told
    assert "look at 'M': numbers but for 1 cell ('x'), left out of the board" in told


def test_a_status_or_a_finish_is_no_customer(tmp_path: Path) -> None:
    whose = ["Rose & Oak", "Haus und Garten", "Green Thumb", "Potting Shed"]
    rows = [[f"R{n}", ("open", "shipped")[n % 2], ("oak", "ash", "elm")[n % 3], whose[n % 4], "1", "2"] for n in range(12)]
    made, told = drafted(tmp_path, ["Ref", "State", "Finish", "For", "S", "M"], *rows)
    assert made.columns.customer == "For"
    assert "customers: 'For', of those with few values ('For', 'Finish'), the likeliest: look at it" in "\n".join(told)


def test_totals_and_notes_count_for_nothing(tmp_path: Path) -> None:
    made, told = drafted(tmp_path, HEAD, *ROWS, ["", "TOTAL", "", "5", "7", "12"], ["Printed on 2026-11-29"])
    assert list(made.customers) == ["North", "South"]
    assert told[0].endswith("; 2 rows besides that are totals or notes, and no orders")
    assert any("key: 'Ref' has another value in each row" in line for line in told)


@pytest.mark.parametrize("place", [3, 6])
@pytest.mark.parametrize("name", ["Sum", "All", "Total qty"])
def test_a_total_before_or_behind_the_sizes_is_none(tmp_path: Path, place: int, name: str) -> None:
    total = [[*row[:place], str(sum(int(cell or 0) for cell in row[3:])), *row[place:]] for row in ROWS]
    made, _ = drafted(tmp_path, [*HEAD[:place], name, *HEAD[place:]], *total)
    assert sizes_of(made) == ["S", "M", "L"]
    assert made.columns.total == name


def test_a_word_in_one_quantity_does_not_make_a_size_of_the_total(tmp_path: Path) -> None:
    total = [[*row, str(sum(int(cell or 0) for cell in row[3:]))] for row in ROWS]
    worded = [[*row[:4], "a dozen" if place == 2 else row[4], *row[5:]] for place, row in enumerate(total)]
    made, said = drafted(tmp_path, [*HEAD, "Qty"], *worded)
    assert (sizes_of(made), made.columns.total) == (["S", "M", "L"], "Qty")
    assert not any("look at" in sentence for sentence in said)


def test_what_is_called_a_quantity_behind_sizes_and_is_no_sum_of_them_is_told(tmp_path: Path) -> None:
    made, said = drafted(tmp_path, [*HEAD, "Qty"], *([*row, "7"] for row in ROWS))
    assert sizes_of(made)[-1] == "Qty"
    assert any(sentence.startswith("look at 'Qty'") for sentence in said)


def test_one_column_of_quantities_is_one_size(tmp_path: Path) -> None:
    made, _ = drafted(
        tmp_path, ["Ref", "Client", "Item", "Price", "Quantity"], *([*row[:3], "9.50", row[5] or "1"] for row in ROWS)
    )
    assert sizes_of(made) == ["Quantity"]


def test_rows_that_share_a_number_are_told_apart_by_more_columns(tmp_path: Path) -> None:
    rows = [["A1", "North", "Bell", "1", "2", ""], ["A1", "North", "Lamp", "1", "", ""], ["A2", "South", "Bell", "1", "", ""],
            ["A3", "South", "Bell", "1", "", ""]]  # fmt: skip
    made, said = drafted(tmp_path, ["Order", *HEAD[1:]], *rows)
    assert made.keys.unique == ("Order",)
    assert made.keys.extra == ("Item",)
    assert any("rows of one number are told apart by 'Item'" in line for line in said)


def test_types_follow_the_cells(tmp_path: Path) -> None:
    head = [*HEAD, "Due", "Price", "Mail", "Page", "Words", "Code"]
    rows = [
        [*row, "2026-03-01", "$1,250.50", "a@b.example", "https://b.example/x", WORDS, f"00{place}7"]
        for place, row in enumerate(ROWS)
    ]
    made, _ = drafted(tmp_path, head, *rows)
    board = {field.sources[0]: field.type.value for field in made.items.fields}
    assert board == {"Ref": "text", "Shop": "dropdown", "Item": "text", "Due": "date", "Price": "numbers", "Mail": "dropdown",
                     "Page": "link", "Words": "long_text", "Code": "text"}  # fmt: skip
    assert made.order_list["Code"].type == "nvarchar(255)"
    assert made.items.external_key == "text_ref"


def test_headers_are_found_below_a_title(tmp_path: Path) -> None:
    made, _ = drafted(tmp_path, ["Orders of spring"], [], HEAD, *ROWS)
    assert made.keys.unique == ("Ref",)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HEAD], "no row of headers with rows below it"),
        ([["Ref", "Shop", "Item"], *(row[:3] for row in ROWS)], "no column of quantities"),
        ([["Ref", "Item", "S", "M"], *([row[0], row[0] + "x", "1", "2"] for row in ROWS)], "says whose order a row is"),
        ([["Ref", "ref", *HEAD[1:]], *([row[0], *row] for row in ROWS)], "the header 'ref' is there twice"),
        ([["Ref", "record_uuid", *HEAD[1:]], *([row[0], *row] for row in ROWS)], "'record_uuid' is there twice, or a name of ours"),
    ],
)  # fmt: skip
def test_what_is_no_order_list_is_refused_with_the_reason(tmp_path: Path, rows: list[list[str]], said: str) -> None:
    with pytest.raises(SourceDataError, match=said):
        drafted(tmp_path, *rows)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ["Order No", "Customer", "Qty", "12", "", "1.5", "2026-01-02", '"', "]", "'", "\\", "total", "Status", "cancelled"]
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@example([["Ref", "Shop", "\"\\]'", "S", "M"], ["R1", "N", "\x7f", "1", "2"], ["R2", "N", "é", "", "3"]])
@given(st.lists(st.lists(TEXTS, min_size=4, max_size=8), min_size=2, max_size=6))
def test_whatever_a_file_holds_the_draft_is_valid_or_refused(rows: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        try:
            made, said = drafted(Path(folder), *rows)
        except SourceDataError:
            return
    assert said
    assert sizes_of(made)


def test_the_apparel_makers_list_is_understood_as_its_configuration_describes_it(tmp_path: Path) -> None:
    described = read_configuration(SHIPPED, "production")
    names = list(described.order_list)
    made, said = drafted(tmp_path, names, *([str(row.get(name) or "") for name in names] for row in sample_orders()))
    assert sizes_of(made) == sizes_of(described)
    assert len(sizes_of(made)) == 245
    assert made.keys.unique == described.keys.unique
    assert (made.columns.customer, made.columns.order_type, made.columns.total) == (
        described.columns.customer, described.columns.order_type, described.columns.total
    )  # fmt: skip
    assert "key: rows of one number are told apart by 'PO NUMBER'" in said
