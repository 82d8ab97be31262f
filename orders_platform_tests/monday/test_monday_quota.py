"""monday.com's rate-limit headers."""

from __future__ import annotations

from orders_platform.monday.replies import Allowance, read_quota

POLICY = '"minuteRate";q=5000;w=60, "concurrency";q=250;qu="concurrent-requests", "complexityMinute";q=5000000;w=60;qu="content-bytes"'


def test_all_three_policies_are_read() -> None:
    quota = read_quota(
        {
            "ratelimit-policy": POLICY,
            "ratelimit": '"minuteRate";r=0;t=38, "concurrency";r=249, "complexityMinute";r=4950000;t=45',
        }
    )
    assert quota["minuteRate"] == Allowance(5_000, 0, 38)
    assert quota["concurrency"] == Allowance(250, 249, None)
    assert quota["complexityMinute"] == Allowance(5_000_000, 4_950_000, 45)


def test_a_single_policy_without_limits_is_enough() -> None:
    quota = read_quota({"ratelimit": '"complexityMinute";r=959960;t=58'})
    assert quota["complexityMinute"] == Allowance(None, 959_960, 58)
    assert "minuteRate" not in quota


def test_headers_that_cannot_be_read_say_nothing() -> None:
    quota = read_quota({"ratelimit": "garbage", "ratelimit-policy": '"minuteRate";q=1.2.3'})
    assert set(quota.values()) == {Allowance()}
