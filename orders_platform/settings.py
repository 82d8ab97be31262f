"""The settings of one process: the environment variables, and the configuration file they point at.

Belongs here: every read of the environment, and the rules that hold between variables. Does not belong here: what the file may
say (`configuration.py`). Secrets stay `SecretStr` until the moment of use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orders_platform.configuration import Configuration, Monday, read_configuration
from orders_platform.errors import ConfigurationError

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - not a secret: the local sandbox accepts it, production refuses it
SHORTEST_SETTLE_SECONDS = 75.0
"""monday ends a request after 60 seconds; it may leave 5 after its intent was committed, and take 10 to connect."""

LONGEST_KEY_SECONDS = 1_800.0
"""So long monday remembers the answer to an idempotency key."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    orders_environment: Literal["sandbox", "development", "production"] = "sandbox"
    orders_config: Path | None = None
    orders_database_url: SecretStr | None = None
    monday_api_url: str | None = None
    monday_api_token: SecretStr | None = None
    orders_alert_urls: SecretStr = Field(SecretStr(""))
    dagster_home: Path | None = None


class Settings:
    """What a process was told, checked.

    Attributes:
        environment: `sandbox`, `development` or `production`.
        configuration: the file, for that environment.
        database_url: SQLAlchemy URL, possibly with a password.
        api_url: of monday's GraphQL endpoint.
        api_token: of monday.
        data_folder: where the embedded default keeps its files.

    Raises:
        ConfigurationError: a variable is missing or wrong, or the file is.
    """

    def __init__(self) -> None:
        try:
            given = _Environment()
        except ValidationError as error:
            raise ConfigurationError(_wrong_variables(error)) from None
        self.environment = given.orders_environment
        self.config_path = given.orders_config or default_folder("config") / "order_sync.toml"
        self.configuration: Configuration = read_configuration(self.config_path, self.environment)
        if self.environment != "sandbox":
            _require_exactness(self.config_path, self.environment, self.configuration.monday)
        self.data_folder = (given.dagster_home or Path.cwd()).absolute() / ".data"
        self.database_url = given.orders_database_url or self._default_database_url()
        self.api_url = _checked_url(given.monday_api_url or self.configuration.monday.api_url, self.environment)
        self.api_token = given.monday_api_token or self._default_token()
        self.alert_urls = given.orders_alert_urls
        if self.environment != "sandbox" and self.api_token.get_secret_value() == SANDBOX_TOKEN:
            raise ConfigurationError(
                f"MONDAY_API_TOKEN is the sandbox's, but ORDERS_ENVIRONMENT is {self.environment}; set the real token."
            )

    def _default_database_url(self) -> SecretStr:
        if self.environment != "sandbox":
            raise ConfigurationError(
                f"ORDERS_DATABASE_URL is not set; {self.environment} needs it, e.g. "
                "mssql+pyodbc://user:password@server/database?driver=ODBC+Driver+18+for+SQL+Server"
            )
        return SecretStr(f"sqlite:///{self.data_folder / 'orders.db'}")

    def _default_token(self) -> SecretStr:
        if self.environment != "sandbox":
            raise ConfigurationError(
                f"MONDAY_API_TOKEN is not set; {self.environment} needs it (monday: avatar > Developers > API token)."
            )
        return SecretStr(SANDBOX_TOKEN)


def default_folder(name: str) -> Path:
    """The folder `config`, `sql` or `graphql`: inside the package in an installed wheel, beside it in a checkout.

    Raises:
        ConfigurationError: it is in neither place.
    """
    package = Path(__file__).parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise ConfigurationError(f"The folder {name}/ is neither in {package} nor beside it; reinstall orders-platform.")


def _checked_url(url: str, environment: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"MONDAY_API_URL {url!r} is no http(s) URL; the real one is https://api.monday.com/v2.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and environment != "sandbox":
        raise ConfigurationError(f"MONDAY_API_URL {url!r} would send the token in clear; use https, or a loopback address.")
    return url


def _wrong_variables(error: ValidationError) -> str:
    lines = [
        f"  {str(problem['loc'][0]).upper()}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return "The environment is refused; correct these variables (see .env.example):\n" + "\n".join(lines)


def _require_exactness(path: Path, environment: str, monday: Monday) -> None:
    """Refuse times with which a row could be made twice; the sandbox answers faster than monday.com and may have shorter ones."""
    if monday.settle_seconds < SHORTEST_SETTLE_SECONDS:
        raise ConfigurationError(
            f"{path} ({environment}): monday.settle_seconds is {monday.settle_seconds:g}; below {SHORTEST_SETTLE_SECONDS:g} a request could"
            " still be under way when its rows are looked for, and they would be made twice. Set it to 75 or more."
        )
    if monday.key_lifetime_seconds > LONGEST_KEY_SECONDS:
        raise ConfigurationError(
            f"{path} ({environment}): monday.key_lifetime_seconds is {monday.key_lifetime_seconds:g}; monday.com forgets keys after"
            f" {LONGEST_KEY_SECONDS:g}, and then a repeat would be made twice. Set it to 1800 or less."
        )
