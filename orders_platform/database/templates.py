"""The files of `sql/`: found, rendered and checked.

A template is one statement. Jinja writes identifiers only, each through `q()` or `col()`; anything else it would write is refused.
Values are bound parameters, and the header of the file names them all.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup
from sqlalchemy import BindParameter, Dialect, TextClause, bindparam, text

from orders_platform.errors import ConfigurationError

WORK_TABLES = ("staged_cells", "clean_orders", "order_matches", "known_orders")
"""Temporary tables of the merge; they live as long as their connection. SQLite has no use for the first."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A rendered statement: its `name`, its `sql`, and the `parameters` its header declares (a list where True)."""

    name: str
    sql: str
    parameters: Mapping[str, bool]

    def clause(self) -> TextClause:
        """For SQLAlchemy; list parameters expand into `(?, ?, ...)`."""
        lists: list[BindParameter[object]] = [
            bindparam(name, expanding=True)
            for name, is_list in self.parameters.items()
            if is_list and re.search(rf":{name}\b", self.sql)  # a dialect may have no use for one
        ]
        return text(self.sql).bindparams(*lists)


class _CompiledOnce(jinja2.BytecodeCache):
    """Templates compiled once a process: every step opens its own store, and compiling them again takes longer than the step."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Jinja's: fill in the code of a template of this name and text, if it is known."""
        bucket.code = self._made.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Jinja's: remember it."""
        if bucket.code is not None:
            self._made[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _CompiledOnce()


class _Macros:
    """A file of macros, compiled when a statement first asks for one of them."""

    def __init__(self, environment: jinja2.Environment, file: str) -> None:
        self._environment, self._file = environment, file

    def __getattr__(self, name: str) -> object:
        return getattr(self._environment.get_template(f"macros/{self._file}.sql.j2").module, name)


class Templates:
    """The `sql/` folder for one dialect.

    Args:
        folder: `sql/`.
        dialect: SQLAlchemy's, whose identifier rules quote the names.
        context: what every template may use: `t` and `w` (tables and work tables, quoted), `columns`, `types`.

    Attributes:
        rendered: what `Statements` has made of them so far, with the parameters of each, so that it is made once a process.
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
            bytecode_cache=_COMPILED,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(q=self.quote, col=self.column, cols=self.columns, param=parameter, integer=integer)
        environment.globals.update(parts=self.key_parts, **self._context)
        files = {"dialect": self._dialect.name, "shared": "shared", "cells": "cells", "source": "source"}
        environment.globals.update({name: _Macros(environment, file) for name, file in files.items()})
        work_table = environment.globals["dialect"].work_table  # type: ignore[attr-defined]
        environment.globals["w"] = {name: work_table(Markup(name)) for name in WORK_TABLES}  # noqa: S704 - our own names
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

    def render(self, name: str, **context: object) -> Statement:
        """One statement by file name without ending.

        Raises:
            ConfigurationError: there is no such file, it uses an undefined name, or writes something that is not an identifier.
        """
        try:
            sql = self._environment.get_template(f"{name}.sql.j2").render(**context)
        except jinja2.TemplateNotFound as error:
            raise ConfigurationError(
                f"The SQL template {error.name} is not in {self._folder}; reinstall orders-platform."
            ) from error
        except (jinja2.TemplateError, TypeError) as error:
            raise ConfigurationError(f"The SQL template {name} cannot be rendered: {error}") from error
        return Statement(name, sql, _declared(sql))


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


def _declared(sql: str) -> dict[str, bool]:
    """The parameters a header declares: `-- Parameters: customer, now, names (list), word (numbered)`."""
    found = re.search(r"^-- Parameters: (.*)$", sql, re.MULTILINE)
    declared: dict[str, bool] = {}
    for entry in (found.group(1) if found else "").split(","):
        word = re.match(r"\s*([a-z_]+)\s*(\(list\)|\(numbered\))?", entry)
        if word and word.group(1) != "none" and word.group(2) != "(numbered)":
            declared[word.group(1)] = word.group(2) is not None
    return declared
