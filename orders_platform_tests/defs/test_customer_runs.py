"""A run of one customer through Dagster: all six assets, their figures, and what a second run leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.defs.failures import RETRIES
from orders_platform.domain.customers import partition_key_for
from orders_platform_tests.testing.dagster_location import STAGES, Location, failure, metadata
from orders_platform_tests.testing.workplace import CHECKOUT, Workplace, samples_of, without_times

HOSTILE = "A/B (US), C's"


def test_greyson_reaches_the_board_with_its_figures_and_a_second_run_writes_nothing(
    sampled: Workplace, location: Location
) -> None:
    first = location.sync("GREYSON")
    assert first.success
    headers = metadata(first, "order_headers")
    assert headers["dagster/partition_row_count"] == 72
    assert (headers["created"], headers["updated"], headers["rejected"], headers["identical_copies"]) == (69, 0, 2, 1)
    assert (headers["missing"], headers["removed"], headers["unsettled"]) == (0, 0, 0)
    assert metadata(first, "order_sizes") == {"staged_lines": 317}
    assert metadata(first, "order_lines") == {"created": 317, "updated": 0, "removed": 0}
    assert [metadata(first, stage)["created"] for stage in STAGES] == [4, 69, 317]
    assert sum(len(items) for items in sampled.board.values()) == 69

    before, mutations = sampled.dump(), sampled.mutations
    assert mutations > 0
    second = location.sync("GREYSON")
    assert second.success
    assert sampled.mutations == mutations
    assert sampled.dump() == before
    assert metadata(second, "order_headers")["was_unchanged"] is True
    assert [metadata(second, stage)["mutations"] for stage in STAGES] == [0, 0, 0]


def test_a_run_is_a_partition_of_its_customer_and_leaves_the_others_alone(sampled: Workplace, location: Location) -> None:
    run = location.sync("B'HOOD")
    assert run.success
    assert {event.partition for event in run.get_asset_materialization_events()} == {"B'HOOD"}
    assert run.dagster_run.tags["dagster/partition"] == "B'HOOD"
    assert sampled.rows('SELECT DISTINCT "CUSTOMER NAME" FROM "ORDER_LIST_V2"') == [("B'HOOD",)]
    assert all(title.startswith("B'HOOD") for title, items in sampled.board.items() if items)


def test_the_cells_that_the_board_would_refuse_are_a_table_in_the_run(sampled: Workplace, location: Location) -> None:
    items = metadata(location.sync("TITLE NINE"), "monday_items")
    assert (items["failed"], items["warnings"]) == (0, 2)
    table = str(items["cell_warnings"]).splitlines()
    assert table[:2] == ["| column | orders | for example | text | reason |", "| --- | --- | --- | --- | --- |"]
    assert [[cell.strip() for cell in line.split("|")[1:5]] for line in table[2:]] == [
        ["DESIGN FEE", "2", "TIT-00599, TIT-00600", "'SEE NOTES'"]
    ]


def test_a_customer_with_slash_comma_and_parenthesis_is_a_partition(
    workplace: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = workplace.configure(
        ('"NOBULL" = {}', f'"NOBULL" = {{}}\n"{HOSTILE}" = {{}}'),
        (
            'column = "dropdown_mkr542p2", type = "dropdown", labels = "reject"',
            'column = "dropdown_mkr542p2", type = "dropdown", labels = "create"',
        ),
    )
    monkeypatch.setenv("ORDERS_CONFIG", str(changed))
    workplace.stage({**row, "CUSTOMER NAME": HOSTILE} for row in samples_of("B'HOOD", "BHOOD")[:5])
    assert location.survey().success
    assert location.customers == {"A/B (US)%2C C's"}
    run = location.sync(partition_key_for(HOSTILE))
    assert run.success, failure(run)
    assert metadata(run, "monday_items")["created"] > 0
    assert workplace.rows('SELECT DISTINCT "CUSTOMER NAME" FROM "ORDER_LIST_V2"') == [(HOSTILE,)]
    assert all(title.startswith(HOSTILE) for title, items in workplace.board.items() if items)


def test_a_partition_that_the_source_lacks_fails_at_once_in_words_and_removes_nothing(
    sampled: Workplace, location: Location
) -> None:
    assert location.sync("RHONE").success
    sampled.write('DELETE FROM "swp_ORDER_LIST_V2" WHERE "CUSTOMER NAME" = ?', "RHONE")
    before, board, mutations = sampled.dump(), sampled.board, sampled.mutations
    run = location.sync("RHONE")
    assert not run.success
    step, event = failure(run)
    assert step == "order_headers"
    words = event.step_failure_data.user_failure_data.description
    assert words.startswith("RHONE: swp_ORDER_LIST_V2 holds no row of customer 'RHONE'.")
    assert "Check the load" in words
    assert not [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert (sampled.dump(), sampled.board, sampled.mutations) == (before, board, mutations)


def test_a_customer_that_fails_leaves_the_next_one_alone(sampled: Workplace, location: Location) -> None:
    assert not location.sync("NOBODY").success
    assert location.sync("B'HOOD").success


def test_a_wrong_setting_fails_the_run_at_once_instead_of_after_its_retries(
    sampled: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONDAY_API_TOKEN", "not a token")
    run = location.sync("B'HOOD")
    step, event = failure(run)
    assert step == "monday_groups"
    assert "MONDAY_API_TOKEN" in event.step_failure_data.user_failure_data.description
    assert not [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert metadata(run, "order_lines")["created"] == 60  # what needs no board was done


def test_a_database_that_went_wrong_after_loading_fails_the_run_at_once(
    sampled: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LateChange(Location):
        def _job(self, name: str) -> dg.JobDefinition:
            job = super()._job(name)
            monkeypatch.setenv("ORDERS_DATABASE_URL", "postgresql://nowhere/db")
            return job

    run = LateChange(location.instance).sync("B'HOOD")
    step, event = failure(run)
    assert step == "order_headers"
    assert "ORDERS_DATABASE_URL" in event.step_failure_data.user_failure_data.description
    assert not [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]


def test_the_token_is_in_no_log_line_and_no_metadata_of_a_run(make_workplace, capfd: pytest.CaptureFixture[str]) -> None:
    place = make_workplace(tokens=("a-very-secret-token",))
    with pytest.MonkeyPatch.context() as environment, dg.DagsterInstance.ephemeral() as instance:
        environment.setenv("MONDAY_API_TOKEN", "a-very-secret-token")
        place.load_samples()
        good = Location(instance).sync("B'HOOD")
        assert good.success
        environment.setenv("MONDAY_API_TOKEN", "another-secret-token")
        place.write("UPDATE \"ORDER_LIST_V2\" SET sync_state = 'NEW', action_type = 'UPDATE'")
        refused = Location(instance).sync("B'HOOD")
        assert not refused.success
        said = "".join(str(entry) for run in (good, refused) for entry in instance.all_logs(run.run_id))
    written = capfd.readouterr()
    assert "B'HOOD" in said
    for text in (said, written.out, written.err, "\n".join(place.dump())):
        assert "secret-token" not in text


def test_every_step_may_be_retried_and_waits_longer_each_time() -> None:
    assert (RETRIES.max_retries, RETRIES.backoff) == (2, dg.Backoff.EXPONENTIAL)
    assert RETRIES.calculate_delay(2) > RETRIES.calculate_delay(1) > 0


def test_dagsters_own_command_line_materialises_a_customer(sampled: Workplace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("customers", ["B'HOOD"])
    command = [Path(sys.executable).parent / "dagster", "asset", "materialize", "--select", "*", "--partition", "B'HOOD"]
    run = subprocess.run(
        [*command, "-m", "orders_platform.definitions"],
        cwd=tmp_path,
        env={**sampled.variables, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert sum(len(items) for items in sampled.board.values()) == 24
    assert "RUN_SUCCESS" in run.stderr
    assert os.fspath(CHECKOUT) not in without_times(run.stdout)
