"""How groups, items and subitems are called."""

from __future__ import annotations

from collections.abc import Iterable

from orders_platform.domain.text import clean

MAX_NAME = 255
"""monday's limit for item and group names, in characters."""

NameRule = tuple[tuple[str, ...], ...]
"""The parts of a name, joined by single spaces; a part is the first of its columns that is not blank, or left out."""

_LONGEST_KEY = 200


def joined_name(parts: Iterable[str | None]) -> str:
    """A name out of its parts, those left out that are None."""
    return " ".join(part for part in parts if part is not None)


def shortened(name: str) -> str:
    """A name that monday takes."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def item_name(name: str, order_key: str) -> str:
    """The name of an item that monday takes; a long one is cut before its order number."""
    if len(name) <= MAX_NAME or len(order_key) > _LONGEST_KEY or order_key in name[: MAX_NAME - 1]:
        return shortened(name)
    return f"{name[: MAX_NAME - 2 - len(order_key)]}… {order_key}"


def subitem_name(pattern: str, size_code: str) -> str:
    """The subitem's name, `Size XL` for the pattern `Size {size_code}`."""
    return clean(pattern.replace("{size_code}", size_code))
