"""Comparison of champion and challengers in an evaluation: the same metrics on the same entities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from pipeline.evaluation.gate_statements import paired_predictions_statement, record_comparisons_statement
from pipeline.evaluation.metric_statements import metrics_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.session import Session
from pipeline.sql import TableName

NO_CHAMPION = "no champion yet"
NO_LABELS = "no label is known yet"


def challengers_of(job: Job) -> list[str]:
    """Return the ids of the variants that may become champion; baselines never do."""
    return [variant.id for variant in job.variants if variant.name not in job.spec.baselines]


def compare_variants(
    session: Session, job: Job, run_date: date, run_id: str, labels: TableName, evaluation_id: str, ran: Iterable[str]
) -> None:
    """Record the comparison of the champion with each challenger for one evaluation, once, or why there is none.

    Parameters
    ----------
    ran
        Variants that the run published.
    """
    champion, published = Ledger(session, job.name).run_start(run_date)["champion"], set(ran)
    challengers = [variant for variant in challengers_of(job) if variant in published - {champion}]
    if champion not in published:
        reason = f"{champion} has no predictions of this run date" if champion else NO_CHAMPION
        _record_verdict(session, job, run_date, champion, "keep", reason)
    elif challengers:
        spec = MetricSpec.of(job)
        pairing = {"run_date": run_date, "run_id": run_id, "champion": champion, "challengers": challengers}
        paired = paired_predictions_statement(session, job, spec.columns, pairing)
        computed = metrics_statement(session, paired, labels, replace(spec, slices=[]))
        names = {"job": job.name, "run_date": run_date, "evaluation_id": evaluation_id, "champion": champion}
        statement = record_comparisons_statement(session, computed, names)
        session.warehouse.append(statement, step=f"{job.name}-{run_date}-comparisons")


def record_without_labels(session: Session, job: Job, run_date: date) -> None:
    """Record that a run date has no labels, so the gate cannot judge it."""
    champion = Ledger(session, job.name).run_start(run_date)["champion"]
    verdict, reason = ("too-few-labels", NO_LABELS) if champion else ("keep", NO_CHAMPION)
    _record_verdict(session, job, run_date, champion, verdict, reason)


def _record_verdict(
    session: Session, job: Job, run_date: date, champion: str | None, verdict: str, reason: str
) -> None:
    """Record a verdict on no challenger, once, if the job has a gate.

    It reads first: a run date whose labels never come is evaluated every night, and each append would be another job
    whose id the earlier nights have used.
    """
    ledger, row = Ledger(session, job.name), {"champion": champion or "", "verdict": verdict, "reason": reason}
    if job.spec.gate and not ledger.has_verdict(run_date, row):
        ledger.record_verdicts([{**row, "run_date": run_date, "n": 0}])
