"""Alerts: a sensor that tells ORDERS_ALERT_URLS what fails and what has recovered, and the daily summary.

A failed check leaves its run successful, so nothing of Dagster's own would tell anybody. Nor can Dagster be asked what fails just now: it
keeps the latest result of a check, not the latest of each customer. So the sensor follows the runs that ended, in the order of the event
log (hosts have different clocks), and keeps each problem in its cursor until somebody was told that it is over.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import apprise
import dagster as dg
from dagster import OpExecutionContext
from pydantic import BaseModel, SecretStr, ValidationError

from orders_platform.defs.checks.check_results import CUSTOMERS, ERRORS, EVERYBODY, NOT_CHECKED, SCOPE
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.sensors import WILL_RETRY_TAG, customer_of_run
from orders_platform.domain.customers import customer_for
from orders_platform.domain.text import counted, few, visible
from orders_platform.domain.verdicts import Verdict, nobodys
from orders_platform.errors import AlertUnsentError, ConfigurationError
from orders_platform.settings import Settings

RUNS = "the run"
"""The topic of runs that fail; every other topic is a check."""

_FIRST_LOOK = timedelta(hours=1)
_TRIED_FOR = timedelta(days=1)
_COMPLETE_AFTER = timedelta(minutes=1)  # Dagster stores that a run ended, then its status, then whether it repeats the run
_RUNS_A_TICK = 200
_LINES = 20
_NAMED = 5
_CHECK_FAILED = "DagsterAssetCheckFailedError"
# A run looks for duplicates of what it sent only; that one is gone is known when the whole board was read and a customer has no ERROR.
_RECOVERED_BY = {"board_shows_values": ("no_item_doubled", "no_subitem_doubled")}


def _holds_no_address(record: logging.LogRecord) -> bool:
    """Apprise writes addresses, passwords among them, into its log, and the library below it their paths."""
    return record.name != "apprise" and record.levelno > logging.DEBUG


for _name in ("apprise", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_holds_no_address)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run says of one topic.

    Attributes:
        failing: kind of failure by subject, a customer or a job.
        subject: the only one that was looked at; None for all customers but those `left_out`.
    """

    topic: str
    failing: Mapping[str, str]
    subject: str | None
    words: str
    link: str
    left_out: Collection[str] = ()

    def covers(self, subject: str) -> bool:
        """Whether it says anything of this subject."""
        return self.subject in {None, subject} and subject not in self.left_out


@dataclass(slots=True)
class FailedSubject:
    """A failure of one subject, from when it was found until its recovery was announced.

    Attributes:
        kind: another kind is announced again, another number is not.
        since: of its last change, seconds since 1970.
        recovered: link of the run that found it well; empty while it fails.
    """

    kind: str
    words: str
    link: str
    since: float
    is_announced: bool = False
    recovered: str = ""


FailedSubjects = dict[str, dict[str, FailedSubject]]
"""By topic and by subject."""


class Memory(BaseModel):
    """The sensor's cursor: the place in the event log up to which runs were read, from which moment on they count, and the problems."""

    since: float
    position: int = 0
    problems: FailedSubjects = {}

    @classmethod
    def read(cls, cursor: str | None, now: datetime) -> "Memory":
        """Out of the cursor; without one, or with one of another version, what ended in the last hour is news."""
        try:
            return cls.model_validate_json(cursor or "")
        except ValidationError:
            return cls(since=(now - _FIRST_LOOK).timestamp())


@dataclass(frozen=True, slots=True)
class Message:
    """What people read."""

    title: str
    body: str
    is_bad: bool


