"""The SQL of a job, examples and labels, rendered over its sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipeline.project.job_yaml import LABEL, SqlStep
from pipeline.project.project import Job
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.runs.tables import function_name
from pipeline.sql import Statement, TableName, render


@dataclass(frozen=True)
class QueryScope:
    """The run dates and moments of a query.

    Parameters
    ----------
    run_date
        `@run_date`.
    first_date, last_date
        `@first_date` and `@last_date`: the run dates whose rows the query returns.
    as_of
        `@as_of`: the query uses only what was known at this moment.
    snapshot_at
        Moment at which base tables are read; now if None.
    """

    run_date: date
    first_date: date
    last_date: date
    as_of: datetime
    snapshot_at: datetime | None = None


def job_query(
    session: Session, job: Job, step: SqlStep, scope: QueryScope, tables: Mapping[str, TableName] | None = None
) -> Statement:
    """Return a SQL asset of a job as a statement; it gets those values of the engine that its header declares.

    Parameters
    ----------
    step
        Asset and parameters, as in job.yaml.
    tables
        Tables to read instead of the job's sources.
    """
    asset = session.catalogue.get(step.sql)
    engine_values: dict[str, Any] = {
        "as_of": scope.as_of,
        "run_date": scope.run_date,
        "first_date": scope.first_date,
        "last_date": scope.last_date,
        "time_zone": job.spec.time_zone,
        "history_days": job.spec.examples.history_days,
    }
    declared = {name: value for name, value in engine_values.items() if name in asset.header.parameters}
    tables = tables or source_tables(session, job)
    sources = {name: tables[name] for name in asset.header.identifiers if name in job.spec.sources}
    functions = {name: function_name(session, name) for name in asset.function_names}
    return render(
        asset,
        {**sources, **functions},
        {**declared, **step.parameters},
        snapshot_at=scope.snapshot_at,
        snapshot_of=frozenset(sources),
    )


def examples_columns(session: Session, job: Job) -> Schema:
    """Return the columns that models get: those of the examples SQL, and the label."""
    examples = session.catalogue.get(job.spec.examples.sql).columns
    return examples + label_columns(session, job).select([LABEL])


def label_columns(session: Session, job: Job) -> Schema:
    """Return the columns of the labels SQL: prediction key, label and slices."""
    return session.catalogue.get(job.spec.labels.sql).columns


def source_tables(session: Session, job: Job) -> dict[str, TableName]:
    """Return the base tables of a job."""
    return {name: session.target.table(name) for name in job.spec.sources}
