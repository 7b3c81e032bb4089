"""Statements with which `pipeline doctor` asks who it is, and what it may do."""

from __future__ import annotations

from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

NEVER_MADE = "pipeline_doctor_asks"
"""Name of a table that a dry run would make."""


def account_statement(session: Session) -> Statement:
    """Read the account that asks."""
    return session.statement("doctor/account_v1", {})


def new_table_statement(session: Session, dataset: str) -> Statement:
    """Make a table in a dataset: for dry runs."""
    return session.statement("doctor/new_table_v1", {"table": TableName(session.target.project, dataset, NEVER_MADE)})
