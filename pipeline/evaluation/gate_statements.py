"""Statements of the gate: comparing champion and challengers, judging them, and promoting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.project.gate_rule import GateRule
from pipeline.project.project import Job
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Statement, TableName


def paired_predictions_statement(
    session: Session, job: Job, columns: Sequence[str], which: Mapping[str, Any]
) -> Statement:
    """Read the predictions of champion and challengers for the entities that both predicted.

    Parameters
    ----------
    which
        run_date, run_id, champion, and the challengers that the run published with it.
    """
    identifiers: dict[str, Identifier] = {
        "predictions": session.target.table(job.predictions_table),
        "entity": job.spec.entity,
        "columns": list(columns),
    }
    return session.statement("phases/paired_predictions_v1", identifiers, which)


def record_comparisons_statement(session: Session, computed: Statement, which: Mapping[str, Any]) -> Statement:
    """Append the comparisons of an evaluation, once; `which` holds job, run_date, evaluation_id and champion."""
    comparisons, asset = session.target.table("comparisons_v1"), computed.asset
    identifiers: dict[str, Identifier] = {"comparisons": comparisons, "computed": computed}
    values = {**which, "sql_version": asset.name, "sql_digest": asset.digest}
    return session.statement("phases/record_comparisons_v1", identifiers, values)


def judge_statement(
    session: Session,
    rule: GateRule,
    jobs: Sequence[str],
    challengers: Sequence[str],
    last_date: date,
    tables: Mapping[str, TableName] | None = None,
) -> Statement:
    """Judge the run dates up to `last_date` that are not judged yet.

    Parameters
    ----------
    jobs
        Jobs that are judged separately.
    challengers
        Variants that may become champion.
    tables
        Tables to read instead of the target's comparisons, champions and verdicts.
    """
    gate, target = rule.gate, session.target
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
    own = {"comparisons": target.table("comparisons"), "verdicts": target.table("verdicts_v1")}
    return session.statement("gate/judge_v1", tables or {**own, "champions": target.ledger_table("champions")}, values)


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
