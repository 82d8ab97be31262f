"""Repeating whole transactions that the server gave up, or that were lost with their connection.

Belongs here: when and how often. Does not belong here: which errors are of that kind (`mssql_errors.py`), the repetition of a whole step
(`failures.py`). It is safe because a transaction keeps nothing when it fails, and because each of ours may run a second time: a
connection can break while COMMIT is under way, when nobody knows whether it was kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from inspect import isfunction, isgeneratorfunction, unwrap
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from orders_platform.database.engine import Database
from orders_platform.errors import TransactionLostError

DELAYS = (0.2, 1.0, 5.0, 20.0)
"""Seconds before each repetition. Azure SQL is back within half a minute of moving a database."""

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


class _HasDatabase(Protocol):
    database: Database


H = TypeVar("H", bound=_HasDatabase)


def repeated(method: Callable[Concatenate[H, P], R]) -> Callable[Concatenate[H, P], R]:
    """A method that is run again, as a whole, when its transaction was lost; the last time its error goes through.

    In a rehearsal nothing is repeated: what came before it in the same transaction is lost as well.
    """

    def run(self: H, /, *arguments: P.args, **named: P.kwargs) -> R:
        for delay in () if self.database.is_dry_run else DELAYS:
            try:
                return method(self, *arguments, **named)
            except TransactionLostError:
                self.database.sleep(delay)
        return method(self, *arguments, **named)

    functools.update_wrapper(run, method)
    return run


def each_repeated(*, but: Collection[str]) -> Callable[[C], C]:
    """Class decorator: every public method is `repeated`, since each is one transaction, `but` those that hand out a block."""

    def decorate(cls: C) -> C:
        for name, member in list(vars(cls).items()):
            if isfunction(member) and not name.startswith("_") and name not in but and not isgeneratorfunction(unwrap(member)):
                setattr(cls, name, repeated(member))
        return cls

    return decorate
