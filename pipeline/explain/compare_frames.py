"""Two columns of the same rows: where they differ, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from pipeline.errors import RequestError

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


@dataclass(frozen=True)
class ColumnDifference:
    """Values of one column that differ in rows that both frames have.

    Parameters
    ----------
    keys
        Keys of these rows, shape (rows, columns of the key).
    a, b
        The values of either frame, shape (rows,), with the index of `keys`.
    largest
        Largest absolute difference of numbers; None where the column holds none, or no such row has one in both.
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
        """Both values of each of these rows, in columns `a` and `b`."""
        return pd.DataFrame({"a": self.a.astype(object), "b": self.b.astype(object)})


@dataclass(frozen=True)
class FrameDifference:
    """What differs between two frames, apart from the order of rows and columns.

    Parameters
    ----------
    only_a, only_b
        Rows whose key the other frame lacks, whole.
    common
        How many rows have a key that stands in both.
    changed
        How many of these differ in any column.
    columns
        What differs in these, by column; columns without a difference are left out.
    columns_only_a, columns_only_b
        Columns that one frame has.
    types
        Columns of both whose dtypes differ, with either dtype.
    doubled_a, doubled_b
        Rows that share their key with another row of the same frame; they are not compared.
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
        """Tell whether nothing differs, and every row could be compared."""
        rows = len(self.only_a) + len(self.only_b) + self.changed + self.doubled_a + self.doubled_b
        return not rows and not self.columns_only_a and not self.columns_only_b and not self.types


def compare_frames(a: pd.DataFrame, b: pd.DataFrame, key: Sequence[str]) -> FrameDifference:
    """Compare two frames by key; missing values equal each other, in the key as well.

    Parameters
    ----------
    a, b
        Frames of shape (rows, columns); neither is changed.
    key
        Columns that tell rows apart.

    Raises
    ------
    RequestError
        A frame lacks a column of the key.
    """
    names = list(key)
    for frame in (a, b):
        lacking = [name for name in names if name not in frame.columns]
        if lacking or not names:
            raise RequestError(f"rows have no column {', '.join(lacking)} of the key", hint="name columns of both")
    own_a, own_b = (frame[~frame.duplicated(names, keep=False)].reset_index(drop=True) for frame in (a, b))
    at_a, at_b = _partners(own_a[names], own_b[names])  # either (rows of the outer join,), -1 where there is none
    both = (at_a >= 0) & (at_b >= 0)
    pair_a, pair_b = own_a.iloc[at_a[both]], own_b.iloc[at_b[both]]
    shared = [name for name in a.columns if name in b.columns and name not in names]
    differs = {name: unequal(pair_a[name], pair_b[name]) for name in shared}
    return FrameDifference(
        only_a=own_a.iloc[np.sort(at_a[at_b < 0])],
        only_b=own_b.iloc[np.sort(at_b[at_a < 0])],
        common=int(both.sum()),
        changed=int(np.logical_or.reduce([np.zeros(int(both.sum()), dtype=bool), *differs.values()]).sum()),
        columns={name: _column(pair_a, pair_b, names, name, at) for name, at in differs.items() if at.any()},
        columns_only_a=[str(name) for name in a.columns if name not in b.columns],
        columns_only_b=[str(name) for name in b.columns if name not in a.columns],
        types={
            name: (str(a[name].dtype), str(b[name].dtype))
            for name in [*names, *shared]
            if a[name].dtype != b[name].dtype
        },
        doubled_a=len(a) - len(own_a),
        doubled_b=len(b) - len(own_b),
    )


def _partners(a: pd.DataFrame, b: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows with one key, in the order of `a`, then those of `b` alone; -1 where there is none.

    Columns get numbers for names: no name of a key can be that of a position.
    """
    pairs = [alike(a[name], b[name]) for name in a.columns]
    left, right = (pd.DataFrame(dict(enumerate(columns))) for columns in zip(*pairs, strict=True))
    left["a"], right["b"] = np.arange(len(a)), np.arange(len(b))
    joined = left.merge(right, how="outer", on=list(range(len(pairs))), sort=False)
    found = joined[["a", "b"]].fillna(-1).astype("int64").sort_values(["a", "b"])
    found = pd.concat([found[found["a"] >= 0], found[found["a"] < 0]])
    return found["a"].to_numpy(), found["b"].to_numpy()


def _column(a: pd.DataFrame, b: pd.DataFrame, key: list[str], name: str, at: np.ndarray) -> ColumnDifference:
    keys = a.loc[at, key].reset_index(drop=True)
    own, others = a.loc[at, name].reset_index(drop=True), b.loc[at, name].reset_index(drop=True)
    return ColumnDifference(keys, own, others, largest_difference(own, others))
