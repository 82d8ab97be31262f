"""`doctor`: everything that a run needs, checked one by one; each check survives its own failure and says its next step."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from orders_platform.build import open_board, open_store
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.cli.main import GIVEN
from orders_platform.cli.session import is_new
from orders_platform.cli.setup_commands import expected_values
from orders_platform.database.engine import place
from orders_platform.database.order_store import OrderStore
from orders_platform.database.server_checks import ServerFinding, check_server
from orders_platform.domain.preflight import missing_labels
from orders_platform.domain.text import counted
from orders_platform.errors import BoardMismatchError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import Settings
from orders_platform.sync.run import described_boards

_FREE_BYTES = 1 << 30
_MOST_SECONDS = 30
_UNEXPECTED = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ImportError)


class _Findings(list[ServerFinding]):
    """What the checks found, in their order."""

    @contextmanager
    def check(self, name: str, must: str, step: str) -> Iterator[Callable[..., None]]:
        """A check: its block tells what it found and whether it is well, or nothing. An error in it is a finding, said once.

        What needs what it opened is checked inside the block. Texts of errors that are not ours may hold a secret.
        """

        def told(found: str, *, is_ok: bool = True) -> None:
            self.append(ServerFinding(name, "", must, found, is_ok, step))

        try:
            yield told
        except OrdersError as error:
            if str(error) not in {each.found for each in self}:
                told(str(error), is_ok=False)
        except _UNEXPECTED as error:
            told(f"{type(error).__name__}, which nobody expected", is_ok=False)


def doctor(*, send_test_alert: bool, as_json: bool) -> None:
    look = _Findings()
    with look.check("Python", "3.11 or newer", "Install a newer Python.") as told:
        told(platform.python_version(), is_ok=sys.version_info >= (3, 11))
    step = "Correct it; `orders-platform config show` says where each value stands."
    with ExitStack() as opened, look.check("configuration", "can be read and contradicts nothing", step) as told:
        settings = Settings()
        _ = settings.configuration.customer_names
        told(f"{settings.config_path}, {settings.environment}")
        with look.check("driver", "can be loaded", "docs/how_to/sql_server.md says which.") as told:
            store = open_store(settings)
            opened.enter_context(closing(store.database))
            told(f"{store.database.engine.dialect.name} by {store.database.engine.dialect.driver}")
            _look_at_database(look, settings, store)
        _look_at_board(look, settings, opened)
        _look_around(look, settings, send_test_alert=send_test_alert)
    is_well = all(each.is_ok for each in look)
    if as_json:
        output.write_json({"is_well": is_well, "findings": look})
    for each in look if not as_json else ():
        words = f"ok    {each.name}: {each.found}"
        if not each.is_ok:
            words = f"WRONG {each.name}: {each.found} (must be: {each.must}). Next: {each.step}"
        output.say(words, style="" if each.is_ok else "bold red")
    sys.exit(0 if is_well else 1)


def _look_at_database(look: _Findings, settings: Settings, store: OrderStore) -> None:
    here = place(store.database.engine)
    with look.check(
        "database", "answers", "Check ORDERS_DATABASE_URL, and whether the server can be reached from here."
    ) as told:
        if is_new(settings, store):
            told(f"nothing is loaded yet into {here}; next: orders-platform load FILE")
            return
        with store.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        told(here)
    if not look[-1].is_ok:
        return
    with look.check("rights", "all that a run needs", "docs/how_to/sql_server.md lists them.") as told:
        store.schema.require_daily_rights()
        told("all")
    step = "orders-platform init-db --dry-run shows what is missing, init-db makes it."
    with look.check("tables", "complete", step) as told:
        missing = store.schema.missing()
        told(f"{counted(len(missing), 'statement')} to be made" if missing else "complete", is_ok=not missing)
    step = "Correct the configuration, or load the list again."
    with look.check("columns", "those that the configuration names", step) as told:
        if store.schema.is_there("staging"):  # else one of the tables that are missing
            merge = OrderMerge(store)
            next_step = "" if merge.scan_staging().rows else "; nothing is staged yet, next: orders-platform load FILE"
            told(f"{len(merge.rules.business)} columns of the order list{next_step}")
    if store.database.dialect.name == "mssql":
        with look.check("clock of the database", f"within {_MOST_SECONDS} s of ours", "Let both machines follow NTP.") as told:
            with store.database.read() as connection:
                theirs = connection.exec_driver_sql("SELECT SYSUTCDATETIME()").scalar_one().replace(tzinfo=UTC)
            _tell_clock(told, theirs, datetime.now(UTC))
        look += check_server(store.database)


def _look_at_board(look: _Findings, settings: Settings, opened: ExitStack) -> None:
    step = "Check MONDAY_API_URL and MONDAY_API_TOKEN, and whether monday.com can be reached."
    with look.check("token", "monday takes it", step) as told:
        opened.enter_context(embedded_sandbox(settings))
        board = opened.enter_context(closing(open_board(settings)))
        items, found, problems = None, "", list[str]()
        try:
            (items, *_), problems = described_boards(settings.configuration, board)
            found = f"{items.name} ({items.id})"
        except BoardMismatchError as error:  # monday answered
            problems = [str(error)]
        told("it was taken")
        time_told, now = board.client.transport.time_told, datetime.now(UTC)
        step = "orders-platform board check names each; board init makes what is missing."
        with look.check("board", "fits the configuration", step) as told:
            told("; ".join(problems) or found, is_ok=not problems)
        with look.check(
            "labels", "one for each customer and order type", "orders-platform board check --create-labels"
        ) as told:
            if items:
                absent = missing_labels(settings.configuration.items, items, expected_values(settings))
                told("; ".join(absent) or "complete", is_ok=not absent)
        with look.check("API version", "lives", "Set [monday] api_version.") as told:
            if board.notices:
                told("; ".join(board.notices), is_ok=False)
        with look.check("clock of monday", f"within {_MOST_SECONDS} s of ours", "Let this machine follow NTP.") as told:
            _tell_clock(told, parsedate_to_datetime(time_told), now)


def _tell_clock(told: Callable[..., None], theirs: datetime, ours: datetime) -> None:
    seconds = (ours - theirs).total_seconds()
    told(f"ours is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}", is_ok=abs(seconds) <= _MOST_SECONDS)


def _look_around(look: _Findings, settings: Settings, *, send_test_alert: bool) -> None:
    with look.check("disk", "1 GiB free, and may be written", "Make room, or name another folder: --home.") as told:
        folder = next(each for each in (settings.data_folder, *settings.data_folder.parents) if each.is_dir())
        free, may_write = shutil.disk_usage(folder).free, os.access(folder, os.W_OK)
        said = f"{free / _FREE_BYTES:.1f} GiB free in {folder}" + ("" if may_write else ", which is read-only")
        told(said, is_ok=free >= _FREE_BYTES and may_write)
    with look.check("Dagster home", "a folder with dagster.yaml, where Dagster is used", "Set DAGSTER_HOME to one.") as told:
        if settings.origins["DAGSTER_HOME"] == "default" or "home" in GIVEN:
            told("not set; commands need none")
        else:
            home = settings.data_folder.parent
            told(str(home), is_ok=(home / "dagster.yaml").is_file())
    with look.check("schedules", "such as Dagster takes", "Correct [automation] of the configuration.") as told:
        from orders_platform.definitions import build_definitions  # here: it takes Dagster along

        told(f"{len(list(build_definitions(settings).schedules or ()))}, at hours that Dagster takes")
    with look.check("alerts", "addresses that take them", "Set ORDERS_ALERT_URLS.") as told:
        count = len(settings.alert_urls.get_secret_value().split())
        many = counted(count, "address", "addresses")
        if not count:
            told("nobody is told", is_ok=settings.environment == "sandbox" and not send_test_alert)
            return
        from orders_platform.defs.alerts import Message, addresses_of

        addresses = addresses_of(settings.alert_urls, settings.configuration.customer_names)
        message = Message("orders-platform: a test", "`orders-platform doctor` sent it; nothing is wrong.", is_bad=False)
        taken = sum(address.takes(message) for address in addresses) if send_test_alert else count
        told(f"{taken} of {many} took the test" if send_test_alert else f"{many}, not tried", is_ok=taken == count)
