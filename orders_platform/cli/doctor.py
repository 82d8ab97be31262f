"""`doctor`: everything that a run needs, checked one by one; each check survives its own failure and says its next step."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property

from orders_platform.build import open_board, open_store
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.cli.main import GIVEN
from orders_platform.cli.session import is_new
from orders_platform.cli.setup_commands import expected_values
from orders_platform.database.engine import place
from orders_platform.database.order_store import OrderStore
from orders_platform.database.server_checks import ServerFinding, check_server
from orders_platform.domain.board import BoardDescription
from orders_platform.domain.preflight import missing_labels
from orders_platform.domain.text import counted
from orders_platform.errors import BoardMismatchError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import Settings
from orders_platform.sync.run import described_boards

_FREE_BYTES = 1 << 30
_MOST_SECONDS = 30
_UNEXPECTED = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ImportError)
_Board = tuple[BoardDescription, list[str], tuple[str, ...], tuple[str, datetime]]


class _Doctor:
    """What the checks look at, each thing opened when the first of them does."""

    def __init__(self, stack: ExitStack, *, send_test_alert: bool) -> None:
        self._stack = stack
        self.send_test_alert = send_test_alert

    @cached_property
    def settings(self) -> Settings:
        return Settings()

    @cached_property
    def store(self) -> OrderStore:
        store = open_store(self.settings)
        self._stack.enter_context(closing(store.database))
        return store

    @cached_property
    def _asked(self) -> _Board | OrdersError:
        try:
            self._stack.enter_context(embedded_sandbox(self.settings))
            board = self._stack.enter_context(closing(open_board(self.settings)))
            (items, *_), problems = described_boards(self.settings.configuration, board)
        except OrdersError as error:  # kept, so that a network that is down is waited for once
            return error
        return items, problems, board.notices, (board.client.transport.time_told, datetime.now(UTC))

    @property
    def board(self) -> _Board:
        """The board, why it does not fit, what there is to know of the API version, and the time by monday's clock and ours."""
        if isinstance(self._asked, OrdersError):
            raise self._asked
        return self._asked


_OF_TABLES = ("rights", "tables", "columns")
"""The checks of which there is nothing to look at before the first load."""

Found = tuple[str, bool] | None  # what was found and whether it is well; None where there is nothing to look at


def _database(at: _Doctor) -> Found:
    if is_new(at.settings, at.store):
        return f"nothing is loaded yet into {place(at.store.database.engine)}; next: orders-platform load FILE", True
    with at.store.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return place(at.store.database.engine), True


def _tables(at: _Doctor) -> Found:
    missing = at.store.schema.missing()
    return f"{len(missing)} statements are missing" if missing else "complete", not missing


def _columns(at: _Doctor) -> Found:
    if not at.store.schema.is_there("staging"):
        return None  # one of the tables that are missing
    merge = OrderMerge(at.store)
    next_step = "" if merge.scan_staging().rows else "; nothing is staged yet, next: orders-platform load FILE"
    return f"{len(merge.rules.business)} columns of the order list{next_step}", True


def _rights(at: _Doctor) -> Found:
    at.store.schema.require_daily_rights()
    return "all", True


def _database_clock(at: _Doctor) -> Found:
    if at.store.database.dialect.name == "sqlite":
        return None
    with at.store.database.read() as connection:
        told = connection.exec_driver_sql("SELECT SYSUTCDATETIME()").scalar_one().replace(tzinfo=UTC)
    return _clock(told, datetime.now(UTC))


def _clock(told: datetime, ours: datetime) -> tuple[str, bool]:
    seconds = (ours - told).total_seconds()
    return f"ours is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}", abs(seconds) <= _MOST_SECONDS


def _board(at: _Doctor) -> Found:
    items, problems, *_ = at.board
    return "; ".join(problems) or f"{items.name} ({items.id})", not problems


def _labels(at: _Doctor) -> Found:
    absent = missing_labels(at.settings.configuration.items, at.board[0], expected_values(at.settings))
    return "; ".join(absent) or "complete", not absent


def _disk(at: _Doctor) -> Found:
    folder = next(each for each in (at.settings.data_folder, *at.settings.data_folder.parents) if each.is_dir())
    free, may_write = shutil.disk_usage(folder).free, os.access(folder, os.W_OK)
    said = f"{free / _FREE_BYTES:.1f} GiB free in {folder}" + ("" if may_write else ", which is read-only")
    return said, free >= _FREE_BYTES and may_write


def _dagster_home(at: _Doctor) -> Found:
    if at.settings.origins["DAGSTER_HOME"] == "default" or "home" in GIVEN:
        return "not set; commands need none", True
    home = at.settings.data_folder.parent
    return str(home), (home / "dagster.yaml").is_file()


