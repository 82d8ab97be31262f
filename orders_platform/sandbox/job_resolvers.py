"""The resolvers of jobs: starting imports and bulk changes, and asking how they are.

Belongs here: arguments, refusals, the shape of a status. Does not belong here: the jobs (`jobs.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from graphql import GraphQLResolveInfo

from orders_platform.sandbox.context import context_of, number, wanted_board, wanted_group
from orders_platform.sandbox.imports import match_of
from orders_platform.sandbox.jobs import BulkJob, ImportJob
from orders_platform.sandbox.queries import moment
from orders_platform.sandbox.refusals import Refusal, invalid_argument
from orders_platform.sandbox.rows import ARCHIVED, DELETED

Info = GraphQLResolveInfo
_FIRST_VERSION = "2026-07"


def ingest_items(
    _root: object, info: Info, *, board_id: str, group_id: str, on_match: Mapping[str, object] | None = None
) -> dict[str, object]:
    """A job that waits for a CSV file, and the URL to put it to."""
    context = context_of(info)
    if context.version < _FIRST_VERSION:
        raise Refusal("GRAPHQL_VALIDATION_FAILED", f"ingest_items begins with API version {_FIRST_VERSION}")
    group = wanted_group(context.state, wanted_board(context.state, board_id).id, group_id)
    job = context.jobs.start_import(group, match_of(on_match), context.base_url)
    return {"job_id": job.id, "upload_url": f"{context.base_url}uploads/{job.id}"}


def fetch_job_status(_root: object, info: Info, *, job_id: str) -> dict[str, object]:
    """How an import is."""
    context = context_of(info)
    job = context.jobs.import_job(job_id)
    return {
        "__typename": "ItemsJobStatus",
        "status": job.status,
        "counts": job.counts,
        "progress_percentage": 100 if job.status == "COMPLETED" else 0,
        "failure_reason": job.failure_reason,
        "failure_message": job.failure_message,
        "fully_imported": job.status == "COMPLETED" and job.counts.failed == 0,
        "report_created": job.report is not None,
        "report_url": _report_url(job),
    }


def _report_url(job: ImportJob) -> str | None:
    return None if job.report is None else f"{job.base_url}reports/{job.id}.csv"


def bulk_archive_items(_root: object, info: Info, *, board_id: str, item_ids: list[str]) -> dict[str, object]:
    """A job that archives items of a board."""
    return _bulk(info, board_id, item_ids, ARCHIVED)


def bulk_delete_items(_root: object, info: Info, *, board_id: str, item_ids: list[str]) -> dict[str, object]:
    """A job that deletes items of a board."""
    return _bulk(info, board_id, item_ids, DELETED)


def _bulk(info: Info, board_id: str, item_ids: list[str], new_state: str) -> dict[str, object]:
    context = context_of(info)
    most = context.state.switches.bulk_ids
    if not item_ids or (most is not None and len(item_ids) > most):
        raise invalid_argument(f"item_ids must hold 1 to {most or 'any number of'} ids")
    board = wanted_board(context.state, board_id)
    wanted = [number(each, "item id") for each in item_ids]
    return {"job_id": context.jobs.start_bulk(board.id, wanted, new_state).id}


def job_status(_root: object, info: Info, *, job_id: str) -> dict[str, object]:
    """How a bulk change is."""
    job = context_of(info).jobs.bulk_job(job_id)
    return {
        "id": job.id,
        "status": job.status,
        "created_at": moment(job.created_at),
        "updated_at": moment(job.updated_at),
        "error": None,
        "result": _result(job) if job.status == "COMPLETED" else None,
    }


def _result(job: BulkJob) -> dict[str, object]:
    failed = [str(each) for each in job.failed_ids]
    return {"total": job.total, "succeeded": job.succeeded, "failed": len(failed), "details": {"failed_item_ids": failed}}
