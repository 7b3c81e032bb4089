"""Coverage of 95 % intervals of binary metrics: how often they contain the true value, in simulated data.

The true value of a metric is its value in a population of two million rows of the same kind. Replicates are slices of
one query.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.judge import emulated
from pipeline.project.metric_spec import MetricSpec
from pipeline.runs.session import Session
from tests.evaluation.binary_reference import reference
from tests.evaluation.judging import metrics_of, staged

SPEC = MetricSpec("binary_classification", ["id"], ["score"], ["part"])
METRICS = ("auc", "average_precision", "log_loss", "brier_score", "base_rate", "precision", "recall", "f1")
POPULATION, ROWS_OF_A_QUERY, CLUSTER = 2_000_000, 500_000, 10
BOOTSTRAPPED, RESAMPLED = 2_000, 2_000


@dataclass(frozen=True)
class Kind:
    """A kind of data: rows of a replicate, base rate, and whether each ten rows share a cluster."""

    rows: int
    base: float
    clustered: bool

    def draw(self, rng: np.random.Generator, rows: int) -> pd.DataFrame:
        """Return simulated data, shape (rows, 3); the effect of a cluster changes scores and labels."""
        owner = np.arange(rows) // CLUSTER
        shared = rng.normal(size=rows // CLUSTER + 1)[owner] * (0.8 if self.clustered else 0.0)
        signal = rng.normal(size=rows)
        shift = np.log(self.base / (1 - self.base))
        label = rng.random(rows) < _logistic(shift + 1.3 * signal + shared)
        score = _logistic(shift + signal + 0.5 * shared + rng.normal(size=rows) * 0.5)
        return pd.DataFrame({"label": label.astype(int), "score": score, "owner": owner})


KINDS = [
    Kind(rows, base, clustered) for rows in (500, 5_000) for base in (0.05, 0.2, 0.5) for clustered in (False, True)
]


def _logistic(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def replicate(session: Session, kind: Kind, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return value and interval of every metric in every replicate, shape (replicates * metrics, columns)."""
    measured, at_once = [], max(1, ROWS_OF_A_QUERY // kind.rows)
    for first in range(0, replicates, at_once):
        count = min(at_once, replicates - first)
        frame = kind.draw(rng, count * kind.rows)
        frame["id"] = np.arange(len(frame))
        frame["part"] = (frame["id"] // kind.rows).astype(str)
        spec = replace(SPEC, cluster=["owner"] if kind.clustered else [])
        predictions = staged(session, frame, {"id": "INT64 NOT NULL", "score": "FLOAT64 NOT NULL"})
        columns = {"id": "INT64 NOT NULL", "label": "INT64", "part": "STRING", "owner": "INT64"}
        rows = metrics_of(session, predictions, staged(session, frame, columns), spec)
        measured += [row for row in rows if row["slice_name"] == "part" and row["metric"] in METRICS]
    return pd.DataFrame(measured)


def coverage_of(session: Session, kind: Kind, replicates: int) -> list[str]:
    """Return a line of the table for each metric of a kind."""
    rng = np.random.default_rng(11)
    whole = kind.draw(rng, POPULATION)
    truth = reference(whole["label"].to_numpy(float), whole["score"].to_numpy())
    lines = []
    for metric, rows in replicate(session, kind, replicates, rng).groupby("metric"):
        given = rows.dropna(subset=["low"])
        held = (given["low"] <= truth[metric]) & (truth[metric] <= given["high"])
        share = held.mean() if len(given) else float("nan")
        error = 1.96 * np.sqrt(share * (1 - share) / max(len(given), 1))
        cells = [f"{kind.rows:,}", f"{kind.base:.0%}", "yes" if kind.clustered else "no", metric, f"{len(given):,}"]
        lines.append(f"| {' | '.join([*cells, f'{share:.1%} ± {error:.1%}'])} |")
    return lines


def bootstrap(session: Session) -> list[str]:
    """Return lines that compare intervals with those of a bootstrap of 2,000 replicates, on 2,000 rows."""
    rng = np.random.default_rng(12)
    frame = Kind(BOOTSTRAPPED, 0.2, clustered=False).draw(rng, BOOTSTRAPPED).assign(part="all")
    frame["id"] = np.arange(len(frame))
    predictions = staged(session, frame, {"id": "INT64 NOT NULL", "score": "FLOAT64 NOT NULL"})
    labels = staged(session, frame, {"id": "INT64 NOT NULL", "label": "INT64", "part": "STRING"})
    rows = {row["metric"]: row for row in metrics_of(session, predictions, labels, SPEC) if not row["slice_name"]}
    label, score = frame["label"].to_numpy(float), frame["score"].to_numpy()
    drawn = [rng.integers(0, BOOTSTRAPPED, BOOTSTRAPPED) for _ in range(RESAMPLED)]
    again = pd.DataFrame([reference(label[chosen], score[chosen]) for chosen in drawn])
    lines = []
    for metric in METRICS:
        low, high = np.quantile(again[metric].astype(float), [0.025, 0.975])
        row = rows[metric]
        width = (row["high"] - row["low"]) / (high - low)
        cells = [metric, f"{row['value']:.4f}", f"{row['low']:.4f} to {row['high']:.4f}", f"{low:.4f} to {high:.4f}"]
        lines.append(f"| {' | '.join([*cells, f'{width:.3f}'])} |")
    return lines


def main() -> None:
    """Print both tables of docs/metrics.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=0, help="only kinds with this number of rows a replicate; 0: all")
    options = parser.parse_args()
    with emulated() as session:
        print("| metric | value | interval of the SQL | bootstrap | width, SQL over bootstrap |\n|---|---|---|---|---|")
        print("\n".join(bootstrap(session)), flush=True)
        print("\n| rows | base rate | clustered | metric | intervals | hold the truth |\n|---|---|---|---|---|---|")
        for kind in KINDS:
            if options.rows in (0, kind.rows):
                print("\n".join(coverage_of(session, kind, options.replicates)), flush=True)


if __name__ == "__main__":
    main()
