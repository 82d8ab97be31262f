"""`orders-platform`: the same engine as the assets, for a terminal and for scripts.

Belongs here: commands, options, exit codes (0 all done, 1 something failed or waits, 2 usage or configuration, 130 interrupted).
Does not belong here: work. Every command is safe to interrupt and to repeat.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from orders_platform.build import open_store
from orders_platform.cli import output as console
from orders_platform.cli.database_commands import customers, init_db, load, status
from orders_platform.cli.embedded import PORT, ROOMY, embedded_sandbox, refuse_while_served, sandbox_file
from orders_platform.cli.report_command import report
from orders_platform.cli.sync_commands import board, retry, sync
from orders_platform.cli.verify_commands import history, housekeeping, verify
from orders_platform.demo import demo_run as demonstration
from orders_platform.errors import ConfigurationError, OrdersError
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.sandbox.server import Faults, Latency, Sandbox, serve
from orders_platform.settings import Settings

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
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

    Without any setting everything runs on the embedded default: a SQLite file and a local monday.com, both in .data/.
    """


@cli.command()
@click.option("--fresh", is_flag=True, help="Forget the last demo first.")
@click.option("--output-json", type=console.OUTPUT_FILE, help="Write the figures into this file.")
@JSON
def demo(*, fresh: bool, output_json: Path | None, as_json: bool) -> None:
    """The main job on the embedded default: sample orders, sandbox, all six assets for every sample customer."""
    settings = Settings()
    if settings.environment != "sandbox":
        where = f"ORDERS_ENVIRONMENT is {settings.environment}"
        raise ConfigurationError(
            f"The demo fills staging table and board with sample orders, but {where}; unset it for the demo."
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
        click.echo(f"{rows} sample orders staged; one Dagster run per customer:", err=True)
        document = demonstration.materialise(settings, store, instance, lambda line: click.echo(f"  {line}", err=True))
        console.show_run(document, as_json=as_json, output_json=output_json)
        if not as_json:
            console.print_refusals("Not on the board, as the sample orders intend: refused values", store.row_errors())
            click.echo(f"\nBoard page:  {board_page}/   (`orders-platform sandbox serve` keeps it up)")
            click.echo("Dagster UI:  make ui   (or: dagster dev -w workspace.yaml)")
    problems = demonstration.unexpected(document["customers"])  # type: ignore[arg-type]
    for problem in problems:
        click.echo(f"unexpected: {problem}", err=True)
    sys.exit(1 if problems else 0)


@cli.group()
def sandbox() -> None:
    """A local monday.com."""


@sandbox.command(name="serve")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the boards; default: .data/sandbox.db."
)
@click.option("--limits", type=click.Choice(list(LIMITS)), default="roomy", show_default=True, help="Whose limits it keeps.")
@click.option(
    "--latency",
    type=(float, float),
    default=(0.0, 0.0),
    metavar="DOCUMENT MUTATION",
    help="Seconds a document and a mutation take.",
)
@click.option(
    "--faults", type=click.FloatRange(0, 1), default=0.0, help="Share of requests that meet a passing fault, e.g. 0.02."
)
@click.option("--seed", type=int, default=0, help="Which requests meet which fault.")
def serve_sandbox(
    *, port: int, state: Path | None, limits: str, latency: tuple[float, float], faults: float, seed: int
) -> None:
    """Serve the sandbox on loopback until interrupted; GET / shows the boards."""
    file = state or sandbox_file(Settings())
    file.parent.mkdir(parents=True, exist_ok=True)
    plan = Faults(seed=seed, rate=faults)
    local = Sandbox(state=file, limits=LIMITS[limits](), latency=Latency(*latency), faults=plan)
    serve(local, port=port, on_ready=lambda url: click.echo(f"monday sandbox ready: {url}/ (API {url}/v2, boards in {file})"))


for command in (board, customers, history, housekeeping, init_db, load, report, retry, status, sync, verify):
    cli.add_command(command)


def main() -> None:
    """The console script."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was committed stays, the next run goes on from there", err=True)
        sys.exit(130)
    except OrdersError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
