"""`doctor`: everything that a run needs, checked one by one; each check survives its own failure and says its next step."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output
from orders_platform.cli.board_setup import expected_values, misfits
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.database.engine import place
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.preflight import missing_labels
from orders_platform.errors import ConfigurationError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import Settings

_FREE_BYTES = 1 << 30
_MOST_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `must` is what it had to find, `step` what to do when it did not."""

    name: str
    must: str
    found: str
    is_ok: bool = True
    step: str = ""


class _Doctor:
    """What the checks look at, each thing opened when the first of them does."""

    def __init__(self, *, send_test_alert: bool) -> None:
        self.send_test_alert = send_test_alert

    @cached_property
    def settings(self) -> Settings:
        return Settings()

    @cached_property
    def store(self) -> OrderStore:
        return open_store(self.settings)

    @property
    def is_new(self) -> bool:
        """Nothing was loaded yet into the database of this machine, which `load` makes."""
        return self.settings.environment == "sandbox" and not self.store.schema.is_there("orders")


def _python(_: _Doctor) -> Iterator[Finding]:
    yield Finding(
        "Python", "3.11 or newer", platform.python_version(), sys.version_info >= (3, 11), "Install Python 3.11 or newer."
    )


def _configuration(at: _Doctor) -> Iterator[Finding]:
    known = at.settings.configuration.customer_names  # refuses a spelling of two customers
    found = f"{at.settings.config_path}, environment {at.settings.environment}"
    yield Finding("configuration", "can be read and contradicts nothing", found, known is not None)


def _database(at: _Doctor) -> Iterator[Finding]:
    engine = at.store.database.engine
    yield Finding("driver", "is there", f"{engine.dialect.name} by {engine.dialect.driver}")
    if at.is_new:
        yield Finding(
            "database", "answers", f"{place(engine)}: nothing is loaded yet", step="orders-platform load FILE makes it."
        )
        return
    with at.store.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
        if engine.dialect.name == "mssql":
            told = connection.exec_driver_sql("SELECT SYSUTCDATETIME()").scalar_one()
            yield _clock("clock of the database", told.replace(tzinfo=UTC))
    yield Finding("database", "answers", place(engine))
    at.store.schema.require_daily_rights()
    yield Finding("rights", "all that a run needs", "all")


def _tables(at: _Doctor) -> Iterator[Finding]:
    if at.is_new:
        return
    missing = at.store.schema.missing()
    yield Finding("tables", "complete", f"{len(missing)} statements are missing" if missing else "complete", not missing,
                  "orders-platform init-db --dry-run shows them, init-db runs them.")  # fmt: skip
    business = OrderMerge(at.store).rules.business  # refuses columns that are configured and absent
    yield Finding("columns", "those that the configuration names", f"{len(business)} columns of the order list")


def _server(_: _Doctor) -> Iterator[Finding]:
    """Where the questions to a SQL Server join in, as findings."""
    yield from ()


def _board(at: _Doctor) -> Iterator[Finding]:
    rules = sync_rules(at.settings.configuration)
    with embedded_sandbox(at.settings), closing(open_board(at.settings)) as board:
        items, problems = misfits(rules, board)
        yield Finding("token", "monday takes it", "it was taken")
        yield Finding("board", "fits the configuration", "; ".join(problems) or f"{items.name} ({items.id})", not problems,
                      "orders-platform board check names each; board init makes what is missing.")  # fmt: skip
        absent = missing_labels(rules.items, items, expected_values(at.settings))
        yield Finding("labels", "one for each customer and order type", "; ".join(absent) or "complete", not absent,
                      "orders-platform board check --create-labels")  # fmt: skip
        for notice in board.notices:
            yield Finding("API version", "lives", notice, is_ok=False, step="Set [monday] api_version.")
        yield _clock("clock of monday", _date_of(at.settings.api_url))


def _date_of(url: str) -> datetime:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    asked = kind(parts.hostname or "", parts.port, timeout=10)
    with closing(asked):
        asked.request("HEAD", parts.path)
        return parsedate_to_datetime(asked.getresponse().headers["Date"] or "")


