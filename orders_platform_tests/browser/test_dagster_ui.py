"""The Dagster UI as people use it: started as `make ui` does, with a browser and the orders of one customer.

The tests share one start and tell one story, in the order in which they stand. With ORDERS_PICTURES=docs/images they leave the pictures
that the documentation shows.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from orders_platform.cli.embedded import ROOMY
from orders_platform.sandbox.server import Sandbox, running
from orders_platform_tests.testing.dagster_webserver import SIX, Webserver, wait_for
from orders_platform_tests.testing.local_server import free_port
from orders_platform_tests.testing.nginx import PERSON, Proxy, proxying
from orders_platform_tests.testing.workplace import CHECKOUT, VARIABLES, Workplace, samples_of

CUSTOMER = "B'HOOD"
ORDERS = samples_of("B'HOOD", "BHOOD")
GRAPH = "/asset-groups?expanded=global%40global%3Aorder_tables,global%40global%3Amonday_board"
IS_GREEN = """(name) => {
  const named = [...document.querySelectorAll('foreignObject *')].filter(each => each.childElementCount === 0 && each.textContent === name);
  const greens = (element) => (getComputedStyle(element).borderTopColor.match(/\\d+/g) || []).map(Number);
  return named.some(each => { for (let at = each; at && at.tagName !== 'foreignObject'; at = at.parentElement) {
    const [red, green, blue] = greens(at); if (green > red + 60 && green > blue + 30) return true; } return false; }); }"""


@dataclass
class Ui:
    """Dagster's UI, and the workplace behind it."""

    webserver: Webserver
    place: Workplace

    def open(self, page: Page, path: str) -> None:
        page.goto(self.webserver.url + path)


