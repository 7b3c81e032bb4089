"""Intervals by brute force: the influence of a row is what moving its weight does to a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

Array = npt.NDArray[np.float64]
Measure = Callable[[Array], Mapping[str, float]]
"""Metrics as a function of the weights of all rows."""

STEP = 1e-6

SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "plain": (lambda value: value, lambda value: value),
    "log": (np.log, np.exp),
    "logit": (lambda value: np.log(value / (1 - value)), lambda value: 1 / (1 + np.exp(-value))),
    "log of the rest": (lambda value: -np.log(1 - value), lambda value: 1 - np.exp(-value)),
}
"""A scale and its inverse, both rising."""


def intervals(
    measure: Measure, weight: Array, groups: pd.Series, scales: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Return the 95 % interval of each metric; no formula of a derivative is used.

    Parameters
    ----------
    weight
        Shape (rows,).
    groups
        The unit of each row, shape (rows,).
    scales
        The scale of each metric, by name.
    """
    moved = [measure(_moved(weight, number, sign)) for number in range(len(weight)) for sign in (1, -1)]
    return {name: _interval([row[name] for row in moved], measure(weight)[name], weight, groups, scale)
            for name, scale in scales.items()}  # fmt: skip


def _moved(weight: Array, number: int, sign: int) -> Array:
    changed = weight.copy()
    changed[number] += sign * STEP
    return changed


def _interval(values: list[float], value: float, weight: Array, groups: pd.Series, scale: str) -> tuple[float, float]:
    there, back = SCALES[scale]
    on_scale = np.array([there(each) for each in values])
    influence = (on_scale[0::2] - on_scale[1::2]) / (2 * STEP) * weight  # (rows,)
    sums = pd.Series(influence).groupby(groups.to_numpy()).sum()
    units = len(sums)
    reach = t.ppf(0.975, units - 1) * np.sqrt((sums**2).sum() * units / (units - 1))
    return back(there(value) - reach), back(there(value) + reach)
