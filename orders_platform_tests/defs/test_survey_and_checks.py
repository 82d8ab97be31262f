"""The survey of the staging table, its partitions, and the check that guards removals."""

from __future__ import annotations

import dagster as dg
import pytest

from orders_platform.defs.resources import make_partitions
from orders_platform.demo.sample_orders import EXPECTED, UNKNOWN_CUSTOMER_ROWS
from orders_platform_tests.testing.dagster_location import Location, failure, metadata
from orders_platform_tests.testing.workplace import Workplace, samples_of

BHOOD = ("B'HOOD", "BHOOD")


def observed(run: dg.ExecuteInProcessResult) -> dict[str, object]:
    observations = run.get_asset_observation_events()
    assert [event.asset_key for event in observations] == [dg.AssetKey("swp_order_list")]
    return {name: value.value for name, value in observations[0].asset_observation_data.asset_observation.metadata.items()}


def removals_check(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = [each for each in run.get_asset_check_evaluations() if each.check_name == "removals_plausible"]
    return found


def test_the_survey_makes_a_partition_of_each_customer_and_observes_the_staging_table(
    sampled: Workplace, location: Location
) -> None:
    seen = observed(location.survey())
    unmatched = sum(UNKNOWN_CUSTOMER_ROWS.values())
    assert location.customers == set(EXPECTED)
    assert seen["dagster/row_count"] == sum(expected.rows for expected in EXPECTED.values()) + unmatched
    assert seen["customers"] == seen["new_customers"] == len(EXPECTED)
    rows = {record.data["customer"]: record.data["rows"] for record in seen["rows_of"].records}
    assert {name: rows[name] for name in EXPECTED} == {name: expected.rows for name, expected in EXPECTED.items()}
    assert rows["ACME ACTIVE"] == UNKNOWN_CUSTOMER_ROWS["ACME ACTIVE"]


def test_rows_of_nobody_are_recorded_among_the_rejects_once(sampled: Workplace, location: Location) -> None:
    assert location.survey().success
    with sampled.store() as store:
        nobody = [row for row in store.invalid_rows() if row.code == "unknown_customer"]
    assert sum(row.rows for row in nobody) == sum(UNKNOWN_CUSTOMER_ROWS.values())
    before = sampled.dump()
    assert observed(location.survey())["new_customers"] == 0
    assert sampled.dump() == before


def test_a_customer_whose_name_cannot_be_a_partition_keeps_no_other_from_its_own(
    sampled: Workplace, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "ORDERS_CONFIG", str(sampled.configure(('unknown_customers = "reject"', 'unknown_customers = "accept"')))
    )
    long = "A" * 65
    sampled.stage([{**row, "CUSTOMER NAME": long} for row in samples_of(*BHOOD)[:1]], append=True)
    run = location.survey()
    _, event = failure(run)
    assert long in event.step_failure_data.user_failure_data.description
    assert not [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert location.customers == {*EXPECTED, "ACME ACTIVE"}
    seen = observed(run)
    assert (seen["customers"], seen["new_customers"]) == (len(EXPECTED) + 2, len(EXPECTED) + 1)


def test_partitions_are_added_once() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert make_partitions(instance, ["A", "B,C"]).added == ("A", "B%2CC")
        assert make_partitions(instance, ["A", "B,C", "D"]).added == ("D",)
        assert set(instance.get_dynamic_partitions("customers")) == {"A", "B%2CC", "D"}


def test_a_staging_table_that_is_absent_fails_the_survey_in_words(workplace: Workplace, location: Location) -> None:
    run = location.survey()
    _, event = failure(run)
    assert "init-db" in event.step_failure_data.user_failure_data.description
    assert location.customers == set()


def test_a_load_that_lacks_too_many_orders_removes_nothing_until_it_is_whole_again(
    workplace: Workplace, location: Location
) -> None:
    rows = samples_of(*BHOOD)
    workplace.stage(rows)
    first = location.sync("B'HOOD")
    assert first.success
    assert removals_check(first).passed
    board = workplace.board

    workplace.stage(rows[: len(rows) // 2])
    broken = location.sync("B'HOOD")
    assert broken.success  # a failed check does not fail the run; alerts read the check
    found = removals_check(broken)
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert "--accept vanished_orders" in found.description
    assert [record.data["customer"] for record in found.metadata["rows"].value.records] == ["B'HOOD"]
    headers = metadata(broken, "order_headers")
    assert headers["missing"] > 0
    assert headers["removed"] == 0
    assert workplace.board == board
    assert workplace.rows('SELECT COUNT(*) FROM "ORDER_LIST_V2" WHERE removed_at IS NOT NULL') == [(0,)]

    workplace.stage(rows)
    whole = location.sync("B'HOOD")
    assert removals_check(whole).passed
    assert workplace.board == board
