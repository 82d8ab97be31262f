"""What a person asks of one run in the launchpad, and the preview of a run: a table of what it would change, and nothing else."""

from __future__ import annotations

import dagster as dg
import pytest

from orders_platform.definitions import build_definitions
from orders_platform.defs.resources import GuardWord
from orders_platform.domain.guards import GuardKind
from orders_platform.settings import Settings
from orders_platform_tests.testing.dagster_location import Location, Ticks, failure, metadata
from orders_platform_tests.testing.workplace import Workplace, samples_of

CUSTOMER = "B'HOOD"
ROWS = samples_of("B'HOOD", "BHOOD")[:6]
SYNCED = {CUSTOMER: ROWS}
NUMBERS = [str(row["AAG ORDER NUMBER"]) for row in ROWS]


def on_board(place: Workplace) -> int:
    return sum(len(items) for items in place.board.values())


def waiting(place: Workplace, table: str) -> int:
    return place.rows(f"SELECT COUNT(*) FROM {table} WHERE sync_state = 'NEW'")[0][0]


def observed(run: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = run.get_asset_observation_events()
    return {name: value.value for name, value in event.asset_observation_data.asset_observation.metadata.items()}


def test_the_options_are_of_one_resource_whose_defaults_are_what_the_night_does(offline: Workplace) -> None:
    job = build_definitions(Settings()).resolve_job_def("sync_customer")
    schema = (
        job.run_config_schema.config_type.fields["resources"].config_type.fields["run_options"].config_type.fields["config"]
    )
    fields = schema.config_type.fields
    defaults = {name: field.default_value for name, field in fields.items()}
    assert defaults == {"orders": [], "limit": 0, "skip_subitems": False, "accept": [], "resync": False}
    assert all(field.description for field in fields.values())


def test_only_the_orders_that_are_named_are_sent_and_the_others_wait(workplace: Workplace, location: Location) -> None:
    workplace.stage(ROWS)
    assert location.sync_customer(CUSTOMER, orders=[NUMBERS[1], NUMBERS[4].lower()]).success
    assert on_board(workplace) == 2
    assert waiting(workplace, "ORDER_LIST_V2") == 4
    sent = workplace.rows("SELECT DISTINCT order_key FROM ORDER_LIST_V2 o JOIN ORDER_LIST_LINES n USING (record_uuid) "
                          "WHERE n.monday_subitem_id IS NOT NULL")  # fmt: skip
    assert {key.split(" | ")[0] for (key,) in sent} == {NUMBERS[1], NUMBERS[4]}
    assert location.sync_customer(CUSTOMER).success
    assert on_board(workplace) == 6


def test_a_run_for_an_order_that_is_not_there_fails_and_sends_nothing(workplace: Workplace, location: Location) -> None:
    workplace.stage(ROWS)
    for run in (location.sync_customer(CUSTOMER, orders=[NUMBERS[1], "N0SUCH"]), location.preview(CUSTOMER, orders=["N0SUCH"])):
        assert not run.success
    assert on_board(workplace) == 0
    assert location.sync_customer(CUSTOMER, orders=[NUMBERS[1]]).success


def test_a_limit_sends_so_many_orders_and_skip_subitems_no_size(workplace: Workplace, location: Location) -> None:
    workplace.stage(ROWS)
    run = location.sync_customer(CUSTOMER, limit=2, skip_subitems=True)
    assert run.success
    assert on_board(workplace) == 2
    assert metadata(run, "monday_subitems")["mutations"] == 0
    assert workplace.rows("SELECT COUNT(*) FROM ORDER_LIST_LINES WHERE monday_subitem_id IS NOT NULL") == [(0,)]


def test_a_resync_brings_back_what_people_changed_and_sends_nothing_else(synced: Workplace, location: Location) -> None:
    board_id = Settings().configuration.items.board_id
    ((item_id,), *_) = synced.rows("SELECT monday_item_id FROM ORDER_LIST_V2")
    synced.graphql(
        f"mutation {{ change_multiple_column_values(board_id: {board_id}, item_id: {item_id}, "
        'column_values: "{\\"text_mkr5ej2x\\": \\"by hand\\"}") { id } }'
    )
    assert metadata(location.sync_customer(CUSTOMER), "monday_items")["mutations"] == 0
    found = observed(location.preview(CUSTOMER, resync=True))
    assert [(row.data["column"], row.data["board"]) for row in found["changes"].records] == [("PO NUMBER", "by hand")]
    run = location.sync_customer(CUSTOMER, resync=True)
    items = metadata(run, "monday_items")
    assert (items["updated"], items["skipped"], items["mutations"]) == (1, 5, 1)
    assert metadata(run, "monday_subitems")["mutations"] == 0


def test_the_launchpad_offers_the_guards_and_refuses_any_other_word(offline: Workplace) -> None:
    assert [(each.name, each.value) for each in GuardWord] == [(kind, kind) for kind in GuardKind]
    job = build_definitions(Settings()).resolve_job_def("sync_customer")

    def asked(word: str) -> None:
        dg.validate_run_config(job, {"resources": {"run_options": {"config": {"accept": [word]}}}})

    asked("wrong_totals")
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"accept\[0\] not in enum type GuardWord got wrong_total$"):
        asked("wrong_total")


