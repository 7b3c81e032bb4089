"""Statements of the ledger: events, models, champions and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.runs.session import Session
from pipeline.sql import Statement

CHAMPION_TABLES = {"champions": "champions_v1", "decided": "champions"}
"""Decisions are appended to the table, and read from the view of those in force."""


def append_events_statement(session: Session, run_date: date, events: Sequence[Mapping[str, Any]]) -> Statement:
    """Append events of a run date, each once."""
    values = {"run_date": run_date, "events": list(events)}
    return session.statement("ledger/append_events_v1", {"events": session.target.ledger_table("events_v1")}, values)


def append_models_statement(
    session: Session, job: str, run_date: date, run_id: str, models: Sequence[Mapping[str, Any]]
) -> Statement:
    """Append the models of a run, each once."""
    values = {"job": job, "run_date": run_date, "run_id": run_id, "models": list(models)}
    return session.statement("ledger/append_models_v1", {"models": session.target.ledger_table("models_v1")}, values)


def known_models_statement(session: Session, uris: Sequence[str], bundle_digest: str = "") -> Statement:
    """Read the models of all run dates at one of these addresses, or with a bundle of this digest."""
    values = {"first_date": EARLIEST, "uris": list(uris), "bundle_digest": bundle_digest}
    return session.statement("ledger/known_models_v1", {"models": session.target.ledger_table("models_v1")}, values)


def append_champion_statement(session: Session, job: str, variant: str, from_run_date: date, reason: str) -> Statement:
    """Append a decision about the champion, unless it is the one in force."""
    tables = {name: session.target.ledger_table(table) for name, table in CHAMPION_TABLES.items()}
    values = {"job": job, "variant": variant, "from_run_date": from_run_date, "reason": reason}
    return session.statement("ledger/append_champion_v1", tables, values)


def append_verdict_statement(
    session: Session, job: str, run_date: date, champion: str, verdict: str, reason: str
) -> Statement:
    """Append a verdict, once."""
    values = {"job": job, "run_date": run_date, "champion": champion, "verdict": verdict, "reason": reason}
    return session.statement("ledger/append_verdict_v1", {"verdicts": session.target.table("verdicts_v1")}, values)


def verdict_of_statement(session: Session, job: str, run_date: date) -> Statement:
    """Read the verdicts of a run date."""
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
    """Read BigQuery's present moment, and whether `here` is later."""
    return session.statement("ledger/clock_v1", {}, {"here": here})


def champions_of_statement(session: Session, job: str) -> Statement:
    """Read the champions of a job, ordered by the run date from which each is in force."""
    champions = session.target.ledger_table("champions")
    return session.statement("gate/champions_of_v1", {"champions": champions}, {"job": job})


def variants_statement(session: Session, job: str, metric: str) -> Statement:
    """Read the newest model of each variant, and the newest value of a metric."""
    places = {"models": session.target.ledger_table("models"), "metrics": session.target.table("metrics")}
    values = {"job": job, "metric": metric, "first_date": EARLIEST, "last_date": LATEST}
    return session.statement("gate/variants_v1", places, values)


def append_verdicts_statement(session: Session, job: str, verdicts: Sequence[Mapping[str, Any]]) -> Statement:
    """Append verdicts of the gate, each once."""
    days = [row["run_date"] for row in verdicts] or [EARLIEST]
    values = {"job": job, "first_date": min(days), "last_date": max(days), "said": list(verdicts)}
    return session.statement("gate/append_verdicts_v1", {"verdicts": session.target.table("verdicts_v1")}, values)
