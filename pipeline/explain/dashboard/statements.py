"""Statements with which the dashboard page reads the dashboard's views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from pipeline.runs.session import Session
from pipeline.sql import Identifier, Statement

MEASURED = ("n", "value", "low", "high", "note", "sql_version", "sql_digest")
"""Columns of a measured value."""

COLUMNS: dict[str, Sequence[str]] = {
    "history": ("run_date", "metric", "variant", "role", *MEASURED),
    "slices": ("run_date", "metric", "variant", "role", "slice_name", "slice_value", *MEASURED),
    "calibration": (
        *("run_date", "variant", "role", "bin", "n", "mean_score", "observed_rate", "low", "high"),
        *("sql_version", "sql_digest"),
    ),
    "comparison": (
        *("run_date", "metric", "champion", "challenger", "n", "champion_value", "challenger_value", "difference"),
        *("verdict", "reason", "verdict_n", "needed_n", "verdict_difference", "verdict_low", "verdict_high"),
        *("sql_version", "sql_digest"),
    ),
    "drift": (
        *("run_date", "variant", "feature", "measure", "n", "value", "reference", "threshold", "is_warning", "note"),
        *("sql_version", "sql_digest"),
    ),
    "runs": (
        *("run_date", "run_id", "phase", "event", "variant", "rows", "seconds", "bytes", "cost", "recorded_at"),
        *("sql_version", "sql_digest", "code_digest"),
    ),
}
"""Columns that the page reads of each view."""


def latest_rows_statement(session: Session, job: str, first: date) -> Statement:
    """Return the statement that reads run date, metric and its direction of improvement, of the latest evaluation."""
    view = session.target.dashboard_table("dashboard_latest")
    return session.statement("dashboard/latest_rows_v1", {"view": view}, {"job": job, "first_date": first})


def rows_statement(
    session: Session, view: str, job: str, first: date, last: date, metrics: Sequence[str] = ()
) -> Statement:
    """Return the statement that reads the rows of `dashboard_<view>` for run dates; of slices those of some metrics."""
    table = session.target.dashboard_table(f"dashboard_{view}")
    places: dict[str, Identifier] = {"view": table, "columns": list(COLUMNS[view])}
    values: dict[str, Any] = {"job": job, "first_date": first, "last_date": last}
    if view == "slices":
        return session.statement("dashboard/slice_rows_v1", places, {**values, "metrics": list(metrics)})
    return session.statement("dashboard/rows_v1", places, values)


def page_statements(session: Session, job: str, first: date, last: date) -> Iterator[Statement]:
    """Yield every statement of a page."""
    yield latest_rows_statement(session, job, first)
    yield from (rows_statement(session, view, job, first, last, ["auc"]) for view in COLUMNS)
