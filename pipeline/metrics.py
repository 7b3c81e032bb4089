"""Metric families: SQL over predictions and labels that returns rows of one contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.project import Job

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
