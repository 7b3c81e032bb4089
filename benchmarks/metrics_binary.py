"""AUC, average precision, log loss and Brier score of a million predictions, overall and for 15 slices.

The SQL computes them with intervals and all other metrics of the family; scikit-learn computes no intervals.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import pandas as pd
from sklearn import metrics

from benchmarks.judge import emulated
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from pipeline.sql import TableName
from tests.evaluation.judging import metrics_of, staged

ROWS, SLICES, PAIRS = 1_000_000, 15, 5
TARGET_RATIO = 0.65
SPEC = MetricSpec("binary_classification", ["id"], ["score"], ["part"])


def drawn(rows: int = ROWS) -> pd.DataFrame:
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


def seconds_of_sql(session: Session, predictions: TableName, labels: TableName) -> float:
    """Return the seconds from sending the statement to its last row.

    Raises
    ------
    RuntimeError
        An interval is missing.
    """
    started = time.perf_counter()
    rows = metrics_of(session, predictions, labels, SPEC)
    seconds = time.perf_counter() - started
    limits = [row["low"] for row in rows if row["metric"] == "auc"]
    if len(limits) != SLICES + 1 or None in limits:
        raise RuntimeError("intervals are missing")
    return seconds


def report() -> None:
    """Measure both alternately and print the ratio of their times."""
    frame, ratios = drawn(), []
    with emulated() as session:
        predictions = staged(session, frame, {"id": "INT64 NOT NULL", "score": "FLOAT64 NOT NULL"})
        labels = staged(session, frame, {"id": "INT64 NOT NULL", "label": "INT64", "part": "STRING"})
        seconds_of_sql(session, predictions, labels)
        for _ in range(PAIRS):
            sql = seconds_of_sql(session, predictions, labels)
            started = time.perf_counter()
            by_scikit_learn(frame)
            hand = time.perf_counter() - started
            ratios.append(sql / hand)
            print(
                f"binary metrics of {ROWS:,} rows: SQL {sql:.2f} s, scikit-learn {hand:.2f} s, ratio {ratios[-1]:.2f}"
            )
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f} (target at most {TARGET_RATIO}: {'met' if median <= TARGET_RATIO else 'MISSED'})")


if __name__ == "__main__":
    report()
