"""The `orders-platform` command. Every subcommand is safe to interrupt and to repeat.

Exit codes: 0 all done, 1 something failed or waits, 2 wrong usage or configuration, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from copy import copy
from pathlib import Path

import click

from orders_platform.build import open_store
from orders_platform.cli import output
from orders_platform.cli.board_commands import board, resync, retry, sync, verify
from orders_platform.cli.database_commands import customers, history, init_db, load, report, retention, status
from orders_platform.cli.embedded import PORT, ROOMY, embedded_sandbox, refuse_while_served, sandbox_file
from orders_platform.cli.session import JSON
from orders_platform.database.queries import Queries
from orders_platform.errors import ConfigurationError, OrdersError
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.sandbox.server import Faults, Latency, Sandbox, serve
from orders_platform.settings import Settings

LIMITS: dict[str, Callable[[], AccountLimits]] = {
    "roomy": lambda: ROOMY,
    "pro": AccountLimits,
    "trial": AccountLimits.trial,
    "app": AccountLimits.app_token,
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="orders-platform")
def cli() -> None:
    """Keep a monday.com board equal to the order list: nothing lost, nothing twice.

    Without settings everything runs on this machine: a SQLite file and a local monday.com, both in the folder .data.
    """


@cli.command()
@click.option(
    "--fresh",
    is_flag=True,
    help="Delete the folder .data first: local orders, boards and reports, also those that you loaded yourself.",
)
@click.option("--output-json", type=output.OUTPUT_FILE, help="Write the figures into this file as JSON.")
@JSON
def demo(*, fresh: bool, output_json: Path | None, as_json: bool) -> None:
    """Sync sample orders to a local monday.com. Each customer is one Dagster run of all assets; a summary follows."""
    from orders_platform.demo import demo_run as demonstration  # here, so that no other command imports Dagster

    settings = Settings()
    if settings.environment != "sandbox":
        raise ConfigurationError(
            f"The demo replaces staged orders and board items by samples, but ORDERS_ENVIRONMENT is {settings.environment}; "
            "unset it for the demo."
        )
    if fresh:
        refuse_while_served(settings)
        demonstration.clear(settings)
    store = open_store(settings)
    with (
        embedded_sandbox(settings) as board_page,
        closing(store.database),
        demonstration.dagster_instance(settings) as instance,
    ):
        rows = demonstration.load_sample_orders(store, settings)
        output.echo(f"{rows} sample orders staged; one Dagster run per customer:", err=True)
        result = demonstration.materialise(settings, store, instance, lambda line: output.echo(f"  {line}", err=True))
        output.show_run(result, as_json=as_json, output_json=output_json)
        if not as_json:
            output.print_warnings(Queries(store).cell_warnings())
            output.echo(f"\nBoard page:  {board_page}/   (`orders-platform sandbox serve` keeps it up)")
            output.echo("Dagster UI:  make ui   (or: python -m orders_platform.webserver dev -w workspace.yaml)")
    problems = demonstration.unexpected(result["customers"])  # type: ignore[arg-type]
    for problem in problems:
        output.echo(f"unexpected: {problem}", err=True)
    sys.exit(1 if problems else 0)


@cli.group()
def sandbox() -> None:
    """Run a local monday.com."""


@sandbox.command(name="serve")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes any free port.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the boards. Default: .data/sandbox.db."
)
@click.option(
    "--limits", type=click.Choice(list(LIMITS)), default="roomy", show_default=True, help="Rate limits; roomy has almost none."
)
@click.option(
    "--latency",
    type=(float, float),
    default=(0.0, 0.0),
    metavar="REQUEST MUTATION",
    help="Seconds that each request takes, and each mutation in it.",
)
@click.option("--faults", type=click.FloatRange(0, 1), default=0.0, help="Share of requests that meet a fault, such as 0.02.")
@click.option("--seed", type=int, default=0, help="Number that decides which requests meet which fault.")
def serve_sandbox(
    *, port: int, state: Path | None, limits: str, latency: tuple[float, float], faults: float, seed: int
) -> None:
    """Serve a local monday.com until interrupted. Only this machine can reach it; its start page shows the boards."""
    file = state or sandbox_file(Settings())
    file.parent.mkdir(parents=True, exist_ok=True)
    local = Sandbox(state=file, limits=LIMITS[limits](), latency=Latency(*latency), faults=Faults(seed=seed, rate=faults))
    serve(local, port=port, on_ready=lambda url: output.echo(f"monday sandbox ready: {url}/ (API {url}/v2, boards in {file})"))


for command in (board, customers, history, init_db, load, report, resync, retention, retry, status, sync, verify):
    cli.add_command(command)
housekeeping = copy(retention)  # the name until now, hidden for a release
housekeeping.hidden = True
cli.add_command(housekeeping, "housekeeping")


def main() -> None:
    """Run the command line; every error of ours becomes one line and an exit code."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        output.echo("Interrupted. Committed work is kept; the next run resumes.", err=True)
        sys.exit(130)
    except OrdersError as error:
        output.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
