"""Jobs that are new are inserted: the emulator's INSERT OR REPLACE of one row takes five times as long."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import duckdb

Upsert = Callable[[Any, Any], Any]


def inserting(upsert: Upsert) -> Upsert:
    """Return a method of the emulator's catalogue that inserts a job which it does not know yet."""

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
