"""The platform on Postgres, started as compose does: migrate, gRPC code server, webserver, daemon; eight customers at once.

The tests share one start of the services and tell one story, in the order in which they stand.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import dagster as dg
import pytest

from orders_platform.cli.embedded import ROOMY
from orders_platform.demo.sample_orders import sample_orders
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox, running
from orders_platform_tests.deploy.postgres import Postgres
from orders_platform_tests.deploy.services import Services
from orders_platform_tests.testing.dagster_location import Ticks
from orders_platform_tests.testing.dagster_webserver import SIX, Webserver, wait_for
from orders_platform_tests.testing.workplace import Workplace

UP_TO_MONDAY = SIX[:4]
"""Of the steps that go to monday the first is enough for the eight: a blocked step looks every second to every 15."""

ORDERS_EACH = 3


def some_orders() -> dict[str, list[Mapping[str, object]]]:
    """A few orders of nine customers, by partition key."""
    chosen: dict[str, list[Mapping[str, object]]] = {}
    names = ("PELOTON", "JOHNNIE O", "EQUINOX", "SUN DAY RED", "SUMMERSALT", "RHONE", "TAYLOR MADE", "TITLE NINE", "B'HOOD")
    for row in sample_orders():
        name = str(row.get("CUSTOMER NAME"))
        if name in names and len(chosen.setdefault(name, [])) < ORDERS_EACH:
            chosen[name].append(row)
    return chosen


@dataclass
class Site:
    """Everything that runs, and what it works on."""

    services: Services
    place: Workplace
    customers: tuple[str, ...]

    @property
    def webserver(self) -> Webserver:
        return self.services.webserver

    def instance(self) -> dg.DagsterInstance:
        """As another process would open it."""
        return dg.DagsterInstance.from_config(str(self.services.home))

    def orders_on_the_board(self) -> int:
        return sum(len(items) for items in self.place.board.values())


@pytest.fixture(scope="module")
def site(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    sandbox = Sandbox(limits=ROOMY)
    with pytest.MonkeyPatch.context() as here, running(sandbox) as url, closing(sandbox):
        place = Workplace(folder, sandbox, f"{url}/v2")
        given = {
            "DAGSTER_POSTGRES_PASSWORD": postgres.new_database("dagster_of_the_site")["DAGSTER_POSTGRES_PASSWORD"],
            "ORDERS_ENVIRONMENT": "sandbox",
            "ORDERS_DATABASE_URL": f"sqlite:///{place.database}",
            "MONDAY_API_TOKEN": SANDBOX_TOKEN,
        }
        outside = {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(postgres.port),
            "DAGSTER_POSTGRES_DB": "dagster_of_the_site",
        }
        services = Services(folder / "opt", given, outside, extra={"MONDAY_API_URL": place.url})
        for name, text in services.variables("code").items():
            if name.startswith(("ORDERS_", "MONDAY_", "DAGSTER_POSTGRES_")):
                here.setenv(name, text)
        orders = some_orders()
        place.stage(row for rows in orders.values() for row in rows)
        try:
            services.up()
            yield Site(services, place, tuple(orders))
        finally:
            services.down()


def test_the_sensor_makes_a_partition_of_each_customer(site: Site) -> None:
    """`new_customers` is on from the start; the daemon asks the code server, and writes into Postgres."""
    with site.instance() as instance:
        wait_for(
            "every customer has a partition", lambda: set(instance.get_dynamic_partitions("customers")) == set(site.customers)
        )
        assert type(instance.run_storage).__module__.startswith("dagster_postgres")


def test_of_eight_customers_the_pool_lets_two_at_once_to_monday_while_the_others_wait_in_the_queue(site: Site) -> None:
    """The pool is closed until the queue was looked through: a run of no pool, asked for last, goes by them."""
    *eight, last = site.customers
    with site.instance() as instance:
        instance.event_log_storage.set_concurrency_slots("monday_api", 0)
        runs = [site.webserver.materialise(customer, UP_TO_MONDAY) for customer in eight]
        assert site.webserver.finish(site.webserver.launch("scan_staging")) == {"SUCCESS"}
        assert site.webserver.statuses(*runs) == {"QUEUED"}
        backfill = site.webserver.backfill(last)
        assert site.orders_on_the_board() == 0
        instance.event_log_storage.set_concurrency_slots("monday_api", 2)
    assert site.webserver.finish(*runs) == {"SUCCESS"}
    assert at_once(site.webserver.runs(*runs)) == 2

    (ninth,) = wait_for_runs(site.webserver, dagster__backfill=backfill)
    assert site.webserver.finish(ninth) == {"SUCCESS"}
    assert {tag["key"]: tag["value"] for tag in site.webserver.runs(ninth)[0]["tags"]}["dagster/partition"] == last
    assert {name for name, items in site.place.board.items() if items} == {name for name in site.place.board if last in name}
    assert site.orders_on_the_board() == ORDERS_EACH


def wait_for_runs(webserver: Webserver, **tags: str) -> list[str]:
    wait_for(f"there is a run with {tags}", lambda: webserver.runs(**tags))
    return [str(run["runId"]) for run in webserver.runs(**tags)]


def at_once(runs: list[Mapping[str, float]]) -> int:
    """How many of them were under way at the same time, at most."""
    return max(sum(other["startTime"] <= run["startTime"] < other["endTime"] for other in runs) for run in runs)


def test_the_sensor_of_changes_asks_for_those_whose_rows_wait_and_for_nobody_who_is_done(site: Site) -> None:
    """The eight were merged and not sent, the ninth was sent whole."""
    *eight, _ = site.customers
    with site.instance() as instance:
        ticks = Ticks(instance)
        requests = ticks.changed()
        assert set(requests) == set(eight)
        assert all(request.tags["orders/reason"].endswith("rows wait") for request in requests.values())
        assert set(ticks.nightly()) == set(eight)
        assert ticks.changed() == {}


def test_the_check_of_each_run_can_be_read(site: Site) -> None:
    check = site.webserver.checks("order_headers")["removals_plausible"]
    assert check is not None
    assert (check["status"], check["evaluation"]["success"]) == ("SUCCEEDED", True)


def test_neither_webserver_nor_daemon_is_told_a_secret_of_the_orders(site: Site) -> None:
    told = {service: set(site.services.variables(service)) for service in ("migrate", "code", "webserver", "daemon")}
    secret = {"ORDERS_DATABASE_URL", "MONDAY_API_TOKEN", "ORDERS_ALERT_URLS"}
    assert secret <= told["code"]
    assert all(not secret & told[service] for service in ("migrate", "webserver", "daemon"))


def test_a_code_server_that_is_told_to_end_lets_the_run_under_way_finish(site: Site) -> None:
    """So the token can be rotated, or a version rolled out, at any time."""
    customer = site.customers[0]
    with site.place.store() as store, store.lock(customer):  # its first step waits and tries again
        run = site.webserver.launch("sync_customer", partition=customer)
        wait_for("the run is under way", lambda: "STARTED" in site.webserver.statuses(run))
        code = site.services.running["code"]
        code.send_signal(signal.SIGTERM)
    assert site.webserver.finish(run) == {"SUCCESS"}
    assert site.orders_on_the_board() == 2 * ORDERS_EACH
    assert code.wait(60) == 0


def test_nothing_is_written_but_to_volumes(site: Site) -> None:
    """In a container the rest is read-only."""
    given = {"dagster.yaml", "workspace.yaml", "order_sync.toml"}
    written = {file.name for file in site.services.home.iterdir() if file.suffix != ".log"} - given
    assert written <= {"storage", ".data"}
    assert [file.name for file in (site.services.home / ".data").glob("*")] in ([], ["reports"])
