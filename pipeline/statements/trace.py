"""Statements of a trace: what the ledger says of a job's models, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.dates import EARLIEST, LATEST
from pipeline.session import Session
from pipeline.sql_assets import Identifier, Statement, TableName

MODELS = (
    *("run_date", "run_id", "variant", "model_id", "uri", "bundle_digest", "training_rows", "data_checksum"),
    "code_digest",
)
COMPARISONS = (
    *("run_date", "run_id", "evaluation_id", "champion", "challenger", "metric", "n", "champion_value"),
    *("challenger_value", "difference", "sql_version", "sql_digest"),
)
VERDICTS = (*("run_date", "champion", "challenger", "verdict", "reason", "n", "needed_n", "difference", "low", "high"),)


def models_statement(session: Session, job: str) -> Statement:
    """Read every model that a job fitted."""
    return _rows(session, session.target.ledger_table("models"), MODELS, job)


def comparisons_statement(session: Session, job: str) -> Statement:
    """Read every comparison of a champion with a challenger, those of earlier evaluations too."""
    return _rows(session, session.target.table("comparisons_v1"), COMPARISONS, job)


def verdicts_statement(session: Session, job: str) -> Statement:
    """Read every verdict about the variants of a job."""
    return _rows(session, session.target.table("verdicts_v1"), VERDICTS, job)


def trace_statements(session: Session, job: str) -> Iterator[Statement]:
    """Return all of them."""
    yield models_statement(session, job)
    yield comparisons_statement(session, job)
    yield verdicts_statement(session, job)


def _rows(session: Session, table: TableName, columns: Sequence[str], job: str) -> Statement:
    places: dict[str, Identifier] = {"view": table, "columns": list(columns)}
    return session.statement("dashboard/rows_v1", places, {"job": job, "first_date": EARLIEST, "last_date": LATEST})
