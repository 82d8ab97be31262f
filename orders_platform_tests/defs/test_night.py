"""The daemon at work: exactly the customers with work run, each alone, and a killed worker delays nobody but its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from orders_platform.sandbox.server import Latency
from orders_platform_tests.defs.night import configured, customers_of, daemon, pretend_sent, wait_for
from orders_platform_tests.testing.alert_receiver import receiving
from orders_platform_tests.testing.dagster_location import Ticks
from orders_platform_tests.testing.workplace import Workplace

NEVER = "0 0 29 2 *"


def test_of_60_customers_the_night_asks_for_exactly_those_with_work(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_CONFIG", configured(workplace))
    names, rows = customers_of(60)
    workplace.stage(rows)
    pretend_sent(workplace, names[:50])
    waiting = names[3]
    workplace.write("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE \"CUSTOMER NAME\" = ?", waiting)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert set(Ticks(instance).nightly()) == {waiting, *names[50:]}


def test_a_worker_that_is_killed_delays_only_its_customer_and_doubles_nothing(
    make_workplace: Callable[..., Workplace], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_workplace(latency=Latency(0.3, 0.3))
    place.environment["ORDERS_CONFIG"] = configured(place, changes_seconds=5, checks=NEVER, nightly=NEVER)
    monkeypatch.setenv("ORDERS_CONFIG", place.environment["ORDERS_CONFIG"])
    names, rows = customers_of(3)
    place.stage(rows)
    with receiving() as receiver, daemon(place, ORDERS_ALERT_URLS=receiver.url) as night:
        night.kill(names[0], within=60)
        wait_for(night.has_ended, 120)
        killed, again = night.runs_of(names[0])
        assert killed.dagster_run.is_failure
        assert again.dagster_run.is_success
        assert again.dagster_run.tags["dagster/retry_number"] == "1"
        assert killed.end_time <= again.start_time
        assert Counter(night.customers) == {names[0]: 2} | dict.fromkeys(names[1:], 1)
        assert all(record.dagster_run.is_success for name in names[1:] for record in night.runs_of(name))
        assert receiver.titles == []
    assert place.rows("SELECT sync_state, COUNT(*) FROM ORDER_LIST_V2 GROUP BY 1") == [("SYNCED", 15)]
    assert sum(len(items) for items in place.board.values()) == 15
