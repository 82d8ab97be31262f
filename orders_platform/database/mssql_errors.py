"""SQL Server's errors as ours, by number: what a person should do next, and whether repeating the transaction helps.

The numbers are in the server's catalogue (`sys.messages`). pyodbc puts them in brackets at the end of the message; a broken connection has
none. mssql-python tells none: its errors are known by their words, which a session of ours gets in English.
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


LOST = "Nothing of this step was kept; it is repeated as a whole."
_LATER = "Nothing of this step was kept; it can be repeated."
_RIGHTS = "The login lacks a right: docs/how_to/sql_server.md lists them, deploy/sql_server_rights.sql grants them."
_LONG = (
    "A value is longer than its column. Nothing of this step was kept. Cells are checked against the order table's columns; another "
    "column of the table, or a trigger, is too short."
)
_LOGIN = "Check user, password and authentication in ORDERS_DATABASE_URL, and that the server lets this login in."
_NO_DATABASE = (
    "There is no such database, or the login may not use it. Check the database's name in ORDERS_DATABASE_URL, and that the login has a "
    "user in it."
)
_ABSENT = "Run `orders-platform init-db`, which makes what is missing."
_WIDE = (
    "A row with so many long cells does not fit on a page of the server (8,060 bytes; a long cell takes 24 of them). Nothing of this step "
    "was kept. Shorten the cells of that row, or let fewer columns of the table be filled."
)
_FULL = "The server has no room left. Nothing of this step was kept; ask whoever runs it for space, then repeat."

_MEANINGS: Mapping[int, Meaning] = {
    **dict.fromkeys((1205,), Meaning(TransactionLostError, f"Two transactions were in each other's way (deadlock). {LOST}")),
    **dict.fromkeys((1222,), Meaning(TransactionLostError, f"Another transaction held its locks for too long. {LOST}")),
    **dict.fromkeys((3960, 3961), Meaning(TransactionLostError, f"Another transaction changed the same rows. {LOST}")),
    # Azure SQL moves, throttles and restarts databases.
    **dict.fromkeys((40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 4221, 615, 926, 42108, 42109),
                    Meaning(TransactionLostError, f"The service is busy, or wakes or moves the database. {LOST}")),
    **dict.fromkeys((976, 978, 983, 3906), Meaning(TransactionLostError, "This replica takes no writes, or no connections: the "
                    f"database fails over, or the URL names a secondary. {LOST}")),
    **dict.fromkeys((40642,), Meaning(DatabaseUnavailableError, f"There were too many logins. {_LATER}")),
    **dict.fromkeys((701, 1204, 8645, 8651), Meaning(DatabaseUnavailableError, f"The server is short of memory. {_LATER}")),
    **dict.fromkeys((1105, 9002), Meaning(DatabaseRefusedError, _FULL)),
    **dict.fromkeys((18452, 18456, 18470, 18486, 18487, 18488), Meaning(DatabaseRefusedError, _LOGIN)),
    **dict.fromkeys((911, 4063, 916), Meaning(DatabaseRefusedError, _NO_DATABASE)),
    # Azure SQL says so of a database that it moves, too: later it may be there.
    **dict.fromkeys((4060,), Meaning(DatabaseUnavailableError, _NO_DATABASE)),
    **dict.fromkeys((229, 230, 262, 297, 300, 1088, 2760, 3704, 15151, 15247), Meaning(DatabaseRefusedError, _RIGHTS)),
    **dict.fromkeys((2601, 2627), Meaning(DatabaseRefusedError, "A row with this key exists already: another program writes to the "
                    "same tables. Nothing of this step was kept; find out who, then repeat.")),
    **dict.fromkeys((2628, 8152), Meaning(DatabaseRefusedError, _LONG)),
    **dict.fromkeys((511,), Meaning(DatabaseRefusedError, _WIDE)),
    **dict.fromkeys((220, 8115), Meaning(DatabaseRefusedError, "A number is too large for its column. Nothing of this step was kept. "
                    "Sums and quantities are INT: look for a total beyond 2,147,483,647, or for a narrower column in the table.")),
    **dict.fromkeys((241, 245, 8114), Meaning(DatabaseRefusedError, "A text is no number or date, and its column takes nothing else. "
                    "Nothing of this step was kept. A staging table made by `init-db` takes any text, and the merge rejects the row.")),
    **dict.fromkeys((515, 547), Meaning(DatabaseRefusedError, "A constraint of the table refuses the row. Nothing of this step was kept. "
                    "`orders-platform init-db --dry-run` shows what it would change; other constraints are for their owner to lift.")),
    **dict.fromkeys((207, 208), Meaning(DatabaseRefusedError, _ABSENT)),
}  # fmt: skip
_BROKEN = Meaning(TransactionLostError, f"The connection broke. {LOST}")
_SLOW = Meaning(DatabaseUnavailableError, f"It took too long. {_LATER}")
_REACH = "The server cannot be reached. Check host and port in ORDERS_DATABASE_URL, the firewall, and that the server runs."
_UNREACHABLE = Meaning(TransactionLostError, _REACH)
_OTHER = Meaning(DatabaseRefusedError, "Nothing of this step was kept.")

_UNTRUSTED = Meaning(
    DatabaseRefusedError,
    "This machine does not trust the server's certificate. Install the certificate of whoever signed it; where the server signed its own "
    "and the network is yours, add TrustServerCertificate=yes to ORDERS_DATABASE_URL.",
)

_WORDS: Mapping[str, int | Meaning] = {
    "Login timeout expired": Meaning(DatabaseUnavailableError, _REACH),
    "certificate verify failed": _UNTRUSTED, "authority that is not trusted": _UNTRUSTED,
    "deadlock": 1205, "lock timeout": 1222, "Lock request time out": 1222, "Snapshot isolation transaction aborted": 3960,
    "encountered an error processing your request": 40197, "service is currently busy": 40501, "is not currently available": 40613,
    "to process request": 49918, "limit for the database is": 10928, "minimum guarantee is": 10929, "is paused": 42108,
    "warming up": 42109, "is currently too busy": 40642,
    "is read-only": 3906, "availability group": 976, "insufficient system memory": 701, "waiting for memory resources": 8645,
    "Could not allocate space": 1105, "The transaction log for database": 9002,
    "Cannot open database": 4060, "Login failed": 18456, "authentication failed": 18456, "Entra ID access token": 18456,
    "Failed to authenticate the user": 18456,
    "permission denied": 229, "permission was denied": 229, "does not have permission": 229,
    "duplicate key": 2627, "would be truncated": 2628, "value too long": 2628, "maximum row size": 511, "row of size": 511,
    "Arithmetic overflow": 8115, "Conversion failed when": 245, "Error converting data type": 8114,
    "Cannot insert the value NULL": 515, "statement conflicted with the": 547, "violates check constraint": 547,
    "Invalid object name": 208, "Invalid column name": 207,
    # What a driver says by itself, pyodbc by SQLSTATE. A statement that was given up would take as long again.
    **dict.fromkeys(("[HYT00]", "[HYT01]", "Error: Timeout expired", "Error: Connection timeout expired"), _SLOW),
    "[40001]": 1205, "Error: Serialization failure": 1205, "[28000]": 18456, "Error: Invalid authorization specification": 18456,
    **dict.fromkeys(("[08S01]", "Error: Communication link failure", "[08003]", "Error: Connection not open", "[08007]",
                     "Error: Connection failure during transaction", "[01002]", "Error: Disconnect error"), _BROKEN),
    **dict.fromkeys(("[08001]", "Error: Client unable to establish connection", "[08004]", "Error: Server rejected the connection"),
                    _UNREACHABLE),
    "[22001]": 2628, "Error: String data, right-truncated": 2628, "[22003]": 8115, "Error: Numeric value out of range": 8115,
    "[42S02]": 208, "Error: Base table or view not found": 208, "[42S22]": 207, "Error: Column not found": 207,
}  # fmt: skip
"""What tells an error that has no number, or whose number the driver keeps to itself, the surest first; in part other servers' words."""

# What drivers say where no server speaks any more: the numbers of sockets.
_BROKEN_NUMBERS = frozenset({53, 64, 233, 121, 10053, 10054, 10060, 596})


def meaning_of(message: str, *, is_disconnect: bool) -> Meaning:
    """What an error means by the driver's words; `is_disconnect` if SQLAlchemy took it for a broken connection.

    It also takes a statement that was given up for one, and a server that was not reached.
    """
    # A message may quote a value in brackets: the number stands behind it. Each further message of the server is behind a semicolon.
    ends = [re.findall(r"\((\d{1,6})\)", part)[-1:] for part in message.split("; [")]
    numbers = [int(number) for end in ends for number in end]
    numbers.sort(key=(18456).__eq__)  # it says least, and stands beside each other reason why a login failed
    by_words = (known for words, known in _WORDS.items() if words.casefold() in message.casefold())
    known = next((number for number in numbers if number in _MEANINGS), None) or next(by_words, None)
    if known:
        return known if isinstance(known, Meaning) else _MEANINGS[known]
    return _BROKEN if is_disconnect or not _BROKEN_NUMBERS.isdisjoint(numbers) else _OTHER