def _clock(name: str, told: datetime) -> Finding:
    seconds = (datetime.now(UTC) - told).total_seconds()
    found = f"ours is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
    return Finding(
        name, f"within {_MOST_SECONDS} s of ours", found, abs(seconds) <= _MOST_SECONDS, "Let both machines follow NTP."
    )


def _disk(at: _Doctor) -> Iterator[Finding]:
    folder = next(each for each in (at.settings.data_folder, *at.settings.data_folder.parents) if each.is_dir())
    free, may_write = shutil.disk_usage(folder).free, os.access(folder, os.W_OK)
    found = f"{free / _FREE_BYTES:.1f} GiB free in {folder}" + ("" if may_write else ", which is read-only")
    yield Finding(
        "disk",
        "1 GiB free, and may be written",
        found,
        free >= _FREE_BYTES and may_write,
        "Make room, or name another: --home.",
    )


def _dagster_home(at: _Doctor) -> Iterator[Finding]:
    home, is_set = at.settings.data_folder.parent, at.settings.origins["DAGSTER_HOME"] != "default"
    found, fits = str(home) if is_set else "not set; commands need none", not is_set or (home / "dagster.yaml").is_file()
    yield Finding("Dagster home", "a folder with dagster.yaml, where Dagster is used", found, fits,
                  "Set DAGSTER_HOME to a folder with a copy of dagster.yaml.")  # fmt: skip


def _alerts(at: _Doctor) -> Iterator[Finding]:
    count, must = len(at.settings.alert_urls.get_secret_value().split()), "addresses that take them"
    if not count:
        is_fine = at.settings.environment == "sandbox" and not at.send_test_alert
        yield Finding("alerts", must, "nobody is told", is_fine, "Set ORDERS_ALERT_URLS.")
        return
    from orders_platform.defs.alerts import Message, Messenger  # here: they take Dagster along

    taken, words = 0, f"{count} addresses, not tried"
    messenger = Messenger(at.settings.alert_urls)
    if at.send_test_alert:
        taken = messenger.send(
            Message("orders-platform: a test", "`orders-platform doctor` sent it; nothing is wrong.", is_bad=False)
        )
        words = f"{taken} of {count} addresses took the test"
    yield Finding("alerts", must, words, not at.send_test_alert or taken == count, "Correct the others in ORDERS_ALERT_URLS.")


_CHECKS: dict[str, Callable[[_Doctor], Iterator[Finding]]] = {
    "Python": _python, "configuration": _configuration, "database": _database, "tables": _tables, "server": _server, "board": _board,
    "disk": _disk, "Dagster home": _dagster_home, "alerts": _alerts,
}  # fmt: skip


def doctor(*, send_test_alert: bool, as_json: bool) -> None:
    """Every check, a line each."""
    at = _Doctor(send_test_alert=send_test_alert)
    findings = list[Finding]()
    for name, check in _CHECKS.items():
        findings += _made(name, check, at)
    with suppress(OrdersError):
        at.store.database.close()
    is_well = all(each.is_ok for each in findings)
    if as_json:
        output.write_json({"is_well": is_well, "findings": [asdict(each) for each in findings]})
    for each in findings if not as_json else ():
        step = f" Next: {each.step}" if each.step and (not each.is_ok or each.found.endswith("yet")) else ""
        wrong = f" (must be: {each.must})" if not each.is_ok else ""
        output.say(
            f"{'ok   ' if each.is_ok else 'WRONG'} {each.name}: {each.found}{wrong}.{step}",
            style="" if each.is_ok else "bold red",
        )
    sys.exit(0 if is_well else 1)


def _made(name: str, check: Callable[[_Doctor], Iterator[Finding]], at: _Doctor) -> Iterator[Finding]:
    """The findings of a check; its failure is the last of them. Texts of errors that are not ours may hold a secret."""
    try:
        yield from check(at)
    except ConfigurationError as error:
        if name == "configuration" or "settings" in vars(at):
            yield Finding(name, "can be checked", str(error), is_ok=False)
    except OrdersError as error:
        yield Finding(name, "can be checked", str(error), is_ok=False)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ImportError, HTTPException) as error:
        yield Finding(name, "can be checked", f"{type(error).__name__}, which nobody expected", is_ok=False, step="Report it.")
