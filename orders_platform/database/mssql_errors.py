"""SQL Server's errors as ours: what a person should do next, and whether repeating the transaction helps.

The numbers are in the server's catalogue (`sys.messages`). pyodbc puts them in brackets at the end of the message; a broken connection has
none. mssql-python tells none: its errors are known by their words, which a session of ours gets in English.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from orders_platform.errors import DatabaseRefusedError, DatabaseUnavailableError, OrdersError, TransactionLostError


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means: our class for it, and the next step."""

    kind: type[OrdersError]
    step: str


LOST = "Nothing of this step was kept; it is repeated as a whole."
_LATER = "Nothing of this step was kept; it can be repeated."
_REACH = "The server cannot be reached. Check host and port in ORDERS_DATABASE_URL, the firewall, and that the server runs."
_NO_DATABASE = (
    "There is no such database, or the login may not use it. Check the database's name in ORDERS_DATABASE_URL, and that the login has a "
    "user in it."
)
_lost, _unavailable = partial(Meaning, TransactionLostError), partial(Meaning, DatabaseUnavailableError)
_refused = partial(Meaning, DatabaseRefusedError)
_BROKEN = _lost(f"The connection broke. {LOST}")
_OTHER = _refused("Nothing of this step was kept.")

_SIGNS: Mapping[Meaning, tuple[int | str, ...]] = {
    _unavailable(_REACH): ("Login timeout expired",),
    _refused("This machine does not trust the server's certificate. Install the certificate of whoever signed it; "
             "where the server signed its own and the network is yours, add TrustServerCertificate=yes to ORDERS_DATABASE_URL."):
        ("certificate verify failed", "authority that is not trusted"),
    _lost(f"Two transactions were in each other's way (deadlock). {LOST}"):
        (1205, "deadlock", "[40001]", "Error: Serialization failure"),
    _lost(f"Another transaction held its locks for too long. {LOST}"):
        (1222, "lock timeout", "Lock request time out"),
    _lost(f"Another transaction changed the same rows. {LOST}"):
        (3960, 3961, "Snapshot isolation transaction aborted"),
    # Azure SQL moves, throttles and restarts databases.
    _lost(f"The service is busy, or wakes or moves the database. {LOST}"):
        (40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 4221, 615, 926, 42108, 42109,
         "encountered an error processing your request", "service is currently busy", "is not currently available", "to process request",
         "limit for the database is", "minimum guarantee is", "is paused", "warming up"),
    _unavailable(f"There were too many logins. {_LATER}"): (40642, "is currently too busy"),
    _lost("This replica takes no writes, or no connections: the database fails over, or the URL names a "
          f"secondary. {LOST}"): (976, 978, 983, 3906, "is read-only", "availability group"),
    _unavailable(f"The server is short of memory. {_LATER}"):
        (701, 1204, 8645, 8651, "insufficient system memory", "waiting for memory resources"),
    _refused("The server has no room left. Nothing of this step was kept; ask whoever runs it for space, then repeat."):
        (1105, 9002, "Could not allocate space", "The transaction log for database"),
    # Azure SQL says so of a database that it moves, too: later it may be there.
    _unavailable(_NO_DATABASE): (4060, "Cannot open database"),
    _refused(_NO_DATABASE): (911, 4063, 916),
    _refused("Check user, password and authentication in ORDERS_DATABASE_URL, and that the server lets this login in."):
        (18452, 18456, 18470, 18486, 18487, 18488, "Login failed", "authentication failed", "Entra ID access token",
         "Failed to authenticate the user", "[28000]", "Error: Invalid authorization specification"),
    _refused("The login lacks a right: docs/how_to/sql_server.md lists them, deploy/sql_server_rights.sql grants them."):
        (229, 230, 262, 297, 300, 1088, 2760, 3704, 15151, 15247, "permission denied", "permission was denied", "does not have permission"),
    _refused("A row with this key exists already: another program writes to the same tables. Nothing of this step was "
             "kept; find out who, then repeat."): (2601, 2627, "duplicate key"),
    _refused("A value is longer than its column. Nothing of this step was kept. Cells are checked against the order "
             "table's columns; another column of the table, or a trigger, is too short."):
        (2628, 8152, "would be truncated", "value too long", "[22001]", "Error: String data, right-truncated"),
    _refused("A row with so many long cells does not fit on a page of the server (8,060 bytes; a long cell takes 24 of "
             "them). Nothing of this step was kept. Shorten the cells of that row, or let fewer columns of the table be filled."):
        (511, "maximum row size", "row of size"),
    _refused("A number is too large for its column. Nothing of this step was kept. Sums and quantities are INT: look "
             "for a total beyond 2,147,483,647, or for a narrower column in the table."):
        (220, 8115, "Arithmetic overflow", "[22003]", "Error: Numeric value out of range"),
    _refused("A text is no number or date, and its column takes nothing else. Nothing of this step was kept. A staging "
             "table made by `init-db` takes any text, and the merge rejects the row."):
        (241, 245, 8114, "Conversion failed when", "Error converting data type"),
    _refused("A constraint of the table refuses the row. Nothing of this step was kept. `orders-platform init-db "
             "--dry-run` shows what it would change; other constraints are for their owner to lift."):
        (515, 547, "Cannot insert the value NULL", "statement conflicted with the", "violates check constraint"),
    _refused("Run `orders-platform init-db`, which makes what is missing."):
        (207, 208, "Invalid object name", "Invalid column name", "[42S02]", "Error: Base table or view not found", "[42S22]",
         "Error: Column not found"),
    # What a driver says by itself, pyodbc by SQLSTATE. A statement that was given up would take as long again.
    _unavailable(f"It took too long. {_LATER}"):
        ("[HYT00]", "[HYT01]", "Error: Timeout expired", "Error: Connection timeout expired"),
    _BROKEN: ("[08S01]", "Error: Communication link failure", "[08003]", "Error: Connection not open", "[08007]",
              "Error: Connection failure during transaction", "[01002]", "Error: Disconnect error"),
    _lost(_REACH):
        ("[08001]", "Error: Client unable to establish connection", "[08004]", "Error: Server rejected the connection"),
}  # fmt: skip
"""By its number; or by words where it has none, or the driver keeps it to itself, in part other servers' words."""

_BY_SIGN: Mapping[int | str, Meaning] = {sign: meaning for meaning, signs in _SIGNS.items() for sign in signs}

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
    words = (sign for sign in _BY_SIGN if isinstance(sign, str) and sign.casefold() in message.casefold())
    sign = next((number for number in numbers if number in _BY_SIGN), None) or next(words, None)
    if sign:
        return _BY_SIGN[sign]
    return _BROKEN if is_disconnect or not _BROKEN_NUMBERS.isdisjoint(numbers) else _OTHER
