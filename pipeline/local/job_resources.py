"""Jobs as BigQuery describes them: with all their errors, and listed with their errors and page by page."""

from __future__ import annotations

import sys
from typing import Any

from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta
from bqemulator.catalog.repository import CatalogRepository
from starlette.datastructures import QueryParams

from pipeline.local.load_sources import DETAILS

PAGE = 100


def job_resource(resource: dict[str, Any], job: JobMeta) -> dict[str, Any]:
    """Complete a job resource: all errors of a failed load, not only the first; the rows that a load skipped."""
    skipped = resource["statistics"].pop(DETAILS, [])
    if skipped:
        resource["status"]["errors"] = skipped
    if job.error_result:
        first = {key: value for key, value in job.error_result.items() if key != DETAILS}
        resource["status"] |= {"errorResult": first, "errors": [first, *job.error_result.get(DETAILS, [])]}
    return resource


def job_list(catalog: CatalogRepository, project: str, query: QueryParams) -> dict[str, Any]:
    """List the jobs of a project, newest first; the emulator's list has no errors, and ends with its first page."""
    found = sorted(catalog.list_jobs(project, max_results=sys.maxsize), key=_position, reverse=True)
    asked = [job for job in found if _is_asked_for(job, query)]
    page = asked[: int(query.get("maxResults", PAGE))]
    next_page = {"nextPageToken": _position(page[-1])} if page and asked[len(page) :] else {}
    return {"kind": "bigquery#jobList", "jobs": [_list_item(job) for job in page]} | next_page


def _position(job: JobMeta) -> str:
    """Return what a job is sorted by; as a page token it stays true when new jobs come."""
    return f"{job.creation_time.timestamp():017.6f} {job.job_id}"


def _is_asked_for(job: JobMeta, query: QueryParams) -> bool:
    created = int(job.creation_time.timestamp() * 1000)
    states = [state.upper() for state in query.getlist("stateFilter")]
    return (
        "parentJobId" not in query  # the statements of a script are no jobs here
        and (not states or job.state in states)
        and float(query.get("minCreationTime", 0)) <= created <= float(query.get("maxCreationTime", "inf"))
        and ("pageToken" not in query or _position(job) < query["pageToken"])
    )


def _list_item(job: JobMeta) -> dict[str, Any]:
    resource = jobs._build_job_response(job.project_id, job.job_id, job, job.configuration)  # noqa: SLF001 - no other
    error = resource["status"].get("errorResult")
    return resource | {"state": job.state} | ({"errorResult": error} if error else {})
