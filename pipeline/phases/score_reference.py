"""The scores of training rows, kept in the bundle as the reference for the drift of later scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.models.interface import Model
from pipeline.phases.predict import predict_from_data
from pipeline.project.project import Variant

SAMPLED_ROWS = 2000
"""Approximate number of training rows that are scored."""

POINTS = 100
"""Largest number of values that are kept of a column."""


def sample_scores(model: Model, variant: Variant, frame: pd.DataFrame, entity: Sequence[str]) -> list[dict[str, Any]]:
    """Return the distribution of a model's scores, from a sample of the training rows without their labels.

    Parameters
    ----------
    frame
        Training rows, shape (rows, columns), sorted by key.
    entity
        Columns that name an entity: the sample has all rows of an entity, or no row.

    Returns
    -------
    list of dict
        `feature` (a predicted column), `number` or `category`, and `n`, the number of sampled rows that it represents.
        A text column with more than 100 values is left out.
    """
    columns = variant.config.columns
    sample = _sampled(frame, entity)
    if columns.label in sample.columns:
        sample[columns.label] = sample[columns.label].mask(np.ones(len(sample), dtype=bool))
    predictions = predict_from_data(model, sample)
    predicted = [name for name in predictions.columns if name not in columns.key]
    return [{"feature": str(name), **point} for name in predicted for point in _points(predictions[name])]


def _sampled(frame: pd.DataFrame, entity: Sequence[str]) -> pd.DataFrame:
    """Return the rows of entities that are spread evenly over the frame, about 2,000 rows."""
    number = frame.groupby(list(entity), sort=False, dropna=False).ngroup().to_numpy()  # (rows,): number of the entity
    entities = int(number.max()) + 1
    wanted = max(1, round(SAMPLED_ROWS * entities / len(frame)))
    chosen = np.unique(np.linspace(0, entities - 1, min(wanted, entities)).astype(int))
    return frame[np.isin(number, chosen)].reset_index(drop=True)


def _points(column: pd.Series) -> list[dict[str, Any]]:
    if pd.api.types.is_bool_dtype(column):
        column = column.astype("string").str.lower()
    if not pd.api.types.is_numeric_dtype(column):
        counts = column.dropna().astype(str).value_counts().sort_index()
        kept = counts if len(counts) <= POINTS else counts.iloc[:0]
        return [{"category": name, "n": int(n)} for name, n in kept.items()]
    numbers = column.to_numpy(dtype=float, na_value=np.nan)  # (sample,)
    values, rows = condensed(numbers[np.isfinite(numbers)])
    return [{"number": float(value), "n": int(n)} for value, n in zip(values, rows, strict=True)]


def condensed(numbers: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return at most 100 values that represent many, and how many each represents, both of shape (values,).

    Up to 100 different values are kept as they are; of more, the median of each hundredth is kept.

    Parameters
    ----------
    numbers
        Finite values, shape (rows,).
    """
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) <= POINTS:
        return values, counts
    parts = np.array_split(np.sort(numbers), POINTS)
    medians = np.array([part[len(part) // 2] for part in parts])  # (100,)
    values, where = np.unique(medians, return_inverse=True)
    return values, np.bincount(where, weights=[len(part) for part in parts]).astype(np.int64)
