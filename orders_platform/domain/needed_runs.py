"""Which customers need a run, when one is requested again, whose load is stale, and which partitions come and go.

Pure functions of values: the database reads them, and Dagster's sensors and schedules act on the answers.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orders_platform.domain.customers import customer_for, partition_key_for
from orders_platform.domain.text import counted
from orders_platform.errors import SourceDataError


@dataclass(frozen=True, slots=True)
class CustomerSyncStatus:
    """Where a customer stands between the staging table and the board."""

    customer: str
    load: str | None  # the content of its staged rows as one value; None when it has none
    merged: str | None = None  # the content that was merged last; None when none ever was
    is_whole: bool = True  # the last merge went through all its three steps, and nobody took away orders since
    waiting: int = 0  # rows that are to be sent and can be
    rows: int = 0  # that the last merge read
    merged_at: datetime | None = None
    is_paused: bool = False  # somebody wants it to be left alone

    @property
    def is_changed(self) -> bool:
        """The staged rows are not what was merged last, or the merge must be made whole."""
        return self.load is not None and (self.load != self.merged or not self.is_whole)

    @property
    def is_unmerged(self) -> bool:
        """The same, or the staging table has lost all its rows since, of which a guard will speak."""
        return self.is_changed or (self.load is None and self.merged is not None and self.rows > 0)

    @property
    def need(self) -> str:
        """Why the customer needs a run, for people; empty when it needs none, or is paused."""
        if self.is_paused:
            return ""
        if self.is_changed:
            if self.merged is None and self.merged_at is None:
                return "first load"
            return "changed load" if self.load != self.merged else "unfinished merge"
        return counted(self.waiting, "row waits", "rows wait") if self.waiting else ""


@dataclass(frozen=True, slots=True)
class LastRequest:
    """What a customer looked like when a run of it was last requested, and when that was (seconds since 1970)."""

    load: str | None
    waiting: int
    at: float


@dataclass(frozen=True, slots=True)
class PartitionChanges:
    """Partition keys to add and to delete, and names that cannot be one, each with the reason."""

    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def needed_runs(sync_statuses: Iterable[CustomerSyncStatus], busy: Collection[str]) -> list[CustomerSyncStatus]:
    """The customers that need a run, except for those that have one queued or under way."""
    return [each for each in sync_statuses if each.need and each.customer not in busy]


def runs_to_request(
    sync_statuses: Iterable[CustomerSyncStatus],
    last_requests: Mapping[str, LastRequest],
    *,
    busy: Collection[str],
    stopped: Collection[str],
    now: float,
    repeat_seconds: float,
) -> tuple[list[CustomerSyncStatus], dict[str, LastRequest]]:
    """The customers of which to request a run now, and the last request of each customer to remember.

    A run is requested at once when the load or the number of waiting rows is another than at the last request; for the same again only
    after `repeat_seconds`, since monday may be away. A customer whose run ended for a reason that repeating does not mend, or that a
    person cancelled (`stopped`), is left alone until its load changes, also when that person had started the run.
    """
    due: list[CustomerSyncStatus] = []
    remembered: dict[str, LastRequest] = {}
    for each in sync_statuses:
        request = LastRequest(each.load, each.waiting, now)
        is_stopped, is_busy = each.customer in stopped, each.customer in busy
        last = last_requests.get(each.customer, request if is_stopped else None)
        is_due = last is None or each.load != last.load
        if last is not None and not is_stopped:
            is_due |= each.waiting != last.waiting or now - last.at >= repeat_seconds
        if each.need and is_due and not is_busy:
            due.append(each)
            remembered[each.customer] = request
        elif last is not None and (each.need or is_stopped or is_busy):
            remembered[each.customer] = last
    return due, remembered


def stale_loads(sync_statuses: Collection[CustomerSyncStatus], now: datetime, hours: float) -> Mapping[str, str]:
    """Why a customer's load is stale, by customer; by "" why the whole staging table is.

    Nobody writes down when the table was loaded, so its content speaks: a load that is not merged yet is fresh unless the merge before
    it is older than `hours` (its run fails, or nobody starts one), and so is one that was merged lately.
    """
    if all(each.load is None for each in sync_statuses):
        return {"": "the staging table holds no row of any customer"}
    ages = {each.customer: _hours_since(each.merged_at, now) for each in sync_statuses if each.merged_at is not None}
    changed = [each.customer for each in sync_statuses if each.is_changed]
    paused = {each.customer for each in sync_statuses if each.is_paused}
    if changed:
        old = (name for name in changed if ages.get(name, 0) > hours and name not in paused)
        return {name: f"its load is not what was merged last, {ages[name]:.0f} hours ago" for name in old}
    age = min(ages.values())
    return {"": f"no load changed for {age:.0f} hours"} if age > hours else {}


def _hours_since(moment: datetime, now: datetime) -> float:
    return (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds() / 3600


def partition_changes(customers: Iterable[str], existing: Iterable[str], busy: Collection[str]) -> PartitionChanges:
    """Which partitions to add and delete so that there is one for each of these customers.

    A name that differs from another only in capitals is refused: SQL Server holds both for the same. A partition goes when its
    customer is none of them any more (renamed, or typed in by hand) and no run of it is on its way.
    """
    keys: dict[str, str] = {}
    refused: dict[str, str] = {}
    for name in customers:
        try:
            key = partition_key_for(name)
        except SourceDataError as error:
            refused[name] = str(error)
            continue
        twin = keys.setdefault(key.casefold(), key)
        if twin != key:
            refused[name] = f"Customer {name!r} differs from {customer_for(twin)!r} only in capitals; make one an alias."
    known, have = set(keys.values()), set(existing)
    gone = (key for key in have - known if customer_for(key) not in busy)
    return PartitionChanges(tuple(sorted(known - have)), tuple(sorted(gone)), refused)
