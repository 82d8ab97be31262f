"""`config init`, `config show`, `board check`, `board init`: a configuration, and a board that fits it."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from pydantic import SecretStr

from orders_platform.build import open_board, open_store
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.configuration import ENVIRONMENTS, read_configuration, write_board
from orders_platform.database.engine import dialect_of, open_database, place
from orders_platform.database.schema import define_tables
from orders_platform.domain.preflight import mismatch, missing_labels
from orders_platform.errors import ConfigurationError
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.list_draft import draft
from orders_platform.monday.board_setup import BoardSetup
from orders_platform.settings import SANDBOX_TOKEN, Settings, default_folder
from orders_platform.sync.run import described_boards


def check(*, create_labels: bool, as_json: bool) -> None:
    settings = Settings()
    configuration, made, steps = settings.configuration, list[str](), list[str]()
    values, mapping = expected_values(settings), configuration.items
    with embedded_sandbox(settings), closing(open_board(settings)) as opened:
        if create_labels:
            setup = BoardSetup(mapping, configuration.subitems, opened, configuration.monday.final_after)
            setup.make_labels(mapping, opened.describe(mapping.board_id), values)
            made, steps = setup.made, setup.steps
        (items, *_), problems = described_boards(configuration, opened)
        warnings = opened.notices  # logged already, hence on standard error
    absent = missing_labels(mapping, items, values)
    if as_json:
        known = {"board": items.name, "board_id": items.id, "problems": problems, "warnings": warnings}
        output.write_json({**known, "missing_labels": absent, "made": made, "steps": steps})
        sys.exit(1 if problems or (create_labels and absent) else 0)
    for line in [*(f"made: {each}" for each in made), *(f"to do by hand: {each}" for each in steps)]:
        output.say(line)
    if problems:
        raise mismatch(items, problems)
    columns = f"{len(mapping.fields)} columns of items, {len(configuration.subitems.fields)} of subitems"
    output.say(f"Board {items.id} ({items.name}) fits: {columns}.")
    for sentence in absent:
        output.say(f"- {sentence}; until then the cell stays empty")
    sys.exit(1 if create_labels and absent else 0)


def expected_values(settings: Settings) -> Mapping[str, Iterable[str]]:
    """What orders have or may have, by order column: as configured, and those in the database."""
    configuration, cleaning = settings.configuration, settings.configuration.cleaning
    types = frozenset({*cleaning.order_types.values(), cleaning.cancelled})
    values = {configuration.columns.customer: frozenset(configuration.customers), configuration.columns.order_type: types}
    labelled = [source for field in configuration.items.fields if field.type.has_labels for source in field.sources]
    store = open_store(settings)
    with closing(store.database):
        if store.schema.is_there("orders"):
            for name, texts in store.values_of(labelled).items():
                values[name] = values.get(name, frozenset()) | texts
    return values


def init_board(*, board_id: int | None, new: str | None, dry_run: bool, as_json: bool) -> None:
    if board_id and new:
        raise click.UsageError("--board takes a board that exists and --new makes one; name one of the two.")
    settings = Settings()
    if settings.config_path.resolve() == (default_folder("config") / "order_sync.toml").resolve():
        raise ConfigurationError(
            "`board init` writes ids into a configuration file of your own; name it: --config FILE, or ORDERS_CONFIG. `orders-platform "
            f"config init` drafts one from an order list; a copy of {settings.config_path} is the apparel maker's."
        )
    with embedded_sandbox(settings), closing(open_board(settings, max_in_flight=1)) as opened:
        configuration = settings.configuration
        final_after = configuration.monday.final_after
        setup = BoardSetup(configuration.items, configuration.subitems, opened, final_after, dry=dry_run)

        def keep(section: str, board: int, ids: Mapping[str, str]) -> None:
            if not dry_run:  # after each board, so that a run that is killed goes on where it was
                write_board(settings.config_path, settings.environment, section, board, ids)

        setup.run(board_id or configuration.items.board_id, new, expected_values(settings), keep)
    if as_json:
        made = {"board_id": setup.board_id, "made": setup.made, "found": setup.found, "steps": setup.steps}
        output.write_json({**made, "dry_run": dry_run, "file": str(settings.config_path)})
    else:
        for line in setup.made:
            output.say(f"{'would make' if dry_run else 'made'}: {line}")
        output.say(f"{setup.found} columns were there already.")
        for line in setup.steps:
            output.say(f"to do by hand: {line}")
        if not dry_run:
            output.say(f"The ids are in {settings.config_path}, for the environment {settings.environment}.")
            output.say("Next: orders-platform board check" if setup.steps else "Next: orders-platform sync --show")
    sys.exit(1 if setup.is_incomplete else 0)


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
        entries = len(value) if isinstance(value, Mapping | list) and len(str(value)) > 60 else 0
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
