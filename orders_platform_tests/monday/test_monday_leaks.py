"""The token is in nothing that a failing run leaves behind, although monday's answers hold it in every form and place."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import httpx
import pytest

from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.errors import MondayRefusedError, MondayUnavailableError, OrdersError
from orders_platform.monday.adapter import MondayBoard
from orders_platform_tests.monday.leaking_server import LeakingServer, forms, leaking
from orders_platform_tests.monday.stage import BOARD_ID
from orders_platform_tests.testing.workplace import Workplace, samples_of

TOKEN = "eyJhbGciOi.LEAK/9f+8Q==.zz-top_secret"


@pytest.fixture
def place(make_workplace: Callable[..., Workplace]) -> Workplace:
    made = make_workplace(tokens=(TOKEN,))
    made.stage(samples_of("GREYSON", "GREYSON CLOTHIERS"))
    return made


@pytest.fixture
def leaking_server(place: Workplace) -> Iterator[LeakingServer]:
    with ExitStack() as stack:
        found = stack.enter_context(leaking(place.url))
        place.environment |= {"MONDAY_API_URL": found.url, "MONDAY_API_TOKEN": TOKEN}
        yield found


def assert_clean(place: Workplace, *said: str) -> None:
    """No form of the token in what was said, in any file, or on the sandbox's page."""
    base = place.url.removesuffix("/v2")
    pages = [httpx.get(f"{base}{path}").text for path in ("/", "/page/overview.json")]
    for form in forms(TOKEN):
        for text in (*said, *pages):
            assert form not in text
        for file in place.folder.rglob("*"):
            assert not file.is_file() or form.encode() not in file.read_bytes(), file


def run(place: Workplace, *arguments: str) -> tuple[int, str, str]:
    with place.start(*arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.slow
def test_a_failing_run_of_the_command_line_leaves_no_token(place: Workplace, leaking_server: LeakingServer) -> None:
    code, out, err = run(place, "sync", "--customer", "GREYSON", "--execute", "--verbose", "--output-json", "figures.json")
    assert code == 1
    assert leaking_server.told >= 6
    assert leaking_server.refused_items >= 2
    assert "set MONDAY_API_TOKEN" in err
    assert "2026-07 for [token]" in err
    messages = place.rows("SELECT DISTINCT sync_error_message FROM ORDER_LIST_V2 WHERE sync_state = 'FAILED'")
    assert [message for (message,) in messages if "[token]" in message]
    _, shown, complained = run(place, "status", "--json")
    assert "[token]" in shown
    assert_clean(place, out, err, shown, complained)


@pytest.mark.slow
def test_a_failed_dagster_run_leaves_no_token(place: Workplace, leaking_server: LeakingServer) -> None:
    home = place.folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("customers", ["GREYSON"])
    command = [Path(sys.executable).parent / "dagster", "asset", "materialize", "--select", "*", "--partition", "GREYSON"]
    done = subprocess.run(
        [*command, "-m", "orders_platform.definitions"],
        cwd=place.folder,
        env={**place.variables, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert leaking_server.refused_items >= 2
    assert "set MONDAY_API_TOKEN" in done.stderr
    assert list(home.rglob("*.db"))
    assert_clean(place, done.stdout, done.stderr)


@pytest.mark.parametrize("failures", [["json"] * 9, ["page"] * 9, ["silence"] * 9])
def test_an_exception_and_its_chain_hold_no_token(
    failures: list[str], connect: Callable[..., MondayBoard], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with leaking("http://127.0.0.1:9/v2") as leaking_server:
        leaking_server.failures = failures
        board = connect(leaking_server.url, token=TOKEN)
        with pytest.raises(MondayUnavailableError) as caught:
            board.describe(BOARD_ID)
    assert leaking_server.told == 8
    _assert_silent(caught.value, repr(board), caplog.text)


def test_a_refusal_holds_no_token(connect: Callable[..., MondayBoard]) -> None:
    with leaking("http://127.0.0.1:9/v2") as leaking_server:
        leaking_server.failures, leaking_server.refused_items = [], 1
        board = connect(leaking_server.url, token=TOKEN)
        client = board.client
        created = Mutation("r", {"board_id": "1", "item_name": "x"})
        with pytest.raises(MondayRefusedError) as caught:
            list(board.send(Operation.CREATE_ITEM, [created]))
    _assert_silent(caught.value, repr(board), repr(client), repr(client.__dict__), repr(vars(client.transport)))


def _assert_silent(error: OrdersError, *texts: str) -> None:
    chain = "".join(traceback.format_exception(error))
    for form in forms(TOKEN):
        for text in (chain, repr(error), *map(repr, error.args), *texts):
            assert form not in text
