"""`config init` and `config show`: a configuration guessed from an order list, and what holds with where it came from."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from pydantic import SecretStr

from orders_platform.cli import output
from orders_platform.configuration import ENVIRONMENTS, read_configuration
from orders_platform.database.engine import dialect_of, open_database, place
from orders_platform.database.schema import define_tables
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.list_draft import draft
from orders_platform.settings import SANDBOX_TOKEN, Settings, default_folder

_LONG = 60


def draft_configuration(*, file: Path, target: Path | None, **reading: Any) -> None:
    target = target or Path(re.sub(r"\W+", "_", file.stem).strip("_").lower() or "orders").with_suffix(".toml")
    if target.exists():
        raise click.UsageError(f"{target} exists and is not overwritten; name another file: --output FILE.")
    with TemporaryDirectory() as folder:
        shipped = default_folder("config") / "order_sync.toml"
        made = draft(file, FileOptions(**reading), Path(folder), own_columns(shipped))
        text = made.text(*(each.read_text(encoding="utf-8") for each in (shipped, shipped.with_name("draft.toml.j2"))))
        trial = Path(folder) / target.name
        trial.write_text(text, encoding="utf-8")
        for environment in ENVIRONMENTS:
            read_configuration(trial, environment)
    output.write_text([text], target)
    for line in made.said:
        output.say(line)
    output.say(f"\nThe draft is {target}; look it through, above all the key. Then:")
    for command in ('board init --new "Orders"', f"load {file}", "sync --show", "sync --execute"):
        output.echo(output.typed(f"  orders-platform --config {target} {command}"))


def own_columns(shipped: Path) -> set[str]:
    """The columns that the table of orders has besides those of the list."""
    bare = read_configuration(shipped, ENVIRONMENTS[0]).model_copy(update={"order_list": {}})
    tables = define_tables(dialect_of(SecretStr("sqlite://")), bare, default_folder("sql"))
    return {name for name, _ in tables["orders"].columns}


def show_configuration(*, as_json: bool) -> None:
    settings = Settings()
    rows = [*_variables(settings), *_sections(settings)]
    if as_json:
        output.write_json({name: {"value": value, "from": origin} for name, value, origin in rows})
        return
    for name, value, origin in rows:
        entries = len(value) if isinstance(value, Mapping | list) and len(str(value)) > _LONG else 0
        output.say(f"{name} = {f'{entries} entries' if entries else repr(value)}   ({origin})")


def _variables(settings: Settings) -> Iterator[tuple[str, object, str]]:
    database, token = place(open_database(settings.database_url).engine), settings.api_token.get_secret_value()
    shown = {
        "ORDERS_ENVIRONMENT": settings.environment, "ORDERS_CONFIG": str(settings.config_path), "ORDERS_DATABASE_URL": database,
        "MONDAY_API_URL": settings.api_url, "MONDAY_API_TOKEN": "the sandbox's" if token == SANDBOX_TOKEN else "set, not shown",
        "ORDERS_ALERT_URLS": "set, not shown" if settings.alert_urls.get_secret_value() else "",
        "DAGSTER_HOME": str(settings.data_folder.parent), "ORDERS_UI_URL": settings.ui_url,
    }  # fmt: skip
    for name, value in shown.items():
        yield name, value, settings.origins[name]


def _sections(settings: Settings) -> Iterator[tuple[str, object, str]]:
    written = tomllib.loads(settings.config_path.read_text(encoding="utf-8"))
    own = written.get("environment", {}).get(settings.environment, {})
    for section, values in settings.configuration.model_dump(mode="json", by_alias=True).items():
        whole = section in {"order_list", "customers"}  # one value, of which an environment may change parts
        for key, value in {"": values}.items() if whole else values.items():
            parts = {f"[environment.{settings.environment}.{section}]": own, f"[{section}]": written}
            found = [name for name, part in parts.items() if section in part and (whole or key in part[section])]
            yield f"{section}.{key}".strip("."), value, f"{settings.config_path} {found[0]}" if found else "default"
