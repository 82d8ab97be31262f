"""Alerts: a sensor that tells ORDERS_ALERT_URLS what fails and what has recovered, and the daily summary.

A failed check leaves its run successful, so nothing of Dagster's own would tell anybody. Nor can Dagster be asked what fails just now: of
a check over all customers it keeps the latest result, not the latest of each customer; and of one customer's check the latest run that was
to make it, which hides what failed when that run ends before it. So the sensor follows the runs that ended, in the
order of the event log (hosts have different clocks), and keeps in its cursor what fails, and what each address was told. It sends the
difference: an address that is set later hears what fails then, and one that was away what has changed meanwhile.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import apprise
import dagster as dg
from dagster import OpExecutionContext
from pydantic import BaseModel, SecretStr, ValidationError

from orders_platform.configuration import Automation
from orders_platform.defs.automation import WILL_RETRY_TAG, customer_of_run, sensor_status
from orders_platform.defs.checks import COUNTS, ERRORS, NOT_CHECKED
from orders_platform.defs.failures import ERROR_TAG, NO_ERROR, dagster_failures
from orders_platform.defs.jobs import job_of
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.customers import CustomerNames, customer_for
from orders_platform.domain.text import counted, few, visible
from orders_platform.domain.verdicts import Verdict, nobodys
from orders_platform.errors import AlertUnsentError, ConfigurationError, CustomerPausedError
from orders_platform.settings import Settings

RUNS = "the run"  # the topic of runs that fail; every other topic is a check
_FIRST_LOOK = timedelta(days=1)
_COMPLETE_AFTER = timedelta(minutes=1)  # Dagster stores that a run ended, then its status, then whether it repeats the run
_RUNS_A_TICK = 200
_SLOW_SECONDS = 3  # an address that is away takes so long for each message, and a tick has a minute
_LINES = 20
_NAMED = 5
_NOT_TOLD = {"DagsterAssetCheckFailedError", CustomerPausedError.__name__}
"""Why runs fail of which nobody is told: the check says it itself, and who paused a customer knows."""

# A run looks for duplicates of what it sent only; that one is gone is known when the whole board was read and a customer has no ERROR.
_RECOVERED_BY = {"board_shows_values": ("no_item_doubled", "no_subitem_doubled")}


# Apprise writes addresses, passwords among them, into its log, and the library below it their paths.
for _name in ("apprise", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(lambda record: record.name != "apprise" and record.levelno > logging.DEBUG)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run says of one topic."""

    topic: str
    failing: Mapping[str, str]  # kind of failure by subject, a customer or a job
    subject: str | None  # the only one that was looked at; None for all customers but those `left_out`
    words: str
    run_id: str
    left_out: Collection[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)  # how many rows were found, by subject


@dataclass(frozen=True, slots=True)
class Standing:
    """The last word on a subject."""

    kind: str  # of the failure, empty when it is well; another kind is told again, another count is not
    words: str
    run_id: str
    count: int = 0
    is_own: bool = False  # a run about this subject alone said it, and no other will
    # the kind that each address was told last, by its key; none when that was a recovery
    told: dict[str, str] = field(default_factory=dict)


class Memory(BaseModel):
    """The sensor's cursor: the place in the event log up to which runs were read, from which moment on they count, and what they said."""

    since: float
    position: int = 0
    standings: dict[str, dict[str, Standing]] = {}  # by topic and subject, of what fails or was told to fail

    @classmethod
    def read(cls, cursor: str | None, now: datetime) -> "Memory":
        """Out of the cursor; without one, or with one of another version, what the runs of the last day said counts."""
        try:
            return cls.model_validate_json(cursor or "", extra="forbid")
        except ValidationError:
            return cls(since=(now - _FIRST_LOOK).timestamp())

    def take_in(self, result: Result) -> None:
        found = self.standings.setdefault(result.topic, {})
        seen = [name for name in found if result.subject in {None, name} and name not in result.left_out]
        for subject in dict.fromkeys([*result.failing, *seen]):
            kind, count = result.failing.get(subject, ""), result.counts.get(subject, 0)
            told = found[subject].told if subject in found else {}
            found[subject] = Standing(kind, result.words, result.run_id, count, result.subject is not None, told)

    def forget(self, known: Collection[str], addresses: Collection[str]) -> None:
        """Drop what is over and told to nobody, and those of whom no run will speak any more: renamed, or typed in by mistake."""
        for found in self.standings.values():
            for subject, each in list(found.items()):
                for key in each.told.keys() - set(addresses):
                    del each.told[key]
                if not (each.kind or each.told) or (each.is_own and subject not in known):
                    del found[subject]


