"""Statements of `sql/`, ready to run: each template rendered once a process for each context, its values bound by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, TextClause

from orders_platform.database.templates import Templates

VALUES_A_STATEMENT = 1_000
ROWS_A_STATEMENT = 100
"""SQL Server takes 2,100 parameters; a row with its result has thirteen."""

T = TypeVar("T")


class Statements:
    """The statements of `sql/`, rendered with a context: what those templates are told that are not about our own tables alone."""

    def __init__(self, templates: Templates, context: Mapping[str, object] | None = None) -> None:
        self._templates = templates
        self._context = dict(context or {})
        self._facts = sha256(repr(self._context).encode()).hexdigest() if context else ""

    def render(self, name: str, variables: Mapping[str, int | str] | None = None) -> tuple[TextClause, frozenset[str]]:
        """One statement and the names of its parameters."""
        key = (name, self._facts, tuple(sorted((variables or {}).items())))
        if key not in self._templates.rendered:
            clause = self._templates.render(name, **self._context, **(variables or {}))
            self._templates.rendered[key] = clause, frozenset(clause.compile().params)
        return self._templates.rendered[key]

    def runner(self, connection: Connection, values: Mapping[str, object]) -> "Runner":
        """What runs statements on `connection`, binding `values` and what it is given."""
        return Runner(self, connection, values)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs statements by name."""

    statements: Statements
    connection: Connection
    values: Mapping[str, object]

    def __call__(
        self, statement: str, variables: Mapping[str, int | str] | None = None, /, **more: object
    ) -> CursorResult[Any]:
        """The result; raises what `translated_errors` makes of the driver's errors.

        `variables` is what the template is told of this call alone, such as the number of rows of its VALUES list; `more` is bound as
        far as the statement uses it, and goes before the runner's own values.
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


def write_rows(
    run: Runner, statement: str, names: Sequence[str], rows: Sequence[Sequence[object]], column: str = "", **values: object
) -> None:
    """Run a statement of numbered rows, of one length, so that it is made once: the last row is repeated, which changes nothing.

    `names` are the parameters of a row, `column` is one that the template is told.
    """
    variables: dict[str, int | str] = {"result_rows": ROWS_A_STATEMENT} | ({"cell_column": column} if column else {})
    for chunk in chunks(rows, ROWS_A_STATEMENT):
        full = [*chunk, *chunk[-1:] * (ROWS_A_STATEMENT - len(chunk))]
        run(statement, variables, **numbered(names, full), **values)
