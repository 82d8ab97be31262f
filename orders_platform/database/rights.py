"""What a login may do on SQL Server, asked before anything is tried: what lacks is named at once, with the GRANT that mends it.

Belongs here: which rights the platform needs every day and which `init-db` needs, and asking for them. Does not belong here: granting
(`deploy/sql_server_rights.sql`), what the server says when it refuses all the same (`mssql_errors.py`). SQLite has no rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from sqlalchemy import Connection, text

from orders_platform.errors import DatabaseRefusedError

DAILY: Mapping[str, Sequence[str]] = {
    "staging": ("SELECT",),  # `load` inserts and deletes as well
    "orders": ("SELECT", "INSERT", "UPDATE"),
    "staged_lines": ("SELECT", "INSERT", "DELETE"),
    "lines": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "log": ("SELECT", "INSERT", "DELETE"),
    "rejects": ("SELECT", "INSERT", "UPDATE"),
    "customers": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
"""By role of the table: what merging, sending and `housekeeping` do."""

Right = tuple[str, str, str]
"""Class of the securable, its name (empty for the database itself), the permission."""


def require_daily_rights(connection: Connection, tables: Mapping[str, Markup]) -> None:
    """Refuse a login that could not finish what it would begin.

    Args:
        connection: to the order database.
        tables: qualified name by role. One that the login cannot see is passed over: the catalogue says that it is absent.

    Raises:
        DatabaseRefusedError: rights are missing; it names them.
    """
    rights = [("OBJECT", str(tables[role]), permission) for role, needed in DAILY.items() for permission in needed]
    _require(connection, rights, "Nothing was done. Somebody who may grant rights runs deploy/sql_server_rights.sql, or")


def require_rights_to_make(connection: Connection, statements: Sequence[str], schema: str) -> None:
    """Refuse a login that could not run all of the DDL that `init-db` is about to run.

    Args:
        connection: to the order database.
        statements: the DDL.
        schema: empty for the login's default one.

    Raises:
        DatabaseRefusedError: rights are missing; it names them.
    """
    rights = [
        ("DATABASE", "", what) for what in ("CREATE TABLE", "CREATE VIEW") if any(made.startswith(what) for made in statements)
    ]
    if statements and connection.dialect.name == "mssql":
        name = schema or str(connection.exec_driver_sql("SELECT SCHEMA_NAME()").scalar_one())
        rights.append(("SCHEMA", connection.dialect.identifier_preparer.quote_identifier(name), "ALTER"))
    _require(connection, rights, "Nothing was made. Run init-db as somebody who may, or let somebody who may grant rights run")


def _require(connection: Connection, rights: Sequence[Right], step: str) -> None:
    if connection.dialect.name != "mssql":
        return
    missing = _refused(connection, rights)
    if missing:
        user = connection.dialect.identifier_preparer.quote_identifier(
            str(connection.exec_driver_sql("SELECT USER_NAME()").scalar_one())
        )
        grants = " ".join(
            f"GRANT {permission}{f' ON {kind}::{name}' if name else ''} TO {user};" for kind, name, permission in missing
        )
        raise DatabaseRefusedError(f"The database user {user} lacks {len(missing)} rights. {step}: {grants}")


def _refused(connection: Connection, rights: Sequence[Right]) -> list[Right]:
    """The rights to which the server says no; where it does not know, it may say so when it is asked to do the thing."""
    asked = ", ".join(
        f"CASE WHEN :kind_{i} = 'OBJECT' AND OBJECT_ID(:name_{i}) IS NULL THEN NULL "
        f"ELSE HAS_PERMS_BY_NAME(COALESCE(NULLIF(:name_{i}, ''), QUOTENAME(DB_NAME())), :kind_{i}, :right_{i}) END"
        for i in range(len(rights))
    )
    values = {
        f"{what}_{i}": word
        for i, right in enumerate(rights)
        for what, word in zip(("kind", "name", "right"), right, strict=True)
    }
    answers = connection.execute(text(f"SELECT {asked}"), values).one() if rights else ()
    return [right for right, answer in zip(rights, answers, strict=True) if answer == 0]
