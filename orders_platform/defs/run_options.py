"""What a person may ask of one run in the launchpad.

It is set once, as the configuration of a resource that the steps of a run share. Configuration of the ops would be given to each of them,
and a mapping of the job's configuration names ops that are not there when a run leaves some out.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any

import dagster as dg
from pydantic import Field

from orders_platform.domain.guards import GuardKind
from orders_platform.errors import ConfigurationError


class GuardWord(enum.StrEnum):
    """The guards by the words that the launchpad offers and checks: Dagster takes the name of a member, not its value."""

    vanished_orders = GuardKind.VANISHED_ORDERS
    emptied_columns = GuardKind.EMPTIED_COLUMNS
    wrong_totals = GuardKind.WRONG_TOTALS


class RunOptions(dg.ConfigurableResource[Any]):
    """For this run alone. The defaults are what the night does: everything that waits of the customer is sent."""

    orders: list[str] = Field(
        default=[],
        description="Only these orders, by number or key. The others wait for the next run, which sensor and schedule start.",
    )
    limit: int = Field(default=0, description="At most so many orders, the first that wait, with their sizes; 0: all.")
    skip_subitems: bool = Field(default=False, description="Send no sizes; they wait.")
    accept: list[GuardWord] = Field(
        default=[],
        description=f"Guards that do not act on this load, since it is right: {', '.join(GuardKind)}. Later loads are guarded again.",
    )
    resync: bool = Field(
        default=False,
        description="Compare every row of the customer with the board again, failed ones too; what differs is sent, nothing else.",
    )

    @property
    def most(self) -> int | None:
        """How many orders; None for all. Raises `ConfigurationError` for less than none, which the launchpad cannot refuse."""
        if self.limit < 0:
            raise ConfigurationError(f"limit is {self.limit}; it is a number of orders, or 0 for all.")
        return self.limit or None

    @property
    def guards(self) -> Collection[GuardKind]:
        """Those to accept."""
        return [GuardKind(word.value) for word in self.accept]
