"""Every error of SQL Server that people meet becomes one of ours with a next step; lost transactions are repeated, others are not."""

from __future__ import annotations

import re
from inspect import getsource, isfunction
from types import FunctionType

import pytest

from orders_platform.database.engine import DELAYS, Database, repeated_when_lost
from orders_platform.database.mssql import LOGIN_SECONDS
from orders_platform.database.mssql_errors import meaning_of
from orders_platform.database.order_store import OrderStore
from orders_platform.errors import DatabaseRefusedError, DatabaseUnavailableError, TransactionLostError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform_tests.testing.order_list import OrderList

MICROSOFT = "[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{words} ({number}) (SQLExecDirectW)"


@pytest.mark.parametrize(
    ("state", "number", "kind", "words"),
    [
        ("40001", 1205, TransactionLostError, "deadlock"),
        ("HY000", 1222, TransactionLostError, "held its locks"),
        ("42000", 40613, TransactionLostError, "moves the database"),
        ("HY000", 42109, TransactionLostError, "wakes"),
        ("42000", 615, TransactionLostError, "moves the database"),
        ("42000", 926, TransactionLostError, "moves the database"),
        ("HY000", 3906, TransactionLostError, "fails over"),
        ("HY000", 976, TransactionLostError, "fails over"),
        ("42000", 978, TransactionLostError, "secondary"),
        ("42000", 983, TransactionLostError, "secondary"),
        ("42000", 40642, DatabaseUnavailableError, "too many logins"),
        ("23000", 2627, DatabaseRefusedError, "another program writes"),
        ("23000", 2601, DatabaseRefusedError, "another program writes"),
        ("22001", 2628, DatabaseRefusedError, "longer than its column"),
        ("22001", 8152, DatabaseRefusedError, "longer than its column"),
        ("22003", 8115, DatabaseRefusedError, "too large for its column"),
        ("28000", 18456, DatabaseRefusedError, "user, password"),
        ("42000", 4060, DatabaseUnavailableError, "no such database"),
        ("42000", 511, DatabaseRefusedError, "so many long cells"),
        ("42000", 229, DatabaseRefusedError, "rights.sql"),
        ("42000", 262, DatabaseRefusedError, "rights.sql"),
        ("42S02", 208, DatabaseRefusedError, "init-db"),
        ("42S22", 207, DatabaseRefusedError, "init-db"),
        ("23000", 547, DatabaseRefusedError, "constraint"),
        ("42000", 9002, DatabaseRefusedError, "no room"),
        ("42000", 50000, DatabaseRefusedError, "Nothing of this step was kept"),
    ],
)
def test_an_error_is_known_by_its_number(state: str, number: int, kind: type[Exception], words: str) -> None:
    meaning = meaning_of(MICROSOFT.format(state=state, number=number, words="Some words."), is_disconnect=False)
    assert meaning.kind is kind
    assert words in meaning.step


class DriverError(Exception):
    """As mssql-python raises them: words instead of the SQLSTATE, and no number."""

    def __init__(self, driver_error: str, said: str) -> None:
        self.driver_error = driver_error
        super().__init__(f"Driver Error: {driver_error}; DDBC Error: [Microsoft][SQL Server]{said}")


