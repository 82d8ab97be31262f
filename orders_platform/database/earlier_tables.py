"""Tables that an earlier system left in the database: what they need besides the columns that they lack.

Its CHECK constraints do not know all of our words, its rows know none of our columns, and what it called ERROR is FAILED here. Its rows
keep their ids: an order that has an item is updated at the next merge, never made again.
"""

import re
from collections.abc import Mapping

from markupsafe import Markup
from sqlalchemy import Connection, text

from orders_platform.database.dialects import Dialect
from orders_platform.domain.states import Action, SyncState

_CHECKS = text(
    "SELECT c.name, c.definition FROM sys.check_constraints AS c INNER JOIN sys.tables AS t ON t.object_id = c.parent_object_id "
    "WHERE t.name = :table_name AND t.schema_id = SCHEMA_ID(COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()))"
)
_ADOPTED = "an order of the earlier system that was not on the board; the next load that holds it sends it"
_WORDS: Mapping[str, tuple[str, ...]] = {"sync_state": tuple(SyncState), "action_type": tuple(Action)}


def adoption_statements(
    dialect: Dialect, connection: Connection, tables: Mapping[str, tuple[str, Markup]], schema: str, *, is_incomplete: bool
) -> list[str]:
    """The statements that make tables of an earlier system (`orders` and `lines`, each with its qualified name) ours; none for our own.

    `is_incomplete`: columns or tables were missing, so this is the first time.
    """
    statements: list[str] = []
    for role, (name, qualified) in tables.items():
        columns = {column.name.casefold() for column in dialect.columns(connection, name, schema)}
        if not columns:
            continue
        statements += _constraints(connection, name, qualified, schema)
        if is_incomplete and "sync_batch_id" not in columns:
            statements += _rows(role, qualified, columns, tables)
    return statements


def _constraints(connection: Connection, name: str, qualified: Markup, schema: str) -> list[str]:
    """Replace a CHECK that refuses one of our words by one that takes its words and ours."""
    statements = []
    for check, definition in connection.execute(_CHECKS, {"table_name": name, "schema_name": schema}):
        for column, ours in _WORDS.items():
            allowed = set(re.findall(r"'([A-Za-z_ ]+)'", definition))
            if re.search(rf"\b{column}\b", definition) and not allowed >= set(ours):
                words = ", ".join(f"'{word}'" for word in [*ours, *sorted(allowed - set(ours))])
                quoted = check.replace("]", "]]")
                statements.append(f"ALTER TABLE {qualified} DROP CONSTRAINT [{quoted}]")
                statements.append(f"ALTER TABLE {qualified} ADD CONSTRAINT [{quoted}] CHECK ({column} IN ({words}))")
    return statements


def _rows(role: str, qualified: Markup, columns: set[str], tables: Mapping[str, tuple[str, Markup]]) -> list[str]:
    """Nothing of an order is sent before a merge wrote its key and names: until then what was not sent is FAILED, with the reason.

    A line waits for its order, so it may be NEW. All names here are ours or quoted.
    """
    own_id = "monday_item_id" if role == "orders" else "monday_subitem_id"
    if "sync_state" not in columns or own_id not in columns:
        return []
    waiting = "'NEW'" if role == "lines" else f"'FAILED', sync_error_code = 'adopted', sync_error_message = N'{_ADOPTED}'"
    action = f"CASE WHEN {own_id} IS NULL THEN 'INSERT' ELSE 'UPDATE' END"
    statements = [
        f"UPDATE {qualified} SET sync_state = {waiting} WHERE sync_state <> 'SYNCED' OR {own_id} IS NULL",  # noqa: S608
        f"UPDATE {qualified} SET action_type = {action} WHERE action_type IS NULL",  # noqa: S608
    ]
    if role == "lines":
        statements.append(
            f"UPDATE {qualified} SET monday_parent_id = o.monday_item_id FROM {tables['orders'][1]} AS o "  # noqa: S608
            f"WHERE o.record_uuid = {qualified}.record_uuid AND {qualified}.monday_parent_id IS NULL "
            f"AND {qualified}.monday_subitem_id IS NOT NULL"
        )
    return statements
