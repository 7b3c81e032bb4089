"""The scores of training rows, kept in the bundle as the reference for the drift of later scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.models.interface import Model
from pipeline.phases.predict import predict_from_data
from pipeline.project.job_yaml import MOMENT
from pipeline.project.project import Variant

SAMPLED_ENTITIES = 2000
"""Largest number of entities whose training rows are scored; an entity counts once for each of its moments."""

SAMPLED_ROWS = 20_000
"""Largest number of training rows that are scored."""


POINTS = 100
"""Largest number of values that are kept of a column."""


def sample_scores(model: Model, variant: Variant, frame: pd.DataFrame, entity: Sequence[str]) -> list[dict[str, Any]]:
    """Return the distribution of a model's scores, from a sample of the training rows without their labels.

    Parameters
    ----------
    frame
        Training rows, shape (rows, columns), sorted by key.
    entity
        Columns that name an entity: the sample has all rows of an entity and moment, or no row.

    Returns
    -------
    list of dict
        `feature` (a predicted column), `number` or `category`, and `n`, the number of predictions that it represents.
        A text column with more than 100 values is left out. There are no more predictions than sampled entities:
        predictions of one entity, such as a list of items, are alike, and would pass for more than they are.
    """
    columns = variant.config.columns
    sample, entities = _sampled(frame, entity)
    if columns.label in sample.columns:
        sample[columns.label] = sample[columns.label].mask(np.ones(len(sample), dtype=bool))
    predictions = predict_from_data(model, sample)
    if len(predictions) > entities:
        chosen = np.random.default_rng(0).choice(len(predictions), entities, replace=False)  # (entities,)
        predictions = predictions.iloc[np.sort(chosen)]
    predicted = [name for name in predictions.columns if name not in columns.key]
    return [{"feature": str(name), **point} for name in predicted for point in _points(predictions[name])]


def _sampled(frame: pd.DataFrame, entity: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return the rows of entities in the order of a hash, as many as fit, and the number of these entities.

    Rows of one entity and moment are scored together, as in a run. The order of the key would favour some entities, and
    few of them would fill the sample where each has many rows.
    """
    names = [*entity, *([MOMENT] if MOMENT in frame.columns and MOMENT not in entity else [])]
    number = frame.groupby(names, sort=False, dropna=False).ngroup().to_numpy()  # (rows,): number of the entity
    firsts = frame.loc[~pd.Series(number, index=frame.index).duplicated(), names].astype("string")
    order = np.argsort(pd.util.hash_pandas_object(firsts, index=False).to_numpy(), kind="stable")  # (entities,)
    rows = np.cumsum(np.bincount(number)[order])  # (entities,): rows of the entities up to this one
    wanted = max(1, min(SAMPLED_ENTITIES, int(np.searchsorted(rows, SAMPLED_ROWS, side="right"))))
    chosen = order[:wanted]
    return frame[np.isin(number, chosen)].reset_index(drop=True), len(chosen)


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
