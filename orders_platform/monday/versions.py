"""How long the pinned API version still lives, from monday's own list.

Pure. Belongs here: the kinds of versions and the words for people. Does not belong here: asking (`monday/adapter.py`), the version
that an answer was served by (`monday/transport.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from orders_platform.monday.descriptions import Node

_ENDING = {
    "maintenance": "is in maintenance and is retired next",
    "previous_maintenance": "is retired next January",
    "old_previous_maintenance": "is retired next January",
    "old__maintenance": "is retired next January",
    "deprecated": "is no longer supported",
}
"""monday's kinds of a version (its enum VersionKind) that call for a change, and what they say."""


def version_notice(listed: Sequence[Node], pinned: str) -> str | None:
    """A sentence when the pinned version nears its end or is gone; None when it lives, or when monday lists none.

    Args:
        listed: the field `versions`: value, kind and display name of each.
        pinned: `yyyy-mm`.
    """
    kinds = {str(version.get("value")): str(version.get("kind")) for version in listed}
    if not kinds or (pinned in kinds and kinds[pinned] not in _ENDING):
        return None
    state = _ENDING.get(kinds.get(pinned, ""), "is not among the versions that monday serves")
    current = next((value for value, kind in kinds.items() if kind == "current"), None)
    advice = f"; the current one is {current}" if current else ""
    return f"API version {pinned} {state}{advice}: compare graphql/ with it, then set [monday] api_version"
