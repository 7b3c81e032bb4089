"""Casts frames to typed columns: exactly, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Number

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.errors import RequestError, quoted
from pipeline.rows.schema import Column, Schema, arrow_type, frame_of, pandas_dtype

KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("INT64", "FLOAT64", "NUMERIC", "BOOL"), (str, Number)),
    **dict.fromkeys(("DATE", "TIMESTAMP"), (str, date)),
    "STRING": (str, Integral, Decimal, date),
}
"""Python classes whose objects can be cast to each type."""

FIRST_SECOND = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())

LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def cast_frame(frame: pd.DataFrame, schema: Schema, *, origin: str) -> pd.DataFrame:
    """Return the columns of `schema` in order and with its dtypes, shape (rows, columns of the schema).

    Raises
    ------
    RequestError
        A column is missing or holds values of another type.
    """
    declared = declared_columns(frame, schema, origin)
    return declared.assign(**{c.name: cast_column(frame[c.name], c, origin) for c in schema.columns})


def cast_columns(
    columns: dict[str, pa.ChunkedArray], schema: Schema, order_by: Sequence[str], *, origin: str
) -> pd.DataFrame:
    """Return Arrow columns as a frame with the dtypes of a schema, shape (rows, columns of the schema), sorted by key.

    Parameters
    ----------
    columns
        Columns by name, each of shape (rows,). Each is removed once it is cast, so that its memory is free for others.
    order_by
        Key columns of the schema; without any, the order of the rows stays.

    Raises
    ------
    RequestError
        A column holds values of another type.
    """
    done: dict[str, pd.Series] = {}
    for column in schema.columns:
        frame = frame_of(pa.table({column.name: columns.pop(column.name)}))
        done[column.name] = cast_column(frame[column.name], column, origin)
        pa.default_memory_pool().release_unused()
    if order_by:
        keys = pd.DataFrame({name: done[name] for name in order_by}, copy=False)
        order = keys.sort_values(list(order_by), kind="stable").index.to_numpy()  # (rows,)
        if (order[1:] < order[:-1]).any():
            for name, series in done.items():
                done[name] = series.take(order).reset_index(drop=True)
    return pd.DataFrame(done, copy=False)


def declared_columns(frame: pd.DataFrame, schema: Schema, origin: str) -> pd.DataFrame:
    """Return the columns of `schema` in order and uncast, shape (rows, columns of the schema).

    Raises
    ------
    RequestError
        A column is missing.
    """
    refuse_missing(frame.columns, schema, origin)
    return frame[schema.names]


def refuse_missing(names: Collection[str], schema: Schema, origin: str) -> None:
    """Raise unless all columns of a schema are among some names.

    Raises
    ------
    RequestError
        A column is missing.
    """
    missing = [name for name in schema.names if name not in names]
    if missing:
        raise RequestError(f"{origin}: column {', '.join(missing)} is missing", hint="check the file or query")


def with_dtypes(frame: pd.DataFrame, dtypes: Mapping[str, str], *, origin: str) -> pd.DataFrame:
    """Return a frame, shape (rows, columns), with the dtypes of another one.

    A frame read from a file has other dtypes than the frame that a model was trained on.

    Raises
    ------
    RequestError
        A column has missing values, and its dtype cannot hold them.
    """
    try:
        return frame.astype({name: dtype for name, dtype in dtypes.items() if str(frame[name].dtype) != dtype})
    except (ValueError, TypeError) as error:
        lacking = [name for name in dtypes if frame[name].isna().any()]
        what = f"{origin}: column {', '.join(lacking)} has missing values; the training data had none"
        raise RequestError(what, hint="fill them in or drop the rows") from error


def cast_column(series: pd.Series, column: Column, origin: str) -> pd.Series:
    """Return a column, shape (rows,), with the dtype of its type.

    Raises
    ------
    RequestError
        It holds values of another type.
    """
    dtype = pandas_dtype(column.type)
    if series.dtype == dtype:
        return series
    if series.isna().all():  # pandas gives an empty column an arbitrary dtype
        empty: pd.Series = pd.Series(None, index=series.index, dtype=dtype)
        return empty
    try:
        with np.errstate(invalid="ignore"):  # a float beyond INT64 raises below: no warning first
            converted: pd.Series = _converted(series, column.type).astype(dtype)
    except (ValueError, TypeError, OverflowError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        what = f"{origin}: column {column.name} does not hold {column.type} ({quoted(error)})"
        raise RequestError(what, hint="check the file or query") from error
    return converted


def fits_kind(kind: type, column_type: str) -> bool:
    """Tell whether objects of a class can be cast to a type; bytes, lists and dicts never can."""
    return issubclass(kind, KINDS[column_type]) or (kind is np.bool_ and fits_kind(bool, column_type))


def _converted(series: pd.Series, column_type: str) -> pd.Series:
    if series.dtype == "object":
        _check_kinds(series, column_type)
    if column_type == "STRING" and getattr(series.dtype, "kind", "O") == "f":
        raise TypeError("it holds floating-point numbers: an id 7 would become '7.0'")
    is_text = isinstance(series.dtype, pd.StringDtype) or series.dtype == "object"
    if column_type in ("INT64", "FLOAT64", "STRING") or (column_type == "BOOL" and not is_text):
        return series
    # Arrow reads text, Python objects and every pandas date alike, where pandas' own casts differ.
    exact = column_type == "NUMERIC" and series.dtype == "object" and set(_kinds(series)) <= {int, Decimal}
    values = pa.array(series, from_pandas=True, type=arrow_type("NUMERIC") if exact else None)
    return pd.Series(pd.arrays.ArrowExtensionArray(_cast_values(values, column_type)), index=series.index)


def _cast_values(values: pa.Array, column_type: str) -> pa.Array:
    """Cast with Arrow, and refuse values that Arrow would misread."""
    if column_type == "TIMESTAMP" and pa.types.is_integer(values.type):
        raise TypeError("it holds whole numbers of an unknown unit")
    if column_type == "BOOL" and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise TypeError("it holds numbers among objects, and Arrow would read 7 as true")
    cast = values.cast(arrow_type(column_type))
    if column_type == "DATE" and pa.types.is_timestamp(values.type) and not cast.cast(values.type).equals(values):
        raise ValueError("it holds moments that are not midnight")
    if outside_calendar(cast).any():
        raise ValueError("it holds years before 1 or after 9999")
    return cast


def outside_calendar(values: pa.Array) -> np.ndarray:
    """Return a mask, shape (rows,), of dates and moments outside the years 1 to 9999, the range of BigQuery."""
    if not pa.types.is_temporal(values.type):
        return np.zeros(len(values), dtype=bool)
    moments = values.cast(pa.timestamp("s"), safe=False).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    outside: np.ndarray = (moments < FIRST_SECOND) | (moments > LAST_SECOND)
    return outside


def _kinds(series: pd.Series) -> list[type]:
    return list(series.dropna().map(type).unique())


def _check_kinds(series: pd.Series, column_type: str) -> None:
    kinds = _kinds(series)
    strange = [kind.__name__ for kind in kinds if not fits_kind(kind, column_type)]
    if strange:
        raise TypeError(f"it holds {strange[0]}")
    if column_type == "DATE" and len(kinds) > 1:  # among dates, Arrow drops the time of day of moments
        raise TypeError(f"it holds {' and '.join(kind.__name__ for kind in kinds)}")
