"""The settings of one process: its environment variables, and the configuration file that they name.

The only module that reads the environment, and the file `.env` of the current folder, which stands in for variables that are not set.
Secrets stay `SecretStr` until they are used, and no message repeats an address: it may hold a password, or a part of one.
"""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orders_platform.configuration import Configuration, Monday, problems, read_configuration
from orders_platform.errors import ConfigurationError

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - not a secret: the local sandbox accepts it, production refuses it
SHORTEST_SETTLE_SECONDS = 75.0
"""A request may leave 5 seconds after its intent was committed, take 10 to connect, and run for 60 at monday."""

LONGEST_KEY_SECONDS = 1_800.0  # how long monday remembers an idempotency key
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ANOTHER_PORT = (
    "Take another port: MONDAY_API_URL=http://127.0.0.1:8766/v2 for commands and for `orders-platform sandbox serve`."
)
_ROOT = 0


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    ORDERS_ENVIRONMENT: Literal["sandbox", "development", "production"] = "sandbox"
    ORDERS_CONFIG: Path | None = None
    ORDERS_DATABASE_URL: SecretStr | None = None
    MONDAY_API_URL: str | None = None
    MONDAY_API_TOKEN: SecretStr | None = None
    ORDERS_ALERT_URLS: SecretStr = Field(SecretStr(""))
    DAGSTER_HOME: Path | None = None
    ORDERS_UI_URL: str = ""


