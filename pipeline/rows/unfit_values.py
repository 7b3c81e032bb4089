"""Finds the values that do not fit a column, and the reasons."""

from __future__ import annotations

import re
from datetime import datetime, time
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.errors import RequestError
from pipeline.rows.cast import cast_column, fits_kind, outside_calendar
from pipeline.rows.schema import Column, pandas_dtype

REASONS = {
    "INT64": "not within the range of INT64",
    "FLOAT64": "not a number",
    "NUMERIC": "does not fit NUMERIC, which has 29 digits before the point and 9 after it",
    "STRING": "holds half a character (a lone surrogate), which UTF-8 cannot hold",
    "BOOL": "neither true nor false",
    "DATE": "not a date from 0001-01-01 to 9999-12-31",
    "TIMESTAMP": "not a moment with a zone in the years 1 to 9999, in microseconds",
}
"""The reason for a value of a fitting Python class, when no more specific reason applies."""

INTEGER = re.compile(r"\s*[+-]?\d+\s*")
"""A text that a column of INT64 takes: neither `7.0` nor `1e3`."""

INFINITE = re.compile(r"\s*[+-]?inf(inity)?\s*", re.IGNORECASE)


def fit_column(series: pd.Series, column: Column) -> tuple[pd.Series, np.ndarray]:
    """Cast a column; also return a mask, shape (rows,), of the values that do not fit."""
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
    """Return the values that can be cast. Each Python class is cast separately, so a value is judged alone."""
    present = series.dropna()
    groups = present.groupby(present.astype(object).map(type), sort=False)
    kinds = [group for kind, group in groups if fits_kind(kind, column.type)]
    parts = [part for group in kinds for part in _castable(_without_fractions(group, column), column)]
    return pd.concat(parts) if parts else pd.Series(dtype=pandas_dtype(column.type), index=series.index[:0])


def _castable(series: pd.Series, column: Column) -> list[pd.Series]:
    """Cast a column in halves until the failures are single values: a few unfit ones cost a few casts."""
    if series.empty:
        return []
    try:
        return [cast_column(series, column, "")]
    except RequestError:
        middle = len(series) // 2
        halves = [series.iloc[:middle], series.iloc[middle:]] if middle else []
        return [part for half in halves for part in _castable(half, column)]


def _without_fractions(series: pd.Series, column: Column) -> pd.Series:
    """Drop floats with a fraction, which a column of INT64 may be full of."""
    if column.type != "INT64" or not isinstance(series.iloc[0], float | np.floating):
        return series
    numbers = series.to_numpy(dtype="float64")
    whole: pd.Series = series[np.isfinite(numbers) & (np.trunc(numbers) == numbers)]
    return whole


def reasons_of(values: pd.Series, column: Column) -> np.ndarray:
    """Return the reason why each value does not fit, shape (rows,)."""
    kinds = objects_of(values).map(type).astype(object)
    strange = ~kinds.map(lambda kind: fits_kind(kind, column.type)).astype(bool)
    texts = texts_of(values)
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    infinite = texts.str.fullmatch(INFINITE).astype(bool)
    numeric = column.type in ("INT64", "FLOAT64", "NUMERIC")
    chosen = {
        "a missing value": values.isna(),
        "wrong type": strange,
        "an infinite number": infinite & numeric,
        "not within the range of FLOAT64": np.isinf(numbers) & (column.type == "FLOAT64"),
        "not an integer": ~objects_of(values).map(_is_integer).astype(bool) & (column.type == "INT64"),
        "not a number": numbers.isna() & numeric,
        "a moment that is not midnight": objects_of(values).map(_has_time).astype(bool) & (column.type == "DATE"),
    }
    reasons = np.select([*map(np.asarray, chosen.values())], [*chosen], REASONS[column.type]).astype(object)
    named = kinds.map(lambda kind: f"{kind.__name__} instead of {column.type}")
    return np.where(reasons == "wrong type", named, reasons)


def _is_integer(value: object) -> bool:
    """Tell whether a value is a whole number; the number 7.0 is, the texts `7.0` and `1e3` are not for BigQuery."""
    if isinstance(value, str):
        return bool(INTEGER.fullmatch(value))
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        return False
    return number == number.to_integral_value()


def _has_time(value: object) -> bool:
    return isinstance(value, datetime) and value.time() != time()


def texts_of(values: pd.Series) -> pd.Series:
    """Return values as text that UTF-8 can hold, shape (rows,)."""
    return objects_of(values).map(_text).astype(object)


def _text(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def shown(values: pd.Series) -> pd.Series:
    """Return values as Python literals, shape (rows,)."""
    texts = [v.isoformat() if isinstance(v, pd.Timestamp) else repr(v) for v in objects_of(values)]
    return pd.Series(texts, values.index, dtype=object)  # repr() of a Timestamp fails after the year 9999


def objects_of(values: pd.Series) -> pd.Series:
    """Return values as Python objects, shape (rows,); Arrow's dates as text, as Python has no date after 9999."""
    if isinstance(values.dtype, pd.ArrowDtype) and pa.types.is_temporal(values.dtype.pyarrow_dtype):
        texts = pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)
        return pd.Series(texts, index=values.index, dtype=object)
    return values.astype(object)