@pytest.mark.parametrize(
    ("state", "said", "kind", "words"),
    [
        ("Serialization failure", "Transaction (Process ID 52) was deadlocked on lock resources.", TransactionLostError, "deadlock"),
        ("Timeout expired", "Lock request time out period exceeded.", TransactionLostError, "held its locks"),
        ("General error", "The service is currently busy. Retry the request after 10 seconds.", TransactionLostError, "busy"),
        ("General error", "Database 'o' on server 's' is not currently available.", TransactionLostError, "wakes"),
        ("Integrity constraint violation", "Cannot insert duplicate key row in object 'dbo.t'", DatabaseRefusedError, "another program"),
        ("String data, right-truncated", "String or binary data would be truncated in table 't'", DatabaseRefusedError, "longer than"),
        ("Integrity constraint violation", "The INSERT statement conflicted with the CHECK constraint", DatabaseRefusedError, "constraint"),
        ("Invalid authorization specification", "Login failed for user 'sa'.", DatabaseRefusedError, "user, password"),
        ("Base table or view not found", "Invalid object name 'dbo.t'.", DatabaseRefusedError, "init-db"),
        ("Syntax error or access violation", "The SELECT permission was denied on the object 't'", DatabaseRefusedError, "rights.sql"),
        ("General error", "The transaction log for database 'o' is full", DatabaseRefusedError, "no room"),
        ("Operational error", "The SQL pool is warming up. Please try again.", TransactionLostError, "wakes"),
        ("General error", "The server is currently too busy. Please try again later.", DatabaseUnavailableError, "too many logins"),
        ("Failed to acquire an Entra ID access token for authentication type 'msi'", "", DatabaseRefusedError, "user, password"),
        ("General error", "Failed to authenticate the user '' in Active Directory", DatabaseRefusedError, "user, password"),
        ("Timeout expired", "Query timeout expired", DatabaseUnavailableError, "too long"),
        ("Communication link failure", "TCP Provider: Error code 0x68", TransactionLostError, "connection broke"),
        ("Client unable to establish connection", "TCP Provider: Error code 0x2AF9", TransactionLostError, "cannot be reached"),
        ("Syntax error or access violation", "Incorrect syntax near 'x'.", DatabaseRefusedError, "Nothing of this step was kept"),
    ],
)  # fmt: skip
def test_an_error_without_a_number_is_known_by_its_words(state: str, said: str, kind: type[Exception], words: str) -> None:
    error = DriverError(state, said)
    meaning = meaning_of(str(error), is_disconnect=False)
    assert meaning.kind is kind
    assert words in meaning.step


def test_a_number_in_a_value_that_a_message_quotes_is_not_taken_for_the_errors() -> None:
    words = "Cannot insert duplicate key row in object 'dbo.t'. The duplicate key value is (1205)."
    assert (
        meaning_of(MICROSOFT.format(state="23000", number=2601, words=words), is_disconnect=False).kind is DatabaseRefusedError
    )


def test_the_first_of_several_messages_says_what_went_wrong() -> None:
    first = MICROSOFT.format(state="23000", number=2627, words="Violation of a constraint.").replace(" (SQLExecDirectW)", "")
    said = f"{first}; [23000] [Microsoft][SQL Server]The statement has been terminated. (3621) (SQLExecDirectW)"
    assert "another program writes" in meaning_of(said, is_disconnect=False).step


def test_a_statement_that_is_given_up_is_not_repeated_as_if_the_connection_had_broken() -> None:
    """SQLAlchemy takes it for that: a statement of 15 minutes was run five times."""
    assert meaning_of("[HYT00] Query timeout expired (0) (SQLExecDirectW)", is_disconnect=True).kind is DatabaseUnavailableError


@pytest.mark.parametrize(
    ("state", "message", "kind"),
    [
        ("08S01", "TCP Provider: Error code 0x68 (104) (SQLExecDirectW)", TransactionLostError),
        ("HYT00", "Query timeout expired (0) (SQLExecDirectW)", DatabaseUnavailableError),
        ("HYT00", "Login timeout expired (0) (SQLDriverConnect)", DatabaseUnavailableError),
        ("08001", "Unable to connect to data source (0) (SQLDriverConnect)", TransactionLostError),
    ],
)
def test_a_connection_that_breaks_or_is_slow_has_no_number_of_the_server(
    state: str, message: str, kind: type[Exception]
) -> None:
    assert meaning_of(f"[{state}] {message}", is_disconnect=False).kind is kind


@pytest.mark.parametrize(
    ("state", "said", "kind", "words"),
    [
        ("08001", "TCP Provider: Error code 0x2749 (10061) (SQLDriverConnect)", TransactionLostError, "host and port"),
        ("08001", "Named Pipes Provider: Could not open a connection to SQL Server [53].  (53)", TransactionLostError, "host and port"),
        ("HYT00", "Login timeout expired (0) (SQLDriverConnect)", DatabaseUnavailableError, "host and port"),
        ("08001", "SSL Provider: [certificate verify failed:self-signed certificate] (-1)", DatabaseRefusedError, "TrustServerCertificate"),
        ("08001", "SSL Provider: The certificate chain was issued by an authority that is not trusted. (-2146893019)",
         DatabaseRefusedError, "TrustServerCertificate"),
        ("Driver Error: Client unable to establish connection", "TCP Provider: Error code 0x2749", TransactionLostError, "host and port"),
    ],
)  # fmt: skip
def test_a_server_that_is_not_reached_is_not_called_a_connection_that_broke(
    state: str, said: str, kind: type[Exception], words: str
) -> None:
    """SQLAlchemy takes all of these for that, and the first day's next step was not told."""
    meaning = meaning_of(f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]{said}", is_disconnect=True)
    assert meaning.kind is kind
    assert words in meaning.step


