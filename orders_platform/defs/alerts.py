"""Alerts: a sensor that reads the runs that ended and the checks they made, and the daily summary.

A failed check leaves its run successful, so nothing of Dagster's own would tell anybody. Belongs here: reading the instance, and
remembering in the cursor what is bad. Does not belong here: what a change is (`defs/alert_state.py`), words and sending (`messages.py`).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import OpExecutionContext

from orders_platform.defs import alert_messages as messages
from orders_platform.defs.alert_state import Report, State, take_in
from orders_platform.defs.checks.check_results import BAD, ERRORS, EVERYBODY, JUDGED, SCOPE, SETTLES, UNSEEN
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.sensors import PARTITION_TAG, WILL_RETRY_TAG
from orders_platform.domain.customers import customer_for
from orders_platform.errors import AlertUnsentError
from orders_platform.settings import Settings

RUNS = "the run"
"""The topic of runs that fail."""

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_FIRST_LOOK = timedelta(hours=1)
_OVERLAP_SECONDS = 600  # runs end on several hosts, by several clocks, and not in the order in which they are seen
_TRIED_FOR = timedelta(days=1)
_RUNS_A_TICK = 200
_CHECK_FAILED = "DagsterAssetCheckFailedError"


@dataclass(slots=True)
class Memory:
    """What the sensor remembers between ticks.

    Attributes:
        ended: when the last run that was taken in ended, seconds since 1970; `seen` those that ended shortly before.
        state: what is bad.
        unsent: messages that nobody took yet, oldest first: title, body, whether it is bad, and since when.
    """

    ended: float
    seen: dict[str, float] = field(default_factory=dict)
    state: State = field(default_factory=dict)
    unsent: list[tuple[str, str, bool, float]] = field(default_factory=list)

    @classmethod
    def read(cls, cursor: str | None, now: datetime) -> "Memory":
        """Out of the cursor; without one, or with one of another version, what ended in the last hour is news."""
        try:
            return cls(**json.loads(cursor or ""))
        except (ValueError, TypeError):
            return cls((now - _FIRST_LOOK).timestamp())

    def write(self) -> str:
        """As a cursor."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def take_in(self, record: dg.RunRecord, now: datetime) -> None:
        """Remember a run. One that ended in the future, by the clock of its host, must not make those of other hosts old."""
        ended = record.end_time or 0.0
        self.ended = max(self.ended, min(ended, now.timestamp()))
        self.seen = {run: at for run, at in self.seen.items() if at > self.ended - 2 * _OVERLAP_SECONDS}
        self.seen[record.dagster_run.run_id] = ended


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells ORDERS_ALERT_URLS when a run fails, when a check turns bad and when either is well again; once per change.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One tick. The cursor keeps every message until somebody has taken it, so that none is lost and none is sent twice."""
    settings, now = Settings(), datetime.now(UTC)
    memory, messenger = Memory.read(context.cursor, now), messages.Messenger(settings.alert_urls)
    _forget_the_gone(context, memory)
    reports: list[Report] = []
    for record in new_runs(context.instance, memory):
        reports += reports_of(context.instance, record, settings.configuration.alerts.ui_url)
        memory.take_in(record, now)
    memory.state, changes = take_in(memory.state, reports)
    found = messages.of_changes(changes, settings.environment)
    memory.unsent += [(each.title, each.body, each.is_bad, now.timestamp()) for each in found]
    sent = send_unsent(context, memory, messenger, now)
    words = f"{len(reports)} reports, {len(found)} messages, {sent} sent, {len(memory.unsent)} taken by nobody yet."
    return dg.SensorResult(skip_reason=words, cursor=memory.write())


def send_unsent(context: dg.SensorEvaluationContext, memory: Memory, messenger: messages.Messenger, now: datetime) -> int:
    """Try every message, and keep those that nobody took for the next tick, for a day; how many are off."""
    waiting, memory.unsent = memory.unsent, []
    for title, body, is_bad, since in waiting:
        try:
            messenger.send(messages.Message(title, body, is_bad))
            context.log.info(f"{'Nowhere to send' if messenger.is_silent else 'Sent'}: {title}")
        except AlertUnsentError as error:
            context.log.error(str(error))  # noqa: TRY400 - its words are all there is to say
            if now.timestamp() - since < _TRIED_FOR.total_seconds():
                memory.unsent.append((title, body, is_bad, since))
    return len(waiting) - len(memory.unsent)


def _forget_the_gone(context: dg.SensorEvaluationContext, memory: Memory) -> None:
    """A customer that was renamed, or a partition typed in by mistake, has no run any more that could be well again."""
    jobs = set(context.repository_def.job_names) if context.repository_def else set()
    known = jobs | {customer_for(key) for key in context.instance.get_dynamic_partitions("customers")}
    runs = {subject: kind for subject, kind in memory.state.pop(RUNS, {}).items() if subject in known}
    memory.state |= {RUNS: runs} if runs else {}


def new_runs(instance: dg.DagsterInstance, memory: Memory) -> list[dg.RunRecord]:
    """The runs that ended and were not taken in yet, oldest first."""
    since = memory.ended - _OVERLAP_SECONDS
    records = instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=datetime.fromtimestamp(since, UTC)),
        order_by="update_timestamp",
        ascending=True,
    )
    new = [each for each in records if (each.end_time or 0.0) > since and each.dagster_run.run_id not in memory.seen]
    return sorted(new, key=lambda each: each.end_time or 0.0)[:_RUNS_A_TICK]


def reports_of(instance: dg.DagsterInstance, record: dg.RunRecord, ui_url: str) -> list[Report]:
    """What a run says of itself and of the checks it made."""
    run, link = record.dagster_run, f"{ui_url}/runs/{record.dagster_run.run_id}"
    found = list(_checks(instance, run.run_id, link))
    if run.tags.get(WILL_RETRY_TAG) == "true":
        return found  # the run that follows will say
    subject = _subject(run)
    if run.is_success:
        return [*found, Report(RUNS, {}, subject, "", link)]
    kind, words = _reason(instance, run)
    if kind != _CHECK_FAILED:  # that is said by the check itself
        found.append(Report(RUNS, {subject: kind}, subject, f"{subject}: {words}", link))
    return found


def _subject(run: dg.DagsterRun) -> str:
    key = run.tags.get(PARTITION_TAG)
    return customer_for(key) if key is not None else run.job_name


def _checks(instance: dg.DagsterInstance, run_id: str, link: str) -> Iterator[Report]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        made = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if made is None:
            continue
        said = {name: value.value for name, value in made.metadata.items()}
        if said.get(JUDGED) is False:
            continue
        scope = said.get(SCOPE, EVERYBODY)
        customers = said.get(BAD)
        names = list(customers) if isinstance(customers, dict) and customers else [made.asset_key.to_user_string()]
        words = f"{made.check_name} ({made.severity.value}): {made.description or 'see the run'}"
        errors = _listed(said.get(ERRORS)) if ERRORS in said else names if made.severity is dg.AssetCheckSeverity.ERROR else []
        bad = {} if made.passed else {name: "ERROR" if name in errors else "WARN" for name in names}
        unseen = _listed(said.get(UNSEEN))
        yield Report(made.check_name, bad, None if scope == EVERYBODY else str(scope), words, link, unseen)
        settled = said.get(SETTLES)
        for topic, still_bad in settled.items() if isinstance(settled, dict) else ():
            # It looked at more than that check did, which knows only what its own run sent. What it found, it says itself.
            yield Report(topic, {}, None, words, link, unseen | _listed(still_bad))


def _listed(value: object) -> frozenset[str]:
    return frozenset(value) if isinstance(value, list) else frozenset()


def _reason(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, str]:
    """Why a run failed: a kind, and what, why and what next in one line."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.dagster_event.step_failure_data if entry.dagster_event else None
        if data is None:
            continue
        if data.user_failure_data is not None:
            kind = data.user_failure_data.metadata.get("error")
            words = (data.user_failure_data.description or "").removeprefix(
                f"{customer_for(run.tags.get(PARTITION_TAG, ''))}: "
            )
            return str(kind.value) if kind else "Failure", words
        error = data.error.cause or data.error if data.error else None
        return (error.cls_name or "error", _first_line(error.message)) if error else ("error", f"{entry.step_key} failed")
    return (
        "crash",
        "The run's process ended without a word (killed, out of memory, restart). Start it again: it looks on the board first.",
    )


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no words"


@dg.op
def send_summary(context: OpExecutionContext, orders_database: OrdersDatabase) -> None:
    """Send where every customer stands to ORDERS_ALERT_URLS."""
    with dagster_failures("daily_summary"):
        settings, store = Settings(), orders_database.store
        failed = failed_lately(context.instance, datetime.now(UTC))
        ui_url = settings.configuration.alerts.ui_url
        message = messages.summary(store.summaries(), store.rejects(), failed, settings.environment, ui_url)
        taken = messages.Messenger(settings.alert_urls).send(message)
    context.add_output_metadata({"sent_to": taken, "title": message.title, "body": message.body})


def failed_lately(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Customers and jobs whose last run within a day failed."""
    ended = dg.RunsFilter(statuses=_ENDED, updated_after=now - timedelta(days=1))
    last = {}
    for record in instance.get_run_records(ended, ascending=True):
        last[_subject(record.dagster_run)] = record.dagster_run.is_failure
    return sorted(subject for subject, has_failed in last.items() if has_failed)


@dg.job(description="Tell ORDERS_ALERT_URLS where every customer stands.")
def daily_summary() -> None:
    """One step: `send_summary`."""
    send_summary()
