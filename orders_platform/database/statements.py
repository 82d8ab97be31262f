"""Statements of `sql/`, ready to run: each template rendered once a process for each context, its values bound by name."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, TextClause

from orders_platform.database.templates import Templates


class Runner(Protocol):
    """Runs a statement by name."""

    def __call__(
        self, statement: str, variables: Mapping[str, int | str] | None = None, /, **values: object
    ) -> CursorResult[Any]:
        """The result; raises what `translated_errors` makes of the driver's errors.

        Args:
            statement: its name.
            variables: what the template is told of this call alone, such as the number of rows of its VALUES list.
            values: to bind, as far as the statement uses them; they go before the runner's own.
        """


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
            clause = self._templates.render(name, **self._context, **(variables or {})).clause()
            self._templates.rendered[key] = clause, frozenset(clause.compile().params)
        return self._templates.rendered[key]

    def runner(self, connection: Connection, values: Mapping[str, object]) -> Runner:
        """A function that runs statements on `connection`, binding `values` and what it is given."""

        def run(statement: str, variables: Mapping[str, int | str] | None = None, /, **more: object) -> CursorResult[Any]:
            clause, wanted = self.render(statement, variables)
            bound = {**values, **more}
            return connection.execute(clause, {name: bound[name] for name in wanted})

        return run
