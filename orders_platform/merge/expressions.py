"""The few SQL expressions that Jinja cannot write well: lists of parts that a dialect's macro joins.

Belongs here: functions from names to `Markup`, used by templates as globals. Does not belong here: anything that knows a dialect
(`sql/macros/`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from markupsafe import Markup

from orders_platform.domain.names import NameRule

Quote = Callable[[str], Markup]


def parameter(prefix: str, number: int) -> Markup:
    """A bind parameter out of a numbered row of them, `:word_3`."""
    if not re.fullmatch(r"[a-z_]+", prefix):
        raise TypeError(f"{prefix!r} is no parameter name")
    return Markup(f":{prefix}_{int(number)}")  # noqa: S704 - a checked name and an integer


def integer(number: int) -> Markup:
    """A whole number that our own code counted (a position), never a value from outside."""
    return Markup(str(int(number)))  # noqa: S704 - an integer


class Expressions:
    """The globals of the templates that need the dialect's quoting."""

    def __init__(self, quote: Quote) -> None:
        self._quote = quote

    def col(self, row: str, name: str) -> Markup:
        """A column of the row aliased `row`, `s."PO NUMBER"`."""
        if not re.fullmatch(r"[a-z_]+", row):
            raise TypeError(f"{row!r} is no alias")
        return Markup(f"{row}.") + self._quote(name)  # noqa: S704 - a checked alias

    def first_of(self, row: str, names: Sequence[str]) -> Markup:
        """The first of the columns that is not NULL, else an empty text."""
        return Markup("coalesce({}, '')").format(Markup(", ").join(self.col(row, name) for name in names))

    def parts(self, row: str, names: Sequence[str], separator: Markup) -> list[Markup]:
        """Key columns with `separator` between them."""
        return self._separated([self.first_of(row, [name]) for name in names], separator)

    def name_parts(self, row: str, rule: NameRule, separator: Markup) -> list[Markup]:
        """The parts of a name with `separator` between them; the macro `name` folds the spaces that blank parts leave."""
        return self._separated([self.first_of(row, names) for names in rule], separator)

    @staticmethod
    def _separated(parts: list[Markup], separator: Markup) -> list[Markup]:
        return [part for pair in zip(parts, [separator] * len(parts), strict=True) for part in pair][:-1]
