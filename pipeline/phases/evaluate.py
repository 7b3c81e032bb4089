"""Evaluate: metrics in SQL over published predictions and the labels that have matured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.base.digests import digest_json
from pipeline.cloud.bigquery.billing_labels import labelled
from pipeline.evaluation.comparisons import NO_LABELS, compare_variants, record_without_labels
from pipeline.evaluation.drift import complete_drift
from pipeline.evaluation.due_evaluations import DueRun, due_runs, runs_with_late_labels
from pipeline.evaluation.labels import make_labels
from pipeline.evaluation.metric_statements import (
    evaluation_metrics_statement,
    metrics_statement,
    record_metrics_statement,
)
from pipeline.project.job_checks import columns_to_judge
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.checks import as_details, checked_event
from pipeline.runs.job_statements import QueryScope
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
    """The evaluation of one run date.

    Parameters
    ----------
    metrics
        Rows of the metric contract.
    verdict
        The verdict on champion and challenger of this run date, or None.
    """

    run_date: date
    metrics: list[dict[str, Any]]
    verdict: str | None


def evaluate_from_tables(
    session: Session, predictions: TableName, labels: TableName, spec: MetricSpec, *, run_date: date, run_id: str
) -> list[dict[str, Any]]:
    """Return the metrics of a run's published predictions against a table of labels, without recording them.

    Parameters
    ----------
    predictions
        Table of published predictions.
    labels
        Table with prediction key, label and slice columns.
    """
    published_slice = published_slice_statement(session, predictions, spec.columns, run_date, run_id)
    return session.warehouse.rows(metrics_statement(session, published_slice, labels, spec))


@for_run_date("evaluate")
def evaluate_job(session: Session, job: Job, day: date) -> list[Evaluation]:
    """Evaluate every run date whose labels have matured by a day and that is not evaluated yet.

    During the job's `reevaluate_days` after that, run dates are evaluated again when their labels have changed.

    Parameters
    ----------
    day
        Date in the job's time zone; only labels known at its moment (midnight plus the job's offset) are used.

    Returns
    -------
    list of Evaluation
        In the order of run dates; empty when nothing has matured or everything is done.
    """
    ensure_tables(session, job)
    events = Ledger(session, job.name).events(EARLIEST, day - timedelta(days=job.spec.labels.delay_days))
    runs: list[tuple[DueRun, int | None]] = [(due, None) for due in due_runs(session, job, events)]
    runs += runs_with_late_labels(session, job, events, day)
    if runs:
        ensure_dashboard(session, job)
    runs.sort(key=lambda pair: pair[0].run_date)
    tracked = session.reporter.track(runs, f"{job.name} evaluate")
    evaluations = [_evaluate(session, job, due, job.as_of(day), checksum) for due, checksum in tracked]
    return [evaluation for evaluation in evaluations if evaluation]


def _as_published(session: Session, job: Job, due: DueRun) -> tuple[DueRun, str]:
    """Return a run with the predicted columns of its table, and why it cannot be evaluated now, or an empty text.

    Another version of predictions has another table, with other columns.
    """
    table = session.target.table(due.job.predictions_table)
    if due.job.predictions_table != job.predictions_table:
        if not session.warehouse.tables.exists(table):
            return due, f"not evaluated: {table} does not exist"
        known = {(column.name, column.type) for column in session.warehouse.tables.schema(table).columns}
        needed = {*job.spec.prediction_key, *columns_to_judge(session.catalogue.get(MetricSpec.of(job).asset))}
        columns = [column for column in job.prediction_schema.columns if (column.name, column.type) not in known]
        lacking = [column.name for column in columns if column.name in needed]
        if lacking:
            return due, f"not evaluated: {table} lacks {lacking[0]} as job.yaml declares it"
        due = replace(due, job=due.job.without_predicted([column.name for column in columns]))
    return due, "" if _is_current(session, due) else "another run is being published"


def _evaluate(
    session: Session, job: Job, due: DueRun, moment: datetime, last_checksum: int | None
) -> Evaluation | None:
    """Evaluate a run date, or return None: without labels, or when they are those of the last evaluation."""
    meter, day, ledger = Meter(session), due.run_date, Ledger(session, job.name)
    with labelled(run_id=due.run_id), session.reporter.step(f"{day} evaluate") as notes:
        due, reason = _as_published(session, job, due)
        if reason:
            notes.append(reason)
            return None
        job = due.job
        labels = make_labels(session, job, QueryScope(day, day, day, moment), due.digest)
        if any(result.failed for result in labels.results):
            key = digest_json([due.digest, as_details(labels.results)])
            asset = session.catalogue.get(job.spec.labels.sql)
            failed = checked_event("evaluate", labels.table, asset, labels.results, key=key)
            ledger.record(day, f"{job.name}-{day}", [failed])
        labels.refuse_failed(session)
        if not labels.counts["known"]:
            notes.append(NO_LABELS)
            record_without_labels(session, job, day)
            return None
        if labels.counts["checksum"] == last_checksum:
            notes.append("the labels are those of the last evaluation")
            return None
        evaluation_id = digest_json([due.digest, moment, labels.counts["checksum"]])
        rows = _record_metrics(session, due, labels.table, evaluation_id)
        variants = [variant for variant, _ in due.models]
        compare_variants(session, job, day, due.run_id, labels.table, evaluation_id, variants)
        complete_drift(session, job, day, due.run_id, due.models, labels.table)
        notes.append(f"{len(rows)} metrics from {labels.counts['known']:,} labels")
    spec = MetricSpec.of(job)
    metrics = spec.metrics(session.catalogue.get(spec.asset))
    event = Event(
        phase="evaluate",
        event="evaluated",
        key=evaluation_id,
        row_count=len(rows),
        seconds=meter.seconds,
        sql_version=spec.asset,
        sql_digest=due.sql_digests[0],
        details={
            "subject": due.digest,
            "run_id": due.run_id,
            "as_of": moment,
            "labels": labels.counts,
            "labels_table": str(labels.table),
            "labels_sql": {"name": job.spec.labels.sql, "digest": due.sql_digests[1]},
            "labels_parameters": job.spec.labels.parameters,
            "commit": session.commit,
            "checks": as_details(labels.results),
            "metrics": [{"metric": name, "better": better} for name, better in metrics.items()],
            **meter.details(),
        },
    )
    ledger.record(day, f"{job.name}-{day}", [event])
    return Evaluation(day, rows, ledger.verdict(day))


def _is_current(session: Session, due: DueRun) -> bool:
    """Tell whether readers still see the models that the ledger names as published last."""
    rows = published(session, due.job, due.run_date, due.run_date)
    return {(row["variant"], row["model_id"]) for row in rows if row["run_id"] == due.run_id} == set(due.models)


def _record_metrics(session: Session, due: DueRun, labels: TableName, evaluation_id: str) -> list[dict[str, Any]]:
    job, warehouse = due.job, session.warehouse
    spec, table = MetricSpec.of(job), session.target.table(job.predictions_table)
    predictions = published_slice_statement(session, table, spec.columns, due.run_date, due.run_id)
    computed = metrics_statement(session, predictions, labels, spec)
    evaluation = {"job": job.name, "run_date": due.run_date, "evaluation_id": evaluation_id}
    statement = record_metrics_statement(session, computed, evaluation)
    recorded = evaluation_metrics_statement(session, evaluation)
    step = f"{job.name}-{due.run_date}-metrics"
    warehouse.execute(statement, step=step, verify=lambda: bool(warehouse.rows(recorded)))
    return warehouse.rows(recorded)
