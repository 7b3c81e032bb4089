"""Evaluate predictions of any origin: files, objects or tables of predictions and labels, without a model or a run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.base.digests import unique_name
from pipeline.cloud.inputs import read_input
from pipeline.errors import CheckError
from pipeline.evaluation.metric_statements import metrics_statement, unknown_labels_statement
from pipeline.phases.load import load_from_uris
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.rows.jsonl import write_jsonl
from pipeline.rows.schema import Schema
from pipeline.runs.check_rules import label_checks, prediction_checks
from pipeline.runs.checks import keys_in_words
from pipeline.runs.job_statements import label_columns
from pipeline.runs.publication_statements import staged_predictions_statement
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables
from pipeline.sql import TableName
from pipeline.sql.checks import Check


def evaluate_from_path(session: Session, job: Job, predictions: str, labels: str, *, name: str) -> list[dict[str, Any]]:
    """Return the metrics of predictions of any origin against labels, without recording them.

    Parameters
    ----------
    predictions, labels
        CSV, JSON Lines or Parquet files, `gs://` addresses or `bq://project.dataset.table`; both are loaded into run
        tables.
    name
        Variant of the predictions in the rows; letters, digits and _.

    Raises
    ------
    CheckError
        Two rows share a key, a check of the metric family or of the labels SQL fails, or labels have no prediction.
    """
    ensure_tables(session, job)
    checks = prediction_checks(session, job)
    key, kind = job.spec.prediction_key, f"{name}__predictions"
    staged = _stage(session, job, predictions, job.prediction_schema, key, kind, checks)
    checks = label_checks(session, job)
    key, kind = job.spec.row_key, f"{name}__labels"
    known = _stage(session, job, labels, label_columns(session, job), key, kind, checks)
    spec = MetricSpec.of(job)
    if not spec.item:  # with items, labels without a prediction are part of the metrics
        # A join would drop labels without a prediction, and predicting only easy cases would look good.
        unknown = session.warehouse.rows(unknown_labels_statement(session, staged, known, spec.entity))
        if unknown:
            message = f"{unknown[0]['unknown']} labels have no prediction, e.g. {keys_in_words(unknown, spec.entity)}"
            raise CheckError(message, hint="predict everything that has a label, or leave those labels out")
    rows = staged_predictions_statement(session, staged, spec.columns, name)
    metrics = session.warehouse.rows(metrics_statement(session, rows, known, spec))
    if not metrics:
        session.reporter.say(f"{labels}: no label is known, so nothing is evaluated")
    return metrics


def _stage(
    session: Session, job: Job, place: str, schema: Schema, key: Sequence[str], name: str, checks: Sequence[Check]
) -> TableName:
    """Load the rows at a place into a new run table, and return the table."""
    frame = read_input(place, store=session.store, warehouse=session.warehouse, schema=schema, order_by=key)
    staged = unique_name(f"{job.name}-staged-{name}")
    table = session.target.run_table(staged.replace("-", "_"))
    with tempfile.TemporaryDirectory(prefix="staged-") as folder:
        path = Path(folder) / "rows.jsonl"
        rows = write_jsonl(frame, schema, path, origin=place)
        uri = session.layout(job.name).staged(staged)
        session.store.put_file(path, uri)
    try:
        load_from_uris(session, [uri], table, schema, key, step=staged, rows=rows, checks=checks)
    except CheckError as error:
        raise CheckError(error.given.replace(str(table), place), hint="fix the rows there") from error
    finally:  # this sets the expiration of the table, which refused rows need as well
        if session.warehouse.tables.exists(table):
            session.warehouse.tables.label_run_table(table, {"job": job.name, "phase": "evaluate"})
    return table
