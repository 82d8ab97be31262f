"""When nothing can be sent: whose error it is, what it says, and that no row pays for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orders_platform.configuration import Configuration
from orders_platform.domain.mapping import ColumnType
from orders_platform.errors import MondayRefusedError
from orders_platform.sandbox.server import Fault
from orders_platform_tests.monday.stage import scripted
from orders_platform_tests.testing.platform import GREYSON, Platform, order

ROWS = [order("GRE-00001"), order("GRE-00002")]


def peloton(number: str) -> dict[str, str | int | None]:
    return {**order(number), "CUSTOMER NAME": "PELOTON", "_SOURCE_TABLE": "xPELOTON_ORDER_LIST_RAW"}


def test_an_unreachable_board_is_the_customers_error_and_no_rows(platform: Platform) -> None:
    platform.load(ROWS)
    report = platform.sync(board={"url": "http://127.0.0.1:9/v2"})
    assert report.error is not None
    assert report.error.startswith("MondayUnavailableError")
    assert platform.states() == {"NEW"}
    assert platform.sync().is_done


def test_a_board_that_goes_away_while_sending_leaves_rows_that_wait(platform: Platform) -> None:
    platform.load([order(f"GRE-{n:05}", {}) for n in range(1, 41)])
    platform.sync(limit=10)
    platform.sandbox.faults.queue(Fault.HTML_502, times=16, operation="create_item")
    report = platform.sync(board={"batch_size": 10})
    assert report.error is not None
    assert report.error.startswith("MondayUnavailableError")
    assert platform.states() == {"SYNCED", "PENDING", "NEW"}
    assert platform.sync().is_done
    assert platform.numbers == [f"GRE-{n:05}" for n in range(1, 41)]


def test_what_was_sent_before_an_error_is_in_the_report(platform: Platform) -> None:
    platform.load([order(f"GRE-{n:05}", {}) for n in range(1, 81)])

    def from_the_second_batch_on() -> None:
        platform.when(
            "intent of create_item", lambda: platform.sandbox.faults.queue(Fault.HTML_502, times=16, operation="create_item")
        )

    platform.when("intent of create_item", from_the_second_batch_on)
    report = platform.sync(board={"batch_size": 10})
    assert report.error is not None
    assert report.items.created == len(platform.items()) == 10
    assert report.groups.created == 1


def test_a_page_instead_of_json_is_an_error_with_its_status(platform: Platform) -> None:
    platform.load(ROWS)
    page = (503, {"Content-Type": "text/html"}, b"<html><h1>Service Unavailable</h1></html>")
    with scripted(page) as script:
        report = platform.sync(board={"url": script.url})
    assert report.error is not None
    assert "503" in report.error
    assert platform.states() == {"NEW"}


def test_a_page_with_status_200_is_no_empty_board(platform: Platform) -> None:
    platform.load(ROWS)
    with scripted((200, {"Content-Type": "text/html"}, b"<html>maintenance</html>")) as script:
        report = platform.sync(board={"url": script.url})
    assert report.error is not None
    assert platform.states() == {"NEW"}


def test_a_wrong_token_stops_everybody_with_the_next_step_and_fails_no_row(platform: Platform) -> None:
    platform.load([*ROWS, peloton("PEL-00001")])
    with pytest.raises(MondayRefusedError, match="MONDAY_API_TOKEN"):
        platform.go(board={"token": "token-of-another-account"})
    assert platform.states() == {"NEW"}
    assert all(report.is_done for report in platform.go().values())


def test_a_token_that_loses_its_rights_in_the_middle_fails_no_row(platform: Platform) -> None:
    platform.load(ROWS)
    platform.when("intent of create_item", lambda: setattr(platform.sandbox.pipeline, "tokens", frozenset()))
    with pytest.raises(MondayRefusedError, match="MONDAY_API_TOKEN"):
        platform.sync()
    assert platform.states() == {"NEW"}


def test_every_missing_column_of_both_boards_is_named_and_nothing_is_sent(platform: Platform) -> None:
    def without(configuration: Configuration) -> Configuration:
        columns = list(configuration.items.fields)
        columns[1] = replace(columns[1], column_id="text_gone")
        columns[3] = replace(columns[3], column_id="text_lost")
        columns[24] = replace(columns[24], type=ColumnType.TEXT)
        below = [*configuration.subitems.fields, replace(columns[1], column_id="text_below")]
        boards = {
            "items": replace(configuration.items, fields=tuple(columns)),
            "subitems": replace(configuration.subitems, fields=tuple(below)),
        }
        return configuration.model_copy(update=boards)

    platform.configure(without)
    platform.load(ROWS)
    with platform.watched() as watch:
        report = platform.sync()
    assert report.error is not None
    assert "BoardMismatchError" in report.error
    for word in (
        "text_gone",
        "text_lost",
        "numeric_mktb1d19",
        "PO NUMBER",
        "CUSTOMER ALT PO",
        "text_below",
        "Nothing was sent",
    ):
        assert word in report.error
    assert watch.mutations == {}
    assert platform.states() == {"NEW"}


def test_a_wrong_board_of_subitems_is_found_before_a_subitem_is_sent(platform: Platform) -> None:
    wrong = replace(platform.configuration.subitems, board_id=9609317401)
    platform.configure(lambda configuration: configuration.model_copy(update={"subitems": wrong}))
    platform.load(ROWS)
    with platform.watched() as watch:
        report = platform.sync()
    assert report.error is not None
    assert "[subitems] board_id" in report.error
    assert "create_subitem" not in watch.mutations


def test_a_busy_customer_is_left_alone_and_the_others_go_on(platform: Platform) -> None:
    platform.load([*ROWS, peloton("PEL-00001")])
    with platform.store.lock(GREYSON):
        reports = platform.go()
    assert (reports[GREYSON].error or "").startswith("CustomerBusyError")
    assert reports["PELOTON"].is_done
    assert platform.numbers == ["PEL-00001"]
    assert platform.sync().is_done


def test_nothing_is_removed_of_a_customer_that_the_load_lacks(platform: Platform) -> None:
    platform.load([*ROWS, peloton("PEL-00001")])
    platform.go()
    platform.load(ROWS)
    reports = platform.go("PELOTON", GREYSON)
    assert reports["PELOTON"].headers is None
    assert reports["PELOTON"].is_done
    assert reports[GREYSON].is_done
    assert platform.numbers == ["GRE-00001", "GRE-00002", "PEL-00001"]


def test_what_waits_of_a_customer_that_the_load_lacks_is_sent(platform: Platform) -> None:
    platform.load([*ROWS, peloton("PEL-00001")])
    platform.sync_until_crash(lambda name, _arguments: name == "record_intents")
    platform.load([peloton("PEL-00001")])
    assert platform.numbers == []
    assert platform.go(GREYSON)[GREYSON].is_done
    assert platform.numbers == ["GRE-00001", "GRE-00002"]


def test_a_wrong_column_of_the_subitems_is_found_before_anything_is_sent(platform: Platform) -> None:
    subitems = platform.configuration.subitems
    wrong = replace(subitems.fields[1], column_id="numeric_nope")
    changed = replace(subitems, fields=(subitems.fields[0], wrong))
    platform.configure(lambda configuration: configuration.model_copy(update={"subitems": changed}))
    platform.load(ROWS)
    with platform.watched() as watch:
        report = platform.sync()
    assert "numeric_nope" in (report.error or "")
    assert watch.mutations == {}


def test_why_rows_wait_is_told(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.ERROR_500, times=100, operation="create_group")
    report = platform.sync()
    assert report.groups.waiting
    assert report.groups.trouble
    assert "INTERNAL" in report.groups.trouble.upper()


def test_one_customers_bad_minute_leaves_the_others(platform: Platform) -> None:
    platform.load([*ROWS, peloton("PEL-00001")])
    platform.sandbox.faults.queue(Fault.HTML_502, times=8, operation="boards")
    reports = platform.go()
    assert reports[GREYSON].error is not None
    assert reports["PELOTON"].is_done


@pytest.mark.parametrize(
    "fault",
    [
        Fault.COMPLEXITY_429, Fault.MINUTE_429, Fault.CONCURRENCY_429, Fault.IP_429, Fault.FIELD_429, Fault.JOB_429, Fault.HTML_429,
        Fault.BUDGET_200, Fault.BUDGET_2025, Fault.BUDGET_LEGACY, Fault.LOCKED_423, Fault.CONFLICT_409, Fault.ERROR_500,
        Fault.HTML_502,
    ],
)  # fmt: skip
def test_a_passing_fault_costs_time_and_nothing_else(platform: Platform, fault: Fault) -> None:
    platform.load(ROWS)
    for operation in ("boards", "create_group", "create_item", "create_subitem"):
        platform.sandbox.faults.queue(fault, operation=operation)
    report = platform.sync()
    assert report.is_done
    assert {item.number: len(item.sizes) for item in platform.items()} == {"GRE-00001": 2, "GRE-00002": 2}


def test_the_daily_limit_leaves_rows_that_wait(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.DAILY_429, operation="create_item")
    report = platform.sync()
    assert report.error is not None
    assert "00:00 UTC" in report.error
    assert platform.states() == {"NEW"}
    assert json.dumps(report.items.figures())
