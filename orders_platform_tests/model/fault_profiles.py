"""How badly monday.com and the network behave: which faults there are, and how often they come."""

from __future__ import annotations

from dataclasses import dataclass

FAULTS = ("lost before", "lost after", "late arrival", "late execution", "5xx before", "5xx after", "not now", "unreachable",
          "too much", "alias busy", "unclear before", "unclear after", "alias unclear")  # fmt: skip
STORM = ("lost after", "late execution", "late arrival", *["not now"] * 7)
"""One lost reply, and then no leave to ask again for as long as a key lives."""
SILENCE = ("unreachable", "lost before", "lost after", "5xx before", "late arrival")
CLOSED = ("unreachable", "unreachable", "not now")


@dataclass(frozen=True, slots=True)
class FaultProfile:
    """How monday behaves during one run.

    Attributes:
        faults: share of the requests that meet one.
        kinds: which, each as likely as its neighbour.
        queue: share of the attempts that wait for their turn, for up to ten minutes.
    """

    faults: float
    kinds: tuple[str, ...] = FAULTS
    queue: float = 0.1


FAULT_PROFILES = (
    *map(FaultProfile, (0.05, 0.15, 0.4, 0.4, 0.8, 0.8)),
    FaultProfile(0.95, STORM, 0.8),
    FaultProfile(0.97, SILENCE),
    FaultProfile(0.97, CLOSED),
)
NO_FAULTS = FaultProfile(0.0)
