"""Where a row stands after the results of its mutations, whatever they are and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.mutations import MutationResult, Outcome
from orders_platform.domain.orders import SyncState
from orders_platform.sync.stages import row_state

DONE, REFUSED, UNKNOWN, NOT_SENT = map(MutationResult, (Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.NOT_SENT))


@pytest.mark.parametrize(
    ("results", "planned", "state"),
    [
        ([], 0, SyncState.SYNCED),
        ([], 1, SyncState.PENDING),
        ([DONE], 2, SyncState.PENDING),
        ([DONE, DONE], 2, SyncState.SYNCED),
        ([DONE, REFUSED], 2, SyncState.FAILED),
        ([REFUSED, NOT_SENT], 2, SyncState.FAILED),
        ([DONE, NOT_SENT], 2, SyncState.NEW),
        ([REFUSED, UNKNOWN], 2, SyncState.PENDING),
    ],
)
def test_the_state_follows_from_the_results(results: list[MutationResult], planned: int, state: SyncState) -> None:
    assert row_state(results, planned) is state


@given(st.lists(st.sampled_from([DONE, REFUSED, UNKNOWN, NOT_SENT]), max_size=4), st.integers(0, 4))
def test_a_row_is_final_only_when_every_outcome_is_known(results: list[MutationResult], missing: int) -> None:
    state = row_state(results, len(results) + missing)
    assert (state is SyncState.PENDING) == (missing > 0 or UNKNOWN in results)
    assert row_state(results[::-1], len(results) + missing) is state
    if state is SyncState.SYNCED:
        assert set(results) <= {DONE}
