"""Two frames compared by key: rows of one only, and by how much the values of common rows differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from pipeline.errors import RequestError

NUMBERS, MOMENTS = "iuf", "M"
"""Kinds of dtypes: numbers (signed, unsigned, floating), and moments."""


@dataclass(frozen=True)
class ColumnDifference:
    """The differing values of one column in the rows that both frames have.

    Parameters
    ----------
    keys
        Keys of these rows, shape (rows, columns of the key).
    a, b
        Their values in each frame, shape (rows,), with the index of `keys`.
    largest
        Largest absolute difference; None unless a row has a number in both frames.
    """

    keys: pd.DataFrame
    a: pd.Series
    b: pd.Series
    largest: int | float | None

    @property
    def count(self) -> int:
        """How many rows differ in this column."""
        return len(self.keys)

    @property
    def values(self) -> pd.DataFrame:
        """Both values of each of these rows, shape (rows, 2), columns `a` and `b`."""
        return pd.DataFrame({"a": self.a.astype(object), "b": self.b.astype(object)})


@dataclass(frozen=True)
class FrameDifference:
    """What differs between two frames, apart from the order of rows and columns.

    Parameters
    ----------
    only_a, only_b
        Rows whose key the other frame lacks, shape (rows, columns of the frame).
    common
        How many rows have a key that both frames have.
    changed
        How many of these differ in at least one column.
    columns
        Differing values of these rows, by column.
    columns_only_a, columns_only_b
        Columns that only one frame has.
    types
        Columns with different dtypes, with both dtypes.
    doubled_a, doubled_b
        How many rows share their key with another row of the same frame; they are not compared.
    """

    only_a: pd.DataFrame
    only_b: pd.DataFrame
    common: int
    changed: int
    columns: Mapping[str, ColumnDifference]
    columns_only_a: Sequence[str]
    columns_only_b: Sequence[str]
    types: Mapping[str, tuple[str, str]]
    doubled_a: int
    doubled_b: int

    @property
    def same(self) -> bool:
        """Tell whether every row could be compared and nothing differs."""
        rows = len(self.only_a) + len(self.only_b) + self.changed + self.doubled_a + self.doubled_b
        return not rows and not self.columns_only_a and not self.columns_only_b and not self.types


def compare_frames(a: pd.DataFrame, b: pd.DataFrame, key: Sequence[str]) -> FrameDifference:
    """Compare two frames by key; missing values equal each other, in the key as well.

    Parameters
    ----------
    a, b
        Frames, shape (rows, columns); neither is changed.
    key
        Columns that tell rows apart.

    Raises
    ------
    RequestError
        A frame lacks a column of the key, or the key has no columns.
    """
    names = list(key)
    for frame in (a, b):
        missing = [name for name in names if name not in frame.columns]
        if missing or not names:
            message = f"rows cannot be compared by key ({', '.join(names)}): no column {', '.join(missing)}"
            raise RequestError(message, hint="use a key of columns that both sides have")
    rows_a, rows_b = (frame[~frame.duplicated(names, keep=False)].reset_index(drop=True) for frame in (a, b))
    at_a, at_b = _joined_positions(rows_a[names], rows_b[names])  # shape (rows of the outer join,), -1 if missing
    both = (at_a >= 0) & (at_b >= 0)
    common_a, common_b = rows_a.iloc[at_a[both]], rows_b.iloc[at_b[both]]
    shared = [name for name in a.columns if name in b.columns and name not in names]
    differs = {name: unequal(common_a[name], common_b[name]) for name in shared}
    columns = {}
    for name, mask in differs.items():
        if mask.any():
            keys = common_a.loc[mask, names].reset_index(drop=True)
            own, other = (rows.loc[mask, name].reset_index(drop=True) for rows in (common_a, common_b))
            columns[name] = ColumnDifference(keys, own, other, largest_difference(own, other))
    return FrameDifference(
        only_a=rows_a.iloc[np.sort(at_a[at_b < 0])],
        only_b=rows_b.iloc[np.sort(at_b[at_a < 0])],
        common=len(common_a),
        changed=int(np.logical_or.reduce([np.zeros(len(common_a), dtype=bool), *differs.values()]).sum()),
        columns=columns,
        columns_only_a=[str(name) for name in a.columns if name not in b.columns],
        columns_only_b=[str(name) for name in b.columns if name not in a.columns],
        types={
            name: (str(a[name].dtype), str(b[name].dtype))
            for name in [*names, *shared]
            if a[name].dtype != b[name].dtype
        },
        doubled_a=len(a) - len(rows_a),
        doubled_b=len(b) - len(rows_b),
    )


def _joined_positions(a: pd.DataFrame, b: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows with equal keys, in the order of `a`, then the rows of `b` alone; -1 if missing.

    The columns of the key get numbers as names: they cannot clash with the names of the positions.
    """
    pairs = [comparable(a[name], b[name]) for name in a.columns]
    left, right = (pd.DataFrame(dict(enumerate(columns))) for columns in zip(*pairs, strict=True))
    left["a"], right["b"] = np.arange(len(a)), np.arange(len(b))
    joined = left.merge(right, how="outer", on=list(range(len(pairs))), sort=False)
    positions = joined[["a", "b"]].fillna(-1).astype("int64").sort_values(["a", "b"])
    positions = pd.concat([positions[positions["a"] >= 0], positions[positions["a"] < 0]])
    return positions["a"].to_numpy(), positions["b"].to_numpy()


