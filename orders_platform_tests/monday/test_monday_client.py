"""One request over real HTTP: what is sent, what is repeated, where it ends."""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Callable, Mapping

import pytest

from orders_platform.domain.mutations import BatchReport, Mutation, Operation, Outcome
from orders_platform.errors import BoardMismatchError, ConfigurationError, MondayRefusedError, MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import DailyLimitError
from orders_platform.monday.client import RetryPolicy
from orders_platform_tests.monday.stage import BOARD_ID, Script, Stage
from orders_platform_tests.testing.clock import START, VirtualClock
from orders_platform_tests.testing.local_server import Answer, answering

TOKEN = "eyJhbGciOiJIUzI1NiJ9.a-token-nobody-may-see"
HTML = b"<html><head><title>Too many</title></head></html>"


def answer(status: int, content: object, **headers: str) -> tuple[int, dict[str, str], bytes]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return status, {name.replace("_", "-"): text for name, text in headers.items()}, body


def error(status: int, code: str, message: str = "words", **extensions: object) -> tuple[int, dict[str, str], bytes]:
    return answer(status, {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]})


CREATED = answer(200, {"data": {"m0": {"id": "11"}, "m1": {"id": "12"}}})
NO_BOARD = answer(200, {"data": {"boards": []}})


CREATE = Operation.CREATE_ITEM


def rows_of(count: int = 2, operation: Operation = CREATE) -> list[Mutation]:
    fields = {"board_id": 1, "item_name": "x"} if operation is CREATE else {"item_id": 5}
    return [Mutation(f"row {n}", fields) for n in range(count)]


def send_one(board: MondayBoard, rows: list[Mutation] | None = None, operation: Operation = CREATE) -> BatchReport:
    (report,) = board.send(operation, rows or rows_of())
    return report


def codes(report: BatchReport) -> set[tuple[Outcome, str | None]]:
    return {(result.outcome, result.code) for result in report.results.values()}


