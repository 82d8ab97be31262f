"""The files of `sql/`: found, rendered and checked.

A template is one statement. Jinja writes identifiers only, each through `q()` or `col()`; anything else it would write is refused.
Values are bound parameters, and the header of the file names them all.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import jinja2
from markupsafe import Markup
from sqlalchemy import BindParameter, Dialect, TextClause, bindparam, text

from orders_platform.errors import ConfigurationError

WORK_TABLES = ("staged_cells", "clean_orders", "order_matches", "known_orders")
"""Temporary tables of the merge; they live as long as their connection. SQLite has no use for the first."""


class Templates:
    """The `sql/` folder for one dialect.

    Every template may use `context`: `t` and `w` (tables and work tables, quoted), `columns`, `types`. `rendered` is what `Statements`
    has made of them so far, with the parameters of each, so that it is made once a process.
    """

    def __init__(self, folder: Path, dialect: Dialect, context: Mapping[str, object]) -> None:
        self._folder = folder
        self._dialect = dialect
        self._context = dict(context)
        self.rendered: dict[Hashable, tuple[TextClause, frozenset[str]]] = {}

    @cached_property
    def _environment(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._folder),
            undefined=jinja2.StrictUndefined,
            autoescape=True,  # makes macro output Markup, so that `finalize` can tell it from a bare value
            finalize=_only_sql,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(q=self.quote, col=self.column, cols=self.columns, param=parameter, integer=integer)
        environment.globals.update(parts=self.key_parts, **self._context)
        # A macro file sees what was there when it was loaded, so each may use those before it.
        for name, file in (("dialect", self._dialect.name), ("shared", "shared"), ("cells", "cells")):
            environment.globals[name] = environment.get_template(f"macros/{file}.sql.j2").module
        work_table = environment.get_template(f"macros/{self._dialect.name}.sql.j2").module.work_table  # type: ignore[attr-defined]
        environment.globals["w"] = {name: work_table(Markup(name)) for name in WORK_TABLES}  # noqa: S704 - our own names
        environment.globals["source"] = environment.get_template("macros/source.sql.j2").module
        return environment

    def quote(self, name: str) -> Markup:
        """An identifier, quoted for the dialect and safe from being read as a bind parameter."""
        quoted = self._dialect.identifier_preparer.quote_identifier(name)
        return Markup(quoted.replace(":", "\\:"))  # noqa: S704 - this is SQL, and quoting is what makes it safe

    def column(self, row: str, name: str) -> Markup:
        """A column of the row aliased `row`, `s."PO NUMBER"`."""
        if not re.fullmatch(r"[a-z_]+", row):
            raise TypeError(f"{row!r} is no alias")
        return Markup(f"{row}.") + self.quote(name)  # noqa: S704 - a checked alias

    def columns(self, row: str, names: Iterable[str]) -> list[Markup]:
        """Several columns of a row."""
        return [self.column(row, name) for name in names]

    def key_parts(self, row: str, names: Sequence[str], separator: Markup) -> list[Markup]:
        """Key columns, an empty text where one is NULL, with `separator` between them."""
        return [part for name in names for part in (separator, Markup("coalesce({}, '')").format(self.column(row, name)))][1:]

    def render(self, name: str, **context: object) -> TextClause:
        """One statement by file name without ending; list parameters expand into `(?, ?, ...)`.

        Raises `ConfigurationError` when there is no such file, it uses an undefined name, or writes something that is not an identifier.
        """
        try:
            sql = self._environment.get_template(f"{name}.sql.j2").render(**context)
        except jinja2.TemplateNotFound as error:
            raise ConfigurationError(
                f"The SQL template {error.name} is not in {self._folder}; reinstall orders-platform."
            ) from error
        except (jinja2.TemplateError, TypeError) as error:
            raise ConfigurationError(f"The SQL template {name} cannot be rendered: {error}") from error
        lists: list[BindParameter[object]] = [bindparam(name, expanding=True) for name in _lists(sql)]
        return text(sql).bindparams(*lists)


def parameter(prefix: str, number: int) -> Markup:
    """A bind parameter out of a numbered row of them, `:word_3`."""
    if not re.fullmatch(r"[a-z_]+", prefix):
        raise TypeError(f"{prefix!r} is no parameter name")
    return Markup(f":{prefix}_{int(number)}")  # noqa: S704 - a checked name and an integer


def integer(number: int) -> Markup:
    """A whole number that our own code counted (a position), never a value from outside."""
    return Markup(str(int(number)))  # noqa: S704 - an integer


def _only_sql(value: object) -> object:
    if isinstance(value, jinja2.Undefined):
        return value  # it raises by itself when it is written, and names what is undefined
    if not isinstance(value, Markup):
        raise TypeError(f"{value!r} would be written into SQL as it is; write identifiers through q() and bind values")
    return value


def _lists(sql: str) -> list[str]:
    """The parameters that the header declares as lists and the statement uses: `-- Parameters: customer, now, names (list)`."""
    header = re.search(r"^-- Parameters: (.*)$", sql, re.MULTILINE)
    declared = re.findall(r"([a-z_]+) \(list\)", header[1] if header else "")
    return [name for name in declared if re.search(rf":{name}\b", sql)]  # a dialect may have no use for one
