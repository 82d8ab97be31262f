"""Connections to SQLite: how they lock, and the functions that our statements call.

Belongs here: what a connection needs before its first statement. Does not belong here: transactions (`engine.py`), statements (`sql/`).
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import uuid
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event

BUSY_SECONDS = 30
"""How long SQLite waits for another writer."""


def make_engine(url: URL) -> Engine:
    """An engine for a SQLite file; connects at first use."""
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves, so that a writer locks before it reads
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a committed intent must survive a power cut
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32768")
    for function, arguments in ((_sha256, 1), (_number, 1), (_whole, 1), (_quantity, 1), (_date, 1), (_upper, 1), (_lower, 1)):
        connection.create_function(f"orders{function.__name__}", arguments, function, deterministic=True)
    connection.create_function("orders_uuid", 0, lambda: str(uuid.uuid4()))
    connection.create_aggregate("orders_fingerprint", 1, _Fingerprint)  # type: ignore[arg-type]


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("orders_begin", "BEGIN"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Fingerprint:
    """An aggregate over rows in any order: the sum of their hashes modulo 2^128, with their number."""

    def __init__(self) -> None:
        self._sum = 0
        self._rows = 0

    def step(self, text: str, /) -> None:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % (1 << 128)
        self._rows += 1

    def finalize(self) -> str:
        return fingerprint(self._rows, self._sum)


def fingerprint(rows: int, total: int) -> str:
    """The fingerprint of so many rows whose hashes have this sum."""
    return f"{rows}:{total % (1 << 128):032x}"


def _upper(text: object) -> str | None:
    return None if text is None else str(text).upper()


def _lower(text: object) -> str | None:
    return None if text is None else str(text).lower()


def _number(text: object) -> float | int | None:
    """A plain decimal number or None; no exponent, no separators, as TRY_CONVERT(DECIMAL) reads it."""
    if isinstance(text, int | float) or text is None:
        return text
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", str(text)):
        return None
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return int(number) if number == number.to_integral_value() and abs(number) < 1 << 53 else float(number)


def _whole(text: object) -> int | None:
    """A whole number, `12` or `12.0`, or None."""
    number = _number(text)
    return None if number is None or number != int(number) else int(number)


def _quantity(text: object) -> int | None:
    """A whole number of 0 or more, or None."""
    number = _whole(text)
    return None if number is None or number < 0 else number


def _date(text: object) -> str | None:
    """ISO text, with or without a time, or an Excel serial from 1954 on, as ISO date; None for anything else."""
    if text is None:
        return None
    words = str(text).strip()
    try:
        if re.fullmatch(r"[0-9]{5}(\.0+)?", words):
            day = date(1899, 12, 30) + timedelta(days=int(float(words)))
            return day.isoformat() if day.year >= 1954 else None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?", words, re.ASCII):
            return date.fromisoformat(words[:10]).isoformat()
    except ValueError:
        pass
    return None