def comparable(a: pd.Series, b: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return two columns, shape (rows,), with comparable dtypes: as texts if they have nothing else in common."""
    same_kind = any(_kind(a) in kinds and _kind(b) in kinds for kinds in (NUMBERS, MOMENTS))
    return (a, b) if a.dtype == b.dtype or same_kind else (a.astype("string"), b.astype("string"))


def unequal(a: pd.Series, b: pd.Series) -> np.ndarray:
    """Return a mask, shape (rows,), of the rows in which two columns differ; missing values equal each other."""
    a, b = (column.reset_index(drop=True) for column in comparable(a, b))
    missing_a, missing_b = a.isna().to_numpy(dtype=bool), b.isna().to_numpy(dtype=bool)
    differs = (a != b).fillna(value=True).to_numpy(dtype=bool)  # comparing with a missing value gives a missing value
    return np.where(missing_a | missing_b, missing_a != missing_b, differs)


def largest_difference(a: pd.Series, b: pd.Series) -> int | float | None:
    """Return the largest absolute difference of two columns, shape (rows,); None unless a row has two numbers.

    Integers are subtracted as integers: floats cannot hold every integer beyond 2^53.
    """
    a, b = (_as_numbers(column.reset_index(drop=True)) for column in (a, b))
    both = (a.notna() & b.notna()).to_numpy(dtype=bool)
    if not both.any() or not {_kind(a), _kind(b)} <= set(NUMBERS):
        return None
    if _kind(a) == _kind(b) == "i":
        first, second = a[both].to_numpy("int64"), b[both].to_numpy("int64")
        # Unsigned: the difference of two int64 can exceed an int64.
        gaps = np.maximum(first, second).view("uint64") - np.minimum(first, second).view("uint64")
        return int(gaps.max())
    with np.errstate(over="ignore", invalid="ignore"):  # a difference beyond the range of floats is infinite
        gaps = np.abs(a[both].to_numpy("float64") - b[both].to_numpy("float64"))
    return float(np.nanmax(gaps, initial=0.0))  # infinity - infinity is NaN: these values are equal


def _as_numbers(column: pd.Series) -> pd.Series:
    """Return a column of Decimal objects as floats, other columns as they are."""
    return column.astype("float64") if _kind(column) == "O" and infer_dtype(column) == "decimal" else column


def _kind(column: pd.Series) -> str:
    return str(getattr(column.dtype, "kind", "O"))
