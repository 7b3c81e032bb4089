"""What scikit-learn and plain numpy say of scores and binary labels."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn import metrics

Array = npt.NDArray[np.float64]


def reference(
    label: Array,
    score: Array,
    weight: Array | None = None,
    *,
    threshold: float = 0.5,
    percent: int = 10,
    bins: int = 10,
) -> dict[str, float | None]:
    """Return each metric by name; None where it is not defined.

    Parameters
    ----------
    label, score, weight
        Shape (rows,).
    """
    weight = np.ones(len(label)) if weight is None else weight
    both, some = len(set(label)) > 1, bool(label.any())
    predicted = score >= threshold
    rate = float(np.average(label, weights=weight))
    top = at_top(label, score, weight, percent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one class, nothing predicted: None here
        return {
            "auc": metrics.roc_auc_score(label, score, sample_weight=weight) if both else None,
            "average_precision": metrics.average_precision_score(label, score, sample_weight=weight) if some else None,
            "log_loss": metrics.log_loss(label, score, sample_weight=weight, labels=[0, 1]),
            "brier_score": float(np.average((score - label) ** 2, weights=weight)),
            "ece": calibration_error(label, score, weight, bins),
            "precision": metrics.precision_score(label, predicted, sample_weight=weight) if predicted.any() else None,
            "recall": metrics.recall_score(label, predicted, sample_weight=weight) if some else None,
            "f1": metrics.f1_score(label, predicted, sample_weight=weight) if some or predicted.any() else None,
            f"precision_at_top_{percent}_percent": top[0],
            f"recall_at_top_{percent}_percent": top[1] if some else None,
            f"lift_at_top_{percent}_percent": top[0] / rate if some else None,
            "base_rate": rate,
            "mean_score": float(np.average(score, weights=weight)),
            "count": float(len(label)),
        }


def calibration_error(label: Array, score: Array, weight: Array, bins: int) -> float:
    """Return the expected calibration error over bins of equal width (Naeini, Cooper and Hauskrecht 2015)."""
    which = np.minimum((score * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=weight * (label - score), minlength=bins)  # (bins,)
    return float(np.abs(gaps).sum() / weight.sum())


def at_top(label: Array, score: Array, weight: Array, percent: int) -> tuple[float, float]:
    """Return precision and recall among the highest scores that hold at least `percent` of the rows, ties whole."""
    ordered = np.sort(score)[::-1]
    chosen = score >= ordered[int(np.ceil(len(score) * percent / 100 - 1e-9)) - 1]
    hits = float((weight * label)[chosen].sum())
    return hits / float(weight[chosen].sum()), hits / max(float((weight * label).sum()), 1e-300)
