"""How groups, items and subitems are called.

A name is a list of parts, a part a list of fallback columns: the first one that is not blank is taken, parts without any are
left out, and what remains is joined by single spaces. `sql/macros/names.sql.j2` writes the same rule for the database; a test
holds the two together. Belongs here: the rule. Does not belong here: where a name is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_NAME = 255
"""monday's limit for item and group names, in characters."""

NameRule = tuple[tuple[str, ...], ...]


def name_from(rule: NameRule, row: Mapping[str, object]) -> str:
    """The name of a row. May be empty, and may be longer than `MAX_NAME`: both are refused where rows are."""
    parts = (next((text for column in part if (text := collapse(row.get(column)))), "") for part in rule)
    return " ".join(part for part in parts if part)


def collapse(value: object) -> str:
    """A cell as one line: no-break spaces, tabs and line ends count as spaces, runs of spaces as one."""
    return "" if value is None else re.sub(r"[ \u00a0\t\r\n]+", " ", str(value)).strip(" ")


def subitem_name(pattern: str, size_code: str) -> str:
    """The subitem's name, `Size XL` for the pattern `Size {size_code}`."""
    return collapse(pattern.replace("{size_code}", size_code))
