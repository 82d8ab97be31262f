"""SQL Server's errors as ours, by number: what a person should do next, and whether repeating the transaction helps.

The numbers are in the server's catalogue (`sys.messages`); drivers put them in brackets at the end of their message, a broken connection
has none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orders_platform.errors import DatabaseRefusedError, DatabaseUnavailableError, OrdersError, TransactionLostError


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means: our class for it, and the next step."""

    kind: type[OrdersError]
    step: str


_LOST = "Nothing of this step was kept; it is repeated as a whole."
_LATER = "Nothing of this step was kept; it can be repeated."
_RIGHTS = "The login lacks a right: docs/how_to/sql_server.md lists them, deploy/sql_server_rights.sql grants them."
_LONG = (
    "A value is longer than its column. Nothing of this step was kept. Cells are checked against the order table's columns; another "
    "column of the table, or a trigger, is too short."
)
_LOGIN = "Check user, password and authentication in ORDERS_DATABASE_URL, and that the server lets this login in."
_ABSENT = "Run `orders-platform init-db`, which makes what is missing."
_FULL = "The server has no room left. Nothing of this step was kept; ask whoever runs it for space, then repeat."

_MEANINGS: Mapping[int, Meaning] = {
    **dict.fromkeys((1205,), Meaning(TransactionLostError, f"Two transactions were in each other's way (deadlock). {_LOST}")),
    **dict.fromkeys((1222,), Meaning(TransactionLostError, f"Another transaction held its locks for too long. {_LOST}")),
    **dict.fromkeys((3960, 3961), Meaning(TransactionLostError, f"Another transaction changed the same rows. {_LOST}")),
    # Azure SQL moves, throttles and restarts databases.
    **dict.fromkeys((40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 4221),
                    Meaning(TransactionLostError, f"The service is busy or moving the database. {_LOST}")),
    **dict.fromkeys((701, 1204, 8645, 8651), Meaning(DatabaseUnavailableError, f"The server is short of memory. {_LATER}")),
    **dict.fromkeys((1105, 9002), Meaning(DatabaseRefusedError, _FULL)),
    **dict.fromkeys((18452, 18456, 18470, 18486, 18487, 18488), Meaning(DatabaseRefusedError, _LOGIN)),
    **dict.fromkeys((911, 4060, 4063, 916), Meaning(DatabaseRefusedError, "There is no such database, or the login may not use it. "
                    "Check the database's name in ORDERS_DATABASE_URL, and that the login has a user in it.")),
    **dict.fromkeys((229, 230, 262, 297, 300, 1088, 2760, 3704, 15151, 15247), Meaning(DatabaseRefusedError, _RIGHTS)),
    **dict.fromkeys((2601, 2627), Meaning(DatabaseRefusedError, "A row with this key exists already: another program writes to the "
                    "same tables. Nothing of this step was kept; find out who, then repeat.")),
    **dict.fromkeys((2628, 8152), Meaning(DatabaseRefusedError, _LONG)),
    **dict.fromkeys((220, 8115), Meaning(DatabaseRefusedError, "A number is too large for its column. Nothing of this step was kept. "
                    "Sums and quantities are INT: look for a total beyond 2,147,483,647, or for a narrower column in the table.")),
    **dict.fromkeys((241, 245, 8114), Meaning(DatabaseRefusedError, "A text is no number or date, and its column takes nothing else. "
                    "Nothing of this step was kept. A staging table made by `init-db` takes any text, and the merge rejects the row.")),
    **dict.fromkeys((515, 547), Meaning(DatabaseRefusedError, "A constraint of the table refuses the row. Nothing of this step was kept. "
                    "`orders-platform init-db --dry-run` shows what it would change; other constraints are for their owner to lift.")),
    **dict.fromkeys((207, 208), Meaning(DatabaseRefusedError, _ABSENT)),
}  # fmt: skip
_BROKEN = Meaning(TransactionLostError, f"The connection broke. {_LOST}")
_SLOW = Meaning(DatabaseUnavailableError, f"It took too long. {_LATER}")
_UNREACHABLE = Meaning(
    TransactionLostError,
    "The server cannot be reached. Check host and port in ORDERS_DATABASE_URL, the firewall, and the server's certificate.",
)
_OTHER = Meaning(DatabaseRefusedError, "Nothing of this step was kept.")

# What drivers say where no server speaks any more: FreeTDS 20003 to 20047, sockets 53, 64, 233, 10053, 10054, 10060.
_BROKEN_NUMBERS = frozenset({20004, 20006, 20017, 20020, 20047, 53, 64, 233, 121, 10053, 10054, 10060, 596})
_STATES: Mapping[str, Meaning] = {
    "40001": _MEANINGS[1205], "28000": _MEANINGS[18456], "HYT00": _SLOW, "HYT01": _SLOW, "S1T00": _SLOW,
    "08S01": _BROKEN, "08003": _BROKEN,
    "08007": _BROKEN, "01002": _BROKEN, "08001": _UNREACHABLE, "08004": _UNREACHABLE, "22001": _MEANINGS[2628], "22003": _MEANINGS[8115],
    "42S02": _MEANINGS[208], "42S22": _MEANINGS[207],
}  # fmt: skip


def meaning_of(state: str, message: str, *, is_disconnect: bool) -> Meaning:
    """What an error means by the driver's SQLSTATE and words; `is_disconnect` if SQLAlchemy took it for a broken connection."""
    numbers = [int(number) for number in re.findall(r"\((\d{1,6})\)", message)]
    for number in numbers:
        if number in _MEANINGS:
            return _MEANINGS[number]
    if is_disconnect or not _BROKEN_NUMBERS.isdisjoint(numbers):
        return _BROKEN
    if 20003 in numbers:
        return _SLOW
    if numbers == [0] and "Unknown error" in message:
        return _BROKEN  # what FreeTDS says when the server is gone in the middle of an answer
    return _STATES.get(state, _named_in(message))


# t-sql-compatible: errors of other engines have other numbers.
def _named_in(message: str) -> Meaning:
    """By the words that an error has in common with SQL Server's."""
    words = {
        "deadlock": 1205, "lock timeout": 1222, "Login failed": 18456, "authentication failed": 18456, "Invalid object name": 208,
        "Invalid column name": 207, "permission denied": 229, "permission was denied": 229, "duplicate key": 2627,
        "value too long": 2628, "violates check constraint": 547,
    }  # fmt: skip
    found = next((number for word, number in words.items() if word.casefold() in message.casefold()), None)
    return _OTHER if found is None else _MEANINGS[found]
