"""Errors as Google's APIs answer them, also where the emulator answers a failed query with an empty result."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import JSONResponse
from starlette.types import Message, Send

STATUS_OF_REASON = {"notFound": (404, "NOT_FOUND"), "duplicate": (409, "ALREADY_EXISTS")}
BAD_REQUEST = (400, "INVALID_ARGUMENT")


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
            await error_of_job(failed)({"type": "http"}, _nothing, self._send)
            return
        if start:
            await self._send(start)
        await self._send(message)


def error_response(reason: str, message: str, location: str | None = None) -> JSONResponse:
    """Build an error as Google's APIs word it; clients choose their exception by the status."""
    code, status = STATUS_OF_REASON.get(reason, BAD_REQUEST)
    error = {"message": message, "domain": "global", "reason": reason} | ({"location": location} if location else {})
    return JSONResponse({"error": {"code": code, "message": message, "errors": [error], "status": status}}, code)


def error_of_job(result: dict[str, Any]) -> JSONResponse:
    """Build the error that a failed job's error result becomes where its rows are asked for."""
    return error_response(result["reason"], result["message"], result.get("location"))


def _failure(body: bytes) -> dict[str, str] | None:
    if b'"errors":' not in body:  # results can be large: look inside only where an error may be
        return None
    answer = orjson.loads(body)
    errors = answer.get("errors") if answer.get("kind") == "bigquery#queryResponse" else None
    return errors[0] if errors else None


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
