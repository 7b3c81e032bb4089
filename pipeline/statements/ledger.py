"""Statements of the ledger: what happened, models, champions and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pipeline.dates import EARLIEST
from pipeline.session import Session
from pipeline.sql_assets import Statement


def append_events_statement(session: Session, run_date: date, events: Sequence[Mapping[str, Any]]) -> Statement:
    """Append events of a run date, each once."""
    events_table = session.target.ledger_table("events_v1")
    values = {"run_date": run_date, "events": list(events)}
    return session.statement("ledger/append_events_v1", {"events": events_table}, values)


def append_models_statement(
    session: Session, job: str, run_date: date, run_id: str, models: Sequence[Mapping[str, Any]]
) -> Statement:
    """Append the models of a run, each once."""
    models_table = session.target.ledger_table("models_v1")
    values = {"job": job, "run_date": run_date, "run_id": run_id, "models": list(models)}
    return session.statement("ledger/append_models_v1", {"models": models_table}, values)


def known_models_statement(session: Session, uris: Sequence[str], bundle_digest: str = "") -> Statement:
    """Read the models of all run dates that lie at one of these addresses, or whose bundle has a digest."""
    models_table = session.target.ledger_table("models_v1")
    values = {"first_date": EARLIEST, "uris": list(uris), "bundle_digest": bundle_digest}
    return session.statement("ledger/known_models_v1", {"models": models_table}, values)


def append_champion_statement(session: Session, job: str, variant: str, from_run_date: date, reason: str) -> Statement:
    """Append a decision about the champion, unless it stands already."""
    tables = {name: session.target.ledger_table(table) for name, table in CHAMPION_TABLES.items()}
    values = {"job": job, "variant": variant, "from_run_date": from_run_date, "reason": reason}
    return session.statement("ledger/append_champion_v1", tables, values)


CHAMPION_TABLES = {"champions": "champions_v1", "decided": "champions"}
"""Decisions are appended to the table and looked up in the view of those that hold."""


def append_verdict_statement(
    session: Session, job: str, run_date: date, champion: str, verdict: str, reason: str
) -> Statement:
    """Append a verdict, once."""
    values = {"job": job, "run_date": run_date, "champion": champion, "verdict": verdict, "reason": reason}
    return session.statement("ledger/append_verdict_v1", {"verdicts": session.target.table("verdicts_v1")}, values)


def verdict_of_statement(session: Session, job: str, run_date: date) -> Statement:
    """Read what was decided on a run date."""
    verdicts = session.target.table("verdicts_v1")
    return session.statement("ledger/verdict_of_v1", {"verdicts": verdicts}, {"job": job, "run_date": run_date})


def run_start_statement(session: Session, job: str, run_date: date) -> Statement:
    """Read BigQuery's present moment and the champion in force."""
    champions = session.target.ledger_table("champions")
    return session.statement("ledger/run_start_v1", {"champions": champions}, {"job": job, "run_date": run_date})


def events_of_statement(session: Session, job: str, first: date, last: date) -> Statement:
    """Read the events of run dates."""
    values = {"job": job, "first_date": first, "last_date": last}
    return session.statement("ledger/events_of_v1", {"events": session.target.ledger_table("events")}, values)


def clock_statement(session: Session, here: datetime) -> Statement:
    """Read BigQuery's present moment, and whether `here` lies after it."""
    return session.statement("ledger/clock_v1", {}, {"here": here})
