"""The error tree, by reaction: what the caller should do decides the class, not where the error came from.

    OrdersError
    ├── PermanentError          stop: repeating it changes nothing until a person acts
    │   ├── ConfigurationError      a setting is missing, wrong or contradicts another
    │   ├── DatabaseRefusedError    the database answered no: rights, schema, type, constraint
    │   ├── SourceDataError         the order list cannot be read safely: markers, columns, unknown customer
    │   ├── BoardMismatchError      the board is not the one the configuration describes
    │   └── MondayRefusedError      monday.com answered no: token, permission, malformed request
    ├── TransientError          repeat later: the same call may succeed
    │   ├── DatabaseUnavailableError locked, too slow, short of memory
    │   │   └── TransactionLostError    deadlock, lock time-out, broken connection: repeated at once, as a whole
    │   ├── MondayUnavailableError  unreachable, overloaded, or over a limit for longer than we wait
    │   ├── CustomerBusyError       another run holds this customer
    │   └── AlertUnsentError        nobody took an alert
    └── RowError             one row cannot be sent; its neighbours can

Belongs here: the classes and the one rule for their words: name the thing, the cause and the next step.
Does not belong here: translation from vendors' errors (`monday/replies.py`, `database/engine.py`) and to Dagster's
(`failures.py`).
"""

from __future__ import annotations


class OrdersError(Exception):
    """Base of every error this package raises on purpose."""


class PermanentError(OrdersError):
    """Repeating changes nothing until a person acts."""


class ConfigurationError(PermanentError):
    """A setting is missing, wrong, or contradicts another."""


class DatabaseRefusedError(PermanentError):
    """The database answered no."""


class SourceDataError(PermanentError):
    """The order list cannot be read safely; nothing was written."""


class BoardMismatchError(PermanentError):
    """The board is not the one that the configuration describes; nothing was sent."""


class MondayRefusedError(PermanentError):
    """monday.com answered no to the whole request: token, permission, malformed document."""


class TransientError(OrdersError):
    """The same call may succeed later."""


class DatabaseUnavailableError(TransientError):
    """The database could not be reached, or another transaction was in the way."""


class TransactionLostError(DatabaseUnavailableError):
    """A transaction was given up by the server or lost with its connection; the same transaction may succeed now."""


class MondayUnavailableError(TransientError):
    """monday.com could not be reached or stayed over a limit for longer than we wait."""


class CustomerBusyError(TransientError):
    """Another run holds this customer's lock."""


class AlertUnsentError(TransientError):
    """None of the configured places took an alert."""


class RowError(OrdersError):
    """One row cannot be sent.

    Args:
        code: a short stable word for reports (`number_expected`, `label_missing` ...).
        message: column, value and reason, for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
