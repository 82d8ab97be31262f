"""Which header of an order file is which column of the staging table.

Matched exactly first, then without regard to case, kind of space and kind of apostrophe, then by a short list of aliases. Only
spellings that can mean one thing are matched: `34` is never `3-4`, and a name that is itself a column is never an alias of
another. Belongs here: the rule. Does not belong here: reading files (`order_files.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orders_platform.errors import SourceDataError

ALIASES = {
    "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT": "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)",
}
"""Headers of some workbooks -> column. Spellings that differ only in case or spaces need no entry."""


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of one file, by place (counted from 0).

    Attributes:
        columns: place -> staging column.
        by_alias: header -> column, for every header that is not written exactly as its column.
        unknown: place -> header, for those that match no column.
        blank: places without a header.
    """

    columns: dict[int, str]
    by_alias: dict[str, str]
    unknown: dict[int, str]
    blank: tuple[int, ...]


def match_headers(headers: Sequence[str | None], known_columns: Sequence[str], where: str) -> Headers:
    """Find the column of each header.

    Args:
        headers: as they stand in the file, None for a blank one.
        known_columns: the columns of the staging table.
        where: the file, for messages.

    Raises:
        SourceDataError: two headers are the same, or mean the same column.
    """
    columns: dict[int, str] = {}
    by_alias: dict[str, str] = {}
    unknown: dict[int, str] = {}
    spellings = _spellings(known_columns)
    for place, header in enumerate(headers):
        if header is None:
            continue
        column = header if header in known_columns else spellings.get(_fold(header))
        if column is None:
            unknown[place] = header
            continue
        columns[place] = column
        if header != column:
            by_alias[header] = column
    _refuse_duplicates(headers, {**unknown, **columns}, where)
    return Headers(columns, by_alias, unknown, tuple(place for place, header in enumerate(headers) if header is None))


def column_letter(place: int) -> str:
    """The place as a spreadsheet shows it: 0 is A, 26 is AA."""
    before, letter = divmod(place, 26)
    return (column_letter(before - 1) if before else "") + chr(ord("A") + letter)


def _spellings(known_columns: Sequence[str]) -> dict[str, str]:
    folded = Counter(map(_fold, known_columns))
    spellings = {_fold(alias): column for alias, column in ALIASES.items() if column in known_columns}
    return spellings | {_fold(column): column for column in known_columns if folded[_fold(column)] == 1}


def _fold(header: str) -> str:
    return " ".join(header.replace("’", "'").split()).casefold()


def _refuse_duplicates(headers: Sequence[str | None], meanings: dict[int, str], where: str) -> None:
    first: dict[str, int] = {}
    for place in sorted(meanings):
        meaning = meanings[place]
        other = first.setdefault(meaning, place)
        if other != place:
            raise SourceDataError(
                f"{where}: the headers {headers[other]!r} (column {column_letter(other)}) and {headers[place]!r} (column "
                f"{column_letter(place)}) both mean {meaning!r}. Nothing was read. Delete or rename one of them in the file."
            )
