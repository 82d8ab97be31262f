"""How groups, items and subitems are called. The merge makes the names of groups and items (`sql/macros/shared.sql.j2`)."""

from orders_platform.domain.text import clean

MAX_NAME = 255
"""monday's limit for item and group names, in characters."""

NameRule = tuple[tuple[str, ...], ...]
"""The parts of a name, joined by single spaces; a part is the first of its columns that is not blank, or left out."""


def subitem_name(pattern: str, size_code: str) -> str:
    """The subitem's name, `Size XL` for the pattern `Size {size_code}`."""
    return clean(pattern.replace("{size_code}", size_code))
