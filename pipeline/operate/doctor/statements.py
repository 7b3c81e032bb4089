"""Statements with which `pipeline doctor` asks for the account's name and for its rights."""

from __future__ import annotations

from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

NEVER_MADE = "pipeline_doctor_asks"
"""Name of a table that only dry runs make."""


def account_statement(session: Session) -> Statement:
    """Return the statement that reads the name of the account."""
    return session.statement("doctor/account_v1", {})


def new_table_statement(session: Session, dataset: str) -> Statement:
    """Return a statement that makes a table in a dataset, for dry runs."""
    return session.statement("doctor/new_table_v1", {"table": TableName(session.target.project, dataset, NEVER_MADE)})
