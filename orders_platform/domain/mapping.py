"""The mapping from order columns to board columns, as the configuration gives it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal


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
        """True for the types whose cells hold labels of a fixed list."""
        return self in {ColumnType.STATUS, ColumnType.DROPDOWN}


@dataclass(frozen=True, slots=True)
class Field:
    """One board column and where its value comes from.

    Attributes:
        sources: order columns, the first one that is not NULL wins.
        labels: for status and dropdown columns only.
        percents: for numbers columns only: the order columns hold per cents, so `10%` is their 10.
    """

    sources: tuple[str, ...]
    column_id: str
    type: ColumnType
    labels: LabelPolicy = LabelPolicy.REJECT
    percents: bool = False


@dataclass(frozen=True, slots=True)
class BoardMapping:
    """What one board receives.

    Attributes:
        external_key: id of the text column by which an item is found again when its id is unknown; one of `fields`.
            None for subitems, which are found among their parent's children by name.
        long_texts: what becomes of a text that is longer than its column holds.
    """

    board_id: int
    fields: tuple[Field, ...]
    external_key: str | None = None
    long_texts: Literal["cut", "leave_out"] = "cut"
