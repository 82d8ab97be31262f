"""What a process is told by its environment, and the rules between the variables."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from orders_platform import settings as settings_module
from orders_platform.errors import ConfigurationError
from orders_platform.settings import SANDBOX_TOKEN, Settings, default_folder

VARIABLES = (
    "ORDERS_ENVIRONMENT", "ORDERS_CONFIG", "ORDERS_DATABASE_URL", "MONDAY_API_URL", "MONDAY_API_TOKEN", "ORDERS_ALERT_URLS", "DAGSTER_HOME",
)  # fmt: skip
PRODUCTION = {
    "ORDERS_ENVIRONMENT": "production", "ORDERS_DATABASE_URL": "mssql+pyodbc://user:s3cret@server/orders", "MONDAY_API_TOKEN": "t0ken",
}  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without .env and an environment without our variables."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_without_any_variable_everything_is_the_sandbox(bare: Path) -> None:
    settings = Settings()
    assert settings.environment == "sandbox"
    assert settings.database_url.get_secret_value() == f"sqlite:///{bare / '.data' / 'orders.db'}"
    assert settings.api_url == "http://127.0.0.1:8765/v2"
    assert settings.api_token.get_secret_value() == SANDBOX_TOKEN
    assert settings.config_path == default_folder("config") / "order_sync.toml"
    assert list(bare.iterdir()) == []


def test_the_variables_are_taken_and_the_secrets_stay_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = told(
        monkeypatch, **PRODUCTION, MONDAY_API_URL="https://proxy.example/v2", ORDERS_ALERT_URLS="https://hook.example/k3y"
    )
    assert (settings.environment, settings.api_url) == ("production", "https://proxy.example/v2")
    assert settings.api_token.get_secret_value() == "t0ken"
    assert settings.database_url.get_secret_value() == PRODUCTION["ORDERS_DATABASE_URL"]
    shown = repr(vars(settings))
    assert not any(secret in shown for secret in ("t0ken", "s3cret", "k3y"))


def test_the_embedded_database_lies_under_the_instance_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = told(monkeypatch, DAGSTER_HOME=str(tmp_path / "home"))
    assert settings.data_folder == tmp_path / "home" / ".data"
    assert str(tmp_path / "home" / ".data" / "orders.db") in settings.database_url.get_secret_value()


def test_a_folder_within_one_that_has_data_does_not_begin_anew(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    (bare / "orders" / "today").mkdir(parents=True)
    monkeypatch.chdir(bare / "orders" / "today")
    assert Settings().data_folder == bare / "orders" / "today" / ".data"
    (bare / ".data").mkdir()
    assert Settings().data_folder == bare / ".data"
    assert told(monkeypatch, DAGSTER_HOME=str(bare / "orders")).data_folder == bare / "orders" / ".data"


def test_a_dotenv_file_is_read_and_the_environment_wins_over_it(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    (bare / ".env").write_text("MONDAY_API_TOKEN=from-file\nMONDAY_API_URL=\nSOMETHING_ELSE=1\n", encoding="utf-8")
    assert Settings().api_token.get_secret_value() == "from-file"
    assert Settings().api_url == "http://127.0.0.1:8765/v2"
    assert told(monkeypatch, MONDAY_API_TOKEN="from-shell").api_token.get_secret_value() == "from-shell"


def test_a_dotenv_file_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    """Whoever writes it says where the token is sent."""
    file = bare / ".env"
    file.write_text("MONDAY_API_URL=https://evil.example/\n", encoding="utf-8")
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match=r"\.env .*another user.*was not read"):
        Settings()
    file.chmod(0o644)
    assert Settings().env_file == file
    monkeypatch.setattr(settings_module.os, "geteuid", lambda: file.stat().st_uid + 1)
    monkeypatch.setattr(settings_module, "_ROOT", -1)
    with pytest.raises(ConfigurationError, match="another user"):
        Settings()


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, **dict.fromkeys(VARIABLES, "")).environment == "sandbox"


def test_a_wrong_environment_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigurationError, match=r"ORDERS_ENVIRONMENT: Input should be 'sandbox', 'development' or 'production'"
    ):
        told(monkeypatch, ORDERS_ENVIRONMENT="prod", MONDAY_API_TOKEN="t0ken")


@pytest.mark.parametrize("environment", ["production", "development"])
@pytest.mark.parametrize("absent", ["ORDERS_DATABASE_URL", "MONDAY_API_TOKEN"])
def test_a_real_environment_needs_its_database_and_its_token(
    monkeypatch: pytest.MonkeyPatch, environment: str, absent: str
) -> None:
    given = {name: value for name, value in PRODUCTION.items() if name != absent} | {"ORDERS_ENVIRONMENT": environment}
    with pytest.raises(ConfigurationError, match=f"{absent} is not set; {environment} needs it"):
        told(monkeypatch, **given)


def test_the_sandbox_token_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigurationError, match="MONDAY_API_TOKEN is the sandbox's token, but ORDERS_ENVIRONMENT is production"
    ):
        told(monkeypatch, **PRODUCTION | {"MONDAY_API_TOKEN": SANDBOX_TOKEN})


@pytest.mark.parametrize(
    "url",
    ["http://api.monday.com/v2", "http://10.0.0.1/v2", "http://127.0.0.1.example.com/v2", "http://localhost@evil.example/"],
)
def test_a_token_is_not_sent_unencrypted_over_a_network(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ConfigurationError, match="would send the token unencrypted; use https"):
        told(monkeypatch, **PRODUCTION, MONDAY_API_URL=url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765/v2", "http://localhost/v2", "http://[::1]:80/v2", "https://api.monday.com/v2"]
)
def test_loopback_and_https_are_fine_in_production(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert told(monkeypatch, **PRODUCTION, MONDAY_API_URL=url).api_url == url


@pytest.mark.parametrize(
    "url", ["api.monday.com/v2", "ftp://api.monday.com", "https://", "file:///etc", "http://[::1", "http://localhost:abc/v2"]
)
def test_what_is_no_web_address_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an http"):
        told(monkeypatch, MONDAY_API_URL=url)


@pytest.mark.parametrize("url", [
    "https://user:s3cret@api.monday.com/v2", "http://user:s3cret@api.monday.com/v2", "http://user:s3c/ret@127.0.0.1/v2", "https://s3cret@h",
    "ftp://user:s3cret@host", "https://user:s3cret", "http://10.0.0.1/v2?key=s3cret", "s3cret@", "https://[s3cret]/v2",
])  # fmt: skip
def test_a_web_address_with_a_password_is_refused_and_no_part_of_it_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ConfigurationError, match="MONDAY_API_URL") as refused:
        told(monkeypatch, **PRODUCTION, MONDAY_API_URL=url)
    assert "s3c" not in "".join(traceback.format_exception(refused.value))


def test_a_configuration_elsewhere_is_read_for_the_environment(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    text = (default_folder("config") / "order_sync.toml").read_text(encoding="utf-8")
    (bare / "mine.toml").write_text(text.replace('plan = "pro"', 'plan = "enterprise"'), encoding="utf-8")
    assert told(monkeypatch, ORDERS_CONFIG="mine.toml").configuration.monday.plan == "enterprise"
    with pytest.raises(ConfigurationError, match=r"no configuration file nowhere.toml"):
        told(monkeypatch, ORDERS_CONFIG="nowhere.toml")


def test_a_folder_that_is_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"folder nonsense/ is neither in .* install orders-platform again"):
        default_folder("nonsense")
    monkeypatch.setattr(settings_module, "__file__", str(tmp_path / "orders_platform" / "settings.py"))
    (tmp_path / "sql").mkdir()
    assert default_folder("sql") == tmp_path / "sql"
    (tmp_path / "orders_platform" / "sql").mkdir(parents=True)
    assert default_folder("sql") == tmp_path / "orders_platform" / "sql"


@pytest.mark.parametrize(
    ("shipped", "wrong", "words"),
    [
        ("settle_seconds = 75", "settle_seconds = 60", "created twice"),
        ("key_lifetime_seconds = 1800", "key_lifetime_seconds = 3600", "forgets an idempotency key"),
    ],
)
def test_times_with_which_a_row_could_be_made_twice_are_refused_outside_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped: str, wrong: str, words: str
) -> None:
    text = (default_folder("config") / "order_sync.toml").read_text(encoding="utf-8")
    assert shipped in text
    file = tmp_path / "order_sync.toml"
    file.write_text(text.replace(shipped, wrong), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERS_CONFIG", str(file))
    Settings()
    monkeypatch.setenv("ORDERS_ENVIRONMENT", "production")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "sqlite:///orders.db")
    monkeypatch.setenv("MONDAY_API_TOKEN", "a-token-of-production")
    with pytest.raises(ConfigurationError, match=words):
        Settings()