class Settings:
    """The checked settings of this process. Raises `ConfigurationError`: a variable or the file is missing or wrong."""

    def __init__(self) -> None:
        self.env_file = _env_file()  # the `.env` that was read
        try:
            given = _Environment(_env_file=self.env_file)
        except ValidationError as error:
            raise ConfigurationError(
                f"These environment variables are wrong; .env.example describes them:\n{problems(error)}"
            ) from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self.env_file} is not UTF-8; save it as such.") from None
        self._given = given.model_fields_set
        self.environment = given.ORDERS_ENVIRONMENT
        default = default_folder("config") / "order_sync.toml"
        self.config_path = given.ORDERS_CONFIG or default
        self.configuration: Configuration = read_configuration(self.config_path, self.environment, default)
        if self.environment != "sandbox":
            _require_exactness(self.config_path, self.environment, self.configuration.monday)
        # where the sandbox keeps its files: `.data` in DAGSTER_HOME, else in the nearest folder that has one, else in this
        self.data_folder = (given.DAGSTER_HOME or _nearest_home()).absolute() / ".data"
        self.database_url = given.ORDERS_DATABASE_URL or self._unless_real(
            "ORDERS_DATABASE_URL", f"sqlite:///{self.data_folder / 'orders.db'}",
            ", for example mssql+mssqlpython://user:password@server/database",
        )  # fmt: skip
        local = self.environment == "sandbox" and not given.MONDAY_API_URL
        served = served_at(self.data_folder) if local else ""
        # monday's GraphQL endpoint; without MONDAY_API_URL where the sandbox of this data folder is being served
        self.api_url = _checked_url(given.MONDAY_API_URL or served or self.configuration.monday.api_url, self.environment)
        # where people reach Dagster's web server; `ui_url` of [alerts], or where `make ui` serves it on this machine
        ui_url = self.configuration.alerts.ui_url
        self.ui_url = given.ORDERS_UI_URL if given.ORDERS_UI_URL and urlsplit(ui_url).hostname in LOOPBACK else ui_url
        self.api_token = given.MONDAY_API_TOKEN or self._unless_real(
            "MONDAY_API_TOKEN", SANDBOX_TOKEN, " (in monday: avatar > Developers > API access tokens)"
        )
        self.alert_urls = given.ORDERS_ALERT_URLS
        if self.environment != "sandbox" and self.api_token.get_secret_value() == SANDBOX_TOKEN:
            raise ConfigurationError(
                f"MONDAY_API_TOKEN is the sandbox's token, but ORDERS_ENVIRONMENT is {self.environment}; set monday's token."
            )

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each variable came from: the environment, the `.env`, or nowhere."""
        set_here = _Environment(_env_file=None).model_fields_set
        origin = {name: "environment" if name in set_here else str(self.env_file) for name in self._given}
        return {name: origin.get(name, "default") for name in _Environment.model_fields}

    @property
    def order_folder(self) -> Path:
        """Where order files are put that Dagster loads; a relative folder lies in the data folder."""
        return self.data_folder / self.configuration.files.folder

    @property
    def report_folder(self) -> Path:
        """Where `sync_report` keeps its pages; a relative folder lies in the data folder."""
        return self.data_folder / (self.configuration.reports.folder or "reports")

    def page_url(self, customer: str) -> str:
        """Where Dagster's webserver shows the customer's page, as a link in its UI: whatever host and port the UI is at."""
        return f"{urlsplit(self.ui_url).path.rstrip('/')}/reports/{quote(customer, safe='')}"

    def _unless_real(self, variable: str, value: str, hint: str) -> SecretStr:
        """What stands in for a variable in the sandbox; elsewhere it must be set."""
        if self.environment != "sandbox":
            raise ConfigurationError(f"{variable} is not set; {self.environment} needs it{hint}.")
        return SecretStr(value)


def _nearest_home() -> Path:
    """This folder, or the nearest above it that has data of ours, so that a folder within does not begin anew."""
    here = Path.cwd()
    above = (folder for folder in (here, *here.parents) if (folder / ".data").is_dir())
    return next((folder for folder in above if (folder / ".data").stat().st_uid == os.geteuid()), here)


def default_folder(name: str) -> Path:
    """The folder `config`, `sql` or `graphql`: inside the package in an installed wheel, beside it in a checkout.

    Raises `ConfigurationError`: it is in neither place.
    """
    package = Path(__file__).parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise ConfigurationError(f"The folder {name}/ is neither in {package} nor beside it; install orders-platform again.")


def boards_at(url: str, timeout: float = 5) -> str | None:
    """The file of the boards that a sandbox at this address keeps, empty for none; None where nobody answers.

    Raises `ConfigurationError` when another program does.
    """
    from http.client import HTTPConnection, HTTPException  # here: production asks no sandbox

    parts, boards = urlsplit(url), None
    try:
        with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)) as asked:
            asked.request("GET", "/health")
            boards = asked.getresponse().headers["Sandbox-Boards"]
    except ConnectionRefusedError:
        return None
    except (OSError, HTTPException):
        pass
    if boards is None:
        raise ConfigurationError(f"Another program answers at {parts.netloc}, where the sandbox is to be. {ANOTHER_PORT}")
    return unquote(boards)


def served_at(folder: Path, seconds: float = 0.5) -> str:
    """Where a sandbox with the boards of this folder answers within so many seconds, as `sandbox serve` noted it; empty for nowhere."""
    try:
        url = (folder / "sandbox.url").read_text(encoding="utf-8")
        return url if boards_at(url, timeout=seconds) == str((folder / "sandbox.db").resolve()) else ""
    except (OSError, ValueError, ConfigurationError):  # none was served, or it serves no more
        return ""


def _env_file() -> Path | None:
    file = Path(".env").absolute()
    if not file.is_file():
        return None
    found = file.stat()
    if found.st_uid not in {_ROOT, os.geteuid()} or found.st_mode & 0o002:
        raise ConfigurationError(
            f"{file} may have been written by another user, who would say where the token is sent; it was not read. Make it yours "
            "alone (`chown`, `chmod 600`), or start in another folder."
        )
    return file


def _checked_url(url: str, environment: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("MONDAY_API_URL is not an http(s) URL; monday's is https://api.monday.com/v2.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and environment != "sandbox":
        raise ConfigurationError("MONDAY_API_URL would send the token unencrypted; use https, or a loopback address.")
    if "@" in parts.netloc:
        raise ConfigurationError("MONDAY_API_URL holds a user or a password; monday takes none. The token is MONDAY_API_TOKEN.")
    return url


def _require_exactness(path: Path, environment: str, monday: Monday) -> None:
    """Refuse times that could create a row twice. The sandbox answers faster than monday.com, so it may have shorter ones."""
    place = f"{path} ({environment}): monday"
    if monday.settle_seconds < SHORTEST_SETTLE_SECONDS:
        raise ConfigurationError(
            f"{place}.settle_seconds is {monday.settle_seconds:g}. Below {SHORTEST_SETTLE_SECONDS:g}, a request could still run when "
            "its rows are looked up, and they would be created twice. Raise it."
        )
    if monday.key_lifetime_seconds > LONGEST_KEY_SECONDS:
        raise ConfigurationError(
            f"{place}.key_lifetime_seconds is {monday.key_lifetime_seconds:g}. monday.com forgets an idempotency key after "
            f"{LONGEST_KEY_SECONDS:g}, and a later repeat would create its rows twice. Lower it."
        )
