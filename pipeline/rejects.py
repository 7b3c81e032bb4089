"""Rejects: rows that do not fit a schema, found by whole columns, each with the column and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from pipeline.errors import CheckError, RequestError
from pipeline.schemas import (
    Column,
    Schema,
    cast_column,
    declared_columns,
    fits_kind,
    outside_calendar,
    pandas_dtype,
)

LONGEST_VALUE = 200
"""Characters of a rejected value that are written."""

REASONS = {
    "INT64": "not within the range of INT64",
    "FLOAT64": "not a number",
    "NUMERIC": "does not fit NUMERIC, which has 29 digits before the point and 9 after it",
    "STRING": "holds half a character (a lone surrogate), which UTF-8 cannot hold",
    "BOOL": "neither true nor false",
    "DATE": "not a date from 0001-01-01 to 9999-12-31",
    "TIMESTAMP": "not a moment with a zone in the years 1 to 9999",
}
"""What is wrong with a value of a fitting kind, where nothing more special is."""


@dataclass(frozen=True)
class Split:
    """The rows of a frame that fit a schema, and those that do not.

    Parameters
    ----------
    rows
        Rows that fit, in their order, cast to the schema.
    rejects
        `line` (1 for the first row of the frame), `column` (the first that is wrong), `reason` and `value`.
    """

    rows: pd.DataFrame
    rejects: pd.DataFrame


def split_frame(frame: pd.DataFrame, schema: Schema, *, origin: str) -> Split:
    """Tell the rows that fit a schema from those that do not.

    The columns are cast whole; only where that fails, or values are missing or infinite, rows are looked for.

    Parameters
    ----------
    frame
        Is not changed.
    origin
        Where it comes from.

    Raises
    ------
    RequestError
        A column of the schema is missing.
    """
    frame = declared_columns(frame, schema, origin).reset_index(drop=True)
    columns = {column.name: _fit(frame[column.name], column) for column in schema.columns}
    rows = pd.DataFrame({name: values for name, (values, _) in columns.items()}, index=frame.index)
    wrong = pd.DataFrame({name: misfits for name, (_, misfits) in columns.items()}, index=frame.index)
    rejected = wrong.any(axis=1)
    if not rejected.any():
        return Split(rows, _rejects(frame[:0], wrong[:0], schema))
    return Split(rows[~rejected].reset_index(drop=True), _rejects(frame[rejected], wrong[rejected], schema))


def refuse_rejects(split: Split, file: str) -> None:
    """Raise when a row does not fit.

    Raises
    ------
    CheckError
        The first of them, with file, line and column.
    """
    if len(split.rejects):
        first = split.rejects.iloc[0]
        raise CheckError(
            f"{len(split.rejects)} of {len(split.rejects) + len(split.rows)} rows do not fit, the first is {file}: "
            f"line {first['line']}, column {first['column']}: {first['reason']} ({first['value']})",
            hint="mend what makes these rows",
        )


def write_rejects(rejects: pd.DataFrame, frame: pd.DataFrame, key: Sequence[str], file: str, path: Path) -> None:
    """Write rejected rows as JSON Lines: file, line, column, reason, key (as text) and value.

    Parameters
    ----------
    rejects
        Of `split_frame(frame, ...)`.
    key
        Columns that name a row.
    file
        Name of the file that the rows were meant for.
    """
    keys = frame.reset_index(drop=True).loc[rejects["line"] - 1, list(key)]
    texts = {name: _texts(keys[name]).where(keys[name].notna(), None).tolist() for name in key}
    data = pl.DataFrame({name: rejects[name].tolist() for name in ("line", "column", "reason", "value")})
    key_column = pl.DataFrame(texts, schema=dict.fromkeys(key, pl.String)).to_struct("key")
    data = data.with_columns(pl.lit(file).alias("file"), key_column)
    data.select("file", "line", "column", "reason", "key", "value").write_ndjson(path)


def _fit(series: pd.Series, column: Column) -> tuple[pd.Series, np.ndarray]:
    """Return a column cast to its type, and which of its values do not fit; these are missing or unwritable."""
    try:
        cast, misfits = cast_column(series, column, ""), np.zeros(len(series), dtype=bool)
    except RequestError:
        cast = _cast_what_fits(series, column)
        misfits = ~series.index.isin(cast.index) & series.notna().to_numpy()
        cast = cast.reindex(series.index)
    if column.type == "FLOAT64":
        misfits |= np.isinf(cast.to_numpy())
    if column.type in ("DATE", "TIMESTAMP"):
        misfits |= outside_calendar(pa.array(cast, from_pandas=True))
    if column.required:
        misfits |= cast.isna().to_numpy()
    return cast, misfits


def _cast_what_fits(series: pd.Series, column: Column) -> pd.Series:
    """Return the values that can be cast, each class of Python objects for itself: what is right alone is right."""
    present = series.dropna()
    groups = present.groupby(present.astype(object).map(type), sort=False)
    kinds = [group for kind, group in groups if fits_kind(kind, column.type)]
    parts = [part for group in kinds for part in _castable(_without_fractions(group, column), column)]
    return pd.concat(parts) if parts else pd.Series(dtype=pandas_dtype(column.type), index=series.index[:0])


def _castable(series: pd.Series, column: Column) -> list[pd.Series]:
    """Cast a column in halves until those that fail are single values: a few among many cost a few casts."""
    if series.empty:
        return []
    try:
        return [cast_column(series, column, "")]
    except RequestError:
        middle = len(series) // 2
        halves = [series.iloc[:middle], series.iloc[middle:]] if middle else []
        return [part for half in halves for part in _castable(half, column)]


def _without_fractions(series: pd.Series, column: Column) -> pd.Series:
    """Leave out floats that are no integers, of which a column of INT64 may be full."""
    if column.type != "INT64" or not isinstance(series.iloc[0], float | np.floating):
        return series
    numbers = series.to_numpy(dtype="float64")
    whole: pd.Series = series[np.isfinite(numbers) & (np.trunc(numbers) == numbers)]
    return whole


def _rejects(frame: pd.DataFrame, wrong: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Describe rejected rows; `wrong` has the shape of `frame`, True where a value does not fit."""
    first = wrong.to_numpy().argmax(axis=1) if len(wrong) else np.array([], dtype=int)
    found = [_described(frame.loc[first == at, column.name], column) for at, column in enumerate(schema.columns)]
    return pd.concat(found).sort_values("line", ignore_index=True)


