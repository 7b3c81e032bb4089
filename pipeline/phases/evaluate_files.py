"""Evaluate anybody's predictions: files, objects or tables of predictions and labels, with no model and no run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.base.digests import unique_name
from pipeline.cloud.inputs import read_input
from pipeline.errors import CheckError
from pipeline.evaluation.statements import metrics_statement, unknown_labels_statement
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
    """Return the metrics of anybody's predictions against labels, without recording them.

    Parameters
    ----------
    predictions, labels
        CSV, JSON Lines or Parquet files, `gs://` addresses or `bq://project.dataset.table`; they are staged into run
        tables.
    name
        What the predictions are called in the rows; letters, digits and _.

    Raises
    ------
    CheckError
        Two rows share a key, a check of the metric family or of the labels SQL fails, or labels are about something
        that was not predicted.
    """
    ensure_tables(session, job)
    asked = prediction_checks(session, job)
    keys, kind = job.spec.prediction_key, f"{name}__predictions"
    staged = _stage(session, job, predictions, job.prediction_schema, keys, kind, asked)
    asked = label_checks(session, job)
    keys, kind = job.spec.row_key, f"{name}__labels"
    known = _stage(session, job, labels, label_columns(session, job), keys, kind, asked)
    spec = MetricSpec.of(job)
    if not spec.item:  # with items, what was not predicted is part of the metrics
        _refuse_unknown(session, spec.entity, staged, known)
    rows = staged_predictions_statement(session, staged, spec.columns, name)
    found = session.warehouse.rows(metrics_statement(session, rows, known, spec))
    if not found:
        session.reporter.say(f"{labels}: no label is known, so nothing is judged")
    return found


def _refuse_unknown(session: Session, key: Sequence[str], predictions: TableName, labels: TableName) -> None:
    """Refuse labels that nothing was predicted for: joined away, they would flatter whoever left out the hard cases."""
    found = session.warehouse.rows(unknown_labels_statement(session, predictions, labels, key))
    if found:
        count = found[0]["unknown"]
        what = f"{count} labels are about nothing that was predicted, e.g. {keys_in_words(found, key)}"
        raise CheckError(what, hint="predict everything that has a label, or leave those labels out")


def _stage(
    session: Session, job: Job, place: str, schema: Schema, key: Sequence[str], name: str, checks: Sequence[Check]
) -> TableName:
    """Load the rows at a place into a run table of its own and return it."""
    frame = read_input(place, store=session.store, warehouse=session.warehouse, schema=schema, order_by=key)
    staged = unique_name(f"{job.name}-staged-{name}")
    table = session.target.run_table(staged.replace("-", "_"))
    with tempfile.TemporaryDirectory(prefix="staged-") as folder:
        path = Path(folder) / "rows.jsonl"
        rows = write_jsonl(frame, schema, path, origin=place)
        uri = session.store.uri(job.name, "attempts", "staged", f"{staged}.jsonl")
        session.store.put_file(path, uri)
    try:
        load_from_uris(session, [uri], table, schema, key, step=staged, rows=rows, checks=checks)
    except CheckError as error:
        raise CheckError(error.given.replace(str(table), place), hint="mend the rows there") from error
    finally:  # rows that were refused go as well, when their time has come
        if session.warehouse.tables.exists(table):
            session.warehouse.tables.label_run_table(table, {"job": job.name, "phase": "evaluate"})
    return table
