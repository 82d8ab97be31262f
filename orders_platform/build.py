"""From settings to the objects of a run: store, board, links. Nothing connects before it is used."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import Settings, default_folder

if TYPE_CHECKING:
    from orders_platform.monday.adapter import MondayBoard
    from orders_platform.reports.rendering import Links


def open_store(settings: Settings) -> OrderStore:
    """The order database. Raises `ConfigurationError` when its URL cannot be used."""
    return OrderStore(open_database(settings.database_url), settings.configuration, default_folder("sql"))


def open_board(settings: Settings, max_in_flight: int | None = None) -> "MondayBoard":
    """The board; one request in flight keeps the order of what is sent. `ConfigurationError`: URL or token cannot be used."""
    # Here, so that who only asks the database need not import an HTTP client.
    from orders_platform.monday.adapter import MondayBoard
    from orders_platform.monday.budget import limits_of
    from orders_platform.monday.client import RetryPolicy

    monday = settings.configuration.monday
    return MondayBoard(
        settings.api_url,
        settings.api_token.get_secret_value(),
        default_folder("graphql"),
        api_version=monday.api_version,
        limits=limits_of(monday.plan, monday.token_kind),
        max_in_flight=max_in_flight or monday.max_in_flight,
        batch_size=monday.batch_size,
        timeout_seconds=monday.timeout_seconds,
        policy=RetryPolicy(key_lifetime=monday.key_lifetime_seconds),
    )


def report_links(settings: Settings) -> "Links":
    """Addresses of the board in a browser: as configured, or the sandbox's own page."""
    from orders_platform.reports.rendering import Links

    configured = settings.configuration.reports.board_url
    if configured or settings.environment != "sandbox":
        return Links(configured, configured and f"{configured}/pulses/")
    parts = urlsplit(settings.api_url)
    board = f"{parts.scheme}://{parts.netloc}/"
    return Links(board, f"{board}#")  # its page finds what stands there
