"""What ranx says of lists of items, for each user."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pandas as pd
import pytest

NAMES = ("precision", "recall", "ndcg", "map", "mrr", "hit_rate")


def per_user(
    predictions: pd.DataFrame, labels: pd.DataFrame, ks: Sequence[int], metrics: Sequence[str] = NAMES
) -> pd.DataFrame:
    """Return each metric of each user with a relevant item, shape (users, metrics), indexed by user.

    Parameters
    ----------
    predictions
        Columns user, rank and item.
    labels
        Columns user, item and label; gains are whole numbers, for ranx takes what is below 1 for not relevant.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, of casts between integers
        Qrels, Run, evaluate = _ranx()  # noqa: N806 - classes
        gains = _nested(labels[labels["label"] > 0], "label")
        lists = _nested(predictions.assign(score=-predictions["rank"].astype(float)), "score")
        run = Run({user: lists.get(user, {}) for user in gains})
        names = [f"{name}@{k}" for name in metrics for k in ks] + ["mrr"]
        evaluate(Qrels(gains), run, names)
    found = pd.DataFrame({name.replace("@", "_at_"): run.scores[name] for name in names})
    return found.sort_index()


@lru_cache(maxsize=1)
def _ranx() -> tuple[Any, Any, Any]:
    """Import ranx without its compiler, which takes a minute to save a second, and without a folder in HOME."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        patch.setenv("IR_DATASETS_HOME", folder)
        from ranx import Qrels, Run, evaluate

    return Qrels, Run, evaluate


def _nested(frame: pd.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    return {
        user: dict(zip(part["item"], part[column].tolist(), strict=True))
        for user, part in frame.groupby("user", sort=True)
    }
