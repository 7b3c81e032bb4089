"""Where in the ledger something stands of which no run date is known: asked by its id, over all run dates."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.lineage.rows import Rows
from pipeline.session import Session
from pipeline.statements.trace import evaluation_dates_statement, model_runs_statement


def runs_of_models(session: Session, jobs: Collection[str], model_ids: Collection[str]) -> Rows:
    """Return the runs that made models (`made`), and those that predicted with them."""
    tables = [session.target.ledger_table(name) for name in ("models", "events")]
    if not model_ids or not all(session.warehouse.tables.exists(table) for table in tables):
        return []
    return list(session.warehouse.rows(model_runs_statement(session, sorted(jobs), sorted(model_ids))))


def dates_of_evaluation(session: Session, jobs: Collection[str], evaluation_id: str) -> Rows:
    """Return job and run date of an evaluation; none where there is no such evaluation."""
    if not session.warehouse.tables.exists(session.target.ledger_table("events")):
        return []
    return list(session.warehouse.rows(evaluation_dates_statement(session, sorted(jobs), evaluation_id)))
