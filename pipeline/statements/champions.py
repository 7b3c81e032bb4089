"""Statements about the variants of a job: who was champion when, what they are worth, and what they have published."""

from __future__ import annotations

from pipeline.dates import EARLIEST, LATEST
from pipeline.session import Session
from pipeline.sql_assets import Statement


def champions_of_statement(session: Session, job: str) -> Statement:
    """Read the champions of a job in the order of the run dates from which they hold."""
    champions = session.target.ledger_table("champions")
    return session.statement("gate/champions_of_v1", {"champions": champions}, {"job": job})


def variants_statement(session: Session, job: str, metric: str) -> Statement:
    """Read the newest model of each variant, and the newest value of a metric."""
    places = {"models": session.target.ledger_table("models"), "metrics": session.target.table("metrics")}
    values = {"job": job, "metric": metric, "first_date": EARLIEST, "last_date": LATEST}
    return session.statement("gate/variants_v1", places, values)