def test_a_mutation_carries_token_version_agent_and_key(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(CREATED)
    report = send_one(connect(server.url, token=TOKEN))
    (headers,) = server.headers
    assert headers["authorization"] == TOKEN
    assert headers["api-version"] == "2026-10"
    assert headers["idempotency-key"] == "key-1"
    assert headers["user-agent"].startswith("orders-platform/")
    assert [report.results[f"row {n}"].monday_id for n in (0, 1)] == ["11", "12"]
    assert (report.calls, report.mutations_sent, report.error) == (1, 2, None)


def test_a_read_carries_no_key(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    server = script(NO_BOARD)
    with pytest.raises(BoardMismatchError, match="no board 5"):
        connect(server.url).describe(5)
    assert "idempotency-key" not in server.headers[0]


@pytest.mark.parametrize(
    ("first", "least"),
    [
        (error(429, "COMPLEXITY_BUDGET_EXHAUSTED", retry_in_seconds=21), 21),
        (error(200, "COMPLEXITY_BUDGET_EXHAUSTED", retry_in_seconds=21), 21),
        (error(429, "RATE_LIMIT_EXCEEDED", retryAfterMs=4_000), 4),
        (error(429, "maxConcurrencyExceeded"), 1),
        (answer(429, HTML, Retry_After="9"), 9),
        (error(423, "LOCKED", "Resource is currently locked, please try again later"), 2),
        (answer(409, {"errors": [{"message": "x", "extensions": {"code": "IDEMPOTENCY_CONFLICT"}}]}, Retry_After="3"), 3),
        (error(500, "INTERNAL_SERVER_ERROR"), 0.2),
        (answer(502, HTML), 0.2),
        (answer(504, HTML), 0.2),
        (None, 0.2),
        (answer(200, HTML), 0.2),
    ],
)
def test_what_passes_is_waited_for_and_repeated_with_the_same_key(
    first: object, least: float, script: Callable[..., Script], connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    server = script(first, CREATED)
    report = send_one(connect(server.url))
    assert codes(report) == {(Outcome.DONE, None)}
    assert [headers["idempotency-key"] for headers in server.headers] == ["key-1", "key-1"]
    assert server.bodies[0] == server.bodies[1]
    assert least <= clock() - START <= least + 2
    assert report.calls == 2


@pytest.mark.parametrize(
    "limit",
    [error(429, "COMPLEXITY_BUDGET_EXHAUSTED", retry_in_seconds=3), answer(429, HTML), error(200, "RATE_LIMIT_EXCEEDED")],
)
def test_an_answer_that_speaks_of_a_limit_is_counted(
    limit: object, script: Callable[..., Script], connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    report = send_one(connect(script(limit, limit, CREATED).url))
    assert report.rate_limited == 2
    assert clock.slept >= 6


@pytest.mark.parametrize("lost", [None, answer(502, HTML), error(500, "INTERNAL_SERVER_ERROR")])
def test_creates_that_may_have_happened_end_as_unknown(
    lost: object, script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(lost)
    report = send_one(connect(server.url, policy=RetryPolicy(attempts=4)))
    assert {outcome for outcome, _ in codes(report)} == {Outcome.UNKNOWN}
    assert report.calls == len(server.bodies) == 4
    assert report.error


def test_a_lock_that_never_opens_ends_as_not_sent(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    server = script(error(423, "LOCKED", "Resource is currently locked"))
    report = send_one(connect(server.url, policy=RetryPolicy(limit_waits=3)))
    assert {outcome for outcome, _ in codes(report)} == {Outcome.NOT_SENT}
    assert report.calls == 4


def test_a_key_that_stays_in_use_ends_as_unknown(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    server = script(error(409, "IDEMPOTENCY_CONFLICT"))
    report = send_one(connect(server.url, policy=RetryPolicy(limit_waits=3)))
    assert {outcome for outcome, _ in codes(report)} == {Outcome.UNKNOWN}


def test_a_lost_answer_stays_unknown_whatever_comes_after_it(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    report = send_one(connect(script(None, error(200, "maxComplexityExceeded")).url))
    assert {outcome for outcome, _ in codes(report)} == {Outcome.UNKNOWN}
    assert report.calls == 2


def test_a_key_is_not_used_after_its_thirty_minutes(
    script: Callable[..., Script], connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    slow = answer(429, HTML, Retry_After="600")
    server = script(None, slow)
    board = connect(server.url, policy=RetryPolicy(patience=1e9, limit_waits=1_000))
    report = send_one(board)
    assert {outcome for outcome, _ in codes(report)} == {Outcome.UNKNOWN}
    assert clock() - START < 28 * 60
    assert len(server.bodies) == 4


def test_a_server_that_cannot_be_reached_executed_nothing(connect: Callable[..., MondayBoard]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v2"
    report = send_one(connect(url))
    assert codes(report) == {(Outcome.NOT_SENT, "unreachable")}
    assert report.mutations_sent == 0


def test_two_batches_without_any_answer_end_the_sending(connect: Callable[..., MondayBoard]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v2"
    reports = []
    with pytest.raises(MondayUnavailableError, match="cannot be reached"):
        reports.extend(connect(url, batch_size=2).send(CREATE, rows_of(20)))
    assert [list(report.results) for report in reports] == [["row 0", "row 1"], ["row 2", "row 3"]]


def test_an_answer_that_does_not_come_is_a_time_out_and_unknown(connect: Callable[..., MondayBoard]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        board = connect(f"http://127.0.0.1:{silent.getsockname()[1]}/v2", timeout_seconds=0.05, policy=RetryPolicy(attempts=2))
        report = send_one(board)
    assert codes(report) == {(Outcome.UNKNOWN, "timeout")}


@pytest.mark.parametrize(
    ("refusal", "words", "outcome"),
    [
        (error(401, "Unauthorized", "Not Authenticated"), "refused the token .*set MONDAY_API_TOKEN", Outcome.NOT_SENT),
        (answer(401, b""), "refused the token .*set MONDAY_API_TOKEN", Outcome.UNKNOWN),
        (error(401, "", "Your ip is restricted"), "allow this machine's address", Outcome.NOT_SENT),
        (error(403, "UserUnauthorizedException"), "right to edit this board", Outcome.NOT_SENT),
        (answer(404, HTML), "set MONDAY_API_URL", Outcome.UNKNOWN),
        (answer(301, b"", Location="https://example.com"), "set MONDAY_API_URL", Outcome.UNKNOWN),
        (error(200, "InvalidVersionException"), "api_version", Outcome.NOT_SENT),
    ],
)
def test_a_refusal_for_everything_stops_at_once_and_says_what_to_do(
    refusal: object, words: str, outcome: Outcome, script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(refusal)
    board = connect(server.url)
    with pytest.raises(MondayRefusedError, match=words):
        board.describe(BOARD_ID)
    reports: list[BatchReport] = []
    with pytest.raises(MondayRefusedError, match=words):
        reports.extend(board.send(CREATE, rows_of(50)))
    assert len(server.bodies) == 2
    # Only monday's own words say that nothing was executed.
    assert [{each for each, _ in codes(report)} for report in reports] == [{outcome}]


def test_what_was_drawn_is_reported_before_the_refusal_is_raised(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    reports: list[BatchReport] = []
    sending = connect(script(error(403, "USER_ACCESS_DENIED")).url).send(CREATE, rows_of(50))
    reports.append(next(sending))
    with pytest.raises(MondayRefusedError):
        next(sending)
    assert codes(reports[0]) == {(Outcome.NOT_SENT, "USER_ACCESS_DENIED")}


def test_the_day_that_is_over_stops_everything_until_midnight(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(error(429, "DAILY_LIMIT_EXCEEDED", retry_in_seconds=5))
    board = connect(server.url)
    sending = board.send(CREATE, rows_of(50))
    assert codes(next(sending)) == {(Outcome.NOT_SENT, "DAILY_LIMIT_EXCEEDED")}
    with pytest.raises(DailyLimitError, match="00:00 UTC"):
        next(sending)
    with pytest.raises(DailyLimitError):
        board.describe(BOARD_ID)
    assert len(server.bodies) == 1


def test_a_failed_read_raises_and_is_never_empty(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    partial = answer(
        200, {"data": {"items": []}, "errors": [{"message": "?", "path": ["items"], "extensions": {"code": "NewException"}}]}
    )
    with pytest.raises(MondayRefusedError, match="NewException"):
        connect(script(partial).url).items([1], [])
    with pytest.raises(MondayUnavailableError, match="HTTP 502"):
        connect(script(answer(502, HTML)).url).items([1], [])


def test_a_read_is_repeated_like_a_mutation(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    server = script(None, answer(429, HTML), answer(200, {"data": {"items": []}}))
    assert connect(server.url).items([1], []) == {}
    assert len(server.bodies) == 3


@pytest.mark.parametrize(("operation", "outcome"), [(CREATE, Outcome.UNKNOWN), (Operation.ARCHIVE_ITEM, Outcome.REFUSED)])
def test_an_error_that_nobody_knows_does_not_say_that_nothing_was_created(
    operation: Operation, outcome: Outcome, script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(error(418, "BrandNewException"), error(418, "BrandNewException"))
    report = send_one(connect(server.url), rows_of(1, operation), operation)
    assert codes(report) == {(outcome, "BrandNewException")}


def test_an_unknown_error_of_one_row_says_that_it_is_unknown(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    news = {"message": "?", "path": ["m1"], "extensions": {"code": "BrandNewException"}}
    report = send_one(connect(script(answer(200, {"data": {"m0": {"id": "1"}, "m1": None}, "errors": [news]})).url))
    assert report.results["row 0"].monday_id == "1"
    assert report.results["row 1"].outcome is Outcome.UNKNOWN
    assert "does not know" in (report.results["row 1"].message or "")
    assert report.calls == 1


def test_a_batch_refused_as_a_whole_is_split_until_the_culprit_stands_alone(connect: Callable[..., MondayBoard]) -> None:
    """The server refuses every request that holds the poison, without saying which mutation it is."""
    keys: list[str] = []

    def refuse_poison(headers: Mapping[str, str], body: bytes) -> Answer:
        keys.append(headers["idempotency-key"])
        variables = json.loads(body)["variables"]
        names = {key: value for key, value in variables.items() if key.endswith("item_name")}
        data = {key.split("_")[0]: {"id": str(hash(value) % 10**6)} for key, value in names.items()}
        refusal = {"errors": [{"message": "no", "extensions": {"code": "ItemsLimitationException"}}]}
        return 200, {}, json.dumps(refusal if "poison" in names.values() else {"data": data}).encode()

    rows = tuple(Mutation(f"row {n}", {"board_id": 1, "item_name": "poison" if n == 9 else f"good {n}"}) for n in range(25))
    with answering(refuse_poison) as url:
        report = send_one(connect(f"{url}/v2"), list(rows))
    refused = [ref for ref, result in report.results.items() if result.outcome is not Outcome.DONE]
    assert refused == ["row 9"]
    assert report.results["row 9"].code == "ItemsLimitationException"
    assert len(report.results) == 25
    assert len(set(keys)) == len(keys) == report.calls
    assert report.calls <= 11


@pytest.mark.parametrize("operation", [Operation.ARCHIVE_ITEM, Operation.CREATE_ITEM])
def test_an_internal_error_is_split_only_where_a_repeat_does_no_harm(
    operation: Operation, script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    server = script(error(500, "INTERNAL_SERVER_ERROR"))
    report = send_one(connect(server.url, policy=RetryPolicy(attempts=3)), rows_of(2, operation), operation)
    keys = [headers["idempotency-key"] for headers in server.headers]
    if operation.creates:
        assert codes(report) == {(Outcome.UNKNOWN, "INTERNAL_SERVER_ERROR")}
        assert keys == ["key-1"] * 3
    else:
        assert codes(report) == {(Outcome.REFUSED, "INTERNAL_SERVER_ERROR")}
        assert keys == ["key-1"] * 3 + ["key-1.0"] * 2 + ["key-1.1"] * 2


def test_an_alias_met_by_a_limit_is_repeated_alone_under_a_key_of_its_own(
    script: Callable[..., Script], connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    busy = {"message": "busy", "path": ["m1"], "extensions": {"code": "FIELD_LIMIT_EXCEEDED", "retry_in_seconds": 15}}
    server = script(
        answer(200, {"data": {"m0": {"id": "1"}, "m1": None}, "errors": [busy]}), answer(200, {"data": {"m0": {"id": "2"}}})
    )
    report = send_one(connect(server.url))
    assert [report.results[f"row {n}"].monday_id for n in (0, 1)] == ["1", "2"]
    assert [headers["idempotency-key"] for headers in server.headers] == ["key-1", "key-1.r"]
    assert clock.slept == pytest.approx(15)
    assert report.error is None


def test_an_alias_that_is_never_let_in_ends_as_not_sent(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    busy = {"message": "busy", "path": ["m0"], "extensions": {"code": "FIELD_LIMIT_EXCEEDED"}}
    server = script(answer(200, {"data": {"m0": None}, "errors": [busy]}))
    report = send_one(connect(server.url), rows_of(1))
    assert codes(report) == {(Outcome.NOT_SENT, "FIELD_LIMIT_EXCEEDED")}
    assert len(server.bodies) == 4


def test_another_version_than_the_pinned_one_is_warned_of_once(
    script: Callable[..., Script], connect: Callable[..., MondayBoard], caplog: pytest.LogCaptureFixture
) -> None:
    server = script(answer(200, {"data": {"items": []}}, API_Version="2027-01"))
    board = connect(server.url)
    board.items([1], [])
    board.items([2], [])
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "2027-01" in warnings[0]
    assert "2026-10" in warnings[0]


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/v2", "api.monday.com/v2", "http://", "https://user:secret@api.monday.com/v2", "http://[::1/v2"]
)
def test_an_url_that_cannot_be_used_is_refused(url: str, connect: Callable[..., MondayBoard]) -> None:
    with pytest.raises(ConfigurationError, match="MONDAY_API_URL") as caught:
        connect(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "abc", "two words here", "line\nbreak-token", "tökentoken"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str, connect: Callable[..., MondayBoard]) -> None:
    with pytest.raises(ConfigurationError, match="MONDAY_API_TOKEN") as caught:
        connect("https://api.monday.com/v2", token=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "action",
    [
        error(401, "Unauthorized", f"token {TOKEN} is not valid"),
        error(200, f"Code{TOKEN}", f"Authorization: {TOKEN}"),
        answer(500, f"<html>{TOKEN}</html>".encode()),
        answer(200, b"\x1f\x8bnot gzip", Content_Encoding="gzip"),
        None,
    ],
)
def test_the_token_is_nowhere_in_what_a_failing_run_leaves(
    action: object, script: Callable[..., Script], connect: Callable[..., MondayBoard], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    board = connect(script(action).url, token=TOKEN)
    left: list[object] = [board]
    with pytest.raises((MondayRefusedError, MondayUnavailableError)) as caught:
        board.describe(BOARD_ID)
    left += [caught.value, repr(caught.value), caught.getrepr(style="short")]
    sending = board.send(CREATE, rows_of(1))
    try:
        left.extend(sending)
    except MondayRefusedError as refused:
        left.append(refused)
    left += [vars(board), caplog.text, [record.args for record in caplog.records]]
    assert TOKEN not in " ".join(f"{each!s} {each!r}" for each in left)
    assert len(left) > 4


def test_a_call_to_the_sandbox_says_what_it_cost(stage: Callable[..., Stage]) -> None:
    scene = stage()
    (report,) = scene.board().send(CREATE, scene.creates(2))
    assert report.complexity == sum(record.cost for record in scene.sandbox.requests if record.is_mutation) > 60_000


def test_the_same_seed_waits_the_same_seconds(
    script: Callable[..., Script], connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    waits = []
    for _ in range(2):
        before = clock.slept
        send_one(connect(script(None, CREATED).url, rng=random.Random(7)))
        waits.append(clock.slept - before)
    assert waits[0] == pytest.approx(waits[1])
    assert waits[0] > 0
