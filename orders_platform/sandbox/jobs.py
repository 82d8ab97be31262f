"""Jobs that go on after their mutation was answered: imports of a CSV file, bulk archiving and deleting.

Belongs here: their states, limits, upload and report. Does not belong here: what an import does with a row (`imports.py`), GraphQL
(`job_resolvers.py`), HTTP (`application.py`, `in_process.py`). Jobs live in memory and run on the sandbox's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from orders_platform.sandbox import imports, items
from orders_platform.sandbox.agenda import Agenda
from orders_platform.sandbox.identities import Identities
from orders_platform.sandbox.imports import Counts, OnMatch, RejectedFile
from orders_platform.sandbox.limits import Window
from orders_platform.sandbox.refusals import Refusal, not_found
from orders_platform.sandbox.rows import ACTIVE, ARCHIVED, GroupRow
from orders_platform.sandbox.state import State

_UNSIGNED_HEADER = "x-amz-checksum-crc32"


@dataclass(frozen=True, slots=True)
class JobRules:
    """monday's figures for imports; how long a job takes is ours.

    Attributes:
        starts_per_hour: of imports.
        items_per_hour: created and updated by imports.
        url_seconds: how long an upload URL or a report URL is good for.
        job_seconds: from the upload, or from the start of a bulk change, to its end.
        seconds_per_row: and as much more for each row or item.
    """

    rows: int = 10_000
    file_bytes: int = 150 * 1024 * 1024
    starts_per_hour: int = 100
    items_per_hour: int = 19_000
    url_seconds: float = 600.0
    job_seconds: float = 5.0
    seconds_per_row: float = 0.02


@dataclass(slots=True)
class ImportJob:
    """One import; `status` is UPLOAD_PENDING, PROCESSING, COMPLETED, FAILED or REJECTED."""

    id: str
    group: GroupRow
    on_match: OnMatch | None
    started_at: float
    base_url: str
    status: str = "UPLOAD_PENDING"
    uploaded: bool = False
    counts: Counts = field(default_factory=Counts)
    failure_reason: str | None = None
    failure_message: str | None = None
    report: str | None = None
    ended_at: float = 0.0

    def reject(self, reason: str, message: str, now: float) -> None:
        """Ends it before any row."""
        self.status, self.failure_reason, self.failure_message, self.ended_at = "REJECTED", reason, message, now


@dataclass(slots=True)
class BulkJob:
    """One bulk change; `status` is PENDING, RUNNING, COMPLETED or FAILED."""

    id: str
    created_at: float
    updated_at: float
    status: str = "PENDING"
    total: int = 0
    succeeded: int = 0
    failed_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileReply:
    """What the storage behind upload and report URLs answers."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Jobs:
    """The jobs of one sandbox.

    Args:
        state: the boards.
        agenda: where the work waits for its time.
        ids: of jobs.
        rules: figures.
    """

    def __init__(self, state: State, agenda: Agenda, ids: Identities, rules: JobRules | None = None) -> None:
        self.rules = rules or JobRules()
        self._state = state
        self._agenda = agenda
        self._ids = ids
        self._starts = Window(self.rules.starts_per_hour, 3_600, state.clock)
        self._capacity = Window(self.rules.items_per_hour, 3_600, state.clock)
        self._imports: dict[str, ImportJob] = {}
        self._bulk: dict[str, BulkJob] = {}

    def start_import(self, group: GroupRow, on_match: OnMatch | None, base_url: str) -> ImportJob:
        """A job that waits for its file.

        Raises:
            Refusal: RATE_LIMIT_EXCEEDED after 100 starts in an hour.
        """
        if self._starts.left < 1:
            wait = {"retryAfterMs": self._starts.resets_in * 1_000}
            raise Refusal("RATE_LIMIT_EXCEEDED", "Rate limit exceeded for starting jobs", status=429, more=wait)
        self._starts.spend(1)
        job = ImportJob(self._ids.next(), group, on_match, self._state.clock(), base_url)
        self._imports[job.id] = job
        return job

    def import_job(self, job_id: str) -> ImportJob:
        """The import of that id, or a `Refusal`."""
        if job_id not in self._imports:
            raise not_found("Job", job_id)
        return self._imports[job_id]

    def bulk_job(self, job_id: str) -> BulkJob:
        """The bulk change of that id, or a `Refusal`."""
        if job_id not in self._bulk:
            raise not_found("Job", job_id)
        return self._bulk[job_id]

    def upload(self, job_id: str, file: bytes, headers: Collection[str]) -> FileReply:
        """What a PUT to an upload URL does: the file is taken once, within ten minutes.

        Args:
            job_id: from the URL.
            file: the body.
            headers: names of the request's headers, in lower case.
        """
        self._agenda.do_due()
        job = self._imports.get(job_id)
        if job is None:
            return _denied(404, "NoSuchKey", "The specified key does not exist.")
        if _UNSIGNED_HEADER in headers:
            return _denied(
                403, "AccessDenied", "There were headers present in the request which were not signed: HeadersNotSigned"
            )
        if job.uploaded or self._state.clock() - job.started_at > self.rules.url_seconds:
            return _denied(403, "AccessDenied", "Request has expired")
        job.uploaded = True
        self._accept(job, file)
        return FileReply(200, "", {"ETag": f'"{imports.checksum(file)}"'})

    def _accept(self, job: ImportJob, file: bytes) -> None:
        now = self._state.clock()
        if len(file) > self.rules.file_bytes:
            job.reject("FILE_TOO_LARGE", f"The file is larger than {self.rules.file_bytes:,} bytes", now)
            return
        try:
            rows = imports.read(self._state, job.group, file, self.rules.rows, on_match=job.on_match)
        except RejectedFile as error:
            job.reject(error.reason, error.message, now)
            return
        if len(rows) > self._capacity.left:
            job.reject("ACCOUNT_CAPACITY_EXCEEDED", "The hourly capacity of items is used up", now)
            return
        self._capacity.spend(len(rows))
        job.status, job.counts.submitted = "PROCESSING", len(rows)
        self._agenda.add(self.rules.job_seconds + self.rules.seconds_per_row * len(rows), lambda: self._import(job, rows))

    def _import(self, job: ImportJob, rows: Sequence[imports.FileRow]) -> None:
        lines = imports.carry_out(self._state, job.group, rows, job.on_match, job.counts)
        self._capacity.spend(job.counts.created + job.counts.updated - len(rows))
        job.report, job.status, job.ended_at = imports.report(lines), "COMPLETED", self._state.clock()

    def report(self, job_id: str) -> FileReply:
        """What a GET of a report URL shows."""
        job = self._imports.get(job_id)
        if job is None or job.report is None:
            return _denied(404, "NoSuchKey", "The specified key does not exist.")
        if self._state.clock() - job.ended_at > self.rules.url_seconds:
            return _denied(403, "AccessDenied", "Request has expired")
        return FileReply(200, job.report)

    def start_bulk(self, board_id: int, item_ids: Sequence[int], new_state: str) -> BulkJob:
        """A job that archives or deletes items of a board."""
        now = self._state.clock()
        job = BulkJob(self._ids.next(), now, now, total=len(item_ids))
        self._bulk[job.id] = job
        seconds = self.rules.job_seconds + self.rules.seconds_per_row * len(item_ids)
        self._agenda.add(0.0, lambda: setattr(job, "status", "RUNNING"))
        self._agenda.add(seconds, lambda: self._retire(job, board_id, item_ids, new_state))
        return job

    def _retire(self, job: BulkJob, board_id: int, item_ids: Sequence[int], new_state: str) -> None:
        failed = []
        with self._state.transaction():
            known = {each.id: each for each in items.items(self._state, item_ids)}
            for item_id in item_ids:
                found = known.get(item_id)
                if found and found.board_id == board_id and found.state in {ACTIVE, ARCHIVED}:
                    items.retire(self._state, found, new_state)
                    job.succeeded += 1
                else:
                    failed.append(item_id)
        job.failed_ids, job.status, job.updated_at = tuple(failed), "COMPLETED", self._state.clock()


def _denied(status: int, code: str, message: str) -> FileReply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return FileReply(status, body, {"Content-Type": "application/xml"})