@dataclass(frozen=True, slots=True)
class Message:
    """What people read; `details` are for programs."""

    title: str
    body: str
    is_bad: bool
    details: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """One of ORDERS_ALERT_URLS."""

    key: str  # which one it is, for the cursor, where no URL may stand
    customer: str | None  # the only one it hears of; None for all
    takes: Callable[[Message], bool]  # sends a message; whether it was taken


def addresses_of(urls: SecretStr, names: CustomerNames) -> list[Address]:
    """The addresses, for chat, mail and webhooks, each as `URL` or `CUSTOMER=URL`.

    Raises `ConfigurationError`: apprise does not know a URL, or nobody a customer. Its text may hold a password, so only its position is
    said.
    """
    found = []
    for number, text in enumerate(urls.get_secret_value().split(), start=1):
        name, separator, url = text.partition("=")
        is_named = bool(separator) and "://" not in name
        customer, channel = names.resolve(unquote(name)) if is_named else None, apprise.Apprise()
        if not (text.isprintable() and channel.add(url if is_named else text)):  # bytes that are no UTF-8 it does not survive
            raise ConfigurationError(
                f"ORDERS_ALERT_URLS: number {number} is no URL that apprise knows; see its documentation for how each service is "
                "written, e.g. mailto://, slack://, json://."
            )
        if is_named and customer is None:
            raise ConfigurationError(
                f"ORDERS_ALERT_URLS: number {number} is for a customer that [customers] does not have. Write NAME=URL, a blank as %20."
            )
        found.append(Address(hashlib.sha256(text.encode()).hexdigest()[:8], customer, _sender(channel)))
    return found


def _sender(channel: apprise.Apprise) -> Callable[[Message], bool]:
    def takes(message: Message) -> bool:
        """Send as plain text that no address takes for markup; those that take JSON get the details as well."""
        for service in channel:
            if service.protocol == "json":
                vars(service)["payload_extras"]["details"] = message.details
        kind = apprise.NotifyType.FAILURE if message.is_bad else apprise.NotifyType.SUCCESS
        title, body = visible(message.title), visible(message.body)
        return bool(channel.notify(body, title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT))

    return takes


