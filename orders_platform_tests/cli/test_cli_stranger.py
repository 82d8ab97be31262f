"""The list of somebody else, a bicycle dealer's spare parts: from a file to a board without a line of TOML written by hand."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import openpyxl
import pytest

from orders_platform.settings import Settings
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace

EXAMPLES = Path(__file__).parents[2] / "examples"
LIST = EXAMPLES / "spare_parts.csv"


@pytest.fixture
def folder(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but the list."""
    place = workplace.folder / "dealer"
    place.mkdir()
    monkeypatch.chdir(place)
    return Path(shutil.copy(LIST, place)).parent


def on_the_board(place: Workplace) -> dict[str, dict[str, dict[str, str]]]:
    """Group -> item -> column title -> text, and a title for each subitem."""
    query = """{ boards(ids: [%d]) { items_page(limit: 100) { items { name group { title } column_values { text column { title } }
        subitems { name column_values { text column { title } } } } } } }"""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for item in place.graphql(query % Settings().configuration.items.board_id)["boards"][0]["items_page"]["items"]:
        cells = {
            cell["column"]["title"]: cell["text"] or ""
            for cell in item["column_values"]
            if cell["column"]["title"] != "Subitems"
        }
        sizes = {
            each["name"]: next(cell["text"] for cell in each["column_values"] if cell["column"]["title"] == "Quantity")
            for each in item["subitems"] or ()
        }
        found.setdefault(item["group"]["title"], {})[item["name"]] = cells | sizes
    return found


