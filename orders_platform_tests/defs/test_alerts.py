"""Alerts reach a receiver once when a run or a check fails, and once when it has recovered; and the daily summary."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, JobFailureData, RunFailureReason
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from orders_platform.definitions import build_definitions
from orders_platform.defs.alerts import RUNS, Address, Memory, Message, Result, addresses_of, announce, results_of
from orders_platform.defs.resources import CUSTOMERS
from orders_platform.domain.customers import CustomerNames
from orders_platform.errors import ConfigurationError
from orders_platform.settings import Settings
from orders_platform_tests.testing.alert_receiver import Receiver, receiving
from orders_platform_tests.testing.dagster_location import Location, Ticks
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"
SYNCED = {CUSTOMER: samples_of("B'HOOD", "BHOOD")[:4], "RHONE": samples_of("RHONE")[:4]}
STUCK = "UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING', sync_pending_at = datetime('now', '-40 minutes') WHERE rowid <= 3"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, workplace: Workplace) -> Iterator[Receiver]:
    with receiving() as made:
        monkeypatch.setenv("ORDERS_ALERT_URLS", made.url)
        yield made


@pytest.fixture
def ticks(location: Location, receiver: Receiver) -> Ticks:
    return Ticks(location.instance)


def job(location: Location, name: str) -> dg.ExecuteInProcessResult:
    found = build_definitions(Settings()).resolve_job_def(name)
    return found.execute_in_process(instance=location.instance, raise_on_error=False)


def failure_event(run: dg.DagsterRun, at: datetime) -> dg.EventLogEntry:
    """What Dagster stores when a run failed, by the clock of its host."""
    failed = DagsterEvent(
        "PIPELINE_FAILURE", run.job_name, event_specific_data=JobFailureData(None, RunFailureReason.UNKNOWN, None)
    )
    return dg.EventLogEntry(None, 40, "", run.run_id, at.timestamp(), run.job_name, dagster_event=failed)


def test_when_all_is_well_nobody_is_told(synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver) -> None:
    job(location, "check_waiting_rows")
    job(location, "check_orders")
    ticks.sensor("alerts")
    assert receiver.arrived == []


def test_stuck_rows_are_told_once_and_so_is_their_end(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    synced.write(STUCK)
    run = job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    (message,) = receiver.arrived
    assert message["title"] == "[sandbox] B'HOOD: no_rows_stuck failed"
    assert "3 rows are stuck, 3 of them PENDING (B'HOOD 3)" in message["message"]
    assert f"http://127.0.0.1:3000/runs/{run.run_id}" in message["message"]
    assert message["type"] == "failure"

    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert len(receiver.arrived) == 1

    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'SYNCED'")
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    assert receiver.titles[1:] == ["[sandbox] B'HOOD: no_rows_stuck recovered"]
    assert receiver.arrived[1]["type"] == "success"


def test_a_second_customer_is_news(synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver) -> None:
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    synced.write(STUCK.replace("rowid <= 3", "\"CUSTOMER NAME\" = 'RHONE'"))
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    assert receiver.titles[1:] == ["[sandbox] RHONE: no_rows_stuck failed"]


def test_a_run_that_fails_is_told_with_what_why_and_what_next(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW'")
    with monkeypatch.context() as wrong:
        wrong.setenv("MONDAY_API_TOKEN", "not a token")
        for customer in (CUSTOMER, "RHONE"):
            assert not location.sync_customer(customer).success
        ticks.sensor("alerts")
        assert not location.sync_customer("RHONE").success
        ticks.sensor("alerts")
    (message,) = receiver.arrived  # two customers, one message; and the third failure is no news
    assert message["title"] == "[sandbox] B'HOOD, RHONE: the run failed"
    first = message["message"].splitlines()[0]
    assert first.startswith("B'HOOD: ")
    assert "MONDAY_API_TOKEN" in first
    assert location.sync_customer("RHONE").success
    ticks.sensor("alerts")
    assert receiver.titles[1:] == ["[sandbox] RHONE: the run recovered"]
    assert "Failing now: 1 of 2 customers (B'HOOD)." in receiver.arrived[1]["message"]


def test_a_run_that_a_check_stopped_is_told_by_the_check_alone(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    synced.write("UPDATE ORDER_LIST_V2 SET monday_item_id = 7 WHERE \"CUSTOMER NAME\" = 'RHONE'")
    assert not location.sync_customer("RHONE").success
    assert job(location, "check_orders").success
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] RHONE: keys_unique failed"]


def test_a_doubled_item_is_well_again_when_the_whole_board_was_looked_at_and_not_before(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    """A run looks only for what it sends itself, and the copy is in a group of nobody."""
    board_id = Settings().configuration.items.board_id
    ((key,), (other,), *_) = synced.rows("SELECT order_key FROM ORDER_LIST_V2 WHERE \"CUSTOMER NAME\" = 'RHONE' ORDER BY 1")
    synced.graphql(f'mutation {{ create_group(board_id: {board_id}, group_name: "by hand") {{ id }} }}')
    (group,) = [each.id for each in synced.sandbox.board_snapshot(board_id) if each.title == "by hand"]
    synced.graphql(
        f'mutation {{ create_item(board_id: {board_id}, group_id: "{group}", item_name: "copy", '
        f'column_values: "{{\\"text_mkr5wya6\\": \\"{key}\\"}}") {{ id }} }}'
    )

    more = iter(samples_of("RHONE")[4:])

    def change(order: str) -> None:
        synced.write('UPDATE "swp_ORDER_LIST_V2" SET "NOTES" = ? WHERE "AAG ORDER NUMBER" = ?', f"changed {order}", order)
        synced.stage([next(more)], append=True)
        assert location.sync_customer("RHONE").success
        ticks.sensor("alerts")

    def told() -> list[str]:
        return [title for title in receiver.titles if "doubled" in title or "values" in title]

    change(key)
    assert told() == ["[sandbox] RHONE: no_item_doubled failed"]
    change(other)
    assert told()[1:] == []
    assert job(location, "verify_boards").success
    ticks.sensor("alerts")
    assert told()[1:] == ["[sandbox] RHONE: board_shows_values failed"]
    (item,) = [item.id for each in synced.sandbox.board_snapshot(board_id) for item in each.items if item.name == "copy"]
    synced.graphql(f"mutation {{ archive_item(item_id: {item}) {{ id }} }}")
    assert job(location, "verify_boards").success
    ticks.sensor("alerts")
    assert set(told()[2:]) == {
        "[sandbox] RHONE: board_shows_values recovered",
        "[sandbox] RHONE: no_item_doubled recovered",
    }


def test_a_run_that_will_be_retried_is_not_told(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    run = ticks.busy("RHONE")
    location.instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    location.instance.report_run_failed(run)
    ticks.sensor("alerts")
    assert receiver.arrived == []


def test_a_run_of_which_dagster_has_stored_the_end_and_not_yet_that_it_repeats_it_is_not_told(
    synced: Workplace, receiver: Receiver, tmp_path: Path
) -> None:
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"run_retries": {"enabled": True, "max_retries": 1}}
    ) as instance:
        ticks = Ticks(instance)
        run = ticks.busy("RHONE")
        event = failure_event(run, datetime.now(UTC))
        instance.event_log_storage.store_event(event)
        ticks.sensor("alerts")
        instance.run_storage.handle_run_event(run.run_id, event.dagster_event)
        ticks.sensor("alerts")
        instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
        ticks.sensor("alerts")
        assert instance.get_run_by_id(run.run_id).is_failure
        assert receiver.arrived == []


def test_a_process_that_was_killed_for_good_is_told(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    location.instance.report_run_failed(ticks.busy("RHONE"))
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] RHONE: the run failed"]
    assert "process ended without a message" in receiver.arrived[0]["message"]


def test_an_alert_that_nobody_took_is_sent_again(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    receiver.answer = 503
    for _ in range(2):
        assert "1 not taken yet" in ticks.sensor("alerts").skip_reason.skip_message
    receiver.answer = 200
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert len(receiver.arrived) == 1


def test_a_message_that_is_refused_keeps_back_no_other_and_repeats_none(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    receiver.refused = "no_rows_failed"
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'x' WHERE rowid = 4")
    job(location, "check_orders")
    ticks.sensor("alerts")
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    for _ in range(3):
        ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD: no_rows_stuck failed"]
    receiver.refused = "nothing"
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert receiver.titles[1:] == ["[sandbox] B'HOOD: no_rows_failed failed"]


def test_a_check_that_turns_from_a_warning_to_an_error_is_news(
    workplace: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    """One wrong total of six is told and sent as it is; all of them stop the lines of that customer."""
    rows = samples_of("B'HOOD", "BHOOD")[:6]
    workplace.stage([{**rows[0], "TOTAL QTY": 1}, *rows[1:]])
    assert location.sync_customer(CUSTOMER).success
    ticks.sensor("alerts")
    workplace.stage([{**row, "TOTAL QTY": 1} for row in rows])
    assert not location.sync_customer(CUSTOMER).success
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD: totals_match_sizes failed"] * 2
    assert ["ERROR" in message["message"] for message in receiver.arrived] == [False, True]


def test_the_verdict_on_one_customer_is_told_and_over_when_that_customer_recovers_and_not_before(
    workplace: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    """Each is told by its own run; what the job finds of all customers is the same topic, and no news."""
    bhood, rhone, wrong = samples_of("B'HOOD", "BHOOD")[:6], samples_of("RHONE")[:3], {"TOTAL QTY": 1}
    workplace.stage([*({**row, **wrong} for row in bhood), {**rhone[0], **wrong}, *rhone[1:]])
    assert not location.sync_customer(CUSTOMER).success
    assert location.sync_customer("RHONE").success
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD, RHONE: totals_match_sizes failed"]
    workplace.stage([*({**row, **wrong} for row in bhood), *rhone])
    assert location.sync_customer("RHONE").success
    ticks.sensor("alerts")
    assert receiver.titles[1:] == ["[sandbox] RHONE: totals_match_sizes recovered"]
    assert "Failing now: 1 of 2 customers (B'HOOD)." in receiver.arrived[1]["message"]
    job(location, "check_orders")
    ticks.sensor("alerts")
    assert receiver.titles[2:] == []
    workplace.stage([*bhood, *rhone])
    assert location.sync_customer(CUSTOMER).success
    ticks.sensor("alerts")
    assert receiver.titles[2:] == ["[sandbox] B'HOOD: totals_match_sizes recovered"]


def test_a_host_whose_clock_is_ahead_does_not_hide_the_runs_of_others(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    location.instance.handle_new_event(failure_event(ticks.busy("RHONE"), datetime.now(UTC) + timedelta(minutes=30)))
    ticks.sensor("alerts")
    location.instance.report_run_failed(ticks.busy(CUSTOMER))
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] RHONE: the run failed", "[sandbox] B'HOOD: the run failed"]


@pytest.mark.parametrize("cursor", ["not json", '{"other": 1}', "[]", '{"since": 0, "position": 9999, "problems": {"a": {}}}'])
def test_a_cursor_of_another_version_forgets_and_goes_on(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, cursor: str
) -> None:
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    ticks.cursors["alerts"] = cursor
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD: no_rows_stuck failed"]


def test_a_failed_run_of_a_customer_that_is_gone_is_forgotten(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    assert not location.sync("TYPED IN").success
    ticks.sensor("alerts")
    location.instance.delete_dynamic_partition("customers", "TYPED IN")
    assert not location.sync("NOBODY").success
    ticks.sensor("alerts")
    location.instance.delete_dynamic_partition("customers", "NOBODY")
    ticks.sensor("alerts")
    assert len(receiver.arrived) == 2
    assert not json.loads(ticks.cursors["alerts"])["standings"][RUNS]


def test_one_place_that_is_away_keeps_the_alert_from_no_other(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_ALERT_URLS", f"json://127.0.0.1:9/ {receiver.url}")
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert len(receiver.arrived) == 1


def test_what_failed_before_there_was_an_address_is_told_once_there_is_one(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as silent:
        silent.delenv("ORDERS_ALERT_URLS")
        synced.write(STUCK)
        job(location, "check_waiting_rows")
        assert "ORDERS_ALERT_URLS is empty" in ticks.sensor("alerts").skip_reason.skip_message
        ticks.sensor("alerts")
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD: no_rows_stuck failed"]


def test_a_wrong_url_is_refused_when_the_location_loads_and_not_shown(
    offline: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_ALERT_URLS", "json://127.0.0.1/ carrier-pigeon://secret@nowhere")
    with pytest.raises(ConfigurationError, match="ORDERS_ALERT_URLS: number 2") as refused:
        build_definitions(Settings())
    assert "secret" not in str(refused.value)


def test_the_daily_summary_counts_by_customer(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", os.fspath(synced.configure((":3000", ":3999"))))
    synced.write(STUCK)
    location.instance.report_run_failed(ticks.busy("RHONE"))
    assert job(location, "daily_summary").success
    (message,) = receiver.arrived
    assert message["title"] == "[sandbox] 2 customers: 1 not all on the board"
    lines = message["message"].splitlines()
    assert lines[0] == "The last run failed: RHONE"
    assert lines[1] == "B'HOOD: 4 of 4 orders on the board; 3 rows wait"  # those with rows in trouble come first
    assert lines[2] == "RHONE: 4 orders, all on the board"
    assert lines[-1].startswith("http://127.0.0.1:3999/")


def test_a_secret_of_an_alert_url_is_nowhere_in_a_run(
    synced: Workplace, location: Location, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORDERS_ALERT_URLS", receiver.url.replace("json://", "json://user:pa55word@"))
    run = job(location, "daily_summary")
    assert run.success
    assert len(receiver.arrived) == 1
    assert "pa55word" not in "".join(str(entry) for entry in location.instance.all_logs(run.run_id))


# --- by values alone, and by what an address takes


ATTACK = "<b>\x1b[2J\u202e*x* & [a](https://evil.example)"


NOBODY = CustomerNames({})


@pytest.mark.parametrize(("address", "shown"), [
    ("", "<b>\\u001b[2J\\u202e*x* & [a](https://evil.example)"),
    ("?format=html", "&lt;b&gt;\\u001b[2J\\u202e*x*&nbsp;&amp;&nbsp;[a](https://evil.example)"),
    ("?format=markdown", r"<b\>\\u001b\[2J\\u202e\*x\* & \[a\]\(https://evil\.example\)"),
])  # fmt: skip
def test_an_alert_is_plain_text_whatever_the_address_makes_of_texts(receiver: Receiver, address: str, shown: str) -> None:
    (sent,) = addresses_of(SecretStr(f"{receiver.url}/{address}"), NOBODY)
    assert sent.takes(Message(f"title {ATTACK}", ATTACK, is_bad=True))
    (message,) = receiver.arrived
    assert message["message"].strip() == shown
    assert not set("\x1b\u202e") & set(message["title"])


@pytest.mark.parametrize(
    "url",
    ["slack://hunter2secret/short", "json://user:hunter2secret@127.0.0.1:9/hunter2secret", "json://user:hunter2secret/a@host",
     "nosuch://hunter2secret@host", "json://host?format=hunter2secret", "json://host:hunter2secret", "hunter2=json://hunter2secret"],
)  # fmt: skip
def test_a_secret_of_an_alert_url_is_in_no_log_no_error_and_no_cursor(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1):
        try:
            (address,) = addresses_of(SecretStr(url), NOBODY)
            said = address.key
            assert not address.takes(Message("title", "body", is_bad=True))
        except ConfigurationError as error:
            said = str(error)
    assert "hunter2" not in caplog.text + said


def test_programs_are_told_by_fields(synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver) -> None:
    synced.write(STUCK)
    run = job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    (message,) = receiver.arrived
    assert message["details"] == [
        {"customer": CUSTOMER, "check": "no_rows_stuck", "severity": "ERROR", "found": 3, "failing": 1, "of": 2, "run": run.run_id,
         "link": f"http://127.0.0.1:3000/runs/{run.run_id}"}
    ]  # fmt: skip
    assert message["message"].splitlines()[-1] == "Failing now: 1 of 2 customers (B'HOOD)."


def test_an_address_with_a_name_hears_of_that_customer_alone(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "ORDERS_ALERT_URLS", f"rhone={receiver.url} BHOOD={receiver.url}/bhood TITLE%20NINE={receiver.url}/title"
    )
    synced.write(STUCK.replace("WHERE rowid <= 3", ""))
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    assert set(receiver.titles) == {"[sandbox] B'HOOD: no_rows_stuck failed", "[sandbox] RHONE: no_rows_stuck failed"}
    receiver.arrived.clear()
    assert job(location, "daily_summary").success
    assert [message["message"].splitlines()[0] for message in receiver.arrived] == [
        "RHONE: 4 of 4 orders on the board; 4 rows wait", "B'HOOD: 4 of 4 orders on the board; 4 rows wait", "http://127.0.0.1:3000/runs"
    ]  # fmt: skip


def test_a_name_that_no_customer_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="number 1 is for a customer that"):
        addresses_of(SecretStr("RHONDA=json://127.0.0.1/"), NOBODY)


def test_an_address_that_is_added_hears_what_fails_now_and_the_others_nothing_again(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write(STUCK)
    job(location, "check_waiting_rows")
    ticks.sensor("alerts")
    monkeypatch.setenv("ORDERS_ALERT_URLS", f"{receiver.url} {receiver.url}/added")
    ticks.sensor("alerts")
    ticks.sensor("alerts")
    assert receiver.titles == ["[sandbox] B'HOOD: no_rows_stuck failed"] * 2


def test_a_failed_run_is_tagged_with_its_error(
    synced: Workplace, location: Location, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as wrong:
        wrong.setenv("MONDAY_API_TOKEN", "not a token")
        synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW'")
        failed = location.sync_customer("RHONE")
    crashed = ticks.busy("RHONE")
    location.instance.report_run_failed(crashed)
    ticks.sensor("alerts")
    tags = [location.instance.get_run_by_id(run.run_id).tags["orders/error"] for run in (failed, crashed)]
    assert tags == ["ConfigurationError", "crash"]
    again = ticks.repeat(failed.run_id)
    ticks.sensor("alerts")
    assert location.instance.get_run_by_id(again).is_success
    assert location.instance.get_run_by_id(again).tags["orders/error"] == "none"


def test_a_run_that_met_a_pause_is_told_to_nobody(
    synced: Workplace, location: Location, ticks: Ticks, receiver: Receiver
) -> None:
    with synced.store() as store:
        store.pause("RHONE", datetime.now(UTC))
    assert not location.sync_customer("RHONE").success
    ticks.sensor("alerts")
    assert receiver.arrived == []


def test_a_check_of_one_partition_says_nothing_of_another() -> None:
    @dg.asset(partitions_def=CUSTOMERS)
    def orders() -> None:
        """Orders."""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.asset_check(asset=orders, partitions_def=CUSTOMERS)
        def totals(context) -> dg.AssetCheckResult:
            failed = context.partition_key == "ACME"
            return dg.AssetCheckResult(
                passed=not failed, metadata={"customers": dg.MetadataValue.json({"ACME": 9} if failed else {})}
            )

    memory = Memory(since=0)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("customers", ["ACME", "RHONE"])
        for key in ("ACME", "RHONE"):
            run = dg.materialize([orders, totals], instance=instance, partition_key=key)
            for result in results_of(instance, instance.get_run_by_id(run.run_id)):
                memory.take_in(result)
    assert {name: (each.kind, each.count) for name, each in memory.standings["totals"].items()} == {"ACME": ("WARN", 9)}


def everybody(*failing: str, left_out: tuple[str, ...] = ()) -> Result:
    return Result("check", dict.fromkeys(failing, "WARN"), None, f"words of {failing}", "run", left_out)


def of(customer: str, kind: str | None) -> Result:
    return Result("check", {customer: kind} if kind else {}, customer, "words", "run")


def said(memory: Memory, *results: Result, taken: bool = True, customer: str | None = None) -> list[str]:
    """What an address hears after these results: the titles, whether it takes them or not."""
    for result in results:
        memory.take_in(result)
    address = Address(customer or "all", customer, lambda _message: taken)
    titles = [title.removeprefix("[test] ") for title, _ in announce(memory, address, "test", "http://ui")]
    memory.forget({"ACME", "RHONE"}, {"all", "ACME", "RHONE"})
    return titles


@pytest.mark.parametrize(
    ("looks", "titles"),
    [
        ([[everybody(), of("ACME", None)]], [[]]),
        ([[everybody("ACME")], [everybody("ACME"), everybody("ACME")], [everybody()], [everybody()]],
         [["ACME: check failed"], [], ["ACME: check recovered"], []]),
        ([[everybody("ACME")], [everybody("ACME", "RHONE")], [everybody("RHONE")]],
         [["ACME: check failed"], ["RHONE: check failed"], ["ACME: check recovered"]]),
        ([[everybody("ACME", "RHONE")], [of("ACME", None)], [everybody("RHONE")]],
         [["ACME, RHONE: check failed"], ["ACME: check recovered"], []]),
        ([[everybody("ACME", "RHONE")], [everybody(left_out=("ACME",))], [everybody("ACME")]],
         [["ACME, RHONE: check failed"], ["RHONE: check recovered"], []]),
        ([[of("ACME", "WARN")], [of("ACME", "WARN")], [of("ACME", "ERROR")]], [["ACME: check failed"], [], ["ACME: check failed"]]),
        ([[of("ACME", "WARN"), of("ACME", None)]], [[]]),
        ([[of("ACME", "WARN")], [of("ACME", None), of("ACME", "WARN")]], [["ACME: check failed"], []]),
    ],
    ids=["well", "once", "a second customer", "one says nothing of another", "left out", "another kind", "both at once", "never over"],
)  # fmt: skip
def test_each_failure_and_each_recovery_is_said_once(looks: list[list[Result]], titles: list[list[str]]) -> None:
    memory = Memory(since=0)
    assert [said(memory, *results) for results in looks] == titles


def test_what_is_not_taken_is_said_until_it_is_and_never_once_it_is_over() -> None:
    memory = Memory(since=0)
    assert said(memory, everybody("ACME"), taken=False) == said(memory, taken=False) == ["ACME: check failed"]
    assert said(memory, everybody()) == []
    assert said(memory, everybody("ACME")) == ["ACME: check failed"]
    assert said(memory, everybody(), taken=False) == said(memory) == ["ACME: check recovered"]
    assert memory.standings == {"check": {}}


def test_what_is_over_before_it_was_told_is_forgotten_though_others_were_told() -> None:
    memory = Memory(since=0)
    assert said(memory, everybody("ACME", "RHONE"), customer="RHONE") == ["RHONE: check failed"]
    assert said(memory, everybody()) == []
    assert said(memory, customer="RHONE") == ["RHONE: check recovered"]


@given(looks=st.lists(st.tuples(st.sampled_from(["ACME", "RHONE"]), st.sampled_from([None, "WARN", "ERROR"]), st.booleans())))
def test_whatever_is_taken_or_not_an_address_knows_in_the_end_what_fails(looks: list[tuple[str, str | None, bool]]) -> None:
    memory, now = Memory(since=0), dict[str, str | None]()
    for customer, kind, taken in looks:
        now[customer] = kind
        memory.take_in(of(customer, kind))
        said(memory, taken=taken)
    said(memory)
    failing = {name: kind for name, kind in now.items() if kind}
    assert {name: each.told["all"] for name, each in memory.standings.get("check", {}).items()} == failing
    assert said(memory) == []