def test_a_limit_below_nothing_fails_the_run_in_words(workplace: Workplace, location: Location) -> None:
    """Dagster's configuration knows no bounds, so the launchpad lets it through."""
    workplace.stage(ROWS)
    run = location.sync_customer(CUSTOMER, limit=-1)
    assert "limit is -1" in failure(run)[1].step_failure_data.user_failure_data.description
    assert on_board(workplace) == 0


def test_a_stage_shows_the_rows_that_it_sent_with_links_refused_ones_first(
    workplace: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "ORDERS_CONFIG", str(workplace.configure(('board_url = ""', 'board_url = "https://acme.example/boards/7"')))
    )
    workplace.stage([*ROWS[:2], {**ROWS[2], "DESIGN FEE": "SEE NOTES"}])
    run = location.sync_customer(CUSTOMER)
    lines = str(metadata(run, "monday_items")["rows"]).splitlines()
    assert lines[0] == "| what | order | size | name | note |"
    assert len(lines) == 5
    ((item_id, key),) = workplace.rows(
        'SELECT monday_item_id, order_key FROM ORDER_LIST_V2 WHERE "AAG ORDER NUMBER" = ?', NUMBERS[2]
    )
    assert lines[2].startswith(
        f"| create | [{key.replace('|', chr(92) + '|')}](https://acme.example/boards/7/pulses/{item_id}) |"
    )
    assert lines[2].endswith("| without DESIGN FEE |")
    assert metadata(run, "monday_items")["page"] == "/reports/B%27HOOD"
    assert "rows" not in metadata(location.sync_customer(CUSTOMER), "monday_groups")


def test_a_preview_tells_order_column_board_and_database_and_leaves_no_trace(synced: Workplace, location: Location) -> None:
    key = NUMBERS[3]
    synced.write('UPDATE "swp_ORDER_LIST_V2" SET "PO NUMBER" = ? WHERE "AAG ORDER NUMBER" = ?', "NEW PO", key)
    before, board, mutations = synced.dump(), synced.board, synced.mutations
    storage, check = location.instance.event_log_storage, dg.AssetCheckKey(dg.AssetKey("order_headers"), "keys_unique")
    verdicts = storage.get_asset_check_partition_info([check])
    run = location.preview(CUSTOMER)
    assert run.success
    assert (synced.dump(), synced.board, synced.mutations) == (before, board, mutations)
    assert run.get_asset_materialization_events() == []
    assert storage.get_asset_check_partition_info([check]) == verdicts
    found = observed(run)
    assert found["changed_orders"] == 1
    changes = [dict(row.data) for row in found["changes"].records]
    assert {"order", "size", "what", "column", "board", "database"} == set(changes[0])
    assert [each["database"] for each in changes if each["column"] == "PO NUMBER"] == ["NEW PO"]


def test_a_preview_of_what_a_guard_stops_says_so_and_what_it_would_do_when_accepted(
    workplace: Workplace, location: Location
) -> None:
    workplace.stage([{**row, "TOTAL QTY": 9999} for row in ROWS])
    step, event = failure(location.preview(CUSTOMER))
    assert step == "show_changes"
    assert "The totals of 6 of 6 orders" in event.step_failure_data.user_failure_data.description
    found = observed(location.preview(CUSTOMER, accept=["wrong_totals"]))
    assert (found["new_orders"], len(found["changes"].records)) == (6, min(100, 6 + found["new_sizes"]))
    refused = failure(location.preview(CUSTOMER, limit=2))[1]
    assert "leave out `limit`" in refused.step_failure_data.user_failure_data.description


def test_a_preview_is_no_run_of_its_customer_for_the_sensors(synced: Workplace, location: Location) -> None:
    """One that failed stops nobody, and one that went well gives nobody another try."""
    ticks = Ticks(location.instance)
    synced.stage([{**row, "NOTES": "changed"} for row in ROWS])
    assert not location.preview(CUSTOMER, limit=1).success
    assert set(ticks.changed()) == {CUSTOMER}
    ticks.cancelled("B'HOOD")
    assert location.preview(CUSTOMER).success
    assert ticks.changed() == {}
