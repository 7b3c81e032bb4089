"""Costs of queries, for which the emulator reports 0: bytes, slot time, and the limit of billed bytes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import InvalidQueryError, NotFoundError

from pipeline.emulators.scanned_bytes import Scan, ScannedBytes, table_in_words

Execute = Callable[..., Awaitable[JobMeta]]

Preview = Callable[..., Awaitable[dict[str, Any]]]

LIMIT: ContextVar[int | None] = ContextVar("maximumBytesBilled of the request", default=None)

MAKES_TABLE = re.compile(
    r"\s*CREATE OR REPLACE TABLE `[^`]+`(?:\s+(?:CLUSTER|PARTITION) BY [^\n]+?)*\s+AS\s+(?=SELECT|WITH)"
)
"""The beginning of a statement that makes a table of the rows of a query."""


class BytesBilledLimitExceeded(InvalidQueryError):
    """A query would be billed for more bytes than its job allows."""

    bq_reason = "bytesBilledLimitExceeded"


class Billing:
    """Wraps the functions of an emulator that run and preview queries, and adds estimates of their cost."""

    def __init__(self) -> None:
        self._scanned: ScannedBytes | None = None

    def executing(self, execute: Execute) -> Execute:
        """Return a function that runs query jobs: it refuses those above their limit and reports costs."""

        async def run(
            project: str, job_id: str, sql: str, parameters: Any, context: AppContext, **more: Any
        ) -> JobMeta:
            scan, started = self._scan(sql, project, context), perf_counter()
            refuse_above_limit(scan)
            job = await execute(project, job_id, sql, parameters, context, **more)
            if job.statistics.get("query") is not None:
                slot_ms = round((perf_counter() - started) * 1000)
                job.statistics["query"] |= {
                    "totalBytesProcessed": str(scan.processed),
                    "totalBytesBilled": str(scan.billed),
                    "totalSlotMs": str(slot_ms),
                }
            return job

        return run

    def previewing(self, preview: Preview) -> Preview:
        """Return a function that answers dry runs: with bytes, or with an error for what does not exist."""

        async def answer(**request: Any) -> dict[str, Any]:
            scan = self._scan(request["bq_sql"], request["project_id"], request["ctx"])
            if scan.missing:
                raise NotFoundError(f"Not found: Table {table_in_words(scan.missing[0])} was not found in location US")
            refuse_above_limit(scan)
            if made := MAKES_TABLE.match(request["bq_sql"]):  # which the emulator does not look into
                query = request["bq_sql"][made.end() :].rstrip().rstrip(";")
                await preview(**{**request, "bq_sql": f"SELECT * FROM (\n{query}\n) LIMIT 0"})  # noqa: S608 - the user's
            body = await preview(**request)
            statistics = body["statistics"]["query"] if "statistics" in body else body
            parts = ("projectId", "datasetId", "tableId")
            tables = [dict(zip(parts, name, strict=True)) for name in sorted(scan.tables)]
            statistics |= {"totalBytesProcessed": str(scan.processed), "referencedTables": tables}
            return body

        return answer

    def _scan(self, sql: str, project: str, context: AppContext) -> Scan:
        if self._scanned is None or self._scanned.context is not context:
            self._scanned = ScannedBytes(context)
        return self._scanned.of(sql, project)


def refuse_above_limit(scan: Scan) -> None:
    """Check the billed bytes of a query against the limit of the request, before it runs.

    Raises
    ------
    BytesBilledLimitExceeded
        It would be billed for more.
    """
    limit = LIMIT.get()
    if limit is not None and scan.billed > limit:
        message = f"Query exceeded limit for bytes billed: {limit}. {scan.billed} or higher required."
        raise BytesBilledLimitExceeded(message)


def limit_of(configuration: dict[str, Any]) -> int | None:
    """Return `maximumBytesBilled` of a query, in bytes; None without a limit."""
    limit = configuration.get("maximumBytesBilled")
    return int(limit) if limit else None
