"""SQL files: found, rendered, checked, run.

A template is one statement. Jinja writes identifiers only, each through `q()`; anything else it would write is refused. Values
are bound parameters, and the header of the file names them all. Belongs here: that contract. Does not belong here: a statement.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup
from sqlalchemy import BindParameter, Dialect, TextClause, bindparam, text

from orders_platform.errors import ConfigurationError
from orders_platform.merge.expressions import Expressions, integer, parameter

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
        self.expressions = Expressions(self.quote)

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
        made = self.expressions
        environment.globals.update(q=self.quote, param=parameter, integer=integer, col=made.col, first_of=made.first_of)
        environment.globals.update(parts=made.parts, name_parts=made.name_parts, **self._context)
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

    def names(self) -> Sequence[str]:
        """The statements there are, by name."""
        return sorted(path.name.removesuffix(".sql.j2") for path in self._folder.glob("*.sql.j2"))


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
