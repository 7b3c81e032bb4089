"""Metric families: SQL over predictions and labels that returns rows of one contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.project import Job
from pipeline.session import Session
from pipeline.setup import function_name
from pipeline.sql_assets import Identifier, Statement, TableName

OVERALL = "overall"
"""Constant column that the families add: its slice is the whole, with an empty slice_name."""


@dataclass(frozen=True)
class MetricSpec:
    """How a job is judged.

    Parameters
    ----------
    family
        Metric family; names `sql/metrics/<family>_v1.sql`.
    key
        Prediction key.
    prediction_columns
        Columns that models predict.
    slices
        STRING columns of the labels by which metrics are sliced.
    """

    family: str
    key: Sequence[str]
    prediction_columns: Sequence[str]
    slices: Sequence[str]

    @classmethod
    def of(cls, job: Job) -> MetricSpec:
        """Return how a job is judged."""
        spec = job.spec
        return cls(spec.family, spec.prediction_key, spec.predictions.typed_columns.names, spec.slices)

    @property
    def asset(self) -> str:
        """Name of the family's SQL."""
        return f"metrics/{self.family}_v1"

    @property
    def columns(self) -> list[str]:
        """Columns that the family reads from predictions."""
        return [*self.key, *self.prediction_columns]


def metrics_statement(session: Session, predictions: Statement, labels: TableName, spec: MetricSpec) -> Statement:
    """Return the statement that computes the metrics of predictions.

    Parameters
    ----------
    predictions
        Query that returns run_id, model_id, variant and the columns of the spec.
    labels
        Table with prediction key, label and slice columns.
    """
    names = session.catalogue.get(spec.asset).function_names
    identifiers: dict[str, Identifier] = {
        "predictions": predictions,
        "labels": labels,
        "key": list(spec.key),
        "dimensions": [OVERALL, *spec.slices],
        **{name: function_name(session, name) for name in names},
    }
    return session.statement(spec.asset, identifiers)
