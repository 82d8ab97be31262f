"""API versions: which one serves a request.

Belongs here: the versions of November 2026 and monday's rules for the `API-Version` header. Does not belong here: HTTP
(`server.py`).
"""

from __future__ import annotations

import re

CURRENT = "2026-10"
KINDS = {"2026-04": "maintenance", "2026-07": "maintenance", CURRENT: "current", "2027-01": "release_candidate", "dev": "dev"}
_OLDEST = min(version for version in KINDS if version != "dev")
_WELL_FORMED = re.compile(r"\d{4}-\d{2}")
_QUARTERS = {"01", "04", "07", "10"}


class MalformedVersion(ValueError):
    """The header is not a version at all."""


def serving(asked: str | None) -> str:
    """The version that serves a request: none asked means the current one, a retired one is served by the oldest kept.

    Raises:
        MalformedVersion: not of the form yyyy-mm.
    """
    if not asked:
        return CURRENT
    if asked in KINDS:
        return asked
    if not _WELL_FORMED.fullmatch(asked):
        raise MalformedVersion(asked)
    return _OLDEST if asked < _OLDEST and asked[5:] in _QUARTERS else CURRENT


def kind_of(version: str) -> str:
    """The word of monday for the state of a version."""
    return KINDS[version]