def _described(values: pd.Series, column: Column) -> pd.DataFrame:
    shown = _objects(values).map(_shown).astype(object).str[:LONGEST_VALUE]
    described = {"line": values.index + 1, "column": column.name, "reason": _reasons(values, column), "value": shown}
    return pd.DataFrame(described, index=values.index)


def _reasons(values: pd.Series, column: Column) -> np.ndarray:
    """Say of each value, none of which fits, why."""
    kinds = _objects(values).map(type).astype(object)
    strange = ~kinds.map(lambda kind: fits_kind(kind, column.type)).astype(bool)
    texts = _texts(values)
    # "7.0" is no integer, 7.0 is one.
    dotted = texts.str.contains(".", regex=False).astype(bool) & kinds.map(lambda kind: kind is str).astype(bool)
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    numeric = column.type in ("INT64", "FLOAT64", "NUMERIC")
    chosen = {
        "a missing value": values.isna(),
        "wrong type": strange,
        "an infinite number": np.isinf(numbers) & numeric,
        "not an integer": ((numbers.mod(1) != 0) | dotted) & (column.type == "INT64"),
        "not a number": numbers.isna() & numeric,
    }
    reasons = np.select([*map(np.asarray, chosen.values())], [*chosen], REASONS[column.type]).astype(object)
    named = kinds.map(lambda kind: f"{kind.__name__} instead of {column.type}")
    return np.where(reasons == "wrong type", named, reasons)


def _texts(values: pd.Series) -> pd.Series:
    """Return values as text that UTF-8 can hold."""
    return _objects(values).map(_text).astype(object)


def _text(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, pd.Timestamp) else repr(value)  # repr() fails after the year 9999


def _objects(values: pd.Series) -> pd.Series:
    """Return values as Python objects; Arrow's dates as text, because Python has no date after 9999."""
    if isinstance(values.dtype, pd.ArrowDtype) and pa.types.is_temporal(values.dtype.pyarrow_dtype):
        texts = pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)
        return pd.Series(texts, index=values.index, dtype=object)
    return values.astype(object)
