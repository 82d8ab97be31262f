"""100,000 schedules of faults against the send protocol, and the same schedules against protocols that lack a part of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orders_platform.configuration import read_configuration
from orders_platform.monday.client import KEY_LIFETIME_SECONDS, KEY_SAFETY_SECONDS, MOST_REPEATS, UNREACHED_BATCHES, RetryPolicy
from orders_platform_tests.model import switches
from orders_platform_tests.model.fault_profiles import FAULTS
from orders_platform_tests.model.protocol import Tally, main, replay_command, run_schedule, run_schedules
from orders_platform_tests.model.switches import Switches
from orders_platform_tests.model.world import Assumptions

ROOT = Path(__file__).parents[2]
SCHEDULES = 100_000
CONTROL_SCHEDULES = 4_000

HAPPENINGS = [
    *FAULTS, "alias refused", "key in use", "replayed", "key too old to repeat", "repeats ended", "renewed", "waited for its turn",
    "two at once", "rows taken", "clock set",
    "settled", "read failed", "crashed", "gave up", "group adopted", "item adopted", "subitem adopted", "recreated",
    "person deletes group", "person deletes item", "person deletes subitem",
    "recorded done", "recorded refused", "recorded unknown", "recorded not sent",
]  # fmt: skip


@pytest.fixture(scope="module")
def tally() -> Tally:
    return run_schedules(range(SCHEDULES))


def test_no_row_is_lost_and_none_is_doubled_in_100_000_schedules(tally: Tally) -> None:
    print(tally)
    assert tally.schedules == SCHEDULES
    assert [replay_command(seed) for seed in tally.bad_seeds[:5]] == []


def test_the_schedules_hold_every_kind_of_trouble_a_hundred_times(tally: Tally) -> None:
    print(", ".join(f"{what} {tally.seen[what]}" for what in HAPPENINGS))
    assert {what: tally.seen[what] for what in HAPPENINGS if tally.seen[what] < 100} == {}


@pytest.mark.parametrize("part", ["intent", "settle", "key", "lookup", "renew", "recheck", "fence", "unclear", "forward"])
def test_without_a_part_of_the_protocol_the_same_schedules_go_wrong(part: str) -> None:
    without = replace(Switches(), **{part: False})
    outcomes = (run_schedule(seed, without) for seed in range(CONTROL_SCHEDULES))
    assert any(outcome.lost or outcome.doubled for outcome in outcomes)


@pytest.mark.parametrize(
    "assumption", ["latest=90", "lag=60", "key_lifetime=900", "forgotten=0.05"], ids=lambda text: str(text).split("=")[0]
)
def test_each_assumption_about_monday_carries_the_proof(assumption: str) -> None:
    name, figure = assumption.split("=")
    other = replace(Assumptions(), **{name: float(figure)})
    assert any(run_schedule(seed, assumptions=other).doubled for seed in range(CONTROL_SCHEDULES))


def test_looking_first_instead_of_repeating_needs_no_memory_of_keys() -> None:
    careful = replace(Switches(), repeat=False)
    tally = run_schedules(range(CONTROL_SCHEDULES), careful, replace(Assumptions(), forgotten=0.5))
    print(f"looking first, half of the replies not remembered: {tally}")
    assert tally.seen["reply not remembered"] > 1_000
    assert tally.bad_seeds == ()


def test_the_model_has_the_figures_of_the_engine() -> None:
    policy = RetryPolicy()
    assert (KEY_LIFETIME_SECONDS, KEY_SAFETY_SECONDS) == (switches.KEY_LIFETIME, switches.KEY_SAFETY)
    assert (policy.attempts, policy.limit_waits, policy.patience) == (
        switches.ATTEMPTS,
        switches.LIMIT_WAITS,
        switches.PATIENCE,
    )
    assert (MOST_REPEATS, UNREACHED_BATCHES) == (switches.BUSY_REPEATS, switches.UNREACHED_BATCHES)
    assert Assumptions().key_lifetime == KEY_LIFETIME_SECONDS


@pytest.mark.parametrize("environment", ["development", "production"])
def test_the_configured_settle_time_covers_what_the_proof_assumes(environment: str) -> None:
    configuration = read_configuration(ROOT / "config" / "order_sync.toml", environment)
    assumed = Assumptions()
    assert switches.GRACE + assumed.latest + assumed.lag <= switches.SETTLE
    assert configuration.monday.settle_seconds + configuration.monday.index_lag_seconds >= switches.SETTLE


def test_a_seed_gives_the_same_trace_each_time() -> None:
    for seed in range(50):
        once, again = list[str](), list[str]()
        assert run_schedule(seed, trace=once) == run_schedule(seed, trace=again)
        assert once == again
        assert len(once) > 2


def test_the_command_that_is_printed_for_a_failing_seed_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    without_key = replace(Switches(), key=False)
    seed = run_schedules(range(500), without_key).bad_seeds[0]
    command = replay_command(seed, without_key).split()
    assert command[:3] == ["python", "-m", "orders_platform_tests.model.protocol"]
    assert main(command[3:]) == 1
    trace: list[str] = []
    verdict = run_schedule(seed, without_key, trace=trace)
    assert capsys.readouterr().out == "\n".join(trace) + "\n"
    assert trace[-1].endswith(str(verdict))
    assert verdict.doubled > 0


def test_the_model_runs_as_a_module_from_the_root_of_the_repository() -> None:
    command = [sys.executable, *replay_command(7).split()[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Outcome(lost=0, doubled=0, orphans=0, violations=())" in done.stdout.splitlines()[-1]