def test_a_strangers_list_comes_onto_a_board(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    drafted = terminal("config", "init", "spare_parts.csv")
    assert drafted.code == 0, drafted.err
    own = ("--config", "spare_parts.toml")
    for said in ("sizes: '160 mm' to '175 mm'", "'Pieces' is their total", "key: 'Order No' has another value in each row",
                 "customers: 'Dealer', by its name: Radhaus Nord, Velo & Co"):  # fmt: skip
        assert said in drafted.out
    assert (folder / "spare_parts.toml").read_text(encoding="utf-8") == (EXAMPLES / "spare_parts.toml").read_text(
        encoding="utf-8"
    )
    made = terminal(*own, "board", "init", "--new", "Spare parts")
    assert made.code == 0, made.err + made.out
    assert terminal(*own, "load", "spare_parts.csv").code == 0
    assert workplace.rows("SELECT count(*) FROM spare_parts_staging") == [(20,)]
    done = terminal(*own, "sync", "--execute", "--strict")
    assert done.code == 0, done.out + done.err
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    board = on_the_board(workplace)
    assert sum(map(len, board.values())) == len(rows)
    assert set(board) == {"Radhaus Nord", "Velo & Co", "The Bike Shed", "Cyclerie Lyon", "PEDAL POINT"}
    for row in rows:
        group = next(title for title in board if title.casefold() == row["Dealer"].casefold())
        item = board[group][f"{row['Order No']} {row['Part']}"]
        remark = "" if row["Remark"] == "n/a" else row["Remark"]
        assert (item["Part Name"], item["Ordered On"], item["Remark"]) == (row["Part Name"], row["Ordered On"], remark)
        assert float(item["Unit Price"]) == float(row["Unit Price"].removeprefix("$"))
        sizes = {f"Size {name}": cell for name, cell in row.items() if name.endswith(" mm") and cell}
        assert {name: text for name, text in item.items() if name.startswith("Size ")} == (
            sizes if row["Status"] != "cancelled" else {}
        )
    mutations = workplace.mutations
    assert "Nothing to send." in terminal(*own, "sync", "--execute").out
    assert workplace.mutations == mutations
    assert terminal(*own, "verify").code == 0
    assert terminal(*own, "doctor").code == 0


def test_the_next_list_may_have_a_new_dealer(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    own = ("--config", "spare_parts.toml")
    for command in (("config", "init", "spare_parts.csv"), (*own, "board", "init", "--new", "Parts"), (*own, "load", "spare_parts.csv"),
                    (*own, "sync", "--execute")):  # fmt: skip
        assert terminal(*command).code == 0
    with (folder / "spare_parts.csv").open("a", encoding="utf-8") as file:
        file.write("SP-5001,2026-05-01,New Wheels,BB-09,Bottom bracket axle,steel,,,7,,,7,$83.90,open,\n")
    assert terminal(*own, "load", "spare_parts.csv").code == 0
    assert terminal(*own, "sync", "--execute").code == 0
    assert list(on_the_board(workplace)["NEW WHEELS"]) == ["SP-5001 BB-09"]


def test_a_workbook_is_drafted_as_its_csv_is(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["Spare parts, spring"])
    page.append([])
    with LIST.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            page.append([int(cell) if cell.isdigit() else cell or None for cell in row])
    book.save(folder / "spare_parts.xlsx")
    assert terminal("config", "init", "spare_parts.xlsx", "--output", "book.toml").code == 0
    drafted, expected = (
        (folder / "book.toml").read_text(encoding="utf-8"),
        (EXAMPLES / "spare_parts.toml").read_text(encoding="utf-8"),
    )
    assert drafted.partition("\n")[2] == expected.partition("\n")[2]


def test_the_samples_are_no_orders_of_another_list(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    terminal("config", "init", "spare_parts.csv")
    told = terminal("--config", "spare_parts.toml", "demo")
    assert told.code == 2
    assert "The samples are an apparel maker's orders" in told.err


def test_a_configuration_is_never_overwritten(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    assert terminal("config", "init", "spare_parts.csv").code == 0
    (folder / "spare_parts.toml").write_text("mine", encoding="utf-8")
    again = terminal("config", "init", "spare_parts.csv")
    assert again.code == 2
    assert "spare_parts.toml exists and is not overwritten; name another file: --output FILE." in again.err
    assert (folder / "spare_parts.toml").read_text(encoding="utf-8") == "mine"


def test_the_list_gets_a_column_and_a_size(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    own = ("--config", "spare_parts.toml")
    for command in (("config", "init", "spare_parts.csv"), (*own, "board", "init", "--new", "Parts"), (*own, "load", "spare_parts.csv"),
                    (*own, "sync", "--execute")):  # fmt: skip
        assert terminal(*command).code == 0
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = [[*row[:11], "180 mm" if not at else "7" if at == 1 else "", *row[11:], "Colour" if not at else "red"]
                for at, row in enumerate(csv.reader(file))]  # fmt: skip
    with (folder / "wider.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert "no column of the order list is called '180 mm'" in terminal(*own, "load", "wider.csv").err
    text = (folder / "spare_parts.toml").read_text(encoding="utf-8")
    text = text.replace('"175 mm" = "integer"\n', '"175 mm" = "integer"\n"180 mm" = "integer"\n', 1)
    text = text.replace('"Remark" = "nvarchar(255)"\n', '"Remark" = "nvarchar(255)"\n"Colour" = "nvarchar(255)"\n', 1)
    text = text.replace("columns = [\n", 'columns = [\n    { source = "Colour", column = "colour", type = "text" },\n', 1)
    (folder / "spare_parts.toml").write_text(text, encoding="utf-8")
    assert terminal(*own, "init-db").code == 0
    loaded = terminal(*own, "load", "wider.csv")
    assert loaded.code == 0, loaded.err
    assert terminal(*own, "board", "init").code == 0
    assert terminal(*own, "sync", "--execute").code == 0
    shown = on_the_board(workplace)["Radhaus Nord"]["SP-4001 SP-118"]
    assert (shown["Colour"], shown["Size 180 mm"]) == ("red", "7")


def test_every_next_command_can_be_typed_as_it_stands(workplace: Workplace, terminal: Terminal, folder: Path) -> None:
    (folder / "a place").mkdir()
    home, own = ("--home", "a place"), ("--config", "parts.toml")
    drafted = terminal(*home, "config", "init", "spare_parts.csv", "--output", "parts.toml").out
    assert "  orders-platform --home 'a place' --config parts.toml board init --new \"Orders\"\n" in drafted
    assert (
        "Next: orders-platform --home 'a place' --config parts.toml sync"
        in terminal(*home, *own, "load", "spare_parts.csv").out
    )
    made = terminal(*home, *own, "board", "init", "--new", "Parts").out
    assert "Next: orders-platform --home 'a place' --config parts.toml board check" in made


def test_a_pause_of_a_name_that_nobody_has_asks_whether_it_is_right(
    workplace: Workplace, terminal: Terminal, folder: Path
) -> None:
    own = ("--config", "spare_parts.toml")
    for command in (("config", "init", "spare_parts.csv"), (*own, "load", "spare_parts.csv")):
        assert terminal(*command).code == 0
    assert (
        "NOBODY is paused (no order of it was ever merged; is the name right?)."
        in terminal(*own, "customers", "pause", "nobody").out
    )
    assert "is the name right" not in terminal(*own, "customers", "pause", "radhaus nord").out