def command_of_make_ui() -> list[str]:
    """What `make ui` starts, word for word; the sandbox beside it is served by the test."""
    said = subprocess.run(["make", "-n", "ui"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return re.search(r"/python (-m orders_platform.webserver dev .*)", said)[1].split()


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder, port, sandbox = tmp_path_factory.mktemp("ui"), free_port(), Sandbox(limits=ROOMY)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(CHECKOUT / name, folder)
    with pytest.MonkeyPatch.context() as here, running(sandbox) as url, closing(sandbox):
        place = Workplace(folder, sandbox, f"{url}/v2")
        place.environment = {"ORDERS_DATABASE_URL": f"sqlite:///{place.database}", "MONDAY_API_URL": place.url}
        for name in VARIABLES:
            here.delenv(name, raising=False)
        for name, value in place.environment.items():
            here.setenv(name, value)
        here.chdir(folder)
        place.stage(ORDERS)
        command = [sys.executable, *command_of_make_ui(), "-p", str(port)]
        with (folder / "dagster.log").open("w") as log:
            process = subprocess.Popen(command, cwd=folder, env=place.variables, stdout=log, stderr=log, start_new_session=True)
        try:
            shown = Ui(Webserver(f"http://127.0.0.1:{port}"), place)
            wait_for("the UI answers", shown.webserver.answers)
            wait_for("the location is loaded", shown.webserver.loaded)
            yield shown
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                end_group(process.pid)


def end_group(group: int) -> None:
    """The code server's children linger for 20 seconds otherwise."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def view(browser: Browser) -> Iterator[Page]:
    """An empty page; Dagster's own pages are not ours to hold to an empty console."""
    page = browser.new_page(viewport={"width": 1500, "height": 800}, locale="en-GB", timezone_id="UTC")
    page.set_default_timeout(30_000)
    yield page
    page.close()


def picture(page: Page, name: str) -> None:
    """For the documentation, when asked for."""
    folder = os.environ.get("ORDERS_PICTURES")
    if folder:
        page.wait_for_timeout(1_500)
        page.screenshot(path=CHECKOUT / folder / f"{name}.png")


def green_assets(page: Page) -> set[str]:
    return {name for name in SIX if page.evaluate(IS_GREEN, name)}


MUTATION = """mutation { addDynamicPartition(partitionsDefName: "customers", partitionKey: "EVIL", repositorySelector:
  {repositoryName: "__repository__", repositoryLocationName: "orders_platform"}) { __typename } }"""
KEYS = """{ assetNodeOrError(assetKey: {path: ["order_headers"]}) { ... on AssetNode { partitionKeys } } }"""


@pytest.mark.parametrize(("method", "headers", "where"), [
    ("GET", {}, "query"), ("GET", {"Sec-Fetch-Site": "cross-site"}, "query"), ("GET", {"Accept": "text/html;q=0, */*"}, "query"),
    ("POST", {"Origin": "https://evil.example"}, "body"), ("POST", {"Origin": "null", "Content-Type": "text/plain"}, "query"),
    ("POST", {"Origin": "http://127.0.0.1:9"}, "body"), ("POST", {"Host": "evil.example", "Origin": "http://evil.example"}, "body"),
    ("POST", {"Host": "127.0.0.1.evil.example"}, "body"), ("POST", {"Host": ""}, "body"),
], ids=str)  # fmt: skip
def test_no_page_of_another_origin_changes_anything(ui: Ui, method: str, headers: dict[str, str], where: str) -> None:
    """What a page could send that somebody on this machine opens, also under a name that leads here."""
    asked = {"params": {"query": MUTATION}} if where == "query" else {"json": {"query": MUTATION}}
    answer = httpx.request(method, f"{ui.webserver.url}/graphql", headers=headers, timeout=60, **asked)
    assert "EVIL" not in ui.webserver.ask(KEYS)["assetNodeOrError"]["partitionKeys"]
    assert answer.status_code == 403


def test_a_page_of_another_origin_opens_no_websocket(ui: Ui) -> None:
    port = int(ui.webserver.url.rpartition(":")[2])
    for origin, taken in ((f"http://127.0.0.1:{port}", b"101"), ("https://evil.example", b"403")):
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.sendall(
                f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: graphql-ws\r\n\r\n".encode()
            )
            assert connection.recv(12) == b"HTTP/1.1 " + taken


@pytest.fixture(scope="module")
def proxy(ui: Ui, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx as deploy/proxy has it, in front of the UI."""
    with proxying(ui.webserver.url.removeprefix("http://"), tmp_path_factory.mktemp("proxy") / "nginx") as made:
        yield made


@pytest.mark.parametrize(("method", "headers", "status"), [
    ("GET", {}, 405), ("GET", {"Accept": "text/html"}, 405), ("HEAD", {}, 405), ("PUT", {}, 405), ("GET", {"Upgrade": "h2c"}, 405),
    ("POST", {"Origin": "https://evil.example"}, 403), ("POST", {"Origin": "null"}, 403), ("POST", {"Origin": "https://localhost"}, 403),
    ("GET", {"Origin": "https://evil.example", "Upgrade": "websocket"}, 403), ("POST", {"Host": "evil.example"}, 421),
    ("POST", {"Authorization": "Basic bm86bm8="}, 401), ("POST", {}, 200),
], ids=str)  # fmt: skip
def test_the_proxy_lets_in_documents_by_post_of_its_own_pages_and_of_programs(
    proxy: Proxy, method: str, headers: dict[str, str], status: int
) -> None:
    who = {"auth": None} if "Authorization" in headers else {}
    query = "{ version }" if status == 200 else MUTATION.replace("EVIL", "PROXIED")
    given = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
    answer = proxy.ask(method, "/graphql", headers=headers, **given, **who)
    assert answer.status_code == status
    assert "PROXIED" not in proxy.ask("POST", "/graphql", json={"query": KEYS}, headers={"Origin": proxy.origin}).text


def test_the_proxy_answers_to_no_other_name(proxy: Proxy) -> None:
    with pytest.raises(httpx.ConnectError, match=r"(?i)unrecognized"):
        proxy.ask("GET", "/", name="evil.example")


def test_a_person_sees_the_assets_through_the_proxy(ui: Ui, proxy: Proxy, browser: Browser) -> None:
    """Its GraphQL and its websocket, as the browser sends them."""
    page = browser.new_page(ignore_https_errors=True, http_credentials=dict(zip(("username", "password"), PERSON, strict=True)))
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.goto(f"{proxy.origin}{GRAPH}")
    expect(page.locator("foreignObject").get_by_text(SIX[0], exact=True).first).to_be_visible(timeout=30_000)
    assert [socket.url for socket in sockets if not socket.is_closed()] == [f"wss://localhost:{proxy.port}/graphql"]
    page.close()


def test_a_person_materialises_one_customer_and_sees_six_green_assets(ui: Ui, view: Page) -> None:
    ui.webserver.add_customer(CUSTOMER)
    ui.open(view, GRAPH)
    for name in SIX:
        expect(view.locator("foreignObject").get_by_text(name, exact=True).first).to_be_visible()
    assert green_assets(view) == set()

    ui.open(view, "/locations/orders_platform/jobs/sync_customer")
    view.get_by_role("button", name="Materialize").first.click()
    view.get_by_text("Select a partition or create one").click()
    view.get_by_text(CUSTOMER).locator("visible=true").last.click()
    view.keyboard.press("Escape")
    view.get_by_role("button", name="Launch 1 run").click()
    wait_for("the run is there", lambda: ui.webserver.runs(dagster__partition=CUSTOMER))
    (run,) = ui.webserver.runs(dagster__partition=CUSTOMER)
    assert ui.webserver.finish(str(run["runId"])) == {"SUCCESS"}
    assert sum(len(items) for items in ui.place.board.values()) == 24

    ui.open(view, GRAPH)
    wait_for("six assets are green", lambda: green_assets(view) == set(SIX), 30)
    picture(view, "graph")
    ui.open(view, f"/runs/{run['runId']}")
    expect(view.get_by_text("Success", exact=True).first).to_be_visible()
    expect(view.get_by_text("RUN_SUCCESS").first).to_be_visible()
    picture(view, "run")


def test_a_load_that_lost_half_its_orders_shows_as_a_failed_check(ui: Ui, view: Page) -> None:
    ui.place.stage(ORDERS[: len(ORDERS) // 2])
    backfill = ui.webserver.backfill(CUSTOMER)
    wait_for("the backfill has its run", lambda: ui.webserver.runs(dagster__backfill=backfill))
    (run,) = ui.webserver.runs(dagster__backfill=backfill)
    assert ui.webserver.finish(str(run["runId"])) == {"SUCCESS"}
    assert sum(len(items) for items in ui.place.board.values()) == 24  # nothing was removed
    check = ui.webserver.checks("order_headers")["removals_plausible"]
    assert (check["runId"], check["evaluation"]["success"], check["evaluation"]["severity"]) == (run["runId"], False, "ERROR")

    ui.open(view, "/assets/order_headers?view=checks&checkDetail=removals_plausible")
    expect(view.get_by_text("--accept vanished_orders", exact=False).first).to_be_visible()
    expect(view.get_by_text("Failed", exact=True).first).to_be_visible()
    picture(view, "check")


def test_a_row_that_is_stuck_shows_as_a_failed_check_with_its_customer_and_order(ui: Ui, view: Page) -> None:
    """A call that was never answered, three hours ago."""
    ui.place.write(
        "UPDATE \"ORDER_LIST_V2\" SET sync_state = 'PENDING', action_type = 'UPDATE', sync_pending_at = datetime('now', '-3 hours'), "
        "sync_attempted_at = datetime('now', '-3 hours') WHERE record_uuid = (SELECT min(record_uuid) FROM \"ORDER_LIST_V2\")"
    )
    run = ui.webserver.launch("check_waiting_rows")
    assert ui.webserver.finish(run) == {"SUCCESS"}
    ui.place.stage([*ORDERS, *samples_of("RHONE")[:2]])
    ui.webserver.add_customer("RHONE")
    assert ui.webserver.finish(ui.webserver.launch("sync_customer", partition="RHONE")) == {"SUCCESS"}
    stuck = ui.webserver.checks("order_board")["no_rows_stuck"]  # the run of another customer takes nothing away
    assert (stuck["runId"], stuck["evaluation"]["success"], stuck["evaluation"]["severity"]) == (run, False, "ERROR")

    ui.open(view, "/assets/order_board?view=checks&checkDetail=no_rows_stuck")
    expect(view.get_by_text("1 row is stuck, 1 of them PENDING").first).to_be_visible()
    expect(view.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(view.get_by_role("cell", name=CUSTOMER).or_(view.get_by_text(CUSTOMER)).first).to_be_visible()
    picture(view, "check")


# --- a verdict for each customer, options of a run, and one order


def test_the_verdict_on_one_customer_stays_shown_when_another_passes_later(ui: Ui, view: Page) -> None:
    """RHONE ran after the load of the other had lost half its orders."""
    assert ui.webserver.verdicts("order_headers", "removals_plausible") == {CUSTOMER: "failed", "RHONE": "succeeded"}
    ui.open(view, "/assets/order_headers?view=checks&checkDetail=removals_plausible")
    expect(view.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(view.get_by_text("Execution history")).to_be_visible()  # the tabs of the check are there, below those of the asset
    view.get_by_text("Partitions", exact=True).last.click()
    expect(view.get_by_text("Failed (1)")).to_be_visible()
    expect(view.get_by_text("Passed (1)")).to_be_visible()

    def is_told() -> int:
        view.get_by_text(CUSTOMER, exact=True).locator("visible=true").last.click()  # the list is below the chosen partitions
        return view.get_by_text("accept: [vanished_orders]").count()

    wait_for("the verdict on the customer is shown", is_told, 60)
    picture(view, "verdicts")


def test_a_person_finds_the_options_of_a_run_in_the_launchpad(ui: Ui, view: Page) -> None:
    ui.open(view, "/locations/orders_platform/jobs/sync_customer/playground")
    for option in ("accept", "limit", "orders", "resync", "skip_subitems"):
        expect(view.locator(".CodeMirror-lines").get_by_text(option)).to_be_visible()
    expect(view.get_by_text("No errors")).to_be_visible()
    picture(view, "options")


def test_a_preview_shows_what_would_change_as_a_table_and_makes_no_asset(ui: Ui, view: Page) -> None:
    number = str(ORDERS[0]["AAG ORDER NUMBER"])
    ui.place.write('UPDATE "swp_ORDER_LIST_V2" SET "PO NUMBER" = ? WHERE "AAG ORDER NUMBER" = ?', "PO 4756", number)
    before, mutations = ui.place.board, ui.place.mutations
    run = ui.webserver.launch("preview_customer", partition=CUSTOMER, orders=[number])
    assert ui.webserver.finish(run) == {"SUCCESS"}
    assert (ui.place.board, ui.place.mutations) == (before, mutations)
    assert ui.webserver.verdicts("order_headers", "removals_plausible")[CUSTOMER] == "failed"
    ui.open(view, "/assets/order_board?view=events")
    expect(view.get_by_text(f"{CUSTOMER}: a run would change 1 changed order").first).to_be_visible()
    expect(view.get_by_text("PO 4756").first).to_be_visible()
    view.get_by_text("PO 4756").first.scroll_into_view_if_needed()
    picture(view, "preview")


def test_a_guard_is_accepted_for_one_run_and_that_customer_alone_recovers(ui: Ui) -> None:
    run = ui.webserver.launch("sync_customer", partition=CUSTOMER, accept=["vanished_orders"])
    assert ui.webserver.finish(run) == {"SUCCESS"}
    assert ui.webserver.verdicts("order_headers", "removals_plausible") == {CUSTOMER: "succeeded", "RHONE": "succeeded"}


def test_the_page_of_a_customer_opens_at_its_link_and_finds_an_order(ui: Ui, view: Page) -> None:
    number = str(ORDERS[0]["AAG ORDER NUMBER"])
    ui.open(view, f"/reports/B%27HOOD#{number}")
    expect(view.locator("tr.order:visible")).to_have_count(1)
    view.locator("tr.order:visible").get_by_text("History").click()
    expect(view.locator("tr.order:visible")).to_contain_text("changed")
    picture(view, "find")
    assert view.evaluate("window.origin") == "null"  # of another origin than the UI, which starts runs


@pytest.mark.parametrize(("method", "path", "host", "status"), [
    ("GET", "B%27HOOD", "", 200), ("HEAD", "B%27HOOD", "", 200), ("POST", "B%27HOOD", "", 405), ("GET", "B%27HOOD", "evil.example", 403),
    ("GET", "", "", 404), ("GET", "NOBODY", "", 404), ("GET", "../../../orders.db", "", 404), ("GET", "..%2F..%2Forders.db", "", 404),
    ("GET", "%2Fetc%2Fpasswd", "", 404), ("GET", "B%27HOOD%00", "", 404), ("GET", "B%27HOOD.html", "", 404),
])  # fmt: skip
def test_only_the_page_of_a_customer_is_read_and_only_here(ui: Ui, method: str, path: str, host: str, status: int) -> None:
    """As it is written: a client would tidy up the dots."""
    port = ui.webserver.url.rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(port)), 60) as connection:
        connection.sendall(
            f"{method} /reports/{path} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{port}'}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = connection.makefile("rb").read().decode("utf-8", "replace")
    assert int(answer.split()[1]) == status
    assert "SQLite format" not in answer
    if status == 200:
        assert "frame-ancestors 'none'; sandbox allow-scripts" in answer
        assert "nosniff" in answer
