"""The `orders-platform` command: what each subcommand takes, and what it says of itself. What it does is imported when it runs.

So help and completion import little but click. Every subcommand is safe to interrupt and to repeat. Exit codes: 0 all done, 1 something
failed or waits, 2 wrong usage or configuration, 130 interrupted.
"""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from pathlib import Path

import click

from orders_platform import __version__
from orders_platform.domain.guards import GuardKind
from orders_platform.errors import ConfigurationError, OrdersError

_HEADINGS = {
    "Every day": ("load", "sync", "status"),
    "Look closer": ("customers", "report", "history", "verify"),
    "Mend": ("retry", "resync"),
    "Set up": ("doctor", "config", "init-db", "board", "demo", "sandbox"),
}

GIVEN: dict[str, str] = {}
"""The options that were given before the command; commands that are named to be typed next need them too."""


class _Commands(click.Group):
    """Shown under headings, in the order of use."""

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, names in _HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=90)) for name in names])


class _OutputFile(click.Path):
    """A file that is written at the end; refused at the start when that cannot work."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        is_fit = False
        with suppress(OSError):  # a name that is too long
            folder = file.resolve().parent  # of the file itself, where the path is a link
            is_fit = folder.is_dir() and os.access(file if file.exists() else folder, os.W_OK)
        if not is_fit:
            self.fail(f"{file} cannot be written: its folder is missing or read-only.", param, ctx)
        return file


_OUTPUT_FILE = _OutputFile(dir_okay=False, writable=True)
_INPUT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
_customers = click.option(
    "--customer", "only", multiple=True, metavar="NAME", help="Only this customer; may be repeated. Default: all customers."
)
_sheets = click.option(
    "--sheet", "sheets", multiple=True, metavar="NAME", help="Read only this sheet, also a hidden one; may be repeated."
)
_header_row = click.option(
    "--header-row", type=click.IntRange(1, 1000), help="Row with the names of the columns, where it is not found."
)
_encoding = click.option("--encoding", help="Of .csv files that are not UTF-8, such as cp1252.")
_delimiter = click.option("--delimiter", help="Of .csv files, where it is not found.")
_strict = click.option("--strict", is_flag=True, help="Exit with 1 also when there are only warnings.")
_figures = click.option("--output-json", type=_OUTPUT_FILE, help="Write the figures into this file as JSON.")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="orders-platform")
@click.option(
    "--home", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
    help="Where the folder .data lies. Default: DAGSTER_HOME, else the nearest folder from here upwards that has one, else here.",
)  # fmt: skip
@click.option(
    "--config", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="The configuration file. Default: ORDERS_CONFIG, else the sample's.",
)  # fmt: skip
def cli(home: Path | None, config: Path | None) -> None:
    """Keep a monday.com board equal to the order list: nothing lost, nothing twice.

    Without settings everything runs on this machine: a SQLite file and a local monday.com, both in the folder .data; `status` names it.

    \b
    Your own orders, without an account:
      orders-platform load orders.csv
      orders-platform sync              shows what would be done
      orders-platform sync --execute    does it
    """  # noqa: D301 - click keeps the lines after its mark as they are
    GIVEN.clear()
    GIVEN.update({name: str(path) for name, path in (("config", config), ("home", home)) if path})
    if home:
        os.environ["DAGSTER_HOME"] = str(home.absolute())
    if config:
        os.environ["ORDERS_CONFIG"] = str(config.absolute())


def _command(module: str, group: click.Group = cli, name: str | None = None) -> Callable[[Callable[[], None]], click.Command]:
    """A command of the group: the function of the declared one's name in that module of this folder, given the options."""

    def decorate(declared: Callable[[], None]) -> click.Command:
        @wraps(declared)
        def run(**options: object) -> None:
            gc.disable()  # what is imported stays, and the collector walking through it again and again takes a quarter of `status`
            function = getattr(import_module(f"orders_platform.cli.{module}"), declared.__name__)
            gc.freeze()
            gc.set_threshold(50_000)  # rows are many objects and no cycles
            gc.enable()
            function(**options)

        return group.command(name)(run)

    return decorate


@_command("database_commands")
@click.argument("files", nargs=-1, required=True, type=_INPUT_FILE)
@click.option("--append", is_flag=True, help="Add to the staged rows instead of replacing them.")
@_sheets
@_header_row
@_encoding
@_delimiter
@click.option(
    "--ignore", "ignored", multiple=True, metavar="HEADER",
    help="Leave out this unknown column and its values; may be repeated.",
)  # fmt: skip
@click.option("--accept-missing", is_flag=True, help="Load files that lack columns; their orders keep what they have in them.")
@click.option("--yes", is_flag=True, help="Do not ask, whatever the load replaces.")
@_json
def load() -> None:
    """Load orders from workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) or .csv files into the staging table.

    They are one load: all of them or none, in place of the staged rows of all customers unless --append is given. Every visible sheet
    that has order numbers is read.
    """


