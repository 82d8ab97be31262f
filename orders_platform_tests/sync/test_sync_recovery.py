"""Unknown outcomes: replies that are lost, processes that die. Every order ends up on the board once, whatever happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from orders_platform.domain.mutations import BatchReport, Operation
from orders_platform.domain.orders import RowKind
from orders_platform.monday.client import RetryPolicy
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.faults import UNCLEAR
from orders_platform.sandbox.server import Fault, Latency
from orders_platform_tests.testing.platform import NOTES_COLUMN, SETTLE, Platform, order

ROWS = [order("GRE-00001", {"S": 1, "M": 2}), order("GRE-00002", {"L": 3})]
WANTED = {"GRE-00001": {"Size S": "1", "Size M": "2"}, "GRE-00002": {"Size L": "3"}}
CREATES = ["create_item", "create_subitem"]
LOOK_UPS = {"create_item": "items_page_by_column_values", "create_subitem": "items"}


def on_board(platform: Platform) -> dict[str, dict[str, str]]:
    shown = {item.number: dict(item.sizes) for item in platform.items()}
    assert Counter(item.number for item in platform.items()).most_common(1)[0][1] == 1
    return shown


def outcome(operation: Operation) -> Callable[[str, tuple[Any, ...]], bool]:
    """The moment after such a batch was answered and before its outcome is committed."""

    def dies(name: str, arguments: tuple[Any, ...]) -> bool:
        reports = (each for each in arguments if isinstance(each, BatchReport))
        return any(report.batch.operation is operation for report in reports)

    return dies


def intent(kind: RowKind) -> Callable[[str, tuple[Any, ...]], bool]:
    return lambda name, arguments: name == "record_intents" and arguments[0][0].kind is kind


def after_intent(kind: RowKind, platform: Platform) -> Callable[[str, tuple[Any, ...]], bool]:
    """The moment between the committed intent and the request."""

    def dies(name: str, arguments: tuple[Any, ...]) -> bool:
        if name == "record_intents" and arguments[0][0].kind is kind:
            platform.store.record_intents(*arguments)
            return True
        return False

    return dies


@pytest.mark.parametrize("operation", CREATES)
@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.HTML_502_AFTER, Fault.HTML_504_AFTER, Fault.ERROR_500_AFTER])
def test_a_lost_reply_does_not_create_anything_twice(platform: Platform, operation: str, fault: Fault) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(fault, operation=operation)
    report = platform.sync()
    assert on_board(platform) == WANTED
    assert report.is_done
    assert report.total("adopted") == 0
    keys = [r.idempotency_key for r in platform.sandbox.requests if operation in r.operations]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("operation", CREATES)
def test_a_reply_lost_for_good_is_settled_looked_up_and_adopted_in_the_same_run(platform: Platform, operation: str) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation=operation)
    report = platform.sync()
    assert on_board(platform) == WANTED
    assert report.is_done
    assert report.total("adopted") == {"create_item": 2, "create_subitem": 3}[operation]
    assert any("until unanswered requests are final" in line for line in platform.lines)
    assert platform.states() == {"SYNCED"}
    assert platform.sync().total("mutations") == 0


@pytest.mark.parametrize("operation", CREATES)
def test_the_settle_time_starts_with_the_last_attempt_and_not_with_the_first(platform: Platform, operation: str) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation=operation)
    with platform.watched() as watch:
        platform.sync()
    sent = [request.at for request in watch.requests if operation in request.operations]
    assert sent[-1] - sent[0] > 20
    looked = [r.at for r in watch.requests if LOOK_UPS[operation] in r.operations and r.at >= sent[-1]]
    assert looked[0] - sent[-1] >= SETTLE


@pytest.mark.parametrize("operation", ["create_group", *CREATES])
def test_a_request_that_is_carried_out_after_we_gave_up_is_no_double(platform: Platform, operation: str) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.HANG, operation=operation)
    report = platform.sync(board={"timeout_seconds": 0.3, "policy": RetryPolicy(attempts=1)})
    assert on_board(platform) == WANTED
    assert platform.groups.count("GREYSON 2025 FALL") == 1
    assert report.is_done
    assert report.total("adopted") == {"create_group": 1, "create_item": 2, "create_subitem": 3}[operation]


@pytest.mark.parametrize("operation", CREATES)
def test_a_request_that_surely_never_arrived_is_made_after_the_look_up(platform: Platform, operation: str) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.CONNECTION_DROPPED, times=8, operation=operation)
    report = platform.sync()
    assert on_board(platform) == WANTED
    assert report.is_done
    assert report.total("adopted") == 0


@pytest.mark.parametrize("operation", CREATES)
@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.CONNECTION_DROPPED])
def test_what_stays_unknown_is_pending_and_the_next_run_settles_it(platform: Platform, operation: str, fault: Fault) -> None:
    platform.load(ROWS)
    platform.sync(limit=0)
    platform.sandbox.faults.queue(fault, times=8, operation=operation)
    look_up = LOOK_UPS[operation]
    if look_up == "items":
        platform.sync(skip_subitems=True)
    platform.when("waiting", lambda: platform.sandbox.faults.queue(Fault.ERROR_500, times=8, operation=look_up))
    report = platform.sync()
    assert report.error is not None
    assert report.error.startswith("MondayUnavailableError")
    kind = "ORDER_LIST_V2" if operation == "create_item" else "ORDER_LIST_LINES"
    assert {row["sync_state"] for row in platform.rows(f"SELECT sync_state FROM {kind}")} == {"PENDING"}
    assert "FAILED" not in platform.states()
    again = platform.sync()
    assert on_board(platform) == WANTED
    assert again.is_done
    adopted = {"create_item": 2, "create_subitem": 3}[operation] if fault is Fault.REPLY_LOST else 0
    assert again.total("adopted") == adopted


def test_the_next_run_waits_only_for_what_is_left_of_the_settle_time(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    platform.clock.sleep(SETTLE - 30)
    before = platform.clock()
    platform.sync()
    assert 29 <= platform.clock() - before <= 31


def test_the_next_run_waits_for_nothing_when_the_settle_time_is_over(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    platform.clock.sleep(SETTLE + 1)
    before = platform.clock()
    platform.sync()
    assert platform.clock() == before


@pytest.mark.parametrize(
    ("operation", "adopted"), [(Operation.CREATE_GROUP, 0), (Operation.CREATE_ITEM, 2), (Operation.CREATE_SUBITEM, 3)]
)
def test_a_crash_between_the_reply_and_its_record_makes_nothing_twice(
    platform: Platform, operation: Operation, adopted: int
) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(outcome(operation))
    report = platform.sync()
    assert on_board(platform) == WANTED
    assert platform.groups.count("GREYSON 2025 FALL") == 1
    assert report.is_done
    assert report.total("adopted") == adopted


@pytest.mark.parametrize("kind", list(RowKind))
def test_a_crash_before_the_intent_loses_nothing(platform: Platform, kind: RowKind) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(intent(kind))
    assert platform.sync().is_done
    assert on_board(platform) == WANTED


@pytest.mark.parametrize("kind", list(RowKind))
def test_a_crash_between_intent_and_request_loses_nothing(platform: Platform, kind: RowKind) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(after_intent(kind, platform))
    assert "PENDING" in platform.states()
    assert platform.sync().is_done
    assert on_board(platform) == WANTED


def test_an_index_that_lags_is_waited_for(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(visibility_lag=20.0)
    platform.make_group("GREYSON 2025 FALL")
    platform.clock.sleep(30)
    platform.load(ROWS)
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    assert platform.sync().is_done
    assert on_board(platform) == WANTED


def test_a_reply_later_than_mondays_limit_is_no_double(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(latency=Latency(per_mutation=31.0))
    platform.load(ROWS)
    platform.sync()
    assert on_board(platform) == WANTED


def test_two_orders_of_one_number_both_unknown_get_their_own_items(platform: Platform) -> None:
    rows = [order("GRE-00001", {"S": n}, PO_NUMBER=po, NOTES=po) for n, po in ((1, "A"), (2, "B"))]
    platform.load(rows)
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    made = {item.name: item.id for item in platform.items()}
    report = platform.sync()
    assert report.items.adopted == 2
    assert {item.name: item.id for item in platform.items()} == made
    assert {item.values[NOTES_COLUMN]: dict(item.sizes) for item in platform.items()} == {
        "A": {"Size S": "1"}, "B": {"Size S": "2"},
    }  # fmt: skip
    ids = {row["PO NUMBER"]: row["monday_item_id"] for row in platform.rows("SELECT * FROM ORDER_LIST_V2")}
    assert ids == {name.split()[-1]: item_id for name, item_id in made.items()}


@pytest.mark.parametrize("survivor", ["A", "B"])
def test_of_two_orders_of_one_number_the_one_that_was_made_keeps_its_item(platform: Platform, survivor: str) -> None:
    platform.load([order("GRE-00001", {}, PO_NUMBER=po) for po in ("A", "B")])
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    made = {item.name.split()[-1]: item.id for item in platform.items()}
    (other,) = set(made) - {survivor}
    platform.remove(made[other], "delete_item")
    platform.sync()
    after = {item.name.split()[-1]: item.id for item in platform.items()}
    assert set(after) == {"A", "B"}
    assert after[survivor] == made[survivor]


def test_an_item_of_another_order_with_the_same_number_is_not_adopted(platform: Platform) -> None:
    first = order("GRE-00001", {}, PO_NUMBER="A")
    platform.load([first])
    platform.sync()
    known = platform.item("GRE-00001").id
    platform.load([first, order("GRE-00001", {}, PO_NUMBER="B")])
    platform.sandbox.faults.queue(Fault.CONNECTION_DROPPED, times=8, operation="create_item")
    report = platform.sync()
    assert report.items.adopted == 0
    assert len({item.id for item in platform.items()}) == 2
    assert platform.rows('SELECT monday_item_id FROM ORDER_LIST_V2 WHERE "PO NUMBER" = ?', "A")[0]["monday_item_id"] == known


def test_an_adopted_item_gets_the_values_that_changed_meanwhile(platform: Platform) -> None:
    platform.load([order("GRE-00001", NOTES="before")])
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    platform.load([order("GRE-00001", NOTES="after", AAG_SEASON="2026 SPRING")])
    report = platform.sync()
    item = platform.item("GRE-00001")
    assert (item.values[NOTES_COLUMN], item.group) == ("after", "GREYSON 2026 SPRING")
    assert (report.items.adopted, report.items.created) == (1, 0)


# --- made again after a person removed it, and then unknown ---------------------------------------------------------------


def removed_by_hand(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.remove(platform.item("GRE-00001").id, "archive_item")
    platform.load([{**ROWS[0], "NOTES": "changed"}, ROWS[1]])


def test_a_crash_while_an_item_is_made_again_does_not_make_it_twice(platform: Platform) -> None:
    removed_by_hand(platform)
    platform.sync_until_crash(outcome(Operation.CREATE_ITEM))
    report = platform.sync()
    assert on_board(platform) == WANTED
    assert report.is_done
    assert report.items.adopted == 1


def test_an_item_made_again_whose_reply_is_lost_gets_its_subitems_too(platform: Platform) -> None:
    removed_by_hand(platform)
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation="create_item")
    report = platform.sync()
    assert (report.items.adopted, report.subitems.created) == (1, 2)
    assert on_board(platform) == WANTED
    assert platform.states() == {"SYNCED"}


def test_a_crash_while_a_subitem_is_made_again_does_not_make_it_twice(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.remove(platform.item("GRE-00001").subitem_ids["Size M"], "delete_item")
    platform.load([{**ROWS[0], "M": 9, "TOTAL QTY": 10}, ROWS[1]])
    platform.sync_until_crash(outcome(Operation.CREATE_SUBITEM))
    assert platform.sync().is_done
    assert on_board(platform) == {**WANTED, "GRE-00001": {"Size S": "1", "Size M": "9"}}


# --- changes of unknown outcome -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.CONNECTION_DROPPED])
def test_a_change_of_unknown_outcome_is_settled_compared_and_sent_again_if_needed(platform: Platform, fault: Fault) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.load([{**ROWS[0], "NOTES": "changed"}, ROWS[1]])
    platform.sandbox.faults.queue(fault, times=8, operation="change_multiple_column_values")
    with platform.watched() as watch:
        report = platform.sync()
    sent = [request.at for request in watch.requests if request.operations[0] == "change_multiple_column_values"]
    read = [request.at for request in watch.requests if request.operations[0] == "items"]
    assert read[-1] - sent[7] >= SETTLE
    assert platform.item("GRE-00001").values[NOTES_COLUMN] == "changed"
    assert report.is_done
    assert platform.states() == {"SYNCED"}


def test_a_crash_between_change_and_move_is_finished_by_the_next_run(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.load([{**ROWS[0], "AAG SEASON": "2026 SPRING"}, ROWS[1]])
    platform.sync_until_crash(outcome(Operation.MOVE_ITEM))
    assert platform.sync().is_done
    assert platform.item("GRE-00001").group == "GREYSON 2026 SPRING"
    assert on_board(platform) == WANTED


def test_an_archiving_of_unknown_outcome_ends_its_lines_as_well(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [*ROWS, *(order(f"GRE-0000{n}", {}) for n in range(3, 9))]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation="archive_item")
    assert platform.sync().is_done
    assert {line["monday_subitem_id"] for line in platform.order_lines("GRE-00001").values()} == {None}
    platform.load(rows)
    assert platform.sync().is_done
    assert {item.number: dict(item.sizes) for item in platform.items()}["GRE-00001"] == WANTED["GRE-00001"]


def test_rows_that_were_not_sent_are_reported_as_waiting(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.LOCKED_423, times=13, operation="create_item")
    report = platform.sync()
    assert (report.items.waiting, report.items.failed) == (2, 0)
    assert not report.is_done
    assert {row["sync_state"] for row in platform.orders().values()} == {"NEW"}
    assert platform.sync().is_done
    assert on_board(platform) == WANTED


def test_a_row_whose_outcome_stays_unknown_is_counted_as_waiting_once(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.CONNECTION_DROPPED, times=16, operation="create_item")
    report = platform.sync()
    assert (report.items.waiting, report.subitems.waiting) == (1, 2)
    assert sorted(row["sync_state"] for row in platform.orders().values()) == ["PENDING", "SYNCED"]
    assert platform.sync().is_done
    assert on_board(platform) == WANTED


# --- answers that do not say what happened --------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["create_group", *CREATES])
@pytest.mark.parametrize("fault", UNCLEAR)
def test_an_answer_that_does_not_say_what_happened_doubles_nothing(platform: Platform, operation: str, fault: Fault) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(fault, operation=operation)
    report = platform.sync()
    # A group's id may be any word: only the list of groups says that it is none.
    if operation == "create_group" and fault is Fault.STRANGE_ID:
        assert report.items.waiting == 2
        report = platform.sync()
    assert on_board(platform) == WANTED
    assert platform.groups.count("GREYSON 2025 FALL") == 1
    assert report.is_done
    assert platform.states() == {"SYNCED"}


class Liar(httpx.BaseTransport):
    """Answers creations with the id of what it created before."""

    def __init__(self, transport: httpx.BaseTransport, operation: str, wrong_id: str) -> None:
        self._transport, self._operation, self._wrong_id = transport, operation, wrong_id
        self.lies = 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._transport.handle_request(request)
        if self._operation.encode() not in request.content or not self.lies:
            return response
        self.lies -= 1
        content = json.loads(response.read())
        response.close()
        content["data"] = {
            alias: node if alias == "complexity" else {"id": self._wrong_id} for alias, node in content["data"].items()
        }
        return httpx.Response(200, json=content)

    def close(self) -> None:
        self._transport.close()


@pytest.mark.parametrize("operation", ["create_group", *CREATES])
def test_an_id_that_another_row_has_is_never_recorded(platform: Platform, operation: str) -> None:
    platform.load(ROWS[:1])
    platform.sync()
    (first,) = platform.items()
    group = platform.sandbox.board_snapshot(ITEMS_BOARD_ID)[-1].id
    wrong_id = {"create_group": group, "create_item": str(first.id)}.get(operation) or str(first.subitem_ids["Size S"])
    platform.load([*ROWS[:1], order("GRE-00002", {"L": 3}, AAG_SEASON="2026 SPRING")])
    wire = Liar(httpx.HTTPTransport(), operation, wrong_id)
    report = platform.sync(board={"http_transport": wire})
    assert wire.lies == 0
    assert on_board(platform) == WANTED
    assert report.is_done
    assert len({row["monday_item_id"] for row in platform.orders().values()}) == 2
    assert [platform.groups.count(title) for title in ("GREYSON 2025 FALL", "GREYSON 2026 SPRING")] == [1, 1]