NO_DATABASE = 'Cannot open database "o" requested by the login. The login failed.'


@pytest.mark.parametrize(
    "said",
    [
        f"Login failed for user 'x'. (18456); [28000] [Microsoft][SQL Server]{NO_DATABASE} (4060)",
        f"{NO_DATABASE} (4060)",
        NO_DATABASE,
    ],
)
def test_a_login_that_fails_for_its_database_is_told_so(said: str) -> None:
    assert "There is no such database" in meaning_of(f"[28000] [Microsoft][SQL Server]{said}", is_disconnect=False).step


def test_a_broken_connection_is_one_whatever_it_says() -> None:
    assert meaning_of("[HY000] something new", is_disconnect=True).kind is TransactionLostError


class Worker:
    """Fails as often as it is told to."""

    def __init__(self, database: Database, failures: int, error: type[Exception]) -> None:
        self.database = database
        self.calls = 0
        self._failures = failures
        self._error = error

    @repeated_when_lost
    def work(self, value: int) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error("no")
        return value


def worker(order_list: OrderList, failures: int, error: type[Exception] = TransactionLostError) -> tuple[Worker, list[float]]:
    slept: list[float] = []
    return Worker(Database(order_list.store.database.engine, sleep=slept.append), failures, error), slept


def test_a_lost_transaction_is_repeated_after_longer_and_longer_waits(order_list: OrderList) -> None:
    made, slept = worker(order_list, 2)
    assert made.work(7) == 7
    assert (made.calls, slept) == (3, list(DELAYS[:2]))


def test_a_database_of_azure_that_sleeps_is_waited_for_until_it_is_awake() -> None:
    """It takes up to a minute and a half, and refuses logins meanwhile."""
    assert sum(DELAYS) > 80
    assert LOGIN_SECONDS >= 30


def test_a_transaction_that_is_lost_every_time_fails_in_the_end(order_list: OrderList) -> None:
    made, slept = worker(order_list, 99)
    with pytest.raises(TransactionLostError):
        made.work(7)
    assert (made.calls, slept) == (len(DELAYS) + 1, list(DELAYS))


@pytest.mark.parametrize("error", [DatabaseUnavailableError, DatabaseRefusedError])
def test_what_was_not_lost_is_not_repeated(order_list: OrderList, error: type[Exception]) -> None:
    made, slept = worker(order_list, 1, error)
    with pytest.raises(error):
        made.work(7)
    assert (made.calls, slept) == (1, [])


def test_nothing_is_repeated_in_a_dry_run(order_list: OrderList) -> None:
    with order_list.store.database.dry_run_transaction() as database:
        made = Worker(database, 1, TransactionLostError)
        with pytest.raises(TransactionLostError):
            made.work(7)
    assert made.calls == 1


def repeated(kind: type) -> tuple[dict[str, FunctionType], set[str]]:
    """The methods of a class, and the names of those that are repeated."""
    methods = {name: method for name, method in vars(kind).items() if isfunction(method)}
    return methods, {name for name, each in methods.items() if each.__code__.co_qualname.startswith("repeated_when_lost")}


def test_every_method_of_the_store_that_begins_a_transaction_is_repeated() -> None:
    methods, repeats = repeated(OrderStore)
    begins = re.compile(r"database\.(read|write|dry_run_transaction)\(|\.writing\(")
    beginning = {name for name, method in methods.items() if begins.search(getsource(method).partition(":\n")[2])}
    blocks = {"writing", "dry_run_transaction"}  # of the caller's, which cannot be run again
    assert beginning - repeats == blocks


def test_every_method_of_the_merge_that_reads_or_writes_is_repeated() -> None:
    methods, repeats = repeated(OrderMerge)
    public = {name for name in methods if not name.startswith("_")}
    # asked again at the next tick, or the queries repeat themselves
    assert repeats & public == public - {"assess", "sync_statuses", "present", "require_unique_keys", "staged_counts"}
