"""`board check` and `board init`: whether the board fits the configuration, and what makes it fit."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import closing

import click

from orders_platform.build import open_board, open_store
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.configuration import write_board
from orders_platform.domain.preflight import mismatch, missing_labels
from orders_platform.errors import ConfigurationError
from orders_platform.monday.board_setup import BoardSetup
from orders_platform.settings import Settings, default_folder
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
