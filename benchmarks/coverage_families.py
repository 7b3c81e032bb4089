"""Coverage of 95 % intervals of regression, multiclass and ranking metrics: how often they contain the true value.

The true value of a metric is its value in all replicates together. Replicates are slices of one query.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.judge import emulated
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from tests.evaluation.judging import metrics_of, staged

CLUSTER, UNITS_OF_A_QUERY = 10, 100_000
CLASSES = np.array(["a", "b", "c"])
ITEMS, LISTED = 60, 5

Frames = tuple[pd.DataFrame, pd.DataFrame]
Draw = Callable[[np.random.Generator, int, float], Frames]

LABELS = {"id": "INT64 NOT NULL", "part": "STRING", "owner": "INT64"}
FAMILIES = {
    "regression": (
        MetricSpec("regression", ["id"], ["value"], ["part"]),
        {"id": "INT64 NOT NULL", "value": "FLOAT64 NOT NULL"},
        LABELS | {"label": "FLOAT64"},
    ),
    "multiclass": (
        MetricSpec("multiclass", ["id", "class"], ["score"], ["part"], label_key=["id"]),
        {"id": "INT64 NOT NULL", "class": "STRING NOT NULL", "score": "FLOAT64 NOT NULL"},
        LABELS | {"label": "STRING"},
    ),
    "ranking": (
        MetricSpec("ranking", ["id", "rank"], ["item"], ["part"], {"ks": [LISTED]}, label_key=["id", "item"]),
        {"id": "INT64 NOT NULL", "rank": "INT64 NOT NULL", "item": "INT64 NOT NULL"},
        LABELS | {"item": "INT64 NOT NULL", "label": "INT64"},
    ),
}


def regression(rng: np.random.Generator, units: int, shared: float) -> Frames:
    """Return predictions, shape (units, 2), and skewed labels, shape (units, 3); clusters change only labels."""
    effect = _of_clusters(rng, units, shared)
    known = rng.normal(size=units)
    frame = pd.DataFrame({"id": np.arange(units), "value": np.exp(0.5 * known)})
    return frame, frame.assign(label=np.exp(0.5 * known + 0.3 * effect + 0.3 * rng.normal(size=units)))


def multiclass(rng: np.random.Generator, units: int, shared: float) -> Frames:
    """Return scores of three classes, shape (3 * units, 3), and labels, shape (units, 2)."""
    effect = _of_clusters(rng, units, shared)
    signal = rng.normal(size=(units, len(CLASSES))) + np.log([0.6, 0.3, 0.1])
    signal[:, 0] += effect
    label = CLASSES[(signal + rng.gumbel(size=signal.shape)).argmax(axis=1)]
    signal[:, 0] -= 0.5 * effect
    scores = np.exp(signal) / np.exp(signal).sum(axis=1, keepdims=True)  # (units, classes)
    lists = pd.DataFrame(
        {"id": np.arange(units).repeat(len(CLASSES)), "class": np.tile(CLASSES, units), "score": scores.ravel()}
    )
    return lists, pd.DataFrame({"id": np.arange(units), "label": label})


def ranking(rng: np.random.Generator, units: int, shared: float) -> Frames:
    """Return lists, shape (LISTED * units, 3), and relevant items, shape (rows, 3); both follow popularity."""
    taste = np.exp(0.7 * _of_clusters(rng, units, shared) + 0.3 * rng.normal(size=units))[:, None]
    slope = np.log(np.arange(ITEMS) + 2.0)  # (items,)
    listed = _chosen(rng, units, slope * 1.0)
    relevant = _chosen(rng, units, slope * taste)
    ranks = np.tile(np.arange(1, LISTED + 1), units)
    users = np.arange(units).repeat(LISTED)
    lists = pd.DataFrame({"id": users, "rank": ranks, "item": listed})
    labels = pd.DataFrame({"id": users, "item": relevant, "label": rng.integers(1, 4, len(users))})
    return lists, labels[ranks <= rng.integers(1, LISTED + 1, units).repeat(LISTED)]


def _chosen(rng: np.random.Generator, units: int, slope: np.ndarray) -> np.ndarray:
    """Return items, drawn without replacement, shape (units * LISTED,)."""
    keys = rng.gumbel(size=(units, ITEMS)) - slope
    return np.argsort(-keys, axis=1)[:, :LISTED].ravel()


def _of_clusters(rng: np.random.Generator, units: int, shared: float) -> np.ndarray:
    """Return the effect of each unit's cluster, shape (units,)."""
    return shared * rng.normal(size=units // CLUSTER + 1)[np.arange(units) // CLUSTER]


DRAWS: dict[str, Draw] = {"regression": regression, "multiclass": multiclass, "ranking": ranking}


def coverage_of(session: Session, family: str, units: int, replicates: int, *, clustered: bool) -> list[str]:
    """Return a line of the table for each metric that has intervals."""
    rng, measured = np.random.default_rng(13), []
    spec, predictions, labels = FAMILIES[family]
    spec = replace(spec, cluster=["owner"] if clustered else [])
    at_once = max(1, UNITS_OF_A_QUERY // units)
    for first in range(0, replicates, at_once):
        count = min(at_once, replicates - first)
        lists, known = DRAWS[family](rng, count * units, 0.8 if clustered else 0.0)
        known = known.assign(part=(known["id"] // units).astype(str), owner=known["id"] // CLUSTER)
        measured += metrics_of(session, staged(session, lists, predictions), staged(session, known, labels), spec)
    rows = pd.DataFrame(measured)
    whole = rows[rows["slice_name"] == ""]
    truth = {name: np.average(part["value"], weights=part["n"]) for name, part in whole.groupby("metric")}
    lines = []
    for metric, part in rows[rows["slice_name"] == "part"].dropna(subset=["low"]).groupby("metric"):
        share = ((part["low"] <= truth[metric]) & (truth[metric] <= part["high"])).mean()
        error = 1.96 * np.sqrt(share * (1 - share) / len(part))
        cells = [family, f"{units:,}", "yes" if clustered else "no", metric, f"{len(part):,}"]
        lines.append(f"| {' | '.join([*cells, f'{share:.1%} ± {error:.1%}'])} |")
    return lines


def main() -> None:
    """Print the table of docs/metrics.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1_000)
    options = parser.parse_args()
    print("| family | units | clustered | metric | intervals | hold the truth |\n|---|---|---|---|---|---|")
    with emulated() as session:
        for family in FAMILIES:
            for units in (500, 5_000):
                for clustered in (False, True):
                    lines = coverage_of(session, family, units, options.replicates, clustered=clustered)
                    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
