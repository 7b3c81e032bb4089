"""Answers of BigQuery about jobs, tables and errors that the emulator gives in part only.

They hold all errors of a job, and lists have errors, labels and pages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import duckdb
import orjson
from bqemulator.api.routes import jobs, tables
from bqemulator.catalog.models import JobMeta
from bqemulator.catalog.repository import CatalogRepository
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import Message, Send

from pipeline.emulators.load_sources import DETAILS

JOBS_PAGE, TABLES_PAGE = 100, 1000
"""Items of a page unless a request says otherwise."""

STATUS_OF_REASON = {
    "notFound": (404, "NOT_FOUND"),
    "duplicate": (409, "ALREADY_EXISTS"),
    "internalError": (500, "INTERNAL"),
}
BAD_REQUEST = (400, "INVALID_ARGUMENT")

Upsert = Callable[[Any, Any], Any]


def job_resource(resource: dict[str, Any], job: JobMeta) -> dict[str, Any]:
    """Return a job resource completed by all errors of a failed load and by the rows that a load skipped."""
    skipped = resource["statistics"].pop(DETAILS, [])
    if skipped:
        resource["status"]["errors"] = skipped
    if job.error_result:
        first = {key: value for key, value in job.error_result.items() if key != DETAILS}
        resource["status"] |= {"errorResult": first, "errors": [first, *job.error_result.get(DETAILS, [])]}
    return resource


def job_list(catalog: CatalogRepository, project: str, query: QueryParams) -> dict[str, Any]:
    """Return a page of the jobs of a project, newest first; the emulator's list has no errors and only one page."""
    newest = sorted(catalog.list_jobs(project, max_results=sys.maxsize), key=_position, reverse=True)
    matching = [job for job in newest if _matches(job, query)]
    page, token = _first_page(matching, query, JOBS_PAGE, _position)
    return {"kind": "bigquery#jobList", "jobs": [_job_item(job) for job in page]} | token


def _position(job: JobMeta) -> str:
    """Return the sort key of a job; as a page token it stays valid when new jobs come."""
    return f"{job.creation_time.timestamp():017.6f} {job.job_id}"


def _matches(job: JobMeta, query: QueryParams) -> bool:
    created = int(job.creation_time.timestamp() * 1000)
    states = [state.upper() for state in query.getlist("stateFilter")]
    return (
        "parentJobId" not in query  # here the statements of a script are not jobs
        and (not states or job.state in states)
        and float(query.get("minCreationTime", 0)) <= created <= float(query.get("maxCreationTime", "inf"))
        and ("pageToken" not in query or _position(job) < query["pageToken"])
    )


def _job_item(job: JobMeta) -> dict[str, Any]:
    resource = jobs._build_job_response(job.project_id, job.job_id, job, job.configuration)  # noqa: SLF001 - no other
    error = resource["status"].get("errorResult")
    return resource | {"state": job.state} | ({"errorResult": error} if error else {})


def table_list(catalog: CatalogRepository, project: str, dataset: str, query: QueryParams) -> dict[str, Any]:
    """Return a page of the tables of a dataset, by name; the emulator's list has no labels and only one page."""
    by_name = sorted(catalog.list_tables(project, dataset), key=lambda table: table.table_id)
    matching = [table for table in by_name if table.table_id > query.get("pageToken", "")]
    page, token = _first_page(matching, query, TABLES_PAGE, lambda table: table.table_id)
    items = [
        tables._table_to_list_item(table) | ({"labels": table.labels} if table.labels else {})  # noqa: SLF001
        for table in page
    ]
    return {"kind": "bigquery#tableList", "tables": items, "totalItems": len(by_name)} | token


def _first_page(
    items: list[Any], query: QueryParams, size: int, key: Callable[[Any], str]
) -> tuple[list[Any], dict[str, str]]:
    """Return the first items, and the key of the last one as page token if others follow."""
    page = items[: int(query.get("maxResults", size))]
    return page, {"nextPageToken": key(page[-1])} if page and items[len(page) :] else {}


def inserting(upsert: Upsert) -> Upsert:
    """Return the catalogue's method that writes a job, faster: a job that it does not know yet is inserted."""

    def write(catalogue: Any, job: Any) -> Any:
        if catalogue.get_job(job.project_id, job.job_id) is not None:
            return upsert(catalogue, job)
        plain = SimpleNamespace(
            ensure_ready=catalogue.ensure_ready,
            _cache=catalogue._cache,  # noqa: SLF001
            _engine=SimpleNamespace(execute=_inserts(catalogue._engine)),  # noqa: SLF001
        )
        plain._write_job = lambda made: type(catalogue)._write_job(plain, made)  # noqa: SLF001
        try:
            return upsert(plain, job)
        except duckdb.ConstraintException:  # a row that the catalogue forgot
            return upsert(catalogue, job)

    return write


def _inserts(engine: Any) -> Callable[..., Any]:
    def execute(sql: str, parameters: list[Any]) -> Any:
        return engine.execute(sql.replace("INSERT OR REPLACE", "INSERT", 1), parameters)

    return execute


class QueryResponse:
    """Passes on the answer of jobs.query, with a failed query as an error instead of an empty result."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Hold the status back until the body is known."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start and (error := _query_error(message.get("body", b""))):
            await error_of_job(error)({"type": "http"}, _disconnected, self._send)
            return
        if start:
            await self._send(start)
        await self._send(message)


def error_response(reason: str, message: str, location: str | None = None) -> JSONResponse:
    """Return an error in the form of Google's APIs; clients choose their exception by its status."""
    code, status = STATUS_OF_REASON.get(reason, BAD_REQUEST)
    error = {"message": message, "domain": "global", "reason": reason} | ({"location": location} if location else {})
    return JSONResponse({"error": {"code": code, "message": message, "errors": [error], "status": status}}, code)


def error_of_job(result: dict[str, Any]) -> JSONResponse:
    """Return the error of a failed job, for a request of its rows."""
    return error_response(result["reason"], result["message"], result.get("location"))


def _query_error(body: bytes) -> dict[str, str] | None:
    if b'"errors":' not in body:  # results can be large: they are parsed only if an error may be in them
        return None
    answer = orjson.loads(body)
    errors = answer.get("errors") if answer.get("kind") == "bigquery#queryResponse" else None
    return errors[0] if errors else None


async def _disconnected() -> Message:
    return {"type": "http.disconnect"}
