"""Recall, NDCG, MAP and MRR at 10 for 100,000 users and a million predictions.

The SQL computes them with intervals and all other metrics of the family, from rows in tables. The time of ranx
includes neither compilation nor the conversion of the rows.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.judge import emulated
from benchmarks.measuring import ratio
from benchmarks.sizes import Sizes
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from pipeline.sql import TableName
from tests.evaluation.judging import metrics_of, staged, values_of

LISTED, RELEVANT, ITEMS = 10, 5, 5_000
METRICS = ("recall_at_10", "ndcg_at_10", "map_at_10", "mrr_at_10")
SPEC = MetricSpec("ranking", ["user", "rank"], ["rank", "item"], [], label_key=["user", "item"])


def drawn(users: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return lists, shape (rows, 3), and relevant items, shape (rows, 3); a third of these is in the lists."""
    rng = np.random.default_rng(7)
    listed = rng.integers(0, ITEMS, (users, LISTED))
    others = rng.integers(0, ITEMS, (users, RELEVANT))
    relevant = np.where(rng.random((users, RELEVANT)) < 1 / 3, listed[:, :RELEVANT], others)
    user = np.arange(users)
    lists = pd.DataFrame({"user": user.repeat(LISTED), "item": listed.ravel()}).drop_duplicates()
    lists["rank"] = lists.groupby("user").cumcount() + 1
    labels = pd.DataFrame({"user": user.repeat(RELEVANT), "item": relevant.ravel()}).drop_duplicates()
    return lists, labels.assign(label=rng.integers(1, 4, len(labels)))


def warm_ranx(lists: pd.DataFrame, labels: pd.DataFrame) -> Any:
    """Return a compiled function that evaluates lists, shape (rows, 3), and labels, shape (rows, 3), with ranx."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IR_DATASETS_HOME"] = folder  # otherwise it makes a folder in HOME
        from ranx import Qrels, Run, evaluate
    qrels = Qrels(_nested(labels, labels["label"]))
    run = Run(_nested(lists, (LISTED + 1.0) - lists["rank"]))
    names = [name.replace("_at_", "@") for name in METRICS]

    def call() -> dict[str, float]:
        values = evaluate(qrels, run, names)
        return {name.replace("@", "_at_"): float(value) for name, value in values.items()}

    call()
    return call


def _nested(frame: pd.DataFrame, values: pd.Series) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for user, item, value in zip(frame["user"].astype(str), frame["item"].astype(str), values.tolist(), strict=True):
        nested.setdefault(user, {})[item] = value
    return nested


def judge(session: Session, predictions: TableName, labels: TableName, expected: dict[str, float]) -> None:
    """Compute all metrics by SQL, with intervals.

    Raises
    ------
    RuntimeError
        A value differs from that of ranx, or an interval is missing.
    """
    rows = metrics_of(session, predictions, labels, SPEC)
    values = values_of(rows)
    wrong = [name for name, value in expected.items() if abs((values[name] or 0.0) - value) > 1e-9]
    lacking = [row["metric"] for row in rows if row["metric"] in METRICS and row["low"] is None]
    if wrong or lacking:
        raise RuntimeError(f"other values than ranx: {wrong}; no interval: {lacking}")


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure both alternately."""
    warnings.simplefilter("ignore")  # numba warns of casts between integers
    lists, labels = drawn(sizes.users)
    by_ranx = warm_ranx(lists, labels)
    with emulated() as session:
        predictions = staged(
            session, lists, {"user": "INT64 NOT NULL", "rank": "INT64 NOT NULL", "item": "INT64 NOT NULL"}
        )
        known = staged(session, labels, {"user": "INT64 NOT NULL", "item": "INT64 NOT NULL", "label": "INT64"})
        by_sql = partial(judge, session, predictions, known, by_ranx())
        return {"ranking": ratio(by_sql, by_ranx, sizes.pairs)}
