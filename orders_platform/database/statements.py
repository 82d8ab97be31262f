"""Rendered statements, ready to run: each template once per customer's rules, values bound by name.

Belongs here: the cache and the check that a statement gets exactly the values its header declares. Does not belong here: what the
statements are for (`merge.py`, `order_store.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, TextClause

from orders_platform.database.templates import Templates
from orders_platform.merge.merge_rules import MergeRules

_NUMBERED = re.compile(r"_\d+$")


class Runner(Protocol):
    """Runs a statement by name with the runner's own values and those given."""

    def __call__(self, statement: str, /, **values: object) -> CursorResult[Any]:
        """The result; raises what `translated_errors` makes of the driver's errors."""


class Statements:
    """The statements of `sql/` for one database and configuration."""

    def __init__(self, templates: Templates, rules: Callable[[], MergeRules]) -> None:
        self._templates = templates
        self._rules = rules
        self._context: dict[str, object] = {}
        self._facts = ""
        self._context_of: dict[str, tuple[dict[str, object], str]] = {}

    def for_customer(self, customer: str) -> None:
        """Render from now on with this customer's keys."""
        if customer not in self._context_of:
            context = self._rules().context(customer, self._templates.expressions)
            self._context_of[customer] = context, sha256(repr(context).encode()).hexdigest()
        self._context, self._facts = self._context_of[customer]

    def render(self, name: str, **counts: int) -> tuple[TextClause, frozenset[str]]:
        """One statement and the names of its parameters, rendered once a process for each set of facts and counts."""
        key = (name, self._facts, tuple(sorted(counts.items())))
        if key not in self._templates.rendered:
            clause = self._templates.render(name, **self._context, **counts).clause()
            self._templates.rendered[key] = clause, frozenset(clause.compile().params)
        return self._templates.rendered[key]

    def runner(self, connection: Connection, values: Mapping[str, object]) -> Runner:
        """A function that runs statements on `connection`, binding `values` and what it is given, as far as they are used."""

        def run(statement: str, /, **more: object) -> CursorResult[Any]:
            counts = {name: value for name, value in more.items() if name.endswith("_rows") and isinstance(value, int)}
            clause, wanted = self.render(statement, **counts)
            bound = {**values, **more}
            return connection.execute(clause, {name: bound[name] for name in wanted})

        return run
