"""The day's calls are counted over all runs, from the log, and what monday had to say of limits is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orders_platform.domain.mutations import Traffic
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace

NOW = datetime(2026, 11, 21, 6, 45, tzinfo=UTC)


def log_calls(place: Workplace, calls: int, at: datetime, *, rate_limited: int = 0) -> None:
    with place.store() as store:
        store.schema.apply()
        store.log_reads("run", at, "B'HOOD", f"{at}", Traffic(calls=calls, rate_limited=rate_limited))


def test_todays_calls_are_those_since_midnight_utc(bhood: Workplace) -> None:
    log_calls(bhood, 100, NOW.replace(hour=0, minute=0) - timedelta(seconds=1), rate_limited=3)
    log_calls(bhood, 30, NOW.replace(hour=0, minute=0), rate_limited=1)
    log_calls(bhood, 4, NOW - timedelta(minutes=1))
    log_calls(bhood, 1_000, NOW - timedelta(hours=25), rate_limited=50)
    with bhood.store() as store:
        usage = store.monday_usage(NOW)
        assert store.monday_usage(NOW + timedelta(days=3)).calls_today == 0
    assert usage.calls_today == pytest.approx(34 - 0.9)
    assert usage.rate_limited == 4
    assert usage.rate_limited_at == NOW.replace(hour=0, minute=0, tzinfo=None)


def test_every_request_of_a_run_is_in_the_log(bhood: Workplace, terminal: Terminal) -> None:
    terminal("sync", "--customer", "B'HOOD", "--execute")
    assert bhood.sandbox.requests
    with bhood.store() as store:
        assert store.monday_usage(datetime.now(UTC)).calls_today == len(bhood.sandbox.requests)
    reads = bhood.rows("SELECT row_count, call_count FROM ORDER_SYNC_LOG WHERE operation = 'read'")
    assert sum(calls for _, calls in reads) == sum(not record.is_mutation for record in bhood.sandbox.requests)
    assert {rows for rows, _ in reads} == {0}


def test_a_run_with_nothing_to_do_asks_nothing_and_logs_nothing(bhood: Workplace, terminal: Terminal) -> None:
    terminal("sync", "--customer", "B'HOOD", "--execute")
    logged, asked = bhood.rows("SELECT * FROM ORDER_SYNC_LOG"), len(bhood.sandbox.requests)
    terminal("sync", "--customer", "B'HOOD", "--execute")
    assert len(bhood.sandbox.requests) == asked
    assert bhood.rows("SELECT * FROM ORDER_SYNC_LOG") == logged


def test_calls_of_other_processes_count_towards_the_day(bhood: Workplace, terminal: Terminal) -> None:
    log_calls(bhood, 9_499, datetime.now(UTC))
    outcome = terminal("sync", "--customer", "B'HOOD", "--execute")
    assert outcome.code == 1
    assert "9,500 of 10,000" in outcome.err
    assert "00:00 UTC" in outcome.err
    assert len(bhood.sandbox.requests) == 1
    assert bhood.mutations == 0


def test_status_shows_the_calls_of_today_and_the_answers_over_a_limit(bhood: Workplace, terminal: Terminal) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    assert "monday today: 0 of 9,500 calls, no answer over a limit in 24 hours" in terminal("status").out
    log_calls(bhood, 1_236, now, rate_limited=2)
    assert (
        f"monday today: 1,234 of 9,500 calls, 2 answers over a limit in 24 hours (last {now:%H:%M} UTC)"
        in terminal("status").out
    )
    assert terminal("status", "--json").document["monday"] == {
        "calls_today": 1_234.2,
        "calls_allowed": 9_500,
        "rate_limited_24h": 2,
        "rate_limited_at": str(now.replace(tzinfo=None)),
    }
