"""Updates that collide: of UPDATE, DELETE and MERGE at once on one table one wins, and BigQuery fails the others.

The emulator runs one statement at a time, so that nothing would ever collide. Here a statement first gives way for a
moment, in which others that were sent at the same time arrive, and fails when one of them has changed its table since.
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


class ConcurrentDml:
    """What runs query jobs in place of the emulator's function, which it uses for all that does not collide.

    Parameters
    ----------
    execute
        The emulator's own function. It never gives way to another job before its end.
    """

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._versions: Counter[str] = Counter()

    async def execute(self, project: str, job_id: str, sql: str, *args: Any, **options: Any) -> JobMeta:
        """Run a statement, unless another one changes its table at the same time."""
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
    """Return the table that an UPDATE, DELETE or MERGE changes as `project:dataset.table`; None for all else."""
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.SqlglotError:
        return None  # the emulator says what is wrong with it
    table = changed_by(tree)
    return None if table is None else f"{table.catalog or project}:{table.db}.{table.name}"


def changed_by(tree: exp.Expr) -> exp.Table | None:
    """Return the table that an UPDATE, DELETE or MERGE changes; None for all else."""
    if not isinstance(tree, exp.Update | exp.Delete | exp.Merge):
        return None
    table: exp.Table = tree.this or tree.args["tables"][0]  # the second in DELETE without FROM
    return table
