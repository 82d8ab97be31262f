"""The mapping from order columns to board columns, as the configuration gives it."""

import enum
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, Self


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
        return self is ColumnType.STATUS or self is ColumnType.DROPDOWN


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

    @property
    def takes_percents(self) -> bool:
        """Whether `10%` is a number here: the mapping says so, or the name of an order column."""
        return self.percents or any("%" in source for source in self.sources)


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


@dataclass(frozen=True, slots=True)
class Target:
    """The two boards that rows are sent to, and a hash of what each row is sent as; kept with what was sent.

    Rows that were sent under another mapping are compared with the board again. Ids of another board are of no use on this one.
    """

    items_board_id: int
    subitems_board_id: int
    items_mapping: str
    subitems_mapping: str

    @classmethod
    def of(cls, items: BoardMapping, subitems: BoardMapping, *more: object) -> Self:
        """The target of two mappings; `more` is what else decides what is sent."""
        facts = (json.dumps(asdict(mapping) | {"more": more}, sort_keys=True, default=str) for mapping in (items, subitems))
        return cls(items.board_id, subitems.board_id, *(hashlib.sha256(text.encode()).hexdigest()[:32] for text in facts))
