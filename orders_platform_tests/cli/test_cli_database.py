"""`load`, `init-db`, `customers`, `status` and `retry`: the commands that need no board."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from orders_platform.cli import output
from orders_platform.demo.sample_orders import EXPECTED, UNKNOWN_CUSTOMER_ROWS
from orders_platform.domain.orders import CellWarning, RowProblem
from orders_platform.merge.loads import Loads
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

STAGED = 'SELECT COUNT(*) FROM "swp_ORDER_LIST_V2"'


def table_of(rows: list) -> tuple[list[str], list[list[object]]]:
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "_SOURCE_TABLE"]
    return columns, [[row.get(name) for name in columns] for row in rows]


def write_csv(path: Path, rows: list, **renamed: str) -> Path:
    columns, cells = table_of(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[renamed.get(name, name) for name in columns], *cells])
    return path


def write_xlsx(path: Path, rows: list) -> Path:
    columns, cells = table_of(rows)
    book = openpyxl.Workbook()
    for line in (columns, *cells):
        book.active.append(line)
    book.save(path)
    return path


@pytest.fixture
def orders() -> list:
    return samples_of("B'HOOD", "BHOOD")


# --- load ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_csv, write_xlsx])
def test_a_file_on_an_empty_database_is_loaded_and_synced(
    workplace: Workplace, terminal: Terminal, orders: list, write
) -> None:
    suffix = "csv" if write is write_csv else "xlsx"
    file = write(workplace.folder / f"bhood.{suffix}", orders)
    loaded = terminal("load", str(file))
    assert loaded.code == 0, loaded.err
    sheet = "" if suffix == "csv" else ", sheet 'Sheet'"
    assert f"bhood.{suffix}{sheet}: {len(orders)} rows" in loaded.out
    assert f"{len(orders)} rows in swp_ORDER_LIST_V2. Next: orders-platform sync" in loaded.out
    assert workplace.rows('SELECT DISTINCT "_SOURCE_TABLE" FROM "swp_ORDER_LIST_V2"') == [("bhood",)]
    synced = terminal("sync", "--execute", "--json")
    assert synced.code == 0, synced.err
    assert [synced.document["total"][name] for name in ("orders", "lines", "items")] == [24, 60, 24]


def test_a_load_replaces_what_is_staged_and_append_keeps_it(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    first = write_csv(workplace.folder / "first.csv", orders[:5])
    second = write_csv(workplace.folder / "second.csv", orders[5:8])
    assert terminal("load", str(first)).code == 0
    appended = terminal("load", "--append", str(second), "--json")
    assert appended.document["rows"] == 3
    assert workplace.rows(STAGED) == [(8,)]
    assert terminal("load", str(second)).code == 0
    assert workplace.rows(STAGED) == [(3,)]
    assert terminal("load", str(first), str(second)).code == 0
    assert workplace.rows(STAGED) == [(8,)]


def test_a_header_that_no_column_takes_is_refused_when_it_holds_values(
    workplace: Workplace, terminal: Terminal, orders: list
) -> None:
    kept = write_csv(workplace.folder / "kept.csv", orders[:2])
    assert terminal("load", str(kept)).code == 0
    file = write_csv(workplace.folder / "strange.csv", [{**row, "3-Apr": "7"} for row in orders])
    refused = terminal("load", str(file))
    assert refused.code == 1
    assert f"'3-Apr' ({len(orders)} values)" in refused.err
    assert "Nothing was loaded" in refused.err
    assert workplace.rows(STAGED) == [(2,)]
    ignored = terminal("load", str(file), "--ignore", "3-Apr", "--json")
    assert ignored.code == 0
    assert ignored.document["files"][str(file)]["unknown"] == {"3-Apr": len(orders)}
    said = f"left out, as --ignore says: '3-Apr' ({len(orders)} values); what they hold will not be on the board"
    assert said in terminal("load", str(file), "--ignore", "3-Apr").out
    assert workplace.rows(STAGED) == [(len(orders),)]


def test_another_spelling_of_a_header_is_understood_and_said(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    file = write_csv(workplace.folder / "spelled.csv", orders, **{"CUSTOMER NAME": "customer name"})
    loaded = terminal("load", str(file))
    assert loaded.code == 0, loaded.err
    assert "'customer name' was read as 'CUSTOMER NAME'" in loaded.out


@pytest.mark.parametrize("few", [0, 5])
def test_at_a_terminal_a_load_that_drops_a_customer_or_most_rows_is_loaded_only_when_a_person_says_so(
    workplace: Workplace, terminal: Terminal, at_terminal: Callable[[str], None], orders: list, few: int
) -> None:
    others = samples_of("JOHNNIE O")
    everything, part = write_csv(workplace.folder / "all.csv", orders + others), orders[: few or None]
    assert terminal("load", str(everything)).code == 0
    file = str(write_csv(workplace.folder / "part.csv", part + (others[:1] if few else [])))
    at_terminal("n\n")
    refused = terminal("load", file)
    assert (refused.code, workplace.rows(STAGED)) == (130, [(len(orders + others),)])
    said = "The files hold less than half of that." if few else "JOHNNIE O will have no row."
    assert f"Replaces {len(orders + others)} rows of 2 customers of 1 file." in refused.out
    assert said in refused.out
    assert "Load the files all the same?" in refused.err
    assert refused.err.endswith("Nothing was loaded.\n")
    at_terminal("y\n")
    assert terminal("load", file).code == 0
    assert terminal("load", str(everything)).code == 0
    at_terminal("")
    assert terminal("load", "--yes", file).code == 0
    assert terminal("load", "--append", str(everything)).code == 0  # it drops nothing


def test_a_refused_file_of_the_folder_is_said_by_every_command_until_it_is_mended_or_gone(
    workplace: Workplace, terminal: Terminal, tmp_path: Path
) -> None:
    place, days = tmp_path / "incoming", iter(range(3))
    place.mkdir()
    good = write_csv(place / "good.csv", samples_of("B'HOOD"))

    def look() -> None:
        now = datetime(2100, 1, 1 + next(days), tzinfo=UTC)
        with workplace.store() as store:
            store.schema.apply()
            Loads(store).load_folder(place, now, Path(tempfile.mkdtemp()))

    look()
    assert terminal("sync", "--execute").code == 0
    (place / "bad.csv").write_text("AAG ORDER NUMBER,SHOE 42\nGRE-1,7\n", encoding="utf-8")
    look()
    status = terminal("status")
    assert status.code == 1
    assert "(order files): bad.csv: [refused_file] " in status.out
    assert "no column of the order list is called 'SHOE 42' (1 value)" in status.out
    (row,) = terminal("status", "--json").document["rejected"]
    assert (row["customer"], row["order_key"], row["code"]) == ("(order files)", "bad.csv", "refused_file")
    for command in (("sync", "--execute"), ("verify",)):
        said = terminal(*command)
        assert said.code == 1
        assert said.err.count("1 order file was refused (bad.csv); `orders-platform status` says why.") == 1
    page = tmp_path / "page.html"
    report = terminal("report", "--html", str(page), "--markdown")
    assert report.code == 1
    for text in (report.out, page.read_text(encoding="utf-8")):
        assert text.count("(order files) bad.csv") == 1
    assert terminal("report", "--customer", "B'HOOD").code == 0
    (place / "bad.csv").unlink()
    look()
    assert terminal("status").code == terminal("report").code == 0
    assert good.exists()


def test_what_is_no_terminal_is_not_asked(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    assert terminal("load", str(write_csv(workplace.folder / "all.csv", orders))).code == 0
    assert terminal("load", str(write_csv(workplace.folder / "part.csv", orders[:1]))).code == 0
    assert workplace.rows(STAGED) == [(1,)]


def test_a_load_says_all_of_it_in_json(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    assert terminal("load", str(write_csv(workplace.folder / "all.csv", samples_of("JOHNNIE O")))).code == 0
    file = write_xlsx(workplace.folder / "bhood.xlsx", [{**row, "UNIT OF MEASURE": "#REF!"} for row in orders])
    book = openpyxl.load_workbook(file)
    book.create_sheet("Notes")
    book.save(file)
    document = terminal("load", "--json", str(file)).document
    said = document["files"][str(file)]
    assert document["replaced"] == {
        "rows": len(samples_of("JOHNNIE O")), "customers": 1, "files": 1, "dropped": ["JOHNNIE O"],
        "is_halved": len(orders) * 2 < len(samples_of("JOHNNIE O")),
    }  # fmt: skip
    assert (document["rows"], document["missing"], said["left_out"].keys()) == (len(orders), {}, {"Notes"})
    (sheet,) = said["sheets"]
    assert (sheet["sheet"], sheet["header_row"], sheet["rows"], sheet["unmatched_rows"]) == ("Sheet", 1, len(orders), 0)
    assert sheet["customers"] == {"B'HOOD": len(orders)}
    assert sheet["quantity"] == sum(
        float(row[size]) for row in orders for size in sheet["sizes"] if str(row.get(size) or "").strip()
    )
    found = {finding["column"]: finding for finding in sheet["findings"]}["UNIT OF MEASURE"]
    assert (found["count"], found["is_refused"], len(found["examples"])) == (len(orders), False, 3)


def test_an_encoding_or_delimiter_that_is_none_is_a_usage_error(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    file = str(write_csv(workplace.folder / "all.csv", orders))
    for options in (("--encoding", "latin-99"), ("--encoding", "hex"), ("--delimiter", ";;")):
        refused = terminal("load", file, *options)
        assert refused.code == 2
        assert refused.err.startswith("ConfigurationError: Files cannot be read so: ")


def test_an_option_for_another_kind_of_file_is_a_usage_error(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    text, book = write_csv(workplace.folder / "all.csv", orders), write_xlsx(workplace.folder / "all.xlsx", orders)
    for file, option, value in ((text, "--sheet", "Sheet"), (book, "--encoding", "cp1252"), (book, "--delimiter", ";")):
        for command in (("load",), ("config", "init")):
            refused = terminal(*command, str(file), option, value)
            assert refused.code == 2
            assert refused.err.startswith(f"ConfigurationError: {option} is for ")
    both = terminal("load", str(text), str(book), "--sheet", "Sheet", "--encoding", "utf-8", "--delimiter", ",")
    assert both.code == 0


@pytest.mark.parametrize("arguments", [(), ("absent.csv",), (".",)])
def test_a_load_without_a_file_that_is_there_is_a_usage_error(
    workplace: Workplace, terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    assert terminal("load", *arguments).code == 2


# --- init-db ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_of_init_db_prints_the_ddl_and_makes_no_table(workplace: Workplace, terminal: Terminal) -> None:
    shown = terminal("init-db", "--dry-run")
    assert shown.code == 0
    assert 'CREATE TABLE "ORDER_LIST_V2"' in shown.out
    assert "statements would be run." in shown.err
    assert workplace.rows("SELECT COUNT(*) FROM sqlite_master") == [(0,)]


def test_init_db_makes_the_tables_once_and_adds_a_column_that_is_missing(workplace: Workplace, terminal: Terminal) -> None:
    assert terminal("init-db").out.endswith("statements run.\n")
    before = workplace.dump()
    assert terminal("init-db").out == "The database is up to date.\n"
    assert workplace.dump() == before
    workplace.write('ALTER TABLE "ORDER_LIST_V2" DROP COLUMN "sync_batch_id"')
    assert terminal("init-db").out == "1 statement run.\n"
    assert terminal("init-db", "--dry-run").err == "The database is up to date.\n"


# --- customers, status, retry -------------------------------------------------------------------------------------------


def test_customers_lists_who_is_staged_and_the_rows_that_match_no_customer(after_demo: Workplace, terminal: Terminal) -> None:
    document = terminal("customers", "--json").document
    assert document["customers"] == {name: expected.rows for name, expected in EXPECTED.items()}
    assert sum(entry["rows"] for entry in document["unassigned"]) == sum(UNKNOWN_CUSTOMER_ROWS.values())
    shown = terminal("customers")
    assert shown.code == 0
    assert "4 rows match no customer: customer 'ACME ACTIVE' is not in [customers]" in shown.out


def test_status_lists_every_customer_and_what_is_not_on_the_board_as_the_list_has_it(
    after_demo: Workplace, terminal: Terminal
) -> None:
    shown = terminal("status")
    assert shown.code == 1  # rows of the list are invalid
    assert "Rejected (" in shown.out
    assert "Left out or cut (6 cells; their orders are on the board):" in shown.out
    assert "TITLE NINE: DESIGN FEE: 2 orders, for example TIT-00599, TIT-00600: 'SEE NOTES' is not a plain number" in shown.out
    told = terminal("status", "--json")
    assert told.code == 1
    document = told.document
    assert set(document) == {"customers", "rejected", "failed", "cell_warnings", "monday", "database"}
    assert {name: row["items"] for name, row in document["customers"].items()} == {
        name: expected.orders for name, expected in EXPECTED.items()
    }
    assert document["failed"] == []
    assert len(document["cell_warnings"]) == sum(expected.warnings for expected in EXPECTED.values())
    of_customers = sum(row["rows"] for row in document["rejected"] if row["customer"] in EXPECTED)
    assert of_customers == sum(sum(e.rejected.values()) for e in EXPECTED.values())


def test_rows_that_are_rejected_for_one_reason_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    total, label = "the row is a total: delete it", "'X' is no label"
    rows = [
        RowProblem("GREYSON", key, "", "phantom", total, rows) for key, rows in (("", 2), ("TOTAL", 1), ("SUM", 1), ("ALL", 1))
    ]
    rows.append(RowProblem("GREYSON", "GRE-1", "M", "label", label))
    output.print_refusals("Rejected", rows)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Rejected (6):",
        f"  GREYSON: 5 rows, for example (no key), TOTAL, SUM: [phantom] {total}",
        f"  GREYSON: GRE-1 size M: [label] {label}",
    ]


def test_a_single_cell_that_was_left_out_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_warnings([CellWarning("GREYSON", "GRE-1", "FREIGHT", "abc", "bad_number", "is no number")])
    assert "Left out or cut (1 cell; its order is on the board):" in capsys.readouterr().out


def test_history_says_why_a_rejected_order_is_not_on_the_board(after_demo: Workplace, terminal: Terminal) -> None:
    rejected = terminal("status", "--json").document["rejected"]
    row = next(row for row in rejected if row["order_key"] and not row["size_code"] and " | " not in row["order_key"])
    shown = terminal("history", row["order_key"])
    assert shown.code == 0
    assert f"[{row['code']}] {row['reason']}" in shown.out
    assert "DESIGN FEE: TIT-00599: 'SEE NOTES' is not a plain number" in terminal("history", "TIT-00599").out
    assert row in terminal("history", row["order_key"], "--json").document["rejected"]
    unknown = terminal("history", "NOT-AN-ORDER")
    assert unknown.code == 1
    assert "no staged row of that number was rejected" in unknown.err


def test_status_is_well_when_everything_is_on_the_board_and_not_when_something_waits(
    bhood: Workplace, terminal: Terminal
) -> None:
    assert terminal("sync", "--execute", "--limit", "1").code == 1
    assert terminal("status").code == 1
    assert terminal("sync", "--execute").code == 0
    assert terminal("status").code == 0


def test_a_customer_without_any_valid_row_has_its_verdict_too(workplace: Workplace, terminal: Terminal, orders: list) -> None:
    workplace.stage([{**row, "AAG ORDER NUMBER": None} for row in orders[:2]])
    assert terminal("sync", "--execute").code == 1
    told = terminal("status", "--json").document["customers"]["B'HOOD"]
    assert (told["orders"], told["items"], told["verdict"]["state"], told["verdict"]["invalid"]) == (0, 0, "failed", 2)


REFUSE = (
    "UPDATE \"ORDER_LIST_V2\" SET sync_state = 'FAILED', sync_error_code = 'refused', sync_error_message = 'no' "
    "WHERE \"AAG ORDER NUMBER\" IN ('TIT-00599', 'TIT-00600')"
)


def test_retry_resets_failed_rows(after_demo: Workplace, terminal: Terminal) -> None:
    after_demo.write(REFUSE)
    shown = terminal("status")
    assert shown.code == 1
    assert "Failed (2):" in shown.out
    assert terminal("retry", "--customer", "Greyson  Clothiers").out.startswith("0 FAILED rows")
    assert terminal("retry", "--code", "label_missing").out.startswith("0 FAILED rows")
    tried = terminal("retry", "--customer", "TITLE NINE", "--code", "refused")
    assert tried.code == 0
    assert "2 FAILED rows were reset." in tried.err
    states = (
        "SELECT sync_state, COUNT(*) FROM \"ORDER_LIST_V2\" WHERE \"AAG ORDER NUMBER\" IN ('TIT-00599', 'TIT-00600') GROUP BY 1"
    )
    assert after_demo.rows(states) == [("SYNCED", 2)]


def test_retry_sends_what_it_resets(after_demo: Workplace, terminal: Terminal) -> None:
    after_demo.write(REFUSE)
    outcome = terminal("retry")
    assert outcome.code == 0
    assert "2 FAILED rows were reset." in outcome.err
    assert "GREYSON" not in outcome.out


def test_a_retry_of_an_unknown_customer_is_refused_with_the_names(after_demo: Workplace, terminal: Terminal) -> None:
    outcome = terminal("retry", "--customer", "TITEL NINE")
    assert outcome.code == 2
    assert "'TITEL NINE'" in outcome.err
    assert "TITLE NINE" in outcome.err


@pytest.mark.parametrize("command", ["status", "retry", "sync"])
def test_a_database_without_tables_of_ours_is_named_with_the_command_that_makes_them(
    workplace: Workplace, terminal: Terminal, command: str
) -> None:
    terminal("init-db")
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES"):  # what another program's load leaves is the staging table
        workplace.write(f'DROP TABLE "{table}"')
    outcome = terminal(command)
    assert outcome.code == 1
    assert "orders-platform init-db" in outcome.err