@_command("board_commands")
@_customers
@click.option("--dry-run/--execute", "dry", default=True, help="Show what would be done (the default), or do it.")
@click.option("--limit", type=click.IntRange(min=1), help="Send at most this many orders of each customer; all are merged.")
@click.option("--skip-subitems", is_flag=True, help="Sync groups and items only.")
@click.option(
    "--accept", multiple=True, type=click.Choice([kind.value for kind in GuardKind]),
    help="Accept this load although a guard stops it, once; may be repeated.",
)  # fmt: skip
@click.option("--show", is_flag=True, help="Show by order and cell what would change on the board, and send nothing.")
@click.option("--order", "orders", multiple=True, metavar="KEY", help="Show only this order; may be repeated.")
@click.option("--html", "page", type=_OUTPUT_FILE, metavar="FILE", help="Show it as a web page as well, in this file.")
@_strict
@_figures
@click.option("--verbose", "verbosity", flag_value="verbose", help="Print progress also when this is no terminal.")
@click.option("--quiet", "verbosity", flag_value="quiet", help="Print errors only.")
@_json
def sync() -> None:
    """Merge the staged orders and bring the board up to date.

    Without --execute this is a dry run: it reads the board and writes nothing to the database or the board. The exit code is 0 when all
    orders are on the board (with --strict: and there are no warnings), or would be after a dry run; else 1.

    \b
      orders-platform sync                              counts what would be done
      orders-platform sync --show                       shows it, order by order
      orders-platform sync --show --order GRE-04267     one order
      orders-platform sync --execute                    does it
      orders-platform sync --execute --customer GREYSON
    """  # noqa: D301


@_command("database_commands")
@_strict
@_json
def status() -> None:
    """Show where each customer's orders stand, and list failed and rejected rows with the reason.

    new: merged, to be sent. pending: sent, the outcome not yet known. failed: refused by our check or by monday. rejected: the merge
    cannot take the row. The exit code is 0 when all orders are on the board (with --strict: and there are no warnings), else 1.
    """


