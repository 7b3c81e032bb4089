"""Statements that a trace sends: the ledger's models and events, and what was decided about variants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.runs.session import Session
from pipeline.sql import Statement

COLUMNS = {
    "models": (
        *("run_date", "run_id", "variant", "model_id", "uri", "bundle_digest", "training_rows", "data_checksum"),
        "code_digest",
    ),
    "comparisons_v1": (
        *("run_date", "run_id", "evaluation_id", "champion", "challenger", "metric", "n", "champion_value"),
        *("challenger_value", "difference", "sql_version", "sql_digest"),
    ),
    "verdicts_v1": (
        *("run_date", "champion", "challenger", "verdict", "reason", "n", "needed_n", "difference", "low", "high"),
    ),
}
"""Columns that a trace reads of models that were fitted, of comparisons from every evaluation, and of verdicts."""


def rows_statement(session: Session, table: str, job: str, first: date, last: date) -> Statement:
    """Read the rows of a job for run dates in a table of `COLUMNS`."""
    view = session.target.ledger_table(table) if table == "models" else session.target.table(table)
    values = {"job": job, "first_date": first, "last_date": last}
    return session.statement("dashboard/rows_v1", {"view": view, "columns": list(COLUMNS[table])}, values)


def model_runs_statement(session: Session, jobs: Sequence[str], model_ids: Sequence[str]) -> Statement:
    """Read the runs of jobs that made models or predicted with them."""
    tables = {name: session.target.ledger_table(name) for name in ("models", "events")}
    values = {"first_date": EARLIEST, "jobs": list(jobs), "model_ids": list(model_ids)}
    return session.statement("ledger/model_runs_v1", tables, values)


def evaluation_dates_statement(session: Session, jobs: Sequence[str], evaluation_id: str) -> Statement:
    """Read the job and run date of an evaluation."""
    values = {"first_date": EARLIEST, "jobs": list(jobs), "ending": f"/{evaluation_id}"}
    return session.statement("ledger/evaluation_dates_v1", {"events": session.target.ledger_table("events")}, values)


def trace_statements(session: Session, job: str) -> Iterator[Statement]:
    """Return all statements of this module with sample values."""
    yield from (rows_statement(session, table, job, EARLIEST, LATEST) for table in COLUMNS)
    yield model_runs_statement(session, [job], ["0123456789abcdef"])
    yield evaluation_dates_statement(session, [job], "0123456789abcdef")
