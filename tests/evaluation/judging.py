"""Metrics of frames: staged into run tables, judged by a family's SQL on the emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from pipeline.evaluation.metric_statements import metrics_statement
from pipeline.project.metric_spec import MetricSpec
from pipeline.rows.jsonl import write_rows
from pipeline.rows.schema import Schema
from pipeline.runs.publication_statements import staged_predictions_statement
from pipeline.runs.session import Session
from pipeline.sql import TableName

Rows = list[dict[str, Any]]
VARIANT = "judged"


def staged(session: Session, frame: pd.DataFrame, types: Mapping[str, str]) -> TableName:
    """Load a frame into a run table of its own."""
    schema, name = Schema.parse(dict(types)), f"judged_{uuid4().hex[:10]}"
    table = session.target.run_table(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_rows(frame[schema.names], schema, path)
        uri = session.store.uri("judged", f"{name}.jsonl")
        session.store.put_file(path, uri)
    session.warehouse.load_jsonl([uri], table, schema, step=name)
    return table


def metrics_of(session: Session, predictions: TableName, labels: TableName, spec: MetricSpec) -> Rows:
    """Return the rows of the metric contract for staged predictions and labels."""
    rows = staged_predictions_statement(session, predictions, spec.columns, VARIANT)
    return session.warehouse.rows(metrics_statement(session, rows, labels, spec))


def values_of(rows: Rows, slice_name: str = "", slice_value: str = "") -> dict[str, float | None]:
    """Return the value of each metric of one slice."""
    return {
        row["metric"]: row["value"]
        for row in rows
        if (row["slice_name"], row["slice_value"]) == (slice_name, slice_value)
    }
