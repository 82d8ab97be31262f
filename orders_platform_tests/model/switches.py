"""The figures of the send protocol, which a test compares with the engine's, and its parts, each of which can be left out."""

from __future__ import annotations

from dataclasses import dataclass

GRACE = 5.0
"""No request leaves more than this many seconds after its intent was last committed."""
SETTLE = 90.0
KEY_LIFETIME = 1_800.0
KEY_SAFETY = 120.0
ATTEMPTS = 8
LIMIT_WAITS = 12
PATIENCE = 1_200.0
BUSY_REPEATS = 3
UNREACHED_BATCHES = 2


@dataclass(frozen=True, slots=True)
class Switches:
    """Parts of the protocol; a suite that stays green without one of them proves nothing.

    Attributes:
        intent: rows are PENDING in the database before their request leaves.
        settle: rows of unknown outcome are waited for.
        key: repeats carry the key of the first attempt.
        lookup: rows without an id are looked for on the board before they are created.
        renew: the intent is committed right before each request, and not only before the first one of a document.
        fence: an intent and a write-back name what they replace; without, the last one wins.
        forward: the age of an intent is measured by a clock that only goes forward, and not by the time of day.
        repeat: an attempt of unknown outcome is repeated at once under its key; without, it is settled and looked up first.
        unclear: an answer that does not surely say "not executed" leaves its rows of unknown outcome; without, it is a refusal of the
            whole, whose rows are sent again under new keys.
        recheck: the age of the key is looked at when a repeat leaves, and not only before it waits for its turn.
    """

    intent: bool = True
    settle: bool = True
    key: bool = True
    lookup: bool = True
    renew: bool = True
    fence: bool = True
    recheck: bool = True
    unclear: bool = True
    forward: bool = True
    repeat: bool = True
