"""`orders-platform report`: after a sync, after changes, and when something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orders_platform.merge.order_merge import OrderMerge
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    _, _, after = text.partition(heading)
    lines = after.split("\n#")[0].splitlines()
    return [[part.strip() for part in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]


def test_before_the_first_sync_everything_waits_and_after_it_nothing(bhood: Workplace, terminal: Terminal) -> None:
    with bhood.store() as store:
        merge = OrderMerge(store)
        merge.merge_headers("B'HOOD", merge.scan_staging(), datetime.now(UTC))
    before = terminal("report", "--customer", "B'HOOD").out
    assert "**0 of 24 orders are on the board; the next update takes in what the order list holds now.**" in before
    assert len(rows_of(before, "## Waiting (24)")) == 24
    assert "Last update" not in before

    assert terminal("sync", "--execute").code == 0
    after = terminal("report", "--customer", "bhood")
    assert after.code == 0
    assert after.out.startswith("# B'HOOD: orders on the board\n")
    assert "**All 24 orders are on the board.** Nothing waits, and nothing needs a correction." in after.out
    assert rows_of(after.out, "**All 24") == [
        ["B'HOOD 2025 HOLIDAY", "12", "12", "0", "0", "24", "6,622"],
        ["B'HOOD SS26", "12", "12", "0", "0", "36", "6,134"],
    ]
    assert "\n24 new.\n" in after.out


def test_the_last_update_is_what_the_last_run_that_sent_anything_brought(bhood: Workplace, terminal: Terminal) -> None:
    terminal("sync", "--execute")
    rows = samples_of("B'HOOD", "BHOOD")
    first, second = rows[0], rows[1]
    with bhood.store() as store:
        size = next(name for name in OrderMerge(store).rules.sizes if str(second.get(name) or "0") not in {"0", "nan"})
    first["PO NUMBER"], second[size] = "PO-CHANGED", "777"
    bhood.stage(rows)
    terminal("sync", "--execute")
    changed = terminal("report", "--customer", "B'HOOD").out
    found = {row[0]: row[3] for row in rows_of(changed, "## Last update of the board")}
    assert found[first["AAG ORDER NUMBER"]] == "changed"
    assert "1 size" in found[second["AAG ORDER NUMBER"]]
    assert len(found) == 2

    terminal("sync", "--execute")  # nothing to do
    assert terminal("report", "--customer", "B'HOOD").out.partition("## Last")[2] == changed.partition("## Last")[2]


def test_a_report_writes_and_asks_nothing(after_demo: Workplace, terminal: Terminal, tmp_path: Path) -> None:
    before = after_demo.dump()
    outcome = terminal("report", "--html", str(tmp_path / "all.html"))
    assert (outcome.code, outcome.out) == (1, "")  # not all is on the board
    assert after_demo.dump() == before
    assert not after_demo.sandbox.requests


def test_all_customers_are_one_page_with_an_overview_or_one_text(
    after_demo: Workplace, terminal: Terminal, tmp_path: Path
) -> None:
    outcome = terminal("report", "--html", str(tmp_path / "all.html"), "--markdown")
    assert "12 customers reported in" in outcome.err
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert page.count("<section") == 12
    rows = rows_of(outcome.out, "# Orders on the board")
    assert sum(int(row[1]) for row in rows) == 600
    assert sum(int(row[2]) for row in rows) == 600
    title_nine = terminal("report", "--customer", "TITLE NINE").out
    assert [row[0] for row in rows_of(title_nine, "## Needs a correction")] == ["TIT-00599, TIT-00600", "TIT-00601"]
    assert "numeric_mkr5h612" not in title_nine


def test_a_customer_that_nobody_knows_and_a_file_that_cannot_be_written_are_refused(
    bhood: Workplace, terminal: Terminal
) -> None:
    terminal("sync", "--execute")
    unknown = terminal("report", "--customer", "NOBODY")
    assert unknown.code == 2
    assert "known: B'HOOD" in unknown.err
    Path("file").touch()
    Path("link").symlink_to("nowhere/page.html")
    for broken in ("nowhere/page.html", "file/page.html", "link", f"{'x' * 300}.html", "/dev/full"):
        outcome = terminal("report", "--html", broken)
        assert (outcome.code, broken in outcome.err, "cannot be written" in outcome.err) == (2, True, True)


def test_a_database_without_tables_is_answered_with_the_next_step(workplace: Workplace, terminal: Terminal) -> None:
    outcome = terminal("report")
    assert outcome.code == 1
    assert "orders-platform load FILE" in outcome.err
