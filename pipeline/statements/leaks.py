"""Statements of the tests against leakage: examples made twice, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import Identifier, Named, Statement, TableName
from pipeline.statements.checks import count_wrong
from pipeline.statements.job import Asked, job_query


def cut_source_statement(session: Session, job: Job, name: str, table: TableName, as_of: datetime) -> Statement:
    """Make a copy of a source that holds what was known at a moment."""
    source = job.spec.sources[name]
    identifiers: dict[str, Identifier] = {
        "table": table,
        "source": session.warehouse.table(name),
        "columns": source.typed_columns.names,
        "known_at": source.known_at or "",
    }
    return session.statement("leaks/cut_source_v1", identifiers, {"as_of": as_of})


def lone_examples_statement(
    session: Session, job: Job, table: TableName, asked: Asked, sources: Mapping[str, TableName]
) -> Statement:
    """Make the examples of a moment; `sources` take the place of the job's own tables."""
    identifiers: dict[str, Identifier] = {
        "table": table,
        "examples": job_query(session, job, job.spec.examples, asked, sources),
        "columns": columns_of(session, job),
    }
    return session.statement("leaks/examples_v1", identifiers)


def compare_statement(
    session: Session, job: Job, one: TableName, other: TableName, span: tuple[datetime, datetime]
) -> Statement:
    """Count the rows of two tables that differ, by column; only those of a span of moments."""
    differences: list[Named] = [
        (f"differs_{column}", count_wrong(session, difference(session, job, column)))
        for column in compared(session, job)
    ]
    identifiers = _pair(session, job, one, other, span) | {"differences": differences}
    return session.statement("leaks/compare_v1", identifiers)


def example_key_statement(
    session: Session, job: Job, one: TableName, other: TableName, span: tuple[datetime, datetime], column: str
) -> Statement:
    """Read a key for which two tables differ in a column or at all."""
    identifiers = _pair(session, job, one, other, span) | {"condition": difference(session, job, column)}
    return session.statement("leaks/example_key_v1", identifiers)


def columns_of(session: Session, job: Job) -> list[str]:
    """Return the columns of a job's examples."""
    return session.catalogue.get(job.spec.examples.sql).columns.names


def compared(session: Session, job: Job) -> list[str]:
    """Return the columns of a job's examples besides the key."""
    return [name for name in columns_of(session, job) if name not in job.spec.prediction_key]


def difference(session: Session, job: Job, column: str) -> Statement:
    """Return the condition under which two rows of one key differ in a column."""
    types = {each.name: each.type for each in session.catalogue.get(job.spec.examples.sql).columns.columns}
    name = "differs_float" if types[column] == "FLOAT64" else "differs"
    return session.statement(f"leaks/{name}_v1", {"column": column})


def _pair(
    session: Session, job: Job, one: TableName, other: TableName, span: tuple[datetime, datetime]
) -> dict[str, Identifier]:
    columns, moments = columns_of(session, job), {"first_moment": span[0], "last_moment": span[1]}
    rows = [
        session.statement("leaks/rows_between_v1", {"table": table, "columns": columns}, moments)
        for table in (one, other)
    ]
    return {"one": rows[0], "other": rows[1], "key": job.spec.prediction_key}
