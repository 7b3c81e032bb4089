"""Statements that measure drift, record it and read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.project.job_yaml import MOMENT
from pipeline.rows.schema import Column, Schema
from pipeline.runs.job_statements import label_columns
from pipeline.runs.publication_statements import published_slice_statement
from pipeline.runs.session import Session
from pipeline.sql import Identifier, Named, Statement, TableName

if TYPE_CHECKING:
    from pipeline.runs.run import Run


NONE = "_none"
"""Name of a filler column: a list of columns may not be empty. The statement leaves this column out."""

KINDS = {"INT64": "number", "FLOAT64": "number", "NUMERIC": "number", "DATE": "age", "TIMESTAMP": "age"}
"""Kind of measurement by column type; all other types are categories."""


def distributions_statement(run: Run, reference: Sequence[Mapping[str, Any]]) -> Statement:
    """Compare the scored rows of a run, and their scores, with the training data.

    Parameters
    ----------
    reference
        Scores of training rows: variant, feature, number or category, n.
    """
    session, predicted = run.session, predicted_columns(run)
    table, names = session.target.table(run.job.predictions_table), run.job.spec.predictions.typed_columns.names
    identifiers: dict[str, Identifier] = {
        "examples": run.table("examples"),
        "predictions": published_slice_statement(session, table, names, run.run_date, run.run_id),
        **column_places(session, feature_columns(run), "", Column(MOMENT, "TIMESTAMP")),
        **column_places(session, predicted, "predicted_", Column("run_id", "INT64")),
    }
    thresholds = run.job.spec.drift.model_dump(exclude={"label_rate"})
    values = {"as_of": run.as_of, "reference": list(reference), **thresholds}
    return session.statement("drift/distributions_v1", identifiers, values)


def feature_columns(run: Run) -> Schema:
    """Return the columns of a run's examples that models may use as features: all but key and moment."""
    columns = run.session.catalogue.get(run.job.spec.examples.sql).columns.columns
    others = {*run.job.spec.prediction_key, *run.job.spec.row_key, MOMENT}
    return Schema(tuple(column for column in columns if column.name not in others and column.name[0] != "_"))


def predicted_columns(run: Run) -> Schema:
    """Return the predicted columns that are numbers or categories."""
    columns = run.job.spec.predictions.typed_columns.columns
    return Schema(tuple(column for column in columns if kind_of(column) != "age"))


def kind_of(column: Column) -> str:
    """Return the kind of measurement of a column: number, age (for dates and moments) or category."""
    return KINDS.get(column.type, "category")


def label_rate_statement(run: Run, labels: TableName) -> Statement:
    """Compare the labels of a run date with those of the training rows."""
    identifiers = {"examples": run.table("examples"), "labels": labels}
    values = {"as_of": run.as_of, "label_rate": run.job.spec.drift.label_rate}
    return run.session.statement("drift/label_rate_v1", identifiers, values)


def has_label_rate(run: Run) -> bool:
    """Tell whether the labels are numbers, so that they have a mean."""
    label = label_columns(run.session, run.job).select(["label"]).columns[0]
    return kind_of(label) == "number"


def record_drift_statement(run: Run, computed: Statement, *, of_labels: bool) -> Statement:
    """Append the computed drift of a run, once."""
    identifiers: dict[str, Identifier] = {"drift": run.session.target.table("drift_v1"), "computed": computed}
    asset = computed.asset
    values = {**_which(run, of_labels=of_labels), "sql_version": asset.name, "sql_digest": asset.digest}
    return run.session.statement("drift/record_v1", identifiers, values)


def drift_rows_statement(run: Run, *, of_labels: bool) -> Statement:
    """Read the recorded drift of a run."""
    drift = run.session.target.table("drift_v1")
    return run.session.statement("drift/rows_v1", {"drift": drift}, _which(run, of_labels=of_labels))


def _which(run: Run, *, of_labels: bool) -> dict[str, Any]:
    return {"job": run.job.name, "run_date": run.run_date, "run_id": run.run_id, "of_labels": of_labels}


def column_places(session: Session, columns: Schema, prefix: str, filler: Column) -> dict[str, Identifier]:
    """Return the identifiers that hold columns, by kind; a kind without columns gets the filler."""
    numbers: list[Named] = []
    categories: list[Named] = []
    for column in columns.columns:
        kind = kind_of(column)
        named = (column.name, _value(session, kind, column.name))
        (categories if kind == "category" else numbers).append(named)
    numbers = numbers or [(NONE, _value(session, kind_of(filler), filler.name))]
    categories = categories or [(NONE, _value(session, "category", filler.name))]
    return {
        f"{prefix}numbers": numbers,
        f"{prefix}number_columns": [name for name, _ in numbers],
        f"{prefix}categories": categories,
        f"{prefix}category_columns": [name for name, _ in categories],
    }


def _value(session: Session, kind: str, column: str) -> Statement:
    return session.statement(f"drift/{kind}_v1", {"column": column})
