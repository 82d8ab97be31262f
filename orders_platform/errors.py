"""The errors that this package raises on purpose, in a tree: the class says how to react, whatever the origin.

Every message names the thing, the cause and the next step.
"""

from orders_platform.domain.text import visible


class OrdersError(Exception):
    """Base of every error of this package. A message that quotes a cell or another program's words says them harmlessly."""

    def __str__(self) -> str:
        return visible(super().__str__())


class PermanentError(OrdersError):
    """A repeat fails the same way until a person acts."""


class ConfigurationError(PermanentError):
    """A setting is missing, wrong, or contradicts another."""


class DatabaseRefusedError(PermanentError):
    """The database refused a statement: rights, schema, type or constraint."""


class SourceDataError(PermanentError):
    """The order list cannot be read safely, for example without its size columns; nothing was written."""


class GuardError(PermanentError):
    """A guard stops a customer until its load is corrected or accepted once; nothing was sent."""


class CustomerPausedError(PermanentError):
    """Somebody paused this customer; nothing is merged or sent until it is resumed."""


class BoardMismatchError(PermanentError):
    """The board is not the one that the configuration describes; nothing was sent."""


class MondayRefusedError(PermanentError):
    """monday.com refused a whole request: its token, its permissions or its form."""


class TransientError(OrdersError):
    """The same call may succeed later."""


class DatabaseUnavailableError(TransientError):
    """The database could not be reached, was too slow or short of memory, or another transaction was in the way."""


class TransactionLostError(DatabaseUnavailableError):
    """A deadlock, a lock time-out or a broken connection ended the transaction; the same one may succeed now."""


class MondayUnavailableError(TransientError):
    """monday.com could not be reached, was overloaded, or stayed over a limit for longer than we wait."""


class CustomerBusyError(TransientError):
    """Another run holds this customer's lock, or this run has lost it."""


class RowsTakenError(CustomerBusyError):
    """Another run sent, changed or deleted rows that this one was at work on, although a lock should keep the two apart."""


class AlertUnsentError(TransientError):
    """None of the configured addresses took an alert."""


class RowError(OrdersError):
    """One row cannot be sent."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # a short stable word for reports, such as `number_expected` or `label_missing`
        self.message = message  # column, value and reason, for people
