"""A folder of workbooks, as people send them, loaded by the sensor and its job: each once, and a refused one stops no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import openpyxl
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Location, Ticks, failure
from orders_platform_tests.testing.workplace import Row, Workplace, samples_of

STAGED = 'SELECT COUNT(*) FROM "swp_ORDER_LIST_V2"'
KEY = "AAG ORDER NUMBER"


@pytest.fixture
def folder(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where people put workbooks."""
    place = workplace.folder / "incoming"
    place.mkdir()
    line = 'folder = ""                            # Dagster'
    monkeypatch.setenv("ORDERS_CONFIG", str(workplace.configure((line, f'folder = "{place}" # Dagster'))))
    with workplace.store() as store:
        store.schema.apply()
    return place


def orders(number: int) -> list[Row]:
    """Three orders of their own for each workbook."""
    return [{**row, KEY: f"BHO-{number:02}-{i}"} for i, row in enumerate(samples_of("B'HOOD")[:3])]


def workbook(folder: Path, number: int, change: Callable[[openpyxl.Workbook], None] = lambda _book: None) -> Path:
    """Two sheets with orders and a cover sheet."""
    book = openpyxl.Workbook()
    book.active.title = "COVER"
    book.active.append([f"ORDER LIST {number}"])
    rows = orders(number)
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "_SOURCE_TABLE"]
    for title, part in (("SPRING", rows[:1]), ("FALL", rows[1:])):
        page = book.create_sheet(title)
        for line in (["for you"], columns, *([row.get(name) for name in columns] for row in part)):
            page.append(line)
    change(book)
    path = folder / f"orders {number:02}.xlsx"
    book.save(path)
    return old(path)


def old(path: Path) -> Path:
    """Written a minute ago."""
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns - 60_000_000_000))
    return path


def column(book: openpyxl.Workbook, name: str) -> int:
    return next(cell.column for cell in book["FALL"][2] if cell.value == name)


def formula(book: openpyxl.Workbook) -> None:
    book["FALL"].cell(3, column(book, "TOTAL QTY")).value = "=1+1"


def error_value(book: openpyxl.Workbook) -> None:
    book["FALL"].cell(3, column(book, "CUSTOMER SEASON")).value = "#REF!"


def hidden_sheet(book: openpyxl.Workbook) -> None:
    book["FALL"].sheet_state = "hidden"


def filtered_row(book: openpyxl.Workbook) -> None:
    book["FALL"].row_dimensions[4].hidden = True


def doubled_blank(book: openpyxl.Workbook) -> None:
    book["SPRING"].cell(2, column(book, KEY)).value = " AAG  ORDER\u00a0NUMBER "


def requested(ticks: Ticks) -> int:
    return len(ticks.sensor("new_files").run_requests or ())


def run(location: Location) -> dg.ExecuteInProcessResult:
    job = build_definitions(Settings()).resolve_job_def("load_files")
    return job.execute_in_process(instance=location.instance, raise_on_error=False)


def observed(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.get_asset_observation_events()
    assert event.asset_key == dg.AssetKey("swp_order_list")
    return {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}


def sources(workplace: Workplace) -> dict[str, int]:
    """The staged rows by the file that they name."""
    return dict(workplace.rows('SELECT "_SOURCE_TABLE", COUNT(*) FROM "swp_ORDER_LIST_V2" GROUP BY 1'))


def staged(workplace: Workplace) -> dict[str, str]:
    """The staged orders, each once, with the season that the files say."""
    rows = workplace.rows(f'SELECT "{KEY}", "CUSTOMER SEASON" FROM "swp_ORDER_LIST_V2"')
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_forty_workbooks_are_loaded_once_and_a_refused_one_stops_no_other(
    workplace: Workplace, location: Location, folder: Path
) -> None:
    troubles = {3: error_value, 7: hidden_sheet, 11: filtered_row, 13: doubled_blank, 17: formula}
    for number in range(40):
        workbook(folder, number, troubles.get(number, lambda _book: None))
    (folder / "~$orders 01.xlsx").write_bytes(b"lock")
    ticks = Ticks(location.instance)
    assert requested(ticks) == 1
    result = run(location)
    _, event = failure(result)
    assert "Refused 1 of 40 files." in event.step_failure_data.user_failure_data.description
    assert "TOTAL QTY: 1 cell with a formula without a stored result" in event.step_failure_data.user_failure_data.description
    seen = observed(result)
    assert (seen["files_loaded"], seen["files_refused"], seen["rows_loaded"]) == (39, 1, 39 * 3 - 2)
    assert "without a stored result" in str(seen["refused: orders 17.xlsx"])
    assert workplace.rows(STAGED) == [(39 * 3 - 2,)]
    counted = workplace.rows("SELECT outcome, COUNT(*), SUM(row_count) FROM ORDER_LOADS GROUP BY 1")
    assert counted == [("loaded", 39, 115), ("refused", 1, 0)]
    assert requested(ticks) == 0
    assert observed(run(location))["rows_loaded"] == 0
    synced = location.sync_customer("B'HOOD")
    assert synced.success
    assert len([name for names in workplace.board.values() for name in names]) == 115


def test_a_changed_file_takes_the_place_of_its_rows_and_a_renamed_or_deleted_one_loses_nothing(
    workplace: Workplace, location: Location, folder: Path
) -> None:
    first, second = workbook(folder, 1), workbook(folder, 2, formula)
    ticks = Ticks(location.instance)
    assert requested(ticks) == 1
    run(location)
    assert workplace.rows(STAGED) == [(3,)]
    workbook(folder, 2)  # mended
    first.rename(folder / "renamed.xlsx")
    assert requested(ticks) == 1
    assert run(location).success
    assert workplace.rows(STAGED) == [(6,)]
    (folder / "renamed.xlsx").unlink()
    assert requested(ticks) == 0
    workbook(folder, 2, lambda book: book.remove(book["FALL"]))
    assert requested(ticks) == 1
    assert run(location).success
    assert sources(workplace) == {"renamed": 3, "orders 02": 1}
    assert second.exists()


def test_a_file_that_is_still_being_written_is_left_for_the_next_look(location: Location, folder: Path) -> None:
    path = workbook(folder, 1)
    os.utime(path)
    assert requested(Ticks(location.instance)) == 0


def test_no_second_run_is_requested_while_one_is_under_way(location: Location, folder: Path) -> None:
    workbook(folder, 1)
    job = build_definitions(Settings()).resolve_job_def("load_files")
    location.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert requested(Ticks(location.instance)) == 0


def test_a_folder_that_is_not_there_is_said(workplace: Workplace, location: Location, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(
        dg.Failure, match=r"incoming cannot be read: No such file or directory\. Make it, or correct folder in \[files\]"
    ):
        Ticks(location.instance).sensor("new_files")


def test_nothing_of_it_is_there_until_a_folder_is_configured(workplace: Workplace) -> None:
    repository = build_definitions(Settings()).get_repository_def()
    assert not repository.has_job("load_files")
    assert not repository.has_sensor_def("new_files")
