"""AUC, average precision, log loss and Brier score of a million predictions, overall and for 15 slices.

The SQL computes them with intervals and all other metrics of the family; scikit-learn computes no intervals.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from sklearn import metrics

from benchmarks.judge import emulated
from benchmarks.measuring import ratio
from benchmarks.sizes import Sizes
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from pipeline.sql import TableName
from tests.evaluation.judging import metrics_of, staged

SLICES = 15
SPEC = MetricSpec("binary_classification", ["id"], ["score"], ["part"])


def drawn(rows: int) -> pd.DataFrame:
    """Return informative scores, labels and slices of equal size, shape (rows, 4)."""
    rng = np.random.default_rng(7)
    score = rng.beta(2, 5, rows)
    label = (rng.random(rows) < score).astype(int)
    part = np.array([f"part {number:02d}" for number in range(SLICES)])[rng.integers(0, SLICES, rows)]
    return pd.DataFrame({"id": np.arange(rows), "score": score, "label": label, "part": part})


def by_scikit_learn(frame: pd.DataFrame) -> list[float]:
    """Return the four metrics of all rows and of each slice of a frame, shape (rows, 4)."""
    values: list[float] = []
    for part in [frame, *(part for _, part in frame.groupby("part"))]:
        label, score = part["label"].to_numpy(), part["score"].to_numpy()
        values += [
            metrics.roc_auc_score(label, score),
            metrics.average_precision_score(label, score),
            metrics.log_loss(label, score),
            metrics.brier_score_loss(label, score),
        ]
    return values


def judge(session: Session, predictions: TableName, labels: TableName) -> None:
    """Compute all metrics by SQL, with intervals.

    Raises
    ------
    RuntimeError
        An interval is missing.
    """
    rows = metrics_of(session, predictions, labels, SPEC)
    limits = [row["low"] for row in rows if row["metric"] == "auc"]
    if len(limits) != SLICES + 1 or None in limits:
        raise RuntimeError("intervals are missing")


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure both alternately."""
    frame = drawn(sizes.rows)
    with emulated() as session:
        predictions = staged(session, frame, {"id": "INT64 NOT NULL", "score": "FLOAT64 NOT NULL"})
        labels = staged(session, frame, {"id": "INT64 NOT NULL", "label": "INT64", "part": "STRING"})
        by_sql = partial(judge, session, predictions, labels)
        return {"binary": ratio(by_sql, lambda: by_scikit_learn(frame), sizes.pairs)}