@cli.group(invoke_without_command=True)
@_json
@click.pass_context
def customers(context: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Count the staged rows of each customer; `pause` and `resume` one.

    Rows that match no customer are counted with the reason.
    """
    if context.invoked_subcommand is None:
        from orders_platform.cli.database_commands import customers as count_rows

        count_rows(as_json=as_json)


@_command("database_commands", customers)
@click.argument("names", nargs=-1, required=True)
def pause() -> None:
    """Pause customers: nothing is merged or sent of them until they are resumed.

    Their orders wait and count as stuck nowhere. Commands over all customers leave them out; one that names them with --customer
    does not. Runs of Dagster that have them stop at their next step.
    """


@_command("database_commands", customers)
@click.argument("names", nargs=-1, required=True)
def resume() -> None:
    """Resume customers that are paused: what changed or waited meanwhile is sent by the next run."""


@_command("database_commands")
@_customers
@click.option("--html", "page", type=_OUTPUT_FILE, metavar="FILE", help="Write a web page into this file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown; the default without --html.")
def report() -> None:
    """Report where the orders stand, for people outside the team.

    The exit code is 0 when all orders are on the board, else 1.
    """


@_command("database_commands")
@click.argument("item_or_order")
@_json
def history() -> None:
    """Show what was sent for an order, item or subitem, and why it is not on the board.

    ITEM_OR_ORDER is an order number, or the id of an item or subitem. Rejected rows of the order number are listed too.
    """


@_command("board_commands")
@_customers
@click.option("--repair", is_flag=True, help="Change the board to match the database, after showing the plan.")
@click.option("--yes", is_flag=True, help="Repair without asking.")
@_json
def verify() -> None:
    """Compare every sent row with the board and list the differences, at most 50 of each customer; all with --json.

    Rows that wait are counted and not compared.
    """


@_command("board_commands")
@_customers
@click.option("--code", default="", metavar="CODE", help="Only rows that failed with this code; `status` lists the codes.")
def retry() -> None:
    """Make FAILED rows NEW again and run `sync --execute` for their customers."""


@_command("board_commands")
@_customers
@click.option(
    "--new-board", is_flag=True, help="Start over on the configured board: its items are made anew, the others left alone."
)
def resync() -> None:
    """Compare every row with the board again and send what differs, as `sync --execute` does.

    With --new-board the ids of the board that was used before are forgotten, and every order is made on the configured one.
    """


@_command("local_commands")
@click.option(
    "--fresh", is_flag=True,
    help="Delete the folder .data first: local orders, boards and reports, also those that you loaded yourself.",
)  # fmt: skip
@_figures
@_json
def demo() -> None:
    """Sync sample orders to a local monday.com. Each customer is one Dagster run of all assets; a summary follows."""


@cli.group()
def sandbox() -> None:
    """Run a local monday.com."""


@_command("local_commands", sandbox)
@click.option("--port", type=click.IntRange(0, 65535), help="Default: that of MONDAY_API_URL, or 8765. 0 takes any free port.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the boards. Default: .data/sandbox.db."
)
@click.option(
    "--limits", type=click.Choice(["roomy", "pro", "trial", "app"]), default="roomy", show_default=True,
    help="Rate limits; roomy has almost none.",
)  # fmt: skip
@click.option(
    "--latency", type=(float, float), default=(0.0, 0.0), metavar="REQUEST MUTATION",
    help="Seconds that each request takes, and each mutation in it.",
)  # fmt: skip
@click.option("--faults", type=click.FloatRange(0, 1), default=0.0, help="Share of requests that meet a fault, such as 0.02.")
@click.option("--seed", type=int, default=0, help="Number that decides which requests meet which fault.")
def serve() -> None:
    """Serve a local monday.com until interrupted. Only this machine can reach it; its start page shows the boards."""


@_command("database_commands", name="init-db")
@click.option("--dry-run", is_flag=True, help="Print the DDL and change nothing.")
def init_db() -> None:
    """Create what is missing: tables, columns, indexes, views.

    Tables of an earlier system are adopted (docs/how_to/sql_server.md). No table is dropped and no order is deleted; --dry-run prints every
    statement.
    """


@cli.group()
def board() -> None:
    """Look at the board on monday.com, and make what it lacks."""


@_command("setup_commands", board)
@click.option("--create-labels", is_flag=True, help="Make the labels that are missing, where monday can make them.")
@_json
def check() -> None:
    """List every mismatch between configuration and board, and the customers and other values that have no label there."""


@_command("setup_commands", board, "init")
@click.option("--board", "board_id", type=click.IntRange(1), metavar="ID", help="The number at the end of its address.")
@click.option("--new", metavar="NAME", help="Make a board of this name.")
@click.option("--dry-run", is_flag=True, help="List what would be made, and make nothing.")
@_json
def init_board() -> None:
    """Make the columns, labels and subitems that an empty or partly made board lacks, and write their ids into the configuration.

    A column is known by its id, or by title and type. Running it again makes nothing twice and goes on where it was stopped. The exit
    code is 1 when something is left that monday does not let a program make; it is listed.

    \b
      orders-platform --config my_orders.toml board init --new "Orders" --dry-run
      orders-platform --config my_orders.toml board init --new "Orders"
      orders-platform --config my_orders.toml board init --board 9609317401
    """  # noqa: D301


@cli.group()
def config() -> None:
    """Draft a configuration, and show what holds."""


@_command("setup_commands", config, "init")
@click.argument("file", type=_INPUT_FILE)
@click.option(
    "--output", "target", type=_OUTPUT_FILE, metavar="FILE", help="Where it goes. Default: the list's name with .toml."
)
@_sheets
@_header_row
@_encoding
@_delimiter
def draft_configuration() -> None:
    """Draft a configuration from an order list (.csv or workbook), and say what was guessed and why.

    Guessed are the types of columns, the key, the run of size columns, the customers and the names of groups and items. No file is
    overwritten.
    """


@_command("setup_commands", config, "show")
@_json
def show_configuration() -> None:
    """Show what holds and where each value came from: environment, .env, configuration file, default. Secrets are not shown."""


@_command("doctor")
@click.option("--send-test-alert", is_flag=True, help="Send an alert to ORDERS_ALERT_URLS.")
@_json
def doctor() -> None:
    """Check everything that a run needs, a line each with its next step; nothing is sent or stored.

    The exit code is 1 when something is wrong.
    """


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
        words, code = "Interrupted. Committed work is kept; the next run resumes.", 130
    except OrdersError as error:
        words, code = f"{type(error).__name__}: {error}", 2 if isinstance(error, ConfigurationError) else 1
    else:
        return
    from orders_platform.cli import output

    output.say(words, err=True)
    sys.exit(code)
