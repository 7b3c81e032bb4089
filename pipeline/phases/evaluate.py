"""Evaluate: SQL metrics over published predictions and the labels that have matured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.base.digests import digest_json
from pipeline.cloud.bigquery.labels import labelled
from pipeline.evaluation.comparisons import NO_LABELS, compare_variants, say_without_labels
from pipeline.evaluation.drift import complete_drift
from pipeline.evaluation.due import Subject, _late_subjects, waiting_subjects
from pipeline.evaluation.labels import Labels, make_labels
from pipeline.evaluation.statements import evaluation_metrics_statement, metrics_statement, record_metrics_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.checks import as_details, checked_event
from pipeline.runs.job_statements import Asked
from pipeline.runs.ledger.ledger import Event, Ledger
from pipeline.runs.ledger.usage import Meter
from pipeline.runs.phase_labels import for_run_date
from pipeline.runs.publication_statements import published_slice_statement
from pipeline.runs.publications import published
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_dashboard, ensure_tables
from pipeline.sql import TableName


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one run date.

    Parameters
    ----------
    metrics
        Rows of the metric contract.
    verdict
        What was decided about champion and challenger on this run date, if anything.
    """

    run_date: date
    metrics: list[dict[str, Any]]
    verdict: str | None


def evaluate_from_tables(
    session: Session, predictions: TableName, labels: TableName, spec: MetricSpec, *, run_date: date, run_id: str
) -> list[dict[str, Any]]:
    """Return the metrics of what a run published against a table of labels, without recording them."""
    published_slice = published_slice_statement(session, predictions, spec.columns, run_date, run_id)
    return session.warehouse.rows(metrics_statement(session, published_slice, labels, spec))


@for_run_date("evaluate")
def evaluate_job(session: Session, job: Job, day: date) -> list[Evaluation]:
    """Evaluate every run date whose labels had matured by a day and that was not evaluated yet.

    Within the job's `reevaluate_days` after they had matured, run dates are evaluated again when their labels changed.

    Parameters
    ----------
    day
        Calendar date in the job's zone; labels known by its moment (midnight plus the job's offset) are used.

    Returns
    -------
    list of Evaluation
        In the order of run dates; empty when nothing has matured or everything is done.
    """
    ensure_tables(session, job)
    events = Ledger(session, job.name).events(EARLIEST, day - timedelta(days=job.spec.labels.delay_days))
    waiting: list[tuple[Subject, int | None]] = [(each, None) for each in waiting_subjects(session, job, events)]
    subjects = [*waiting, *_late_subjects(session, job, events, day)]
    if subjects:
        ensure_dashboard(session, job)
    tracked = session.reporter.track(sorted(subjects, key=lambda each: each[0].run_date), f"{job.name} evaluate")
    found = [_evaluate(session, subject, job.as_of(day), known) for subject, known in tracked]
    return [evaluation for evaluation in found if evaluation]


def _evaluate(session: Session, subject: Subject, moment: datetime, known: int | None) -> Evaluation | None:
    """Evaluate a run date; nothing is recorded where its labels have the checksum that is known."""
    meter, job, day = Meter(session), subject.job, subject.run_date
    with labelled(run_id=subject.run_id), session.reporter.step(f"{day} evaluate") as said:
        if not _stands(session, subject):
            said.append("another run is being published")
            return None
        labels = make_labels(session, job, Asked(day, day, day, moment), subject.digest)
        if labels.failed:
            _record_failed(session, subject, labels)
        labels.refuse_failed(session)
        if not labels.counts["known"]:
            said.append(NO_LABELS)
            say_without_labels(session, job, day)
            return None
        if labels.counts["checksum"] == known:
            said.append("the labels are those of the last evaluation")
            return None
        evaluation_id = digest_json([subject.digest, moment, labels.counts["checksum"]])
        rows = _record_metrics(session, subject, labels.table, evaluation_id)
        ran = [variant for variant, _ in subject.models]
        compare_variants(session, job, day, subject.run_id, labels.table, evaluation_id, ran)
        complete_drift(session, job, day, subject.run_id, subject.models, labels.table)
        said.append(f"{len(rows)} metrics from {labels.counts['known']:,} labels")
    event = Event(
        phase="evaluate",
        event="evaluated",
        key=evaluation_id,
        row_count=len(rows),
        seconds=meter.seconds,
        sql_version=MetricSpec.of(job).asset,
        sql_digest=subject.sql_digests[0],
        details={
            "subject": subject.digest,
            "run_id": subject.run_id,
            "as_of": moment,
            "labels": labels.counts,
            "labels_table": str(labels.table),
            "labels_sql": {"name": job.spec.labels.sql, "digest": subject.sql_digests[1]},
            "labels_parameters": job.spec.labels.parameters,
            "commit": session.commit,
            "checks": as_details(labels.results),
            "metrics": _directions(session, job),
            **meter.details(),
        },
    )
    ledger = Ledger(session, job.name)
    ledger.record(subject.run_date, f"{job.name}-{subject.run_date}", [event])
    return Evaluation(subject.run_date, rows, ledger.verdict(subject.run_date))


def _directions(session: Session, job: Job) -> list[dict[str, str]]:
    """Return which way each metric improves, for whoever reads the numbers later."""
    spec = MetricSpec.of(job)
    found = spec.metrics(session.catalogue.get(spec.asset))
    return [{"metric": name, "better": better} for name, better in found.items()]


def _record_failed(session: Session, subject: Subject, labels: Labels) -> None:
    job = subject.job
    key = digest_json([subject.digest, as_details(labels.results)])
    asset = session.catalogue.get(job.spec.labels.sql)
    event = checked_event("evaluate", labels.table, asset, labels.results, key=key)
    Ledger(session, job.name).record(subject.run_date, f"{job.name}-{subject.run_date}", [event])


def _stands(session: Session, subject: Subject) -> bool:
    """Tell whether readers still see what the ledger says was published last."""
    rows = published(session, subject.job, subject.run_date, subject.run_date)
    return {(row["variant"], row["model_id"]) for row in rows if row["run_id"] == subject.run_id} == set(subject.models)


def _record_metrics(session: Session, subject: Subject, labels: TableName, evaluation_id: str) -> list[dict[str, Any]]:
    job, warehouse = subject.job, session.warehouse
    spec, published_rows = MetricSpec.of(job), session.target.table(job.predictions_table)
    predictions = published_slice_statement(session, published_rows, spec.columns, subject.run_date, subject.run_id)
    computed = metrics_statement(session, predictions, labels, spec)
    which = {"job": job.name, "run_date": subject.run_date, "evaluation_id": evaluation_id}
    statement = record_metrics_statement(session, computed, which, spec.asset, subject.sql_digests[0])
    recorded = evaluation_metrics_statement(session, which)

    def stands() -> bool:
        return bool(warehouse.rows(recorded))

    step = f"{job.name}-{subject.run_date}-metrics"
    warehouse.execute(statement, step=step, verify=stands)
    return warehouse.rows(recorded)
