"""The commands for this machine alone: `demo` and `sandbox serve`."""

import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from orders_platform.build import open_store
from orders_platform.cli import output
from orders_platform.cli.embedded import ROOMY, embedded_sandbox, refuse_while_served, sandbox_file
from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.settings import Settings, served_at

LIMITS = {"roomy": ROOMY, "pro": AccountLimits(), "trial": AccountLimits.trial(), "app": AccountLimits.app_token()}


def demo(*, fresh: bool, output_json: Path | None, as_json: bool) -> None:
    settings = Settings()
    if settings.environment != "sandbox":
        raise ConfigurationError(
            f"The demo replaces staged orders and board items by samples, but ORDERS_ENVIRONMENT is {settings.environment}; "
            "unset it for the demo."
        )
    from orders_platform.demo import demo_run as demonstration  # here, so that `sandbox serve` does not import Dagster

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
        output.say(f"{rows} sample orders staged; one Dagster run per customer:", err=True)
        result = demonstration.materialise(settings, store, instance, lambda line: output.say(f"  {line}", err=True))
        output.show_run(result, as_json=as_json, output_json=output_json)
        if not as_json:
            output.print_warnings(store.cell_warnings())
            output.say(f"\nBoard page:  {board_page}/   (`orders-platform sandbox serve` keeps it up)")
            output.say("Dagster UI:  make ui   (or: python -m orders_platform.webserver dev -w workspace.yaml)")
    problems = demonstration.unexpected(result["customers"])  # type: ignore[arg-type]
    for problem in problems:
        output.say(f"unexpected: {problem}", err=True)
    sys.exit(1 if problems else 0)


def serve(*, port: int | None, state: Path | None, limits: str, latency: tuple[float, float], faults: float, seed: int) -> None:
    from orders_platform.sandbox import server

    settings = Settings()
    file = state or sandbox_file(settings)
    port = (urlsplit(settings.api_url).port or 8765) if port is None else port
    local = server.Sandbox(
        state=file, limits=LIMITS[limits], latency=server.Latency(*latency), faults=server.Faults(seed=seed, rate=faults)
    )

    noted = file.with_suffix(".url") if file == sandbox_file(settings) else None  # where other commands look for it
    if noted and (url := served_at(settings.data_folder, seconds=5)):
        raise ConfigurationError(
            f"The boards in {file} are served already, at {url}: two would write one file. Use that one, or give this one boards "
            "of its own: --state FILE."
        )

    def ready(url: str) -> None:
        if noted:
            noted.write_text(f"{url}/v2", encoding="utf-8")
        output.say(f"monday sandbox ready: {url}/ (API {url}/v2, boards in {file})")

    try:
        server.serve(local, port=port, on_ready=ready)
    finally:
        if noted:
            noted.unlink(missing_ok=True)