def _alerts(at: _Doctor) -> Found:
    count = len(at.settings.alert_urls.get_secret_value().split())
    if not count:
        return "nobody is told", at.settings.environment == "sandbox" and not at.send_test_alert
    from orders_platform.defs.alerts import Message, addresses_of  # here: they take Dagster along

    addresses = addresses_of(at.settings.alert_urls, at.settings.configuration.customer_names)
    if not at.send_test_alert:
        return f"{counted(count, 'address', 'addresses')}, not tried", True
    message = Message("orders-platform: a test", "`orders-platform doctor` sent it; nothing is wrong.", is_bad=False)
    taken = sum(address.takes(message) for address in addresses)
    return f"{taken} of {counted(count, 'address', 'addresses')} took the test", taken == count


def _token(at: _Doctor) -> Found:
    with suppress(BoardMismatchError):  # monday answered; the next line tells it
        _ = at.board
    return "it was taken", True


_CHECKS: Iterable[tuple[str, str, str, Callable[[_Doctor], Found]]] = (
    ("Python", "3.11 or newer", "Install a newer Python.", lambda _: (platform.python_version(), sys.version_info >= (3, 11))),
    ("configuration", "can be read and contradicts nothing", "Correct it; `orders-platform config show` says where each value stands.",
     lambda at: (f"{at.settings.config_path}, {at.settings.environment}", at.settings.configuration.customer_names is not None)),
    ("driver", "can be loaded", "docs/how_to/sql_server.md says which.",
     lambda at: (f"{at.store.database.engine.dialect.name} by {at.store.database.engine.dialect.driver}", True)),
    ("database", "answers", "Check ORDERS_DATABASE_URL, and whether the server can be reached from here.", _database),
    ("rights", "all that a run needs", "docs/how_to/sql_server.md lists them.", _rights),
    ("tables", "complete", "orders-platform init-db --dry-run shows what is missing, init-db makes it.", _tables),
    ("columns", "those that the configuration names", "Correct the configuration, or load the list again.", _columns),
    ("token", "monday takes it", "Check MONDAY_API_URL and MONDAY_API_TOKEN, and whether monday.com can be reached.", _token),
    ("board", "fits the configuration", "orders-platform board check names each; board init makes what is missing.", _board),
    ("labels", "one for each customer and order type", "orders-platform board check --create-labels", _labels),
    ("API version", "lives", "Set [monday] api_version.", lambda at: ("; ".join(at.board[2]), False) if at.board[2] else None),
    ("clock of monday", f"within {_MOST_SECONDS} s of ours", "Let this machine follow NTP.",
     lambda at: _clock(parsedate_to_datetime(at.board[3][0]), at.board[3][1])),
    ("clock of the database", f"within {_MOST_SECONDS} s of ours", "Let both machines follow NTP.", _database_clock),
    ("disk", "1 GiB free, and may be written", "Make room, or name another folder: --home.", _disk),
    ("Dagster home", "a folder with dagster.yaml, where Dagster is used", "Set DAGSTER_HOME to one.", _dagster_home),
    ("alerts", "addresses that take them", "Set ORDERS_ALERT_URLS.", _alerts),
)  # fmt: skip


def doctor(*, send_test_alert: bool, as_json: bool) -> None:
    with ExitStack() as stack:
        findings = list(_findings(_Doctor(stack, send_test_alert=send_test_alert)))
    is_well = all(each.is_ok for each in findings)
    if as_json:
        output.write_json({"is_well": is_well, "findings": findings})
    for each in findings if not as_json else ():
        words = f"ok    {each.name}: {each.found}"
        if not each.is_ok:
            words = f"WRONG {each.name}: {each.found} (must be: {each.must}). Next: {each.step}"
        output.say(words, style="" if each.is_ok else "bold red")
    sys.exit(0 if is_well else 1)


def _findings(at: _Doctor) -> Iterator[ServerFinding]:
    """A check that fails is a finding. Texts of errors that are not ours may hold a secret."""
    said = set[str]()
    for name, must, step, check in _CHECKS:
        try:
            found = None if name in _OF_TABLES and is_new(at.settings, at.store) else check(at)
        except OrdersError as error:
            found = None if str(error) in said else (str(error), False)
            said.add(str(error))
        except _UNEXPECTED as error:
            found = f"{type(error).__name__}, which nobody expected", False
        if found:
            yield ServerFinding(name, "", must, *found, step)
    if "store" in vars(at) and at.store.database.dialect.name == "mssql":  # a SQL Server that could be opened
        yield from check_server(at.store.database)
