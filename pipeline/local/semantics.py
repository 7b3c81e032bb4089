"""What BigQuery promises about jobs and the emulator lacks, as a layer around the emulator's application.

Every behaviour is a row of docs/local-target.md, each with its test. Loads are in `load_jobs`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, MutableMapping
from typing import Any

import orjson
import pyarrow as pa
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.models import JobMeta
from bqemulator.jobs.executor import JOB_RESULTS, JOB_SCHEMAS
from bqemulator.streaming import read_session
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.local.load_sources import DETAILS

PATH = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/(?P<kind>jobs|queries)(/(?P<job>[^/]+))?")
LOCATION = "US"
STATUS_OF_REASON = {"notFound": (404, "NOT_FOUND"), "duplicate": (409, "ALREADY_EXISTS")}
BAD_REQUEST = (400, "INVALID_ARGUMENT")
KEPT_RESULTS, KEPT_SESSIONS = 64, 16  # the emulator would keep all of them, in memory, for good


class Semantics:
    """An ASGI application around the emulator's.

    Parameters
    ----------
    app
        The emulator's application.
    context
        Its catalog, which remembers jobs across restarts.
    """

    def __init__(self, app: ASGIApp, context: AppContext) -> None:
        self._app = app
        self._catalog = context.catalog
        self._running: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the emulator answer it."""
        path = PATH.fullmatch(scope.get("path", ""))
        _forget_old_results()
        match scope.get("method"), path and path["kind"]:
            case "POST", "jobs" if path and not path["job"]:
                await self._insert_job(path["project"], scope, receive, send)
            case "POST", "queries" if path and not path["job"]:
                await self._app(scope, receive, QueryResponse(send))
            case "GET", "queries" if path and path["job"]:
                self._restore_result(path["project"], path["job"])
                await self._app(scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _insert_job(self, project: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a job of a given id once; the emulator would run it again."""
        body = await _read(receive)
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            await error_response("parseError", f"Invalid JSON payload received. {error}")(scope, receive, send)
            return
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
        if request.get("configuration", {}).get("dryRun"):  # the emulator keeps it like a job that ran
            self._catalog.delete_job(project, job_id, not_found_ok=True)

    def _restore_result(self, project: str, job_id: str) -> None:
        """Answer for the result of a finished statement that returned no rows, also after a restart."""
        job = self._catalog.get_job(project, job_id)
        kind = job.statistics.get("query", {}).get("statementType") if job and not job.error_result else None
        if kind not in (None, "SELECT"):
            JOB_RESULTS.setdefault(job_id, pa.table({}))


class QueryResponse:
    """Pass on the answer of jobs.query; a failed query is an error and not an empty result."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Hold the status back until the body is known."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start and (failed := _failure(message.get("body", b""))):
            response = error_response(failed["reason"], failed["message"], failed.get("location"))
            await response({"type": "http"}, _nothing, self._send)
            return
        if start:
            await self._send(start)
        await self._send(message)


def error_response(reason: str, message: str, location: str | None = None) -> JSONResponse:
    """Build an error as Google's APIs word it; clients choose their exception by the status."""
    code, status = STATUS_OF_REASON.get(reason, BAD_REQUEST)
    error = {"message": message, "domain": "global", "reason": reason} | ({"location": location} if location else {})
    return JSONResponse({"error": {"code": code, "message": message, "errors": [error], "status": status}}, code)


def job_resource(resource: dict[str, Any], job: JobMeta) -> dict[str, Any]:
    """Complete a job resource: all errors of a failed load, not only the first."""
    details = (job.error_result or {}).get(DETAILS)
    if details:
        first = {key: value for key, value in (job.error_result or {}).items() if key != DETAILS}
        resource["status"] |= {"errorResult": first, "errors": [first, *details]}
    return resource


def _failure(body: bytes) -> dict[str, str] | None:
    if b'"errors":' not in body:  # results can be large: look inside only where an error may be
        return None
    answer = orjson.loads(body)
    errors = answer.get("errors") if answer.get("kind") == "bigquery#queryResponse" else None
    return errors[0] if errors else None


def _forget_old_results() -> None:
    kept: list[tuple[MutableMapping[str, Any], int]] = [
        (JOB_RESULTS, KEPT_RESULTS),
        (JOB_SCHEMAS, KEPT_RESULTS),
        (read_session._SESSIONS, KEPT_SESSIONS),  # noqa: SLF001 - it has no other name
    ]
    for results, limit in kept:
        while len(results) > limit:
            results.pop(next(iter(results)))


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replay(body: bytes) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
