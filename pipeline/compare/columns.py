"""Two columns of the same rows: where they differ, and by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

NUMBERS, MOMENTS = "iuf", "M"
"""Kinds of dtypes: numbers, with or without a sign or fraction, and moments."""


def alike(a: pd.Series, b: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return two columns in dtypes that can be compared: where nothing else is shared, as texts."""
    same_kind = any(_kind(a) in group and _kind(b) in group for group in (NUMBERS, MOMENTS))
    return (a, b) if a.dtype == b.dtype or same_kind else (a.astype("string"), b.astype("string"))


def unequal(a: pd.Series, b: pd.Series) -> np.ndarray:
    """Return where two columns of the same rows differ, shape (rows,); missing values equal each other."""
    a, b = (column.reset_index(drop=True) for column in alike(a, b))
    missing_a, missing_b = a.isna().to_numpy(dtype=bool), b.isna().to_numpy(dtype=bool)
    differs = (a != b).fillna(value=True).to_numpy(dtype=bool)  # a missing value compares as missing
    return np.where(missing_a | missing_b, missing_a != missing_b, differs)


def largest_difference(a: pd.Series, b: pd.Series) -> int | float | None:
    """Return the largest absolute difference of two columns of numbers; None where no row has a number in both.

    Integers are subtracted as integers: those beyond 2^53 are no floats.
    """
    a, b = (_numbers(column.reset_index(drop=True)) for column in (a, b))
    both = (a.notna() & b.notna()).to_numpy(dtype=bool)
    if not both.any() or not {_kind(a), _kind(b)} <= set(NUMBERS):
        return None
    if _kind(a) == _kind(b) == "i":
        return _largest_of_integers(a[both].to_numpy("int64"), b[both].to_numpy("int64"))
    with np.errstate(over="ignore", invalid="ignore"):  # what is farther apart than a float holds is infinitely far
        gaps = np.abs(a[both].to_numpy("float64") - b[both].to_numpy("float64"))
    return float(np.nanmax(gaps, initial=0.0))  # infinity less itself is no number: these are equal


def _largest_of_integers(a: np.ndarray, b: np.ndarray) -> int:
    """Two integers of 64 bits may lie farther apart than one holds that has a sign."""
    gaps = np.where(a > b, a, b).view("uint64") - np.where(a > b, b, a).view("uint64")
    return int(gaps.max())


def _numbers(column: pd.Series) -> pd.Series:
    """Decimals are Python's objects in a frame: as floats they can be subtracted from anything."""
    return column.astype("float64") if _kind(column) == "O" and infer_dtype(column) == "decimal" else column


def _kind(column: pd.Series) -> str:
    return str(getattr(column.dtype, "kind", "O"))
