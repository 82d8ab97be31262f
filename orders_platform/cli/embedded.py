"""A local monday.com for as long as a command runs, when the settings name the sandbox and none is served yet.

The boards of a sandbox belong to the database that was sent to them: another database would make all its orders there once more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.settings import ANOTHER_PORT, Settings, boards_at

ROOMY = AccountLimits(
    complexity_per_minute=1_000_000_000, calls_per_minute=100_000, calls_per_day=1_000_000, calls_per_10_seconds=100_000
)
"""Practically no limits. With monday's (`sandbox serve --limits pro`) the 2,300 creations of the sample orders take six minutes."""


def sandbox_file(settings: Settings) -> Path:
    """The file in which the sandbox keeps its boards."""
    return settings.data_folder / "sandbox.db"


@contextmanager
def embedded_sandbox(settings: Settings) -> Iterator[str]:
    """Run the sandbox during the block if the settings name it and none answers there. Yields the address of its page.

    Raises:
        ConfigurationError: another program, or the sandbox of another database, answers there.
    """
    parts, file = urlsplit(settings.api_url), sandbox_file(settings)
    boards = boards_at(settings.api_url) if _is_embedded(settings) else ""
    if boards is not None:
        is_ours = settings.database_url.get_secret_value() == f"sqlite:///{settings.data_folder / 'orders.db'}"
        if is_ours and _is_embedded(settings) and Path(boards) != file.resolve():
            theirs = f"in {boards}" if boards else "in memory"
            raise ConfigurationError(
                f"The sandbox at {parts.netloc} keeps its boards {theirs}, those of this database are in {file}: "
                f"all its orders would be made there once more. {ANOTHER_PORT}"
            )
        yield f"{parts.scheme}://{parts.netloc}"
        return
    from orders_platform.sandbox.server import Sandbox, running  # here: neither `status` nor a run in production needs it

    with running(Sandbox(state=file, limits=ROOMY), parts.port or 80) as url:
        yield url


def refuse_while_served(settings: Settings) -> None:
    """Raise `ConfigurationError` when another process serves the sandbox's boards: their file must not be deleted meanwhile."""
    if _is_embedded(settings) and boards_at(settings.api_url) is not None:
        raise ConfigurationError(
            f"A sandbox is being served at {urlsplit(settings.api_url).netloc}, and --fresh would delete its boards. Stop it first "
            "(`make ui` or `orders-platform sandbox serve`), or omit --fresh."
        )


def _is_embedded(settings: Settings) -> bool:
    parts = urlsplit(settings.api_url)
    return settings.environment == "sandbox" and parts.hostname in {"127.0.0.1", "localhost"} and parts.path == "/v2"
