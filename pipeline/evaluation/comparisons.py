"""Champion beside challengers: what an evaluation says of them, by the same metrics, on the same entities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from pipeline.evaluation.gate_statements import Pairing, paired_predictions_statement, record_comparisons_statement
from pipeline.evaluation.statements import metrics_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.session import Session
from pipeline.sql import TableName

NO_CHAMPION = "no champion yet"


NO_LABELS = "no label is known yet"


def challengers_of(job: Job) -> list[str]:
    """Return the variants that may become champion: baselines never do."""
    return [variant.id for variant in job.variants if variant.name not in job.spec.baselines]


def compare_variants(
    session: Session, job: Job, run_date: date, run_id: str, labels: TableName, evaluation_id: str, ran: Iterable[str]
) -> None:
    """Record champion beside each challenger for one evaluation, once; where nobody can be compared, say why.

    Parameters
    ----------
    ran
        Variants that the run published.
    """
    champion, published = Ledger(session, job.name).run_start(run_date)["champion"], set(ran)
    challengers = [variant for variant in challengers_of(job) if variant in published - {champion}]
    if champion not in published:
        why = f"{champion} has no predictions of this run date" if champion else NO_CHAMPION
        say_nothing_compared(session, job, run_date, champion, "keep", why)
    elif challengers:
        pairing = Pairing(run_date, run_id, champion, challengers)
        _record(session, job, pairing, labels, evaluation_id)


def say_without_labels(session: Session, job: Job, run_date: date) -> None:
    """Record that a run date has no labels: there is nothing to judge by."""
    champion = Ledger(session, job.name).run_start(run_date)["champion"]
    said = ("too-few-labels", NO_LABELS) if champion else ("keep", NO_CHAMPION)
    say_nothing_compared(session, job, run_date, champion, *said)


def say_nothing_compared(
    session: Session, job: Job, run_date: date, champion: str | None, verdict: str, reason: str
) -> None:
    """Record a verdict about nobody, once, where the job has a gate that would ask.

    It looks first: a run date whose labels never come is asked about every night, and each time to append would be a
    job whose id the earlier nights have taken.
    """
    ledger, said = Ledger(session, job.name), {"champion": champion or "", "verdict": verdict, "reason": reason}
    if job.spec.gate and not ledger.stands(run_date, said):
        ledger.record_verdicts([{**said, "run_date": run_date, "n": 0}])


def _record(session: Session, job: Job, pairing: Pairing, labels: TableName, evaluation_id: str) -> None:
    spec = MetricSpec.of(job)
    published = session.target.table(job.predictions_table)
    paired = paired_predictions_statement(session, job, published, spec.columns, pairing)
    computed = metrics_statement(session, paired, labels, replace(spec, slices=[]))
    which = {"job": job.name, "run_date": pairing.run_date, "evaluation_id": evaluation_id}
    digest = session.catalogue.get(spec.asset).digest
    named = {**which, "champion": pairing.champion}
    statement = record_comparisons_statement(session, computed, named, spec.asset, digest)
    step = f"{job.name}-{pairing.run_date}-comparisons"
    # The statement looks whether the evaluation was compared, so that it may be sent again.
    session.warehouse.execute(statement, step=step, verify=lambda: False)
