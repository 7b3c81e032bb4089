"""Statements of the gate: comparing champion and challengers, judging them, and promoting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.project.gate_rule import GateRule
from pipeline.project.project import Job
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Statement, TableName


@dataclass(frozen=True)
class GateTables:
    """Tables that the gate reads: comparisons, champions and verdicts."""

    comparisons: TableName
    champions: TableName
    verdicts: TableName

    @classmethod
    def of(cls, session: Session) -> GateTables:
        """Return the tables of a target."""
        target = session.target
        return cls(target.table("comparisons"), target.ledger_table("champions"), target.table("verdicts_v1"))


@dataclass(frozen=True)
class Pairing:
    """The champion of a run date, and the challengers that a run published with it."""

    run_date: date
    run_id: str
    champion: str
    challengers: Sequence[str]


def paired_predictions_statement(
    session: Session, job: Job, predictions: TableName, columns: Sequence[str], pairing: Pairing
) -> Statement:
    """Read the predictions of champion and challengers for the entities that both predicted."""
    identifiers: dict[str, Identifier] = {
        "predictions": predictions,
        "entity": job.spec.entity,
        "columns": list(columns),
    }
    return session.statement("phases/paired_predictions_v1", identifiers, asdict(pairing))


def record_comparisons_statement(
    session: Session, computed: Statement, which: Mapping[str, Any], sql_version: str, sql_digest: str
) -> Statement:
    """Append the comparisons of an evaluation, once; `which` holds job, run_date, evaluation_id and champion."""
    comparisons = session.target.table("comparisons_v1")
    identifiers: dict[str, Identifier] = {"comparisons": comparisons, "computed": computed}
    values = {**which, "sql_version": sql_version, "sql_digest": sql_digest}
    return session.statement("phases/record_comparisons_v1", identifiers, values)


def judge_statement(
    session: Session,
    rule: GateRule,
    jobs: Sequence[str],
    challengers: Sequence[str],
    last_date: date,
    tables: GateTables | None = None,
) -> Statement:
    """Judge the run dates up to `last_date` that are not judged yet.

    Parameters
    ----------
    jobs
        Jobs that are judged separately.
    challengers
        Variants that may become champion.
    tables
        Tables to read instead of the target's.
    """
    tables, gate = tables or GateTables.of(session), rule.gate
    values = {
        "jobs": list(jobs),
        "first_date": EARLIEST,
        "last_date": last_date,
        "challengers": list(challengers),
        "metric": gate.metric,
        "sign": rule.sign,
        "min_gain": gate.min_gain,
        "min_days": gate.min_days,
        "max_windows": gate.max_windows,
        "quantile": rule.quantile,
        "guard_rails": [rail._asdict() for rail in rule.guard_rails],
    }
    identifiers = {"comparisons": tables.comparisons, "champions": tables.champions, "verdicts": tables.verdicts}
    return session.statement("gate/judge_v1", identifiers, values)


def undone_statement(session: Session, job: str, last_date: date) -> Statement:
    """Read the decided promotions up to a run date that were not carried out."""
    target = session.target
    identifiers = {
        "verdicts": target.table("verdicts_v1"),
        "champions": target.ledger_table("champions"),
        "decisions": target.ledger_table("champions_v1"),
    }
    values = {"job": job, "first_date": EARLIEST, "last_date": last_date}
    return session.statement("gate/undone_v1", identifiers, values)


def promote_statement(session: Session, job: Job, values: Mapping[str, Any]) -> Statement:
    """Make a challenger champion, once; `values` hold variant, reason, decided_on and not_before."""
    identifiers = {
        "champions": session.target.ledger_table("champions_v1"),
        "predictions": session.target.table(job.predictions_table),
    }
    return session.statement("gate/promote_v1", identifiers, {"job": job.name, **values})
