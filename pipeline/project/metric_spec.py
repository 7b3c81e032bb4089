"""The metric family of a job: its SQL, its parameters and the columns that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.project.project import Job
from pipeline.rows.schema import ENGINE_COLUMNS
from pipeline.sql import Asset
from pipeline.sql.header import Metric

OVERALL = "overall"
"""Constant column that the families add; its slice is all rows, with an empty slice_name."""

RESERVED = (
    frozenset({OVERALL, "score_bin", "confusion", "label", "model", "weight", "cluster", "loss"})
    | ENGINE_COLUMNS["predictions"]
)
"""Names that a slice must not have, because the families use them."""

ENGINE_PARAMETERS = frozenset({"clustered"})
"""Parameters of a family's SQL that the engine sets; the job or the header's defaults set the others."""

PLACE = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class MetricSpec:
    """How a job is judged.

    Parameters
    ----------
    family
        Metric family, the `<family>` of `sql/metrics/<family>_v1.sql`.
    key
        Prediction key.
    prediction_columns
        Columns that models predict.
    slices
        STRING columns of the labels by which metrics are sliced.
    parameters
        Values of the family's parameters that differ from the defaults of its header.
    weight
        Column of the labels with the weight of a row; None for equal weights.
    cluster
        Columns of the labels or of the key that identify a cluster; its rows are not independent.
    label_key
        Key of the labels; the prediction key when empty.
    """

    family: str
    key: Sequence[str]
    prediction_columns: Sequence[str]
    slices: Sequence[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    cluster: Sequence[str] = ()
    label_key: Sequence[str] = ()

    @classmethod
    def of(cls, job: Job) -> MetricSpec:
        """Return the specification of a job."""
        spec = job.spec
        return cls(
            spec.family,
            spec.prediction_key,
            spec.predictions.typed_columns.names,
            spec.slices,
            spec.metrics.parameters,
            spec.weight,
            spec.cluster,
            spec.row_key,
        )

    @property
    def asset(self) -> str:
        """Name of the family's SQL."""
        return f"metrics/{self.family}_v1"

    @property
    def columns(self) -> list[str]:
        """Columns that the family reads from predictions."""
        return [*self.key, *(name for name in self.prediction_columns if name not in self.key)]

    @property
    def entity(self) -> list[str]:
        """The key columns that predictions and labels share."""
        return [name for name in self.key if name in (self.label_key or self.key)]

    @property
    def within(self) -> list[str]:
        """Key columns that only predictions have, such as a position or a class."""
        return [name for name in self.key if name not in self.entity]

    @property
    def item(self) -> list[str]:
        """Key columns that only labels have, such as an item."""
        return [name for name in self.label_key if name not in self.key]

    def values(self, family: Asset) -> dict[str, Any]:
        """Return the value of each parameter of the family's SQL."""
        given = {"clustered": bool(self.cluster)} if "clustered" in family.header.parameters else {}
        return {**family.header.defaults, **self.parameters, **given}

    def metrics(self, family: Asset) -> dict[str, str]:
        """Return the better direction of each metric that the family computes, by metric name."""
        return {name: metric.better for name, metric in self._named(family)}

    def pooled(self, family: Asset) -> dict[str, str]:
        """Return how the metrics of days make that of all days, by metric name, where counts of rows weigh the days.

        A job with a weight has none: the sums of weights by day are not recorded.
        """
        return {name: metric.pooled for name, metric in self._named(family) if metric.pooled and self.weight is None}

    def _named(self, family: Asset) -> Iterator[tuple[str, Metric]]:
        values = self.values(family)
        for pattern, metric in family.header.metrics.items():
            yield from ((name, metric) for name in _names(pattern, values))


def _names(pattern: str, values: Mapping[str, Any]) -> list[str]:
    """Return the names of a pattern: `recall_at_{k}` with `ks` 5 and 10 has two."""
    place = PLACE.search(pattern)
    if place is None:
        return [pattern]
    found = values.get(place.group(1), values.get(f"{place.group(1)}s", []))
    return [pattern.replace(place.group(), str(value)) for value in (found if isinstance(found, list) else [found])]