class Messenger:
    """The addresses of ORDERS_ALERT_URLS, for chat, mail and webhooks; there may be none.

    Raises:
        ConfigurationError: apprise does not know a URL. Its text may hold a password, so only its position is said.
    """

    def __init__(self, urls: SecretStr) -> None:
        self._addresses: list[apprise.Apprise] = []
        for number, url in enumerate(urls.get_secret_value().split(), start=1):
            address = apprise.Apprise()
            if not (url.isprintable() and address.add(url)):  # bytes that are no UTF-8 it does not survive
                raise ConfigurationError(
                    f"ORDERS_ALERT_URLS: number {number} is no URL that apprise knows; see its documentation for how each service is "
                    "written, e.g. mailto://, slack://, json://."
                )
            self._addresses.append(address)

    @property
    def is_silent(self) -> bool:
        """No address is configured."""
        return not self._addresses

    def send(self, message: Message) -> int:
        """Send to every address, as plain text that no address takes for markup; how many took it.

        Raises:
            AlertUnsentError: there are addresses, and none took it.
        """
        kind = apprise.NotifyType.FAILURE if message.is_bad else apprise.NotifyType.SUCCESS
        title, body = visible(message.title), visible(message.body)
        taken = sum(
            bool(each.notify(body, title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)) for each in self._addresses
        )
        if self._addresses and not taken:
            raise AlertUnsentError(
                f"None of the {len(self._addresses)} addresses in ORDERS_ALERT_URLS took {message.title!r}. An alert is sent again at "
                "each tick, for a day. Check the addresses, and whether they can be reached from here."
            )
        return taken


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells ORDERS_ALERT_URLS once when a run or a check fails, and once when it has recovered.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One tick. Without an address nothing is read: what happens meanwhile is told once there is one."""
    settings, now = Settings(), datetime.now(UTC)
    messenger = Messenger(settings.alert_urls)
    if messenger.is_silent:
        return dg.SensorResult(skip_reason="ORDERS_ALERT_URLS is empty, so nobody is told anything.", cursor=context.cursor)

    def is_taken(message: Message) -> bool:
        try:
            messenger.send(message)
        except AlertUnsentError as error:
            context.log.error(str(error))  # noqa: TRY400 - its words are all there is to say
            return False
        context.log.info(f"Sent: {message.title}")
        return True

    memory = Memory.read(context.cursor, now)
    _forget_the_gone(context, memory)
    for position, run in ended_runs(context.instance, memory, now):
        for result in results_of(context.instance, run, settings.configuration.alerts.ui_url):
            take_in(memory.problems, result, now)
        memory.position = position
    sent, unsent = announce(memory.problems, settings.environment, is_taken, now)
    return dg.SensorResult(skip_reason=f"{sent} messages sent, {unsent} taken by nobody yet.", cursor=memory.model_dump_json())


def take_in(problems: FailedSubjects, result: Result, now: datetime) -> None:
    """Note what a result says is failing, and that the others which it looked at have recovered."""
    found = problems.setdefault(result.topic, {})
    for subject, kind in result.failing.items():
        known = found.get(subject)
        if known is None or known.kind != kind:
            found[subject] = FailedSubject(kind, result.words, result.link, now.timestamp())
        else:
            known.recovered = ""
    for subject, known in found.items():
        if subject not in result.failing and not known.recovered and result.covers(subject):
            known.recovered, known.since = result.link, now.timestamp()


def announce(problems: FailedSubjects, environment: str, is_taken: Callable[[Message], bool], now: datetime) -> tuple[int, int]:
    """Send what is not announced: a message for what fails of a topic, and one for what has recovered.

    What nobody takes stays as it is for the next tick, for a day. Returns how many messages were taken, and how many were not.
    """
    counts = {True: 0, False: 0}
    for topic, found in problems.items():
        for is_bad in (True, False):
            due = {name: each for name, each in found.items() if (is_bad or each.recovered) and each.is_announced is not is_bad}
            if not due:
                continue
            still_failing = [name for name, each in found.items() if not each.recovered]
            taken = is_taken(_message(topic, due, still_failing, environment, is_bad=is_bad))
            counts[taken] += 1
            for name, each in due.items():
                if not taken and now.timestamp() - each.since < _TRIED_FOR.total_seconds():
                    continue
                each.is_announced = True
                if not is_bad:
                    del found[name]
    return counts[True], counts[False]


def _message(
    topic: str, problems: Mapping[str, FailedSubject], still_failing: Sequence[str], environment: str, *, is_bad: bool
) -> Message:
    """One for all subjects; what a run says of several of them stands there once."""
    what = f"{few(list(problems), _NAMED)}: {topic} {'failed' if is_bad else 'recovered'}"
    if is_bad:
        lines = [f"{each.words}\n{each.link}" for each in problems.values()]
    else:
        rest = f" Still failing: {few(still_failing, _NAMED)}." if still_failing else ""
        lines = [f"{what}.{rest}", *(each.recovered for each in problems.values())]
    return Message(f"[{environment}] {what}", _cut(list(dict.fromkeys(lines))), is_bad)


def _cut(lines: Sequence[str]) -> str:
    rest = len(lines) - _LINES
    return "\n\n".join([*lines[:_LINES], *([f"... and {rest} more"] if rest > 0 else [])])


def _forget_the_gone(context: dg.SensorEvaluationContext, memory: Memory) -> None:
    """A customer that was renamed, or a partition typed in by mistake, has no run any more that could recover."""
    jobs = set(context.repository_def.job_names) if context.repository_def else set()
    known = jobs | {customer_for(key) for key in context.instance.get_dynamic_partitions("customers")}
    runs = memory.problems.get(RUNS, {})
    for subject in set(runs) - known:
        del runs[subject]


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


def results_of(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str) -> Iterator[Result]:
    """What a run says of itself and of the checks it made."""
    link = f"{ui_url}/runs/{run.run_id}"
    yield from _check_results(instance, run.run_id, link)
    if run.tags.get(WILL_RETRY_TAG) == "true":
        return  # the run that repeats it will say
    subject = _subject(run)
    if run.is_success:
        yield Result(RUNS, {}, subject, "", link)
        return
    kind, words = _reason(instance, run)
    if kind != _CHECK_FAILED:  # that is said by the check itself
        yield Result(RUNS, {subject: kind}, subject, f"{subject}: {words}", link)


def _subject(run: dg.DagsterRun) -> str:
    return customer_of_run(run) or run.job_name


def _check_results(instance: dg.DagsterInstance, run_id: str, link: str) -> Iterator[Result]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        made = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if made is None:
            continue
        said = {name: value.value for name, value in made.metadata.items()}
        customers, errors, left_out = (_names(said.get(name)) for name in (CUSTOMERS, ERRORS, NOT_CHECKED))
        scope = str(said.get(SCOPE, EVERYBODY))
        words = f"{made.check_name} ({made.severity.value}): {made.description or 'see the run'}"
        failing = {name: "ERROR" if name in errors else "WARN" for name in customers}
        yield Result(made.check_name, failing, None if scope == EVERYBODY else scope, words, link, left_out)
        for topic in _RECOVERED_BY.get(made.check_name, ()):
            yield Result(topic, {}, None, words, link, [*left_out, *errors])


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


def summary(
    verdicts: Sequence[Verdict], nobody: Sequence[str], failed: Sequence[str], environment: str, ui_url: str
) -> Message:
    """Where every customer stands, those that are not all on the board first; `failed` are customers and jobs whose last run failed."""
    troubled = [verdict for verdict in verdicts if not verdict.is_well()]
    lines = [
        line
        for verdict in [*troubled, *(verdict for verdict in verdicts if verdict.is_well())]
        for line in (verdict.sentence, *map(str, verdict.guards))
    ]
    runs = [f"The last run failed: {', '.join(failed)}"] if failed else []
    title = f"[{environment}] {counted(len(verdicts), 'customer')}: " + (
        f"{len(troubled)} not all on the board" if troubled else "all on the board"
    )
    return Message(title, "\n".join([*runs, *lines, *nobody, f"{ui_url}/runs"]), bool(failed or troubled or nobody))


@dg.op
def send_summary(context: OpExecutionContext, orders_database: OrdersDatabase) -> None:
    """Send where every customer stands to ORDERS_ALERT_URLS."""
    with dagster_failures("daily_summary"):
        settings, store = Settings(), orders_database.store
        failed = failed_lately(context.instance, datetime.now(UTC))
        ui_url = settings.configuration.alerts.ui_url
        message = summary(
            orders_database.queries.verdicts(), nobodys(store.invalid_rows()), failed, settings.environment, ui_url
        )
        taken = Messenger(settings.alert_urls).send(message)
    context.add_output_metadata({"sent_to": taken, "title": message.title, "body": message.body})


def failed_lately(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Customers and jobs whose last run within a day failed."""
    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    last = {}
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=statuses, updated_after=now - timedelta(days=1)), ascending=True
    ):
        last[_subject(record.dagster_run)] = record.dagster_run.is_failure
    return sorted(subject for subject, has_failed in last.items() if has_failed)


@dg.job(description="Tells ORDERS_ALERT_URLS where the orders of every customer stand.")
def daily_summary() -> None:
    """One step: `send_summary`."""
    send_summary()
