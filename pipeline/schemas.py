"""Typed columns of tables and files, and frames cast to them.

Types are GoogleSQL's. A frame has one fixed dtype for each, whatever pages or files it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Number
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from pipeline.digests import digest_json
from pipeline.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

TYPES = ("INT64", "FLOAT64", "STRING", "BOOL", "DATE", "TIMESTAMP", "NUMERIC")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}", re.ASCII)
KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("INT64", "FLOAT64", "NUMERIC", "BOOL"), (str, Number)),
    **dict.fromkeys(("DATE", "TIMESTAMP"), (str, date)),
    "STRING": (str, Integral, Decimal, date),
}
"""Classes of Python objects that may become a value of each type."""
FIRST_SECOND = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")


@dataclass(frozen=True)
class Column:
    """One column: name, GoogleSQL type and whether NULL is refused."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table or file, in order."""

    columns: tuple[Column, ...]

    @classmethod
    def parse(cls, declared: Mapping[str, str]) -> Schema:
        """Read `{name: "TYPE [NOT NULL]"}`, as YAML declares columns."""
        return cls(tuple(_parse_column(name, text) for name, text in declared.items()))

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    @property
    def digest(self) -> str:
        """Digest of names, types and modes."""
        return digest_json([(c.name, c.type, c.required) for c in self.columns])

    def select(self, names: Iterable[str]) -> Schema:
        """Return the named columns, in the order of `names`."""
        by_name = {column.name: column for column in self.columns}
        return Schema(tuple(by_name[name] for name in names))

    def required(self) -> Schema:
        """Return the same columns, all NOT NULL."""
        return Schema(tuple(Column(c.name, c.type, required=True) for c in self.columns))

    def __add__(self, other: Schema) -> Schema:
        return Schema(self.columns + other.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def _parse_column(name: str, text: str) -> Column:
    words = str(text).upper().split()
    if name.upper().startswith(RESERVED):
        raise ValueError(f"column {name!r}: BigQuery keeps names that start with {', '.join(RESERVED)} for itself")
    if not NAME.fullmatch(name) or not words or words[0] not in TYPES or words[1:] not in ([], ["NOT", "NULL"]):
        raise ValueError(f"column {name!r}: {text!r} is not one of {', '.join(TYPES)}, optionally NOT NULL")
    return Column(name, words[0], required=len(words) > 1)


def _check_declared(declared: dict[str, str]) -> dict[str, str]:
    Schema.parse(declared)
    return declared


DeclaredColumns = Annotated[dict[str, str], AfterValidator(_check_declared)]
"""Columns as YAML declares them, checked when they are read."""


def arrow_type(column_type: str) -> pa.DataType:
    """Return the Arrow type of a GoogleSQL type."""
    import pyarrow as pa

    return {
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "STRING": pa.string(),
        "BOOL": pa.bool_(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
        "NUMERIC": pa.decimal128(38, 9),
    }[column_type]


def pandas_dtype(column_type: str) -> Any:
    """Return the pandas dtype that frames have for a GoogleSQL type."""
    import pandas as pd

    # Not "string": that name also equals the dtype whose missing value is NaN.
    plain = {"INT64": "Int64", "FLOAT64": "float64", "STRING": pd.StringDtype(), "BOOL": "boolean"}
    if column_type in plain:
        return plain[column_type]
    return "datetime64[us, UTC]" if column_type == "TIMESTAMP" else pd.ArrowDtype(arrow_type(column_type))


def cast_frame(frame: pd.DataFrame, schema: Schema, *, origin: str) -> pd.DataFrame:
    """Return the columns of `schema` in order and with its dtypes.

    Raises
    ------
    RequestError
        A column is missing or holds values of another type.
    """
    declared = declared_columns(frame, schema, origin)
    return declared.assign(**{c.name: cast_column(frame[c.name], c, origin) for c in schema.columns})


def declared_columns(frame: pd.DataFrame, schema: Schema, origin: str) -> pd.DataFrame:
    """Return the columns of `schema` in order, as they are.

    Raises
    ------
    RequestError
        One is missing.
    """
    missing = [name for name in schema.names if name not in frame.columns]
    if missing:
        raise RequestError(f"{origin}: column {', '.join(missing)} is missing", hint="check the file or query")
    return frame[schema.names]


def cast_column(series: pd.Series, column: Column, origin: str) -> pd.Series:
    """Return a column with the dtype of its type.

    Raises
    ------
    RequestError
        It holds values of another type.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype = pandas_dtype(column.type)
    if series.dtype == dtype:
        return series
    if series.isna().all():  # pandas gives columns without values whatever type it likes
        empty: pd.Series = pd.Series(None, index=series.index, dtype=dtype)
        return empty
    try:
        with np.errstate(invalid="ignore"):  # a float beyond INT64 is an error below, no warning before it
            converted: pd.Series = _converted(series, column.type).astype(dtype)
    except (ValueError, TypeError, OverflowError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        what = f"{origin}: column {column.name} does not hold {column.type} ({error})"
        raise RequestError(what, hint="check the file or query") from error
    return converted


def fits_kind(kind: type, column_type: str) -> bool:
    """Tell whether objects of a class may become values of a type: bytes, lists and dicts never do."""
    import numpy as np

    return issubclass(kind, KINDS[column_type]) or (kind is np.bool_ and fits_kind(bool, column_type))


def _converted(series: pd.Series, column_type: str) -> pd.Series:
    import pandas as pd
    import pyarrow as pa

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
    """Cast with Arrow, and refuse what Arrow would take for something else."""
    import pyarrow as pa

    if column_type == "TIMESTAMP" and pa.types.is_integer(values.type):
        raise TypeError("it holds whole numbers, whose unit nobody knows")
    if column_type == "BOOL" and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise TypeError("it holds numbers among objects, and Arrow would take 7 for true")
    cast = values.cast(arrow_type(column_type))
    if column_type == "DATE" and pa.types.is_timestamp(values.type) and not cast.cast(values.type).equals(values):
        raise ValueError("it holds moments that are no midnight")
    if outside_calendar(cast).any():
        raise ValueError("it holds years before 1 or after 9999")
    return cast


def outside_calendar(values: pa.Array) -> np.ndarray:
    """Tell which dates or moments lie outside the years 1 to 9999; BigQuery knows no others."""
    import numpy as np
    import pyarrow as pa

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
    if column_type == "DATE" and len(kinds) > 1:  # among dates, Arrow cuts the time of day off moments
        raise TypeError(f"it holds {' and '.join(kind.__name__ for kind in kinds)}")


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame with the dtypes of this module: big integers stay exact beside missing ones."""
    import pandas as pd
    import pyarrow as pa

    types = ("INT64", "STRING", "BOOL", "DATE")
    dtypes = {arrow_type(name): pd.api.types.pandas_dtype(pandas_dtype(name)) for name in types}
    dtypes[pa.large_string()] = dtypes[pa.string()]
    frame: pd.DataFrame = table.to_pandas(types_mapper=dtypes.get)
    return frame


def infer_schema(frame: pd.DataFrame) -> Schema:
    """Return GoogleSQL types for the columns of a frame whose schema nobody declared."""
    kinds = {"i": "INT64", "u": "INT64", "f": "FLOAT64", "b": "BOOL", "M": "TIMESTAMP"}
    types = {str(name): kinds.get(getattr(frame[name].dtype, "kind", "O"), "STRING") for name in frame.columns}
    dates = {str(name): "DATE" for name in frame.columns if str(frame[name].dtype) == "date32[day][pyarrow]"}
    try:
        return Schema.parse(types | dates)
    except ValueError as error:
        raise RequestError(str(error), hint="rename the column") from error
