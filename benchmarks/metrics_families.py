"""Regression and multiclass metrics of a million rows: values equal to scikit-learn's to 1e-9, and the ratio of times.

The SQL has intervals, scikit-learn has none. There is no target. `metrics_ranking` does the same for lists of items.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.judge import emulated
from benchmarks.sizes import Sizes
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from tests.evaluation import test_multiclass, test_regression
from tests.evaluation.judging import metrics_of, staged, values_of


def compare(
    session: Session,
    spec: MetricSpec,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    types: tuple[Mapping[str, str], Mapping[str, str]],
    by_scikit_learn: Callable[[], Mapping[str, Any]],
) -> float:
    """Compute the metrics once with each, compare the values and return the ratio of the seconds.

    Parameters
    ----------
    frames
        Predictions and labels, each of shape (rows, columns of its types).
    types
        BigQuery types of their columns.

    Raises
    ------
    RuntimeError
        A value differs from scikit-learn's.
    """
    predictions, labels = (staged(session, frame, columns) for frame, columns in zip(frames, types, strict=True))
    metrics_of(session, predictions, labels, spec)
    started = time.perf_counter()
    values = values_of(metrics_of(session, predictions, labels, spec))
    between = time.perf_counter()
    expected = by_scikit_learn()
    ended = time.perf_counter()
    wrong = [name for name, value in expected.items() if abs((values[name] or 0.0) - value) > 1e-9 * max(abs(value), 1)]
    if wrong:
        raise RuntimeError(f"{spec.family}: other values than scikit-learn: {wrong}")
    return (between - started) / (ended - between)


def measure(sizes: Sizes) -> dict[str, float]:
    """Compare both families."""
    with emulated() as session:
        rows = test_regression.drawn(sizes.rows, 1, offset=100.0)
        regression = compare(
            session,
            test_regression.SPEC,
            (rows, rows),
            (test_regression.PREDICTIONS, test_regression.LABELS),
            lambda: test_regression.reference(rows, np.ones(len(rows))),
        )
        entities = test_multiclass.drawn(sizes.rows // len(test_multiclass.CLASSES), 1)
        multiclass = compare(
            session,
            test_multiclass.SPEC,
            (test_multiclass.melted(entities), entities),
            (test_multiclass.PREDICTIONS, test_multiclass.LABELS),
            lambda: test_multiclass.reference(entities, np.ones(len(entities))),
        )
        return {"regression": regression, "multiclass": multiclass}
