"""Guarantees of BigQuery about jobs and lists that the emulator lacks, as a layer around its application.

Each behaviour is a row of docs/local-target.md with its test. Replaced parts of the emulator are elsewhere: loads in
`load_jobs`, concurrent updates in `concurrent_dml`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, MutableMapping
from typing import Any

import orjson
import pyarrow as pa
from bqemulator.api.dependencies import AppContext
from bqemulator.jobs.executor import JOB_RESULTS, JOB_SCHEMAS
from bqemulator.streaming import read_session
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.emulators.answers import QueryResponse, error_of_job, error_response, job_list, table_list
from pipeline.emulators.billing import LIMIT, limit_of

TABLES = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/]+)/tables")

PATH = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/(?P<kind>jobs|queries)(/(?P<job>[^/]+))?")

LOCATION = "US"

KEPT_RESULTS, KEPT_SESSIONS = 64, 16  # the emulator itself keeps all of them, in memory


class Semantics:
    """An ASGI application around the emulator's; the catalog in its context keeps jobs across restarts."""

    def __init__(self, app: ASGIApp, context: AppContext) -> None:
        self._app = app
        self._catalog = context.catalog
        self._running: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it to the emulator."""
        path = PATH.fullmatch(scope.get("path", ""))
        _forget_old_results()
        match scope.get("method"), path and path["kind"]:
            case "POST", "jobs" if path and not path["job"]:
                await self._insert_job(path["project"], scope, receive, send)
            case "POST", "queries" if path and not path["job"]:
                body = await _read(receive)
                LIMIT.set(limit_of(_query_in(body)))
                await self._app(scope, _replay(body), QueryResponse(send))
            case "GET", "queries" if path and path["job"]:
                await self._query_results(path["project"], path["job"], scope, receive, send)
            case "GET", "jobs" if path and not path["job"]:
                listed = job_list(self._catalog, path["project"], QueryParams(scope["query_string"]))
                await JSONResponse(listed)(scope, receive, send)
            case "GET", None if tables := TABLES.fullmatch(scope.get("path", "")):
                await self._list_tables(tables["project"], tables["dataset"], scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _insert_job(self, project: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a job once per id; the emulator itself would run it again."""
        body = await _read(receive)
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            await error_response("parseError", f"Invalid JSON payload received. {error}")(scope, receive, send)
            return
        LIMIT.set(limit_of(request.get("configuration", {}).get("query", {})))
        job_id = request.get("jobReference", {}).get("jobId")
        if job_id is None:
            await self._app(scope, _replay(body), send)
        elif self._catalog.get_job(project, job_id) or (project, job_id) in self._running:
            message = f"Already Exists: Job {project}:{LOCATION}.{job_id}"
            await error_response("duplicate", message)(scope, receive, send)
        else:
            await self._run_once(project, job_id, request, self._app(scope, _replay(body), send))

    async def _run_once(self, project: str, job_id: str, request: dict[str, Any], run: Awaitable[None]) -> None:
        self._running.add((project, job_id))
        try:
            await run
        finally:
            self._running.remove((project, job_id))
        if request.get("configuration", {}).get("dryRun"):  # the emulator stores it like a job that ran
            self._catalog.delete_job(project, job_id, not_found_ok=True)

    async def _query_results(self, project: str, job_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a finished job, even if the emulator has lost its result or never had one."""
        job = self._catalog.get_job(project, job_id)
        if job and job.error_result:
            await error_of_job(job.error_result)(scope, receive, send)
            return
        if job and job.statistics.get("query", {}).get("statementType", "SELECT") != "SELECT":
            JOB_RESULTS.setdefault(job_id, pa.table({}))  # such a statement returns no rows
        await self._app(scope, receive, send)

    async def _list_tables(self, project: str, dataset: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._catalog.get_dataset(project, dataset) is None:
            await error_response("notFound", f"Not found: Dataset {project}:{dataset}")(scope, receive, send)
            return
        listed = table_list(self._catalog, project, dataset, QueryParams(scope["query_string"]))
        await JSONResponse(listed)(scope, receive, send)


def _forget_old_results() -> None:
    limits: list[tuple[MutableMapping[str, Any], int]] = [
        (JOB_RESULTS, KEPT_RESULTS),
        (JOB_SCHEMAS, KEPT_RESULTS),
        (read_session._SESSIONS, KEPT_SESSIONS),  # noqa: SLF001 - it has no other name
    ]
    for results, limit in limits:
        while len(results) > limit:
            results.pop(next(iter(results)))


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _query_in(body: bytes) -> dict[str, Any]:
    """Return the body of jobs.query; empty if it is not a JSON object, which the emulator refuses itself."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return request if isinstance(request, dict) else {}


def _replay(body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive
