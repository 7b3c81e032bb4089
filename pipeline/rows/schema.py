"""Typed columns of tables and files.

Types are GoogleSQL's. Each has one fixed dtype in frames, whatever the source of the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, StringConstraints

from pipeline.base.digests import digest_json
from pipeline.base.strict_yaml import in_words
from pipeline.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


TYPES = ("INT64", "FLOAT64", "STRING", "BOOL", "DATE", "TIMESTAMP", "NUMERIC")

KINDS = {
    **dict.fromkeys(("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"), "number"),
    **dict.fromkeys(("DATE", "DATETIME", "TIMESTAMP"), "moment"),
}
"""Kinds of types whose values are cast to the declared type when rows are read."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}", re.ASCII)

RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")

ENGINE_COLUMNS: Mapping[str, frozenset[str]] = {
    "examples": frozenset({"label"}),
    "labels": frozenset({"overall"}),
    "predictions": frozenset({"run_date", "run_id", "model_id", "variant", "generation"}),
    "staged": frozenset({"loaded", "paired_with"}),
    "keys": frozenset(
        "rows_of_key training_rows scoring_rows unusable_rows checksum examples labels one other published pairs"
        " of_champion of_challengers".split()
    ),
    "lists": frozenset("slice slice_value dimension model weight cluster gain ideal_rank k kind hit".split()),
}
"""Names of the engine, in small letters: its columns of each table, and what its statements call something else.

`staged` is for predicted columns, `keys` for all keys, `lists` for the key of lists of items. Names that begin with `_`
are the engine's everywhere.
"""


@dataclass(frozen=True)
class Column:
    """A column: its name, its GoogleSQL type, and whether NULL is refused."""

    name: str
    type: str
    required: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table or file, in order."""

    columns: tuple[Column, ...]

    @classmethod
    def parse(cls, declared: Mapping[str, str]) -> Schema:
        """Return the schema of `{name: "TYPE [NOT NULL]"}`, as YAML declares columns.

        Raises
        ------
        ValueError
            A name or type is not one of BigQuery's.
        """
        seen: dict[str, str] = {}
        for name in declared:
            if other := seen.get(name.lower()):
                raise ValueError(f"columns {other!r} and {name!r}: BigQuery does not tell small letters from capitals")
            seen[name.lower()] = name
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

    def difference(self, returned: Schema, *, are_kinds_enough: bool = False) -> str:
        """Describe the first column whose name or type differs from what a statement returns; empty if none does.

        Parameters
        ----------
        are_kinds_enough
            Whether types of one kind are alike: all numbers, all moments.
        """
        end = Column("no more columns", "")
        ours, theirs = ([*side.columns, end] for side in (self, returned))
        for one, other in zip(ours, theirs, strict=False):  # the end of the shorter one meets a column of the longer
            types = [
                KINDS.get(column.type, column.type) if are_kinds_enough else column.type for column in (one, other)
            ]
            if one.name != other.name or types[0] != types[1]:
                words = [f"{column.name} {column.type}".strip() for column in (one, other)]
                return f"the header declares {words[0]} where the statement returns {words[1]}"
        return ""

    def __add__(self, other: Schema) -> Schema:
        return Schema(self.columns + other.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def _parse_column(name: str, text: str) -> Column:
    words = str(text).upper().split()
    if name.upper().startswith(RESERVED):
        raise ValueError(f"column {name!r}: BigQuery reserves names that start with {', '.join(RESERVED)}")
    if not NAME.fullmatch(name):
        rule = "letters, digits and _, not a digit first, at most 300"
        raise ValueError(f"column {name!r}: not a column's name, which has {rule}; rename it in the source")
    if not words or words[0] not in TYPES or words[1:] not in ([], ["NOT", "NULL"]):
        raise ValueError(f"column {name!r}: {text!r} is not one of {', '.join(TYPES)}, optionally NOT NULL")
    return Column(name, words[0], required=len(words) > 1)


def engine_name(names: Iterable[str], *tables: str) -> str | None:
    """Return the first of a user's names that the engine uses itself in one of these tables, or None."""
    taken = frozenset[str]().union(*(ENGINE_COLUMNS[table] for table in tables))
    return next((name for name in names if name.startswith("_") or name.lower() in taken), None)


def _check_declared(declared: dict[str, str]) -> dict[str, str]:
    Schema.parse(declared)
    return declared


DeclaredColumns = Annotated[dict[str, str], AfterValidator(_check_declared)]
"""Columns as YAML declares them; pydantic checks them."""


ENGINE_TABLES = frozenset(
    f"{name}{version}" for name in ("metrics", "comparisons", "verdicts", "drift", "id_maps") for version in ("", "_v1")
)
"""Tables and views of the main dataset, where the sources of jobs are, too."""


def _check_source(name: str) -> str:
    if name.lower() in ENGINE_TABLES or "__predictions" in name.lower():
        raise ValueError(f"{name} is a table of the pipeline itself: choose another name")
    return name


SOURCE = in_words(r"^[A-Za-z_][A-Za-z0-9_]{0,299}$", "a source's name of letters, digits and _, no digit first")

SourceName = Annotated[str, StringConstraints(pattern=SOURCE), AfterValidator(_check_source)]
"""Name of a source, which is that of its table."""


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


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame, shape (rows, columns), in which large integers stay exact beside NULL."""
    import pandas as pd
    import pyarrow as pa

    types = ("INT64", "STRING", "BOOL", "DATE")
    dtypes = {arrow_type(name): pd.api.types.pandas_dtype(pandas_dtype(name)) for name in types}
    dtypes[pa.large_string()] = dtypes[pa.string()]
    frame: pd.DataFrame = table.to_pandas(types_mapper=dtypes.get)
    return frame


def infer_schema(frame: pd.DataFrame) -> Schema:
    """Infer the GoogleSQL types of a frame's columns, shape (rows, columns).

    Raises
    ------
    RequestError
        A column's name is not allowed in BigQuery.
    """
    kinds = {"i": "INT64", "u": "INT64", "f": "FLOAT64", "b": "BOOL", "M": "TIMESTAMP"}
    types = {str(name): kinds.get(getattr(frame[name].dtype, "kind", "O"), "STRING") for name in frame.columns}
    arrow = {str(pandas_dtype(kind)): kind for kind in ("DATE", "NUMERIC")}
    dates = {str(name): arrow[str(dtype)] for name, dtype in frame.dtypes.items() if str(dtype) in arrow}
    try:
        return Schema.parse(types | dates)
    except ValueError as error:
        raise RequestError(str(error), hint="rename the column") from error
