"""The files of `sql/`: found, rendered and checked; each once a process for each context, its values bound by name.

A template is one statement. Jinja writes identifiers only, each through `q()` or `col()`; anything else it would write is refused.
Values are bound parameters, and the header of the file names them all.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from markupsafe import Markup
from sqlalchemy import Connection, CursorResult, Dialect, TextClause, bindparam, text

from orders_platform.errors import ConfigurationError

VALUES_A_STATEMENT = 1_000
ROWS_A_STATEMENT = 100  # SQL Server takes 2,100 parameters; a row with its result has thirteen
FEW_ROWS = 10  # for so many there is a statement of their own: most documents that are sent have no more
T = TypeVar("T")

Variables = Mapping[str, int | str | tuple[str, ...]]
"""What a template is told of one call alone, such as the number of rows of its VALUES list, or names of columns."""


class Templates:
    """The `sql/` folder for one dialect; every template may use `context`: `t` (tables, quoted), `columns`.

    `rendered` is what `Statements` has made of them so far, once a process, with the parameters of each.
    """

    def __init__(self, folder: Path, dialect: Dialect, context: Mapping[str, object]) -> None:
        self._folder = folder
        self._dialect = dialect
        self.rendered: dict[Hashable, tuple[TextClause, frozenset[str]]] = {}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            undefined=jinja2.StrictUndefined,
            autoescape=True,  # makes macro output Markup, so that `finalize` can tell it from a bare value
            finalize=_only_sql,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        names = self._environment.globals
        names |= {"q": cache(self.quote), "col": cache(self.column), "param": parameter, "integer": integer, **context}
        for each, file in (("dialect", dialect.name), ("source", "source")):  # the second uses the first
            names[each] = self._environment.get_template(f"macros/{file}.sql.j2").module

    def quote(self, name: str) -> Markup:
        """An identifier, quoted for the dialect and safe from being read as a bind parameter."""
        quoted = self._dialect.identifier_preparer.quote_identifier(name)
        return Markup(quoted.replace(":", "\\:"))  # noqa: S704 - this is SQL, and quoting is what makes it safe

    def column(self, row: str, name: str) -> Markup:
        """A column of the row aliased `row`, `s."PO NUMBER"`."""
        if not re.fullmatch(r"[a-z_]+", row):
            raise TypeError(f"{row!r} is no alias")
        return Markup(f"{row}.") + self.quote(name)  # noqa: S704 - a checked alias

    def render(self, name: str, **context: object) -> TextClause:
        """One statement as `written` has it; what its header calls a list, `-- Parameters: names (list)`, becomes `(?, ?, ...)`."""
        sql = self.written(name, **context)
        header = re.search(r"^-- Parameters: (.*)$", sql, re.MULTILINE)
        lists = re.findall(r"([a-z_]+) \(list\)", header[1] if header else "")
        used = [name for name in lists if re.search(rf":{name}\b", sql)]  # a dialect may have no use for one
        return text(sql).bindparams(*(bindparam(name, expanding=True) for name in used))

    def written(self, name: str, **context: object) -> str:
        """The text of one statement, by file name without ending.

        Raises `ConfigurationError` when there is no such file, it uses an undefined name, or writes something that is not an identifier.
        """
        try:
            return self._environment.get_template(f"{name}.sql.j2").render(**context)
        except jinja2.TemplateNotFound as error:
            raise ConfigurationError(
                f"The SQL template {error.name} is not in {self._folder}; reinstall orders-platform."
            ) from error
        except (jinja2.TemplateError, TypeError) as error:
            raise ConfigurationError(f"The SQL template {name} cannot be rendered: {error}") from error


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


class Statements:
    """The statements of `sql/`, rendered with a context: what those templates are told that are not about our own tables alone."""

    def __init__(self, templates: Templates, context: Mapping[str, object] | None = None) -> None:
        self._templates = templates
        self._context = dict(context or {})
        self._facts = sha256(repr(self._context).encode()).hexdigest() if context else ""

    def render(self, name: str, variables: Variables | None = None) -> tuple[TextClause, frozenset[str]]:
        """One statement and the names of its parameters."""
        key = (name, self._facts, tuple(sorted((variables or {}).items())))
        if key not in self._templates.rendered:
            clause = self._templates.render(name, **self._context, **(variables or {}))
            self._templates.rendered[key] = clause, frozenset(clause.compile().params)
        return self._templates.rendered[key]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs statements by name on a connection, binding `values` and what it is given."""

    statements: Statements
    connection: Connection
    values: Mapping[str, object]

    def __call__(self, statement: str, variables: Variables | None = None, /, **more: object) -> CursorResult[*tuple[Any, ...]]:
        """The result; raises what `translated_errors` makes of the driver's errors.

        `more` is bound as far as the statement uses it, and goes before the runner's own values.
        """
        clause, wanted = self.statements.render(statement, variables)
        bound = {**self.values, **more}
        return self.connection.execute(clause, {name: bound[name] for name in wanted})


def chunks(values: Sequence[T], size: int = VALUES_A_STATEMENT) -> Iterator[list[T]]:
    """Lists short enough for one statement."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def numbered(names: Sequence[str], rows: Iterable[Sequence[object]]) -> dict[str, object]:
    """The parameters of numbered rows; `names` are those of one row."""
    return {f"{name}_{i}": value for i, row in enumerate(rows) for name, value in zip(names, row, strict=True)}


def write_rows(run: Runner, statement: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Run a statement of numbered rows, of two lengths, so that each is made once: the last row is repeated, which changes nothing.

    `names` are the parameters of a row.
    """
    size = FEW_ROWS if len(rows) <= 3 * FEW_ROWS else ROWS_A_STATEMENT
    for chunk in chunks(rows, size):
        run(statement, {"result_rows": size}, **numbered(names, [*chunk, *chunk[-1:] * (size - len(chunk))]))
