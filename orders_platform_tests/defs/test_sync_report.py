"""What a run shows besides its figures: the report, the board's address, rejected rows, and how fast it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_platform_tests.testing.dagster_location import Location, failure, metadata
from orders_platform_tests.testing.workplace import Workplace, samples_of

BHOOD = ("B'HOOD", "BHOOD")


def test_a_run_leaves_a_page_and_shows_the_report(workplace: Workplace, location: Location) -> None:
    workplace.stage(samples_of(*BHOOD))
    run = location.sync("B'HOOD")
    assert run.success
    shown = metadata(run, "sync_report")
    assert (shown["orders"], shown["on_board"], shown["waiting"], shown["corrections"]) == (24, 24, 0, 0)
    assert str(shown["report"]).startswith("# B'HOOD: orders on the board")
    assert shown["page"] == "/reports/B%27HOOD"
    page = Path(str(shown["page_file"]))
    assert page == workplace.folder / ".data" / "reports" / "B'HOOD.html"
    assert "All 24 orders are on the board." in page.read_text(encoding="utf-8")


def test_a_stage_says_how_fast_it_was_and_one_that_sent_nothing_does_not(workplace: Workplace, location: Location) -> None:
    workplace.stage(samples_of(*BHOOD))
    items = metadata(location.sync("B'HOOD"), "monday_items")
    assert items["rows_per_second"] > 0
    assert items["complexity_per_row"] > 0
    assert items["board"] == workplace.url.removesuffix("v2")
    idle = metadata(location.sync("B'HOOD"), "monday_items")
    assert "rows_per_second" not in idle


def test_rejected_rows_are_a_table_of_every_run_until_they_are_corrected(sampled: Workplace, location: Location) -> None:
    for _ in range(2):
        table = str(metadata(location.sync("GREYSON"), "order_headers")["rejected_rows"]).splitlines()
        assert table[0] == "| order | size | code | reason |"
        assert len(table) == 4
    rows = [row for row in samples_of("GREYSON") if row.get("AAG ORDER NUMBER") != "GRE-04420" and row.get("AAG ORDER NUMBER")]
    sampled.stage(rows)
    assert "rejected_rows" not in metadata(location.sync("GREYSON"), "order_headers")


def test_the_folder_and_the_boards_address_are_configured(
    workplace: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, board = workplace.folder / "share", "https://acme.example/boards/9609317401"
    changes = ('folder = ""', f'folder = "{folder}"'), ('board_url = ""', f'board_url = "{board}/"')
    monkeypatch.setenv("ORDERS_CONFIG", str(workplace.configure(*changes)))
    workplace.stage(samples_of(*BHOOD)[:1])
    run = location.sync("B'HOOD")
    assert metadata(run, "monday_subitems")["board"] == board
    (page,) = folder.iterdir()
    assert f'href="{board}/pulses/' in page.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_fails_its_step_alone_and_in_words(workplace: Workplace, location: Location) -> None:
    workplace.stage(samples_of(*BHOOD)[:1])
    (workplace.folder / ".data").mkdir(exist_ok=True)
    (workplace.folder / ".data" / "reports").touch()
    run = location.sync("B'HOOD")
    step, event = failure(run)
    assert step == "sync_report"
    assert "[reports]" in event.step_failure_data.user_failure_data.description
    assert metadata(run, "monday_subitems")["failed"] == 0
