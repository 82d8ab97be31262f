"""Each check, over a customer's run and over all customers: what makes it fail, how badly, and what it then stops."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.loader import LoadingContextForTest

from orders_platform.definitions import build_definitions
from orders_platform.defs import checks
from orders_platform.defs.assets import ORDER_BOARD, SWP_ORDER_LIST
from orders_platform.defs.resources import SqliteResource
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Location, failure
from orders_platform_tests.testing.order_list import batch_of
from orders_platform_tests.testing.workplace import CHECKOUT, Row, Workplace, samples_of

CUSTOMER = "B'HOOD"
DOCUMENT = CHECKOUT / "docs" / "reference" / "checks.md"
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
IN_A_RUN = {
    "keys_unique", "removals_plausible", "columns_filled", "sizes_plausible", "totals_match_sizes", "no_item_doubled", "no_subitem_doubled",
    "board_equals_database",
}  # fmt: skip
NOT_OF_A_RUN = [each for each in checks.ALL if each not in checks.OF_A_RUN]
JOBS = {
    "check_orders": checks.OF_ALL_CUSTOMERS,
    "check_waiting_rows": checks.OF_WAITING_ROWS,
    "verify_boards": checks.OF_VALUES,
}
BLOCKING = {"keys_unique", "columns_filled", "sizes_plausible", "totals_match_sizes"}


def bhood() -> list[Row]:
    return samples_of("B'HOOD", "BHOOD")[:6]


SYNCED = {CUSTOMER: bhood()}


def made(run: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in run.get_asset_check_evaluations()}


def look(location: Location, job: str, check: str) -> dg.AssetCheckEvaluation:
    """What a job of checks only says of one of them."""
    found = build_definitions(Settings()).resolve_job_def(job)
    return made(found.execute_in_process(instance=location.instance, raise_on_error=False))[check]


def shown(location: Location, check: dg.AssetChecksDefinition) -> bool:
    """Whether the UI shows the last evaluation of a check; it shows "Not evaluated" once the asset was materialised after it."""
    storage = location.instance.event_log_storage
    record = storage.get_latest_asset_check_execution_by_key([check.check_key])[check.check_key]
    return asyncio.run(record.targets_latest_materialization(LoadingContextForTest(location.instance)))


def verdicts(location: Location, check: dg.AssetChecksDefinition) -> dict[str | None, str]:
    """What Dagster keeps of a check, by partition."""
    kept = location.instance.event_log_storage.get_asset_check_partition_info([check.check_key])
    return {each.partition_key: each.latest_execution_status.value for each in kept}


def told(evaluation: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in evaluation.metadata.items()}


def table(evaluation: dg.AssetCheckEvaluation) -> list[dict[str, object]]:
    return [dict(record.data) for record in evaluation.metadata["rows"].value.records]


# --- which there are


def test_a_run_of_a_customer_makes_its_checks_and_they_pass(workplace: Workplace, location: Location) -> None:
    workplace.stage(bhood())
    found = made(location.sync_customer(CUSTOMER))
    assert set(found) == IN_A_RUN
    assert all(evaluation.passed for evaluation in found.values())
    assert {evaluation.partition for evaluation in found.values()} == {CUSTOMER}
    counts = told(found["board_equals_database"])
    orders, lines = (
        workplace.rows("SELECT COUNT(*) FROM ORDER_LIST_V2")[0][0],
        workplace.rows("SELECT COUNT(*) FROM ORDER_LIST_LINES")[0][0],
    )
    shown = [counts[name] for name in ("items", "items_shown", "subitems", "subitems_shown")]
    assert shown == [
        str(orders),
        str(orders),
        str(lines),
        str(lines),
    ]  # texts: no line is drawn through those of several customers


def test_only_what_would_do_harm_blocks() -> None:
    blocking = {spec.name for check in checks.ALL for spec in check.check_specs if spec.blocking}
    assert blocking == BLOCKING


def specs(of: list[dg.AssetChecksDefinition]) -> dict[str, dg.AssetCheckSpec]:
    found = [spec for check in of for spec in check.check_specs]
    assert len({spec.name for spec in found}) == len(found)  # alerts know a check by its name
    return {spec.name: spec for spec in found}


def table_of_checks() -> str:
    """What docs/reference/checks.md must show: everything that the definitions say of a check, and who makes it."""
    of_run, of_all = specs(checks.OF_A_RUN), specs(NOT_OF_A_RUN)
    jobs = {name: job for job, of_job in JOBS.items() for name in specs(of_job)}
    lines = ["| check | severity, when | in a run, of | blocks it | of all customers, by |", "| --- | --- | --- | --- | --- |"]
    for name in dict.fromkeys(spec.name for check in checks.ALL for spec in check.check_specs):
        mine, all_of_them = of_run.get(name), of_all.get(name)
        cells = [
            f"`{name}`",
            " ".join((mine or all_of_them).description.split()),
            f"`{mine.asset_key.to_user_string()}`" if mine else "",
            ("yes" if mine.blocking else "no") if mine else "",
            f"`{jobs[name]}`, of `{all_of_them.asset_key.to_user_string()}`" if all_of_them else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return re.sub(" +", " ", "\n".join(lines)) + "\n"


def test_the_documentation_has_the_table_of_checks() -> None:
    """`python -m orders_platform_tests.defs.test_checks` writes it anew."""
    assert table_of_checks() in DOCUMENT.read_text("utf-8")


def test_every_check_is_of_a_job_that_starts_by_itself() -> None:
    assert set(checks.ALL) == {*checks.OF_A_RUN, *(check for of_job in JOBS.values() for check in of_job)}
    assert {spec.asset_key for spec in specs(NOT_OF_A_RUN).values()} == {SWP_ORDER_LIST, ORDER_BOARD}
    described = {**specs(NOT_OF_A_RUN), **specs(checks.OF_A_RUN)}
    assert all(spec.description for spec in described.values())


def test_a_job_of_checks_alone_takes_no_partition() -> None:
    """Why what is checked over all customers is a check of its own: a partitioned check runs with its asset, or not at all."""
    (check,) = (each for each in checks.OF_A_RUN if each.check_key.name == "keys_unique")
    alone = dg.define_asset_job("alone", selection=dg.AssetSelection.checks(check))
    made_of = dg.Definitions(asset_checks=[check], jobs=[alone], resources={"orders_database": SqliteResource()})
    assert made_of.resolve_job_def("alone").partitions_def is None


def test_all_checks_pass_over_all_customers_when_all_is_well(synced: Workplace, location: Location) -> None:
    for job, names in (("check_orders", 11), ("check_waiting_rows", 1), ("verify_boards", 1)):
        found = made(build_definitions(Settings()).resolve_job_def(job).execute_in_process(instance=location.instance))
        assert len(found) == names
        assert [name for name, evaluation in found.items() if not evaluation.passed] == []
        assert {evaluation.partition for evaluation in found.values()} == {None}


def test_what_a_job_said_of_all_customers_stays_shown_when_one_of_them_runs_and_the_staging_table_is_observed(
    synced: Workplace, location: Location
) -> None:
    for job in ("check_orders", "check_waiting_rows", "verify_boards"):
        assert build_definitions(Settings()).resolve_job_def(job).execute_in_process(instance=location.instance).success
    synced.stage(samples_of("RHONE")[:2], append=True)
    assert location.survey().success
    assert location.sync_customer("RHONE").success
    assert [shown(location, check) for check in NOT_OF_A_RUN] == [True] * 13
    location.instance.report_runless_asset_event(dg.AssetMaterialization(ORDER_BOARD))
    assert not shown(location, checks.OF_VALUES[0])  # what would become of them if a run made the asset


def test_the_verdict_on_one_customer_is_not_hidden_by_the_run_of_another(workplace: Workplace, location: Location) -> None:
    rhone, wrong = samples_of("RHONE")[:3], {"TOTAL QTY": 9999}
    totals = next(check for check in checks.OF_A_RUN if check.check_key.name == "totals_match_sizes")
    workplace.stage([*({**row, **wrong} for row in bhood()), *rhone])
    assert not location.sync_customer(CUSTOMER).success
    assert location.sync_customer("RHONE").success
    assert verdicts(location, totals) == {CUSTOMER: "FAILED", "RHONE": "SUCCEEDED"}
    look(location, "check_orders", "totals_match_sizes")
    assert verdicts(location, totals) == {CUSTOMER: "FAILED", "RHONE": "SUCCEEDED"}
    workplace.stage([*bhood(), *({**row, **wrong} for row in rhone)])
    assert location.sync_customer(CUSTOMER).success
    assert verdicts(location, totals) == {CUSTOMER: "SUCCEEDED", "RHONE": "SUCCEEDED"}


# --- keys, sizes, totals, lines


def test_two_orders_with_one_key_stop_the_run_before_anything_is_sent(synced: Workplace, location: Location) -> None:
    copied = [
        column for (column,) in synced.rows("SELECT name FROM pragma_table_info('ORDER_LIST_V2')") if column != "record_uuid"
    ]
    names = ", ".join(f'"{name}"' for name in copied)
    synced.write(f"INSERT INTO ORDER_LIST_V2 (record_uuid, {names}) SELECT 'twin', {names} FROM ORDER_LIST_V2 LIMIT 1")
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', monday_item_id = NULL WHERE record_uuid = 'twin'")
    synced.write("UPDATE ORDER_SYNC_CUSTOMERS SET order_count = order_count + 1")
    mutations = synced.mutations
    run = location.sync(CUSTOMER)
    assert not run.success
    found = made(run)["keys_unique"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert "1 key or board id is shared (B'HOOD 1)" in found.description
    assert synced.mutations == mutations
    assert not look(location, "check_orders", "keys_unique").passed


def test_two_orders_with_one_item_stop_the_run(synced: Workplace, location: Location) -> None:
    synced.write("UPDATE ORDER_LIST_V2 SET monday_item_id = (SELECT MIN(monday_item_id) FROM ORDER_LIST_V2)")
    run = location.sync(CUSTOMER)
    assert not run.success
    assert table(made(run)["keys_unique"])[0]["what"] == "id on the board"


def test_sizes_that_are_none_fail_the_check_in_words(synced: Workplace, location: Location) -> None:
    synced.write('ALTER TABLE "swp_ORDER_LIST_V2" RENAME COLUMN "UNIT OF MEASURE" TO "UNIT"')
    found = look(location, "check_orders", "sizes_plausible")
    assert (found.passed, found.severity) == (False, ERROR)
    assert "UNIT OF MEASURE" in found.description


def test_a_wrong_total_is_said_and_the_order_sent(workplace: Workplace, location: Location) -> None:
    first, *others = bhood()
    workplace.stage([{**first, "TOTAL QTY": 9999}, *others])
    run = location.sync_customer(CUSTOMER)
    assert run.success
    found = made(run)["totals_match_sizes"]
    assert (found.passed, found.severity) == (False, WARN)
    assert table(found)[0]["total"] == 9999
    assert sum(len(items) for items in workplace.board.values()) == 6


def test_totals_that_are_mostly_wrong_stop_the_customer_until_they_are_accepted(
    workplace: Workplace, location: Location
) -> None:
    workplace.stage([{**row, "TOTAL QTY": 9999} for row in bhood()])
    run = location.sync_customer(CUSTOMER)
    assert not run.success
    found = made(run)["totals_match_sizes"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert workplace.mutations == 0
    page = (workplace.folder / ".data" / "reports" / "B'HOOD.html").read_text("utf-8")
    assert "The totals of 6 of 6 orders of B&#39;HOOD are not the sum of their sizes" in page
    assert "0 of 6 orders are on the board" in page
    accepted = location.sync_customer(CUSTOMER, accept=["wrong_totals"])
    assert accepted.success
    assert sum(len(items) for items in workplace.board.values()) == 6


def test_a_column_that_turned_blank_stops_the_customer_until_it_is_accepted(workplace: Workplace, location: Location) -> None:
    workplace.stage(bhood())
    assert location.sync_customer(CUSTOMER).success
    workplace.stage([{**row, "CUSTOMER STYLE": None} for row in bhood()])
    before = workplace.mutations
    run = location.sync_customer(CUSTOMER)
    assert not run.success
    found = made(run)["columns_filled"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert "CUSTOMER STYLE: blank in 6 of 6 orders that had it" in str(table(found)[0]["guard"])
    assert workplace.mutations == before
    assert not look(location, "check_orders", "columns_filled").passed
    assert location.sync_customer(CUSTOMER, accept=["emptied_columns"]).success
    assert look(location, "check_orders", "columns_filled").passed
    assert workplace.mutations > before


def test_lines_whose_order_was_deleted_are_found(synced: Workplace, location: Location) -> None:
    synced.write("DELETE FROM ORDER_LIST_V2 WHERE rowid = 1")
    found = look(location, "check_orders", "lines_have_orders")
    assert (found.passed, found.severity) == (False, ERROR)
    assert told(found)["customers"] == {"(no customer)": len(table(found))}


# --- rows that are not where they should be


def test_a_call_that_was_never_answered_is_stuck_after_the_configured_time(
    synced: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING', sync_pending_at = datetime('now', '-31 minutes') WHERE rowid <= 3"
    )
    found = look(location, "check_waiting_rows", "no_rows_stuck")
    assert (found.passed, found.severity) == (False, ERROR)
    assert found.description.startswith("3 rows are stuck, 3 of them PENDING (B'HOOD 3). Start a run")
    assert told(found)["customers"] == {CUSTOMER: 3}
    assert {row["state"] for row in table(found)} == {"PENDING"}
    monkeypatch.setenv("ORDERS_CONFIG", str(synced.configure(("stuck_pending_minutes = 30", "stuck_pending_minutes = 32"))))
    assert look(location, "check_waiting_rows", "no_rows_stuck").passed


def test_a_row_that_is_never_sent_is_stuck_and_only_a_warning(synced: Workplace, location: Location) -> None:
    synced.write("UPDATE ORDER_LIST_LINES SET sync_state = 'NEW', updated_at = datetime('now', '-241 minutes') WHERE rowid = 1")
    found = look(location, "check_waiting_rows", "no_rows_stuck")
    assert (found.passed, found.severity) == (False, WARN)
    assert told(found)["new"] == 1


def test_a_row_that_is_tried_in_vain_every_hour_is_stuck_all_the_same(synced: Workplace, location: Location) -> None:
    """Each try renews the intent; since when the row waits it must not renew."""
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', updated_at = datetime('now', '-5 hours') WHERE rowid = 1")
    with synced.store() as store:
        (row,) = store.orders(CUSTOMER, waiting=True)
        now = datetime.now(UTC)
        store.record_intents([row], batch_of([row]), "run", now, CUSTOMER)
    assert not look(location, "check_waiting_rows", "no_rows_stuck").passed


def test_the_table_of_a_check_is_short_and_its_numbers_are_whole(
    synced: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", str(synced.configure(("shown_rows = 20", "shown_rows = 2"))))
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = 'x', sync_error_message = 'because'")
    found = look(location, "check_orders", "no_rows_failed")
    assert (found.passed, found.severity) == (False, WARN)
    assert told(found)["found"] == 6
    assert len(table(found)) == 2
    assert table(found)[0]["reason"] == "because"


def test_rows_that_could_not_be_merged_are_said_with_their_reason(workplace: Workplace, location: Location) -> None:
    workplace.stage([*bhood(), {**bhood()[0], "CUSTOMER NAME": "ACME ACTIVE", "_SOURCE_TABLE": "x"}])
    assert location.survey().success
    found = look(location, "check_orders", "no_rows_rejected")
    assert (found.passed, found.severity) == (False, WARN)
    assert told(found)["customers"] == {"ACME ACTIVE": 1}
    assert "is not in [customers]" in str(table(found)[0]["reason"])


def test_more_orders_of_a_number_than_rows_are_an_error(synced: Workplace, location: Location) -> None:
    assert look(location, "check_orders", "orders_have_rows").passed
    columns = [
        column for (column,) in synced.rows("SELECT name FROM pragma_table_info('ORDER_LIST_V2')") if column != "record_uuid"
    ]
    names = ", ".join(f'"{name}"' for name in columns)
    synced.write(f"INSERT INTO ORDER_LIST_V2 (record_uuid, {names}) SELECT 'twin', {names} FROM ORDER_LIST_V2 LIMIT 1")
    synced.write("UPDATE ORDER_LIST_V2 SET \"PO NUMBER\" = 'other' WHERE record_uuid = 'twin'")
    synced.write("UPDATE ORDER_SYNC_CUSTOMERS SET order_count = order_count + 1")
    guard = 'UPDATE ORDER_SYNC_CUSTOMERS SET guards = \'[{"kind": "KIND", "message": "", "is_accepted": true}]\''
    synced.write(guard.replace("KIND", "vanished_orders"))
    assert look(location, "check_orders", "orders_have_rows").passed  # what is missing was kept
    synced.write(guard.replace("KIND", "wrong_totals"))
    found = look(location, "check_orders", "orders_have_rows")
    assert (found.passed, found.severity) == (False, ERROR)
    assert "1 order number with more orders than rows (B'HOOD 1)" in found.description
    assert [(row["orders"], row["rows"]) for row in table(found)] == [(2, 1)]
    number = synced.rows("SELECT \"AAG ORDER NUMBER\" FROM ORDER_LIST_V2 WHERE record_uuid = 'twin'")[0][0]
    synced.write('INSERT INTO swp_ORDER_LIST_V2 ("AAG ORDER NUMBER") VALUES (?)', f"{number[:3]}\u200b{number[3:]}\ufeff")
    assert look(
        location, "check_orders", "orders_have_rows"
    ).passed  # a row of it, though a character was pasted into its number
    synced.stage(bhood()[1:])  # not merged yet: no word
    assert look(location, "check_orders", "orders_have_rows").passed


def test_cells_that_were_left_out_are_said_with_column_text_and_orders(workplace: Workplace, location: Location) -> None:
    workplace.stage([{**row, "DESIGN FEE": "SEE NOTES", "FREIGHT": "soon"} for row in bhood()])
    assert location.survey().success
    assert location.sync_customer(CUSTOMER).success
    found = look(location, "check_orders", "no_cells_left_out")
    assert (found.passed, found.severity) == (False, WARN)
    assert [(row["column"], row["orders"], row["text"]) for row in table(found)] == [
        ("DESIGN FEE", len(bhood()), "SEE NOTES"), ("FREIGHT", len(bhood()), "soon"),
    ]  # fmt: skip
    for asset, column in (("order_headers", "FREIGHT"), ("monday_items", "DESIGN FEE")):
        event = location.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.asset_materialization is not None
        assert column in str(event.asset_materialization.metadata["cell_warnings"].value)


# --- the staging table


def test_a_load_that_stands_still_is_a_warning(synced: Workplace, location: Location) -> None:
    assert look(location, "check_orders", "staging_fresh").passed
    synced.write("UPDATE ORDER_SYNC_CUSTOMERS SET merged_at = datetime('now', '-4 days')")
    found = look(location, "check_orders", "staging_fresh")
    assert (found.passed, found.severity) == (False, WARN)
    assert "no load changed for 96 hours" in found.description


def test_a_customer_whose_load_is_not_merged_for_days_is_named_though_the_others_are(
    synced: Workplace, location: Location
) -> None:
    synced.stage(samples_of("RHONE")[:2], append=True)
    assert location.sync_customer("RHONE").success
    synced.write(
        "UPDATE ORDER_SYNC_CUSTOMERS SET fingerprint = 'x', merged_at = datetime('now', '-4 days') WHERE customer_name = 'RHONE'"
    )
    found = look(location, "check_orders", "staging_fresh")
    assert (found.passed, found.severity) == (False, WARN)
    assert told(found)["customers"] == {"RHONE": 1}
    assert "its load is not what was merged last, 96 hours ago" in found.description
    assert location.sync(CUSTOMER).success
    assert told(look(location, "check_orders", "staging_fresh"))["customers"] == {"RHONE": 1}
    assert location.sync("RHONE").success
    assert look(location, "check_orders", "staging_fresh").passed


# --- the board


def test_an_item_that_a_person_removed_and_one_that_a_person_made_are_differences(
    synced: Workplace, location: Location
) -> None:
    board_id = Settings().configuration.items.board_id
    (first, second, *_) = synced.rows("SELECT monday_item_id, group_id FROM ORDER_LIST_V2 ORDER BY rowid")
    synced.graphql(f"mutation {{ archive_item(item_id: {first[0]}) {{ id }} }}")
    synced.graphql(f'mutation {{ create_item(board_id: {board_id}, group_id: "{second[1]}", item_name: "by hand") {{ id }} }}')
    synced.write(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', \"NOTES\" = 'x', row_hash = 'x' WHERE monday_item_id = ?", second[0]
    )
    run = location.sync(CUSTOMER)
    assert run.success
    found = made(run)["board_equals_database"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert {(row["difference"], row["name"] == "by hand") for row in table(found)} == {("missing", False), ("unknown", True)}
    counts = told(found)
    assert (counts["items"], counts["items_shown"]) == ("6", "5")
    values = look(location, "verify_boards", "board_shows_values")
    assert (values.passed, values.severity) == (False, ERROR)


def test_items_on_another_board_are_said_by_both_checks_in_the_words_of_verify(synced: Workplace, location: Location) -> None:
    made_board = synced.graphql('mutation { create_board(board_name: "Shipped", board_kind: public, empty: true) { id } }')
    board_id = made_board["create_board"]["id"]
    ids = [row[0] for row in synced.rows("SELECT monday_item_id FROM ORDER_LIST_V2 ORDER BY rowid")]
    for item_id in ids:
        synced.graphql(
            f'mutation {{ move_item_to_board(item_id: {item_id}, board_id: {board_id}, group_id: "topics") {{ id }} }}'
        )
    values = look(location, "verify_boards", "board_shows_values")
    assert (values.passed, values.severity) == (False, ERROR)
    assert f"All {len(ids)} items of B'HOOD are on board 'Shipped' ({board_id})" in values.description
    assert {(row["difference"], row["board"]) for row in table(values)} == {
        ("on another board", f"on board 'Shipped' ({board_id})")
    }
    synced.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', \"NOTES\" = 'x', row_hash = 'x' WHERE rowid = 1")
    found = made(location.sync(CUSTOMER))["board_equals_database"]
    counts = told(found)
    assert (counts["items"], counts["items_shown"]) == (str(len(ids)), "1")
    assert {row["difference"] for row in table(found)} == {"on another board"}


def test_a_run_that_sent_nothing_compares_nothing_and_asks_monday_nothing(synced: Workplace, location: Location) -> None:
    asked = len(synced.sandbox.requests)
    found = made(location.sync(CUSTOMER))
    assert len(synced.sandbox.requests) == asked
    for name in ("board_equals_database", "no_item_doubled", "no_subitem_doubled"):
        assert (found[name].passed, told(found[name])["not_checked"]) == (True, [CUSTOMER])


def test_a_value_that_a_person_changed_is_a_warning_of_the_verification(synced: Workplace, location: Location) -> None:
    board_id = Settings().configuration.items.board_id
    ((item_id,), *_) = synced.rows("SELECT monday_item_id FROM ORDER_LIST_V2")
    synced.graphql(
        f"mutation {{ change_multiple_column_values(board_id: {board_id}, item_id: {item_id}, "
        'column_values: "{\\"text_mkr5ej2x\\": \\"by hand\\"}") { id } }'
    )
    found = look(location, "verify_boards", "board_shows_values")
    assert (found.passed, found.severity) == (False, WARN)
    assert table(found)[0]["board"] == "by hand"
    assert table(found)[0]["customer"] == CUSTOMER


def test_a_customer_that_is_at_work_is_left_out_of_the_verification_and_named(synced: Workplace, location: Location) -> None:
    with synced.store() as store, store.lock(CUSTOMER):
        found = look(location, "verify_boards", "board_shows_values")
    assert found.passed
    assert (told(found)["customers_compared"], told(found)["not_checked"]) == (0, [CUSTOMER])


def test_an_order_that_is_on_the_board_twice_fails_the_check_of_the_run_that_sends_it(
    workplace: Workplace, location: Location
) -> None:
    first, *others, last = bhood()
    workplace.stage([first, *others])
    assert location.sync_customer(CUSTOMER).success
    board_id, key = Settings().configuration.items.board_id, first["AAG ORDER NUMBER"]
    ((group_id, item_id),) = workplace.rows(
        'SELECT group_id, monday_item_id FROM ORDER_LIST_V2 WHERE "AAG ORDER NUMBER" = ?', key
    )
    workplace.graphql(
        f'mutation {{ create_item(board_id: {board_id}, group_id: "{group_id}", item_name: "copy", '
        f'column_values: "{{\\"text_mkr5wya6\\": \\"{key}\\"}}") {{ id }} }}'
    )
    workplace.stage([{**first, "NOTES": "changed"}, *others, last])
    run = location.sync(CUSTOMER)
    assert run.success  # whatever is on the board twice, the others were sent
    found = made(run)["no_item_doubled"]
    assert (found.passed, found.severity) == (False, ERROR)
    assert "on the board twice (B'HOOD 1)" in found.description
    (row,) = table(found)
    assert row["order"] == key
    assert str(item_id) in str(row["ids"])
    assert ("doubled", "copy") in {(each["difference"], each["name"]) for each in table(made(run)["board_equals_database"])}


# --- a failed read


@pytest.mark.parametrize("check", NOT_OF_A_RUN, ids=lambda check: next(iter(check.check_specs)).name)
def test_a_check_that_cannot_ask_fails_its_run_instead_of_passing(
    workplace: Workplace, location: Location, check: dg.AssetChecksDefinition
) -> None:
    (spec,) = check.check_specs
    job = next(name for name, of_job in JOBS.items() if check in of_job)
    found = build_definitions(Settings()).resolve_job_def(job)
    run = found.execute_in_process(instance=location.instance, raise_on_error=False)
    if spec.name == "sizes_plausible":  # that there are none is what it looks for
        assert "init-db" in made(run)[spec.name].description
        return
    assert not run.success
    assert spec.name not in made(run)
    assert "init-db" in str(failure(run)[1].step_failure_data.user_failure_data.description)


if __name__ == "__main__":
    DOCUMENT.write_text(
        re.sub(r"(^\|.*\n)+", lambda _: table_of_checks(), DOCUMENT.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
