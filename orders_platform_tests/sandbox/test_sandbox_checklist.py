"""What a faithful monday.com must do, row by row, and the tests that hold the sandbox to it; the rest of the rows are tested here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from orders_platform.sandbox.server import Latency, Sandbox

HERE = Path(__file__).parent
PAGE = "{ boards(ids: [9609317401]) { items_page(limit: 1) { cursor items { id } } } }"

ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "authorization": {"transport": ("a_wrong_token_is_refused_with_401", "a_bearer_prefix_is_tolerated")},
    "version routing and its header": {
        "transport": ("the_version_header_routes_and_the_answer_says_where", "a_malformed_version_is_refused")
    },
    "both RateLimit headers": {"transport": ("every_answer_carries_the_rate_limit_headers",)},
    "complexity bucket of 60 s from the first call on": {
        "limits": (
            "the_budget_is_whole_again_sixty_seconds_after_the_first_call",
            "an_app_token_has_budgets_of_its_own_for_reads_and_writes",
            "a_document_over_five_million_points_is_refused_whole",
        )
    },
    "minute and concurrency counters": {
        "limits": (
            "calls_per_minute",
            "requests_at_the_same_time",
            "calls_of_one_address",
            "a_field_may_have_a_limit_of_its_own_a_minute",
            "a_field_may_have_a_limit_of_its_own_at_the_same_time",
        )
    },
    "daily counter with its tenth": {
        "limits": ("calls_per_day_until_midnight_utc", "a_refused_call_and_a_lone_complexity_query_cost_a_tenth"),
        "faults": ("a_limit_met_by_a_fault_costs_a_tenth_of_a_call",),
    },
    "Retry-After and retry_in_seconds": {
        "limits": ("the_budget_is_whole_again_sixty_seconds_after_the_first_call",),
        "faults": ("an_answer_in_json_says_no_and_nothing_is_done", "a_wait_may_be_given_in_milliseconds"),
    },
    "409, 423, 429 in JSON; 429, 502, 504 in HTML": {
        "faults": (
            "an_answer_in_json_says_no_and_nothing_is_done",
            "a_gateway_answers_with_a_page",
            "the_budget_error_has_had_three_shapes",
            "a_mutation_that_meets_another_one_on_its_board_is_locked_out_when_the_switch_is_on",
        ),
        "idempotency": ("a_key_in_flight_is_a_conflict",),
    },
    "idempotency cache: 30 minutes, 1 MB, memory": {
        "idempotency": (
            "the_same_key_is_executed_once_and_replayed",
            "after_thirty_minutes_the_key_executes_again",
            "a_reply_that_is_too_large_is_not_remembered",
            "a_request_that_failed_before_execution_is_not_remembered",
        )
    },
    "aliases that fail alone, nulls as the schema has them": {
        "items": ("one_refused_mutation_leaves_its_neighbours_done",),
        "faults": (
            "one_alias_is_refused_and_its_neighbour_done",
            "an_alias_whose_result_cannot_be_read_is_done_and_its_error_path_is_longer",
        ),
        "reads": ("a_failing_page_nulls_its_board_only", "an_invented_cursor_takes_the_whole_answer_with_it"),
    },
    "column values encoded twice, JsonParseException": {
        "values": ("values_that_are_not_json_in_a_string_are_refused_with_400",)
    },
    "a bad value or a missing label refuses the whole item": {
        "values": (
            "a_bad_value_refuses_the_whole_item",
            "a_missing_label_refuses_the_item_and_names_the_labels_there_are",
            "a_refused_item_leaves_no_label_behind",
        )
    },
    "an empty number is 0": {"values": ("an_empty_number_is_stored_as_zero_but_the_simple_form_clears",)},
    "rules of names": {
        "items": (
            "a_name_has_1_to_255_characters",
            "a_name_among_the_values_overrides_the_argument",
            "an_item_is_renamed_by_its_values_but_never_to_nothing",
            "the_simple_form_renames_and_refuses_an_empty_name",
        )
    },
    "status by id, not by place": {
        "values": (
            "a_status_is_written_by_the_id_of_its_label_not_by_its_place",
            "digits_are_an_id_even_where_a_label_has_that_text",
        )
    },
    "forty labels": {"values": ("a_status_column_holds_forty_labels_of_thirty_characters",)},
    "items per board": {"items": ("the_board_holds_no_more_than_its_limit_of_items",)},
    "the last group": {"items": ("the_last_group_stays",)},
    "cascades": {
        "items": ("retiring_an_item_takes_its_subitems_along", "retiring_a_group_takes_its_items_along"),
    },
    "boards of subitems": {"items": ("the_first_subitem_of_a_board_makes_the_subitems_board",)},
    "lists of active items, 500 a page, cursors of 60 minutes": {
        "reads": (
            "a_look_up_finds_active_items_only",
            "a_page_has_1_to_500_items",
            "a_cursor_lives_sixty_minutes_from_the_first_page",
        )
    },
    "visibility delay": {
        "reads": ("lists_and_look_ups_lag_behind_but_items_by_id_do_not", "a_changed_cell_is_looked_up_only_after_the_lag"),
        "visibility": (
            "a_retired_item_is_still_listed_and_found_but_items_by_id_knows",
            "a_moved_item_is_listed_in_its_old_group_and_place",
            "subitems_of_an_item_lag_too",
        ),
    },
    "latency": {
        "limits": (
            "latency_grows_with_documents_mutations_and_rows",
            "a_request_over_sixty_seconds_meets_a_gateway_page_but_is_done",
        ),
        "checklist": ("five_hundred_rows_take_as_long_as_others_measured",),
    },
    "executed, but the reply is lost": {
        "faults": (
            "a_connection_closes_without_an_answer",
            "a_lost_reply_comes_with_the_same_key",
            "a_late_commit_is_seen_by_who_looks_late_enough",
            "a_request_that_hangs_is_executed_after_its_client_gave_up",
        )
    },
    "multi-level boards": {"switches": ("a_board_says_whether_it_is_a_multi_level_one_after_a_restart_too",)},
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_checklist_has_its_tests(row):
    for name, wanted in ROWS[row].items():
        tree = ast.parse((HERE / f"test_sandbox_{name}.py").read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {f"test_{each}" for each in wanted} <= there, name


def test_five_hundred_rows_take_as_long_as_others_measured(start):
    api = start(latency=Latency.observed())
    aliases = " ".join(f'a{number}: create_item(board_id: 9609317401, item_name: "A") {{ id }}' for number in range(100))
    for _ in range(5):
        api.data(f"mutation {{ {aliases} }}")
    api.clock.waits.clear()
    assert len(api.names()) == 500
    assert api.clock.waits == [pytest.approx(2.9)]


def test_ids_that_are_made_up_repeat_with_the_clock_and_differ_with_the_seed(start):
    def ids(**options: object) -> list[object]:
        api = start(**options)
        board = api.data('mutation { create_board(board_name: "B", board_kind: public) { id groups { id } columns { id } } }')
        for _ in range(2):
            api.create()
        answers = [api.post(PAGE).json() for _ in range(2)]
        requests = [record.request_id for record in api.sandbox.requests]
        return [board, answers, requests]

    first, again, other = ids(), ids(), ids(seed=7)
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first[1:], other[1:], strict=True))
    assert len(set(first[2])) == len(first[2]) == 5


def test_the_log_knows_the_request_id_of_every_answer(api):
    answer = api.post(PAGE)
    assert api.sandbox.requests[-1].request_id == answer.json()["extensions"]["request_id"]


def test_a_new_sandbox_is_quick_to_make_so_that_thousands_can_be(start):
    start()
    made = [Sandbox() for _ in range(3)]
    schemas = {id(sandbox.pipeline.schema) for sandbox in made}
    for sandbox in made:
        sandbox.close()
    assert len(schemas) == 1
