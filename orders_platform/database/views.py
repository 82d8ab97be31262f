"""The views for BI tools: what of them is missing in a database, or is of an earlier version.

Belongs here: making them and telling ours from anybody else's. Does not belong here: what they show (`sql/views/`), the tables
(`schema.py`). A view is a question, not data: one of ours that asks differently from `sql/views/` is made anew.
"""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import Inspector

from orders_platform.configuration import Tables
from orders_platform.database.engine import Database
from orders_platform.database.templates import Templates
from orders_platform.errors import ConfigurationError

VIEWS = ("order_sync_status", "customer_summary")
MARK = "/* made by orders_platform */"
"""In the text of each view of ours, by which it is known: a view of that name without it is somebody else's and stays as it is."""


def missing_views(database: Database, names: Tables, templates: Templates) -> list[str]:
    """The statements that make the views fit, in order; empty when they do.

    Raises:
        ConfigurationError: there is a view of that name that we did not make.
    """
    with database.read() as connection:
        inspector = sqlalchemy.inspect(connection)
        there = set(inspector.get_view_names(schema=names.schema_name or None))
        found = {role: _text_of(inspector, names, role, there) for role in VIEWS}
    statements: list[str] = []
    for role, text in found.items():
        create = _create(database, names, templates, role)
        if text is not None and MARK not in text:
            raise ConfigurationError(
                f"There is a view {getattr(names, role)} that orders-platform did not make; it was left as it is. "
                f"Choose another name for ours: {role} in [tables]."
            )
        if text is None:
            statements.append(create)
        elif text.split() != create.split():
            statements += [f"DROP VIEW {_qualified(database, names, role)}", create]
    return statements


def _text_of(inspector: Inspector, names: Tables, role: str, there: set[str]) -> str | None:
    name = getattr(names, role)
    return str(inspector.get_view_definition(name, schema=names.schema_name or None)) if name in there else None


def _qualified(database: Database, names: Tables, role: str) -> str:
    quote = database.engine.dialect.identifier_preparer.quote_identifier
    return ".".join(quote(part) for part in (names.schema_name, getattr(names, role)) if part)


def _create(database: Database, names: Tables, templates: Templates, role: str) -> str:
    clause = templates.render(f"views/{role}").clause()
    body = str(clause.compile(dialect=database.engine.dialect)).strip()
    return f"CREATE VIEW {_qualified(database, names, role)} AS {MARK}\n{body}"
