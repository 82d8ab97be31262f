"""One run per customer at a time, and a lock that ends with whoever holds it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from orders_platform.database.engine import Database, open_database
from orders_platform.errors import CustomerBusyError, DatabaseRefusedError, TransientError

HOSTILE = "A/B: ../x, (\"y\") 'z' ∆"
HOLDER = """
import sys
from pydantic import SecretStr
from orders_platform.database.engine import open_database
database = open_database(SecretStr("sqlite:///" + sys.argv[1]))
with database.customer_lock(sys.argv[2]):
    sys.stdout.write("held\\n"); sys.stdout.flush()
    sys.stdin.readline()
"""


def opened(path: Path) -> Database:
    return open_database(SecretStr(f"sqlite:///{path / 'orders.db'}"))


def take(database: Database, customer: str) -> str:
    try:
        with database.customer_lock(customer):
            return "taken"
    except CustomerBusyError as error:
        return str(error)


@pytest.mark.parametrize("customer", ["GREYSON", HOSTILE])
def test_a_held_customer_is_busy_and_the_others_are_free(tmp_path: Path, customer: str) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    with first.customer_lock(customer):
        assert f"Another run is at work on customer {customer!r}" in take(second, customer)
        assert take(second, "PELOTON") == "taken"
    assert take(second, customer) == "taken"
    assert issubclass(CustomerBusyError, TransientError)


def test_a_lock_ends_with_an_error_in_its_block(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with pytest.raises(KeyError), database.customer_lock("GREYSON"):
        raise KeyError
    assert take(database, "GREYSON") == "taken"


def test_another_thread_finds_the_customer_busy(tmp_path: Path) -> None:
    database, found = opened(tmp_path), []
    with database.customer_lock("GREYSON"):
        thread = threading.Thread(target=lambda: found.append(take(database, "GREYSON")))
        thread.start()
        thread.join()
    assert [answer[:11] for answer in found] == ["Another run"]


def test_another_process_finds_the_customer_busy_until_it_is_killed(tmp_path: Path) -> None:
    database = opened(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "orders.db"), HOSTILE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert "Another run" in take(database, HOSTILE)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert take(database, HOSTILE) == "taken"


def test_a_database_that_is_named_by_a_link_has_the_locks_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "orders.db").touch()
    (tmp_path / "other" / "orders.db").symlink_to(tmp_path / "orders.db")
    with opened(tmp_path / "other").customer_lock("GREYSON"):
        assert "Another run" in take(opened(tmp_path), "GREYSON")


@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_lock_whose_file_is_removed_is_lost(tmp_path: Path, is_made_again: bool) -> None:
    database = opened(tmp_path)
    with database.customer_lock("GREYSON") as require_held:
        require_held()
        (file,) = (tmp_path / "orders.db.locks").iterdir()
        file.unlink()
        if is_made_again:
            file.touch()
        with pytest.raises(CustomerBusyError, match=r"The lock of customer 'GREYSON' is lost: .* was removed or replaced"):
            require_held()


def test_a_lock_file_that_is_another_users_is_told_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "orders.db.locks").write_text("in the place of the folder")  # as little to be opened, also by root
    words = pytest.raises(DatabaseRefusedError, match=r"\.lock cannot be locked: .+ or name another by --home")
    with words, opened(tmp_path).customer_lock("GREYSON"):
        pytest.fail("nobody has the lock")


def test_a_database_in_memory_needs_no_lock() -> None:
    database = open_database(SecretStr("sqlite://"))
    with database.customer_lock("GREYSON") as require_held, database.customer_lock("GREYSON"):
        require_held()
    database.close()
