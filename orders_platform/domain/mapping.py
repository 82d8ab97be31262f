"""The mapping from order columns to names and columns of the board, as the configuration gives it."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orders_platform.domain.text import clean

OnDeleted = Literal["recreate", "leave"]
OnRenamed = Literal["restore", "keep"]


class LabelPolicy(enum.StrEnum):
    """What to do with a text that is not a label of its status or dropdown column yet."""

    CREATE = "create"
    REJECT = "reject"
    BLANK = "blank"


class ColumnType(enum.StrEnum):
    """monday's column types that we write; the value is monday's own name.

    A new type is a member here, a codec in `cell_codecs.CODECS`, and a writer in `sandbox/cells.py`.
    """

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBERS = "numbers"
    DATE = "date"
    STATUS = "status"
    DROPDOWN = "dropdown"
    CHECKBOX = "checkbox"
    LINK = "link"
    EMAIL = "email"

    @property
    def has_labels(self) -> bool:
        return self is ColumnType.STATUS or self is ColumnType.DROPDOWN


@dataclass(frozen=True, slots=True)
class Field:
    """One board column and where its value comes from."""

    sources: tuple[str, ...]  # order columns, the first one that is not NULL wins
    column_id: str
    type: ColumnType
    labels: LabelPolicy = LabelPolicy.REJECT  # for status and dropdown columns only
    percents: bool = False  # for numbers columns only: the order columns hold per cents, so `10%` is their 10

    @property
    def takes_percents(self) -> bool:
        """Whether `10%` is a number here: the mapping says so, or the name of an order column."""
        return self.percents or any("%" in source for source in self.sources)


@dataclass(frozen=True, slots=True)
class BoardMapping:
    """What one board receives."""

    board_id: int
    fields: tuple[Field, ...]
    # id of the text column by which an item is found again when its id is unknown; one of `fields`. None for subitems, which
    # are found among their parent's children by name.
    external_key: str | None = None
    long_texts: Literal["cut", "leave_out"] = "cut"  # what becomes of a text that is longer than its column holds


MAX_NAME = 255  # monday's limit for item and group names, in characters
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


@lru_cache(1_000)
def subitem_name(pattern: str, size_code: str) -> str:
    """The subitem's name, `Size XL` for the pattern `Size {size_code}`."""
    return clean(pattern.replace("{size_code}", size_code))
