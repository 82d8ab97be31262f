"""The options of a sandbox: limits and prices of an account, latency, and one switch for each thing that monday's pages leave open.

`docs/reference/sandbox.md` lists them and what monday says about each.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class Lagging(enum.StrEnum):
    """What lists and look-ups show only after the visibility lag; `items(ids)` shows the item itself at once."""

    NEW = "new"
    """New boards, groups, items and cells are missing."""
    SUBITEMS = "subitems"
    """`subitems` of an item, and of its subtasks column, lag as lists do."""
    RETIRED = "retired"
    """Archived and deleted items are still listed."""
    MOVED = "moved"
    """Moved items are still listed in their old group."""


@dataclass(frozen=True, slots=True)
class Switches:
    """Every default is documented in `docs/reference/sandbox.md`.

    Attributes:
        accept_bearer: a token after `Bearer ` is let in; monday's samples send it bare.
        fold_label_case: mutations find labels in any case; off means the exact text, as monday's CSV import has it.
        label_limit_code: of the refusal when a column can take no more labels.
        groups_per_board: the most groups a board may hold; None for no limit.
        make_subitems_column: the first subitem of a board makes its column and board; off means a refusal.
        lock_boards: a mutation that meets another one on the same board is answered with HTTP 423.
        lag_covers: what the visibility lag applies to.
    """

    accept_bearer: bool = True
    fold_label_case: bool = False
    label_limit_code: str = "labelsLimitExceeded"
    groups_per_board: int | None = None
    make_subitems_column: bool = True
    lock_boards: bool = False
    lag_covers: frozenset[Lagging] = frozenset(Lagging)


@dataclass(frozen=True, slots=True)
class IdempotencyRules:
    """monday's figures and what its page leaves open.

    Attributes:
        seconds: how long a reply is replayed.
        largest_reply: bytes; a larger reply is not remembered.
        memory_bytes: of all remembered replies; what comes after is executed without protection.
        remember_errors: whether a reply in which every mutation was refused is remembered too.
        other_body: another body under a known key is answered with the first reply (`replay`), executed (`execute`), or
            refused with HTTP 422 (`refuse`).
        replay_costs_call: whether a replay counts as a daily call.
        replay_costs_complexity: whether a replay costs the points of its document.
    """

    seconds: float = 1_800.0
    largest_reply: int = 1_000_000
    memory_bytes: int = 64_000_000
    remember_errors: bool = True
    other_body: Literal["replay", "execute", "refuse"] = "replay"
    replay_costs_call: bool = True
    replay_costs_complexity: bool = False


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The figures of an account and its token; the defaults are a Pro account with a personal token.

    Attributes:
        complexity_per_minute: points of reads and writes together, or of each when `separate_writes` is set (app tokens).
        complexity_per_query: points of one document.
        calls_per_10_seconds: of one IP address.
        fields_at_once: requests at the same time that hold this root field; none is limited unless named.
        fields_per_minute: requests a minute that hold this root field; none is limited unless named.
    """

    complexity_per_minute: int = 10_000_000
    complexity_per_query: int = 5_000_000
    separate_writes: bool = False
    calls_per_minute: int = 2_500
    calls_per_day: int = 10_000
    calls_per_10_seconds: int = 5_000
    concurrent_requests: int = 100
    boards_created_per_minute: int = 40
    fields_at_once: Mapping[str, int] = field(default_factory=dict)
    fields_per_minute: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def trial(cls, calls_per_day: int = 1_000) -> AccountLimits:
        """A trial account: one million points a minute.

        Args:
            calls_per_day: 1,000 on the current page about rate limits, 200 on older ones and in the support article.
        """
        return cls(complexity_per_minute=1_000_000, calls_per_minute=1_000, calls_per_day=calls_per_day, concurrent_requests=40)

    @classmethod
    def app_token(cls) -> AccountLimits:
        """The token of an app on a Pro account: five million points of reads and five of writes."""
        return cls(complexity_per_minute=5_000_000, separate_writes=True)


_MUTATIONS = {"create_item": 30_000, "create_subitem": 30_000, "complexity": 0}


@dataclass(frozen=True, slots=True)
class PriceList:
    """Complexity points of mutations: by root field, and `mutation` for every other one."""

    mutation: int = 10_000
    mutations: Mapping[str, int] = field(default_factory=lambda: _MUTATIONS)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long monday takes, in seconds.

    Attributes:
        per_row: of every item on a page; monday was seen to take 2.9 s for 500.
    """

    per_document: float = 0.0
    per_mutation: float = 0.0
    per_row: float = 0.0

    @classmethod
    def observed(cls) -> Latency:
        """As others measured: 2.9 s for 500 rows of id and name; documents and mutations as our benchmark takes them."""
        return cls(per_document=0.2, per_mutation=0.3, per_row=2.7 / 500)
