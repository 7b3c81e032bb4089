"""Concurrent UPDATE, DELETE and MERGE statements on one table: one succeeds, and the others fail as in BigQuery.

The emulator runs one statement at a time, so nothing would ever collide. Here a statement first waits for a moment, in
which others that were sent at the same time arrive, and fails if one of them has changed its table since.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import sqlglot
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import InvalidQueryError
from sqlglot import exp

Execute = Callable[..., Awaitable[JobMeta]]

OVERLAP_SECONDS = 0.003
"""How long a statement waits for others."""


class ConcurrentDml:
    """Runs query jobs in place of the emulator's function, which it calls for every statement that does not collide.

    That function never yields to another job before its end.
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._versions: Counter[str] = Counter()

    async def execute(self, project: str, job_id: str, sql: str, *args: Any, **options: Any) -> JobMeta:
        """Run a statement.

        Raises
        ------
        InvalidQueryError
            Another statement changes its table at the same time.
        """
        table = changed_table(sql, project)
        if table is None:
            return await self._execute(project, job_id, sql, *args, **options)
        seen = self._versions[table]
        await asyncio.sleep(OVERLAP_SECONDS)
        if self._versions[table] != seen:
            raise InvalidQueryError(f"Could not serialize access to table {table} due to concurrent update")
        job = await self._execute(project, job_id, sql, *args, **options)
        self._versions[table] += 1
        return job


def changed_table(sql: str, project: str) -> str | None:
    """Return the table that an UPDATE, DELETE or MERGE changes, as `project:dataset.table`; None for others."""
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.SqlglotError:
        return None  # the emulator reports the error
    table = changed_by(tree)
    return None if table is None else f"{table.catalog or project}:{table.db}.{table.name}"


def changed_by(tree: exp.Expr) -> exp.Table | None:
    """Return the table that an UPDATE, DELETE or MERGE changes; None for other statements."""
    if not isinstance(tree, exp.Update | exp.Delete | exp.Merge):
        return None
    table: exp.Table = tree.this or tree.args["tables"][0]  # the second in DELETE without FROM
    return table