def build_alert_sensor(automation: Automation) -> dg.SensorDefinition:
    """The sensor; it is on unless the configuration switches it off."""

    @dg.sensor(
        minimum_interval_seconds=30,
        default_status=sensor_status(automation.is_on("alerts", otherwise=True)),
        description="Tells ORDERS_ALERT_URLS once when a run or a check fails, and once when it has recovered; tags runs with their error.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings, now = Settings(), datetime.now(UTC)
        memory = Memory.read(context.cursor, now)
        ended = list(ended_runs(context.instance, memory, now))
        for position, run in ended:
            for result in results_of(context.instance, run):
                memory.take_in(result)
            memory.position = position
        addresses = addresses_of(settings.alert_urls, settings.configuration.customer_names)
        customers = {customer_for(key) for key in context.instance.get_dynamic_partitions("customers")}
        jobs = context.repository_def.job_names if context.repository_def else ()
        memory.forget({*customers, *jobs}, {address.key for address in addresses})
        if len(ended) == _RUNS_A_TICK:
            words = "More runs have ended than a tick reads; nobody is told anything before all are."
            return dg.SensorResult(skip_reason=words, cursor=memory.model_dump_json())
        place = settings.environment, settings.ui_url, customers
        sent = [each for address in addresses for each in announce(memory, address, *place)]
        for title, is_taken in sent:
            (context.log.info if is_taken else context.log.error)(f"{'Sent' if is_taken else 'Taken by nobody yet'}: {title}")
        taken = sum(is_taken for _, is_taken in sent)
        words = f"{taken} messages sent, {len(sent) - taken} not taken yet." if addresses else "ORDERS_ALERT_URLS is empty."
        return dg.SensorResult(skip_reason=words, cursor=memory.model_dump_json())

    return alerts


def announce(
    memory: Memory, address: Address, environment: str, ui_url: str, customers: Collection[str] = ()
) -> Iterator[tuple[str, bool]]:
    """Send an address what differs from what it was told: a message for what fails of a topic, and one for what has recovered.

    What it does not take differs at the next tick as well. Gives the title of each message, and whether it was taken.
    """
    for topic, found in memory.standings.items():
        for is_bad in (True, False):
            news = {
                name: each
                for name, each in found.items()
                if each.kind != each.told.get(address.key, "")
                and bool(each.kind) is is_bad
                and address.customer in {None, name}
            }
            if not news:
                continue
            failing = [name for name, each in found.items() if each.kind and name in customers]
            message = _message(f"[{environment}]", topic, news, failing, len(customers), ui_url, is_bad=is_bad)
            started, is_taken = time.monotonic(), address.takes(message)
            yield message.title, is_taken
            for each in news.values() if is_taken else ():
                each.told.pop(address.key, None)
                if is_bad:
                    each.told[address.key] = each.kind
            if not is_taken and time.monotonic() - started > _SLOW_SECONDS:
                return


def _message(
    where: str, topic: str, news: Mapping[str, Standing], failing: list[str], customers: int, ui_url: str, *, is_bad: bool
) -> Message:
    """One for all subjects; what a run says of several of them stands there once."""
    now = f"Failing now: {len(failing)} of {customers} customers{f' ({few(failing, _NAMED)})' if failing else ''}."
    what = f"{where} {few(list(news), _NAMED)}: {topic} {'failed' if is_bad else 'recovered'}"
    links = {name: f"{ui_url}/runs/{each.run_id}" for name, each in news.items()}
    lines = [f"{each.words}\n{links[name]}" if is_bad else links[name] for name, each in news.items()]
    details = [
        {"customer": name, "check": topic, "severity": each.kind or "recovered", "found": each.count, "failing": len(failing),
         "of": customers, "run": each.run_id, "link": links[name]}
        for name, each in news.items()
    ]  # fmt: skip
    lines = [*dict.fromkeys(lines)]
    rest = [f"... and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    return Message(what, "\n\n".join([*lines[:_LINES], *rest, now]), is_bad, details)


def ended_runs(instance: dg.DagsterInstance, memory: Memory, now: datetime) -> Iterator[tuple[int, dg.DagsterRun]]:
    """The runs that ended since the last tick, in the order of the event log, each with its place there."""
    records: list[dg.EventLogRecord] = []
    for ending in (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE):
        chosen = dg.RunStatusChangeRecordsFilter(ending, after_timestamp=memory.since, after_storage_id=memory.position)
        records += instance.fetch_run_status_changes(chosen, limit=_RUNS_A_TICK, ascending=True).records
    for record in sorted(records, key=lambda each: each.storage_id)[:_RUNS_A_TICK]:
        run = instance.get_run_by_id(record.run_id)
        if run is None:
            continue
        is_complete = run.is_success or (run.is_failure and (WILL_RETRY_TAG in run.tags or not instance.run_retries_enabled))
        if not is_complete and now.timestamp() - record.timestamp < _COMPLETE_AFTER.total_seconds():
            return  # the next tick sees the run as it will be
        yield record.storage_id, run


def results_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[Result]:
    """What a run says of itself and of the checks it made; one that failed is tagged with the class of its error."""
    yield from _check_results(instance, run.run_id)
    subject, is_repeated = _subject(run), run.tags.get(WILL_RETRY_TAG) == "true"
    if run.is_success:
        if ERROR_TAG in run.tags:  # of the run that it repeats, whose tags it was given
            instance.add_run_tags(run.run_id, {ERROR_TAG: NO_ERROR})
        yield Result(RUNS, {}, subject, "", run.run_id)
        return
    kind, words = _reason(instance, run)
    instance.add_run_tags(run.run_id, {ERROR_TAG: kind})
    if kind not in _NOT_TOLD and not is_repeated:  # the run that repeats it will say
        yield Result(RUNS, {subject: kind}, subject, f"{subject}: {words}", run.run_id)


def _subject(run: dg.DagsterRun) -> str:
    return customer_of_run(run) or run.job_name


def _check_results(instance: dg.DagsterInstance, run_id: str) -> Iterator[Result]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        made = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if made is None:
            continue
        said = {name: value.value for name, value in made.metadata.items()}
        counts = found if isinstance(found := said.get(COUNTS), dict) else {}
        errors, left_out = (_names(said.get(name)) for name in (ERRORS, NOT_CHECKED))
        subject = customer_for(made.partition) if made.partition else None
        words = f"{made.check_name} ({made.severity.value}): {made.description or 'see the run'}"
        failing = {str(name): "ERROR" if name in errors else "WARN" for name in counts}
        yield Result(made.check_name, failing, subject, words, run_id, left_out, counts)
        for topic in _RECOVERED_BY.get(made.check_name, ()):
            yield Result(topic, {}, None, words, run_id, [*left_out, *errors])


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | dict) else []


def _reason(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, str]:
    """Why a run failed: a kind, and what, why and what next in one line."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.dagster_event.step_failure_data if entry.dagster_event else None
        if data is None:
            continue
        if data.user_failure_data is not None:
            kind = data.user_failure_data.metadata.get("error")
            words = data.user_failure_data.description or ""
            return str(kind.value) if kind else "Failure", words.removeprefix(f"{_subject(run)}: ")
        error = data.error.cause or data.error if data.error else None
        first_line, *_ = (error.message.strip() if error else "").splitlines() or [f"{entry.step_key} failed without a message"]
        return (error.cls_name if error else None) or "error", first_line
    words = "The run's process ended without a message: it was killed, ran out of memory, or its host was restarted."
    return "crash", f"{words} Start the run again; it looks for the orders on the board before it creates any."


def summary(verdicts: Sequence[Verdict], nobody: Sequence[str], failed: Sequence[str], settings: Settings) -> Message:
    """Where every customer stands, those that are not all on the board first; `failed` are customers and jobs whose last run failed."""
    lines = [line for each in sorted(verdicts, key=Verdict.is_well) for line in (each.sentence, *map(str, each.guards))]
    runs = [f"The last run failed: {', '.join(failed)}"] if failed else []
    troubled = sum(not each.is_well() for each in verdicts)
    stands = f"{troubled} not all on the board" if troubled else "all on the board" if not nobody else "rows of nobody"
    title = f"[{settings.environment}] {counted(len(verdicts), 'customer')}: {stands}"
    body = "\n".join([*runs, *lines, *nobody, f"{settings.ui_url}/runs"])
    return Message(title, body, bool(failed or troubled or nobody))


@dg.op
def send_summary(context: OpExecutionContext, orders_database: OrdersDatabase) -> None:
    """Send where every customer stands to ORDERS_ALERT_URLS, and to an address of one customer where that stands."""
    with dagster_failures("daily_summary"):
        settings = Settings()
        failed, (verdicts, invalid) = failed_lately(context.instance, datetime.now(UTC)), orders_database.merge.assess()
        unmatched = nobodys(invalid)

        def message(customer: str | None = None) -> Message:
            mine = [each for each in verdicts if customer in {None, each.customer}]
            runs = [each for each in failed if customer in {None, each}]
            return summary(mine, () if customer else unmatched, runs, settings)

        addresses = addresses_of(settings.alert_urls, settings.configuration.customer_names)
        taken = sum(address.takes(message(address.customer)) for address in addresses)
        if addresses and not taken:
            raise AlertUnsentError(
                f"None of the {len(addresses)} addresses in ORDERS_ALERT_URLS took the daily summary. Check the addresses, and whether "
                "they can be reached from here; then start the job daily_summary."
            )
    context.add_output_metadata({"sent_to": taken, "title": message().title, "body": message().body})


def failed_lately(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Customers and jobs whose last run within a day failed."""
    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    chosen = dg.RunsFilter(statuses=statuses, updated_after=now - timedelta(days=1))
    runs = [each.dagster_run for each in instance.get_run_records(chosen, ascending=True)]
    last = {_subject(run): run.is_failure for run in runs}
    return sorted(subject for subject, has_failed in last.items() if has_failed)


daily_summary = job_of("daily_summary", "Tells ORDERS_ALERT_URLS where the orders of every customer stand.", send_summary)
