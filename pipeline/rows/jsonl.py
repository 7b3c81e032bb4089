"""Writes and reads JSON Lines files without changing a value."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from pipeline.base.files import without_mark
from pipeline.errors import RequestError, quoted
from pipeline.rows.rejects import refuse_rejects, split_frame
from pipeline.rows.schema import Schema, arrow_type, frame_of

LARGEST_NUMBER = 2**53 - 1
"""Integers beyond it are text in JSON: BigQuery asks for that, as many readers would round a number to a double."""


def write_jsonl(frame: pd.DataFrame, schema: Schema, path: Path, *, origin: str = "") -> int:
    """Write the columns of `schema` as JSON Lines and return the number of rows.

    DATE is written YYYY-MM-DD, TIMESTAMP in UTC, doubles exactly; an empty frame makes an empty file. A column of INT64
    with a value beyond 2^53 - 1 is written as text.

    Parameters
    ----------
    frame
        Shape (rows, columns); other columns than those of the schema are ignored.
    origin
        Source of the rows, for errors; the file's name by default.

    Raises
    ------
    CheckError
        A row does not fit: a value has another type, a number is infinite, or a required value is missing. NaN is a
        missing value.
    """
    split = split_frame(frame, schema, origin=origin or path.name)
    refuse_rejects(split, origin or path.name)
    return write_rows(split.rows, schema, path)


def write_rows(rows: pd.DataFrame, schema: Schema, path: Path) -> int:
    """Write rows that fit `schema`, shape (rows, columns), as `write_jsonl` does, and return their number."""
    import polars as pl

    types = pa.schema([(column.name, arrow_type(column.type)) for column in schema.columns])
    arrow = pa.Table.from_pandas(rows, schema=types, preserve_index=False)
    data = pl.DataFrame(pl.from_arrow(arrow))
    stamps = pl.col([c.name for c in schema.columns if c.type == "TIMESTAMP"]).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    large = [c.name for c in schema.columns if c.type == "INT64" and _is_large(arrow[c.name])]
    data.with_columns(stamps, pl.col(large).cast(pl.String)).write_ndjson(path)
    return len(rows)


def _is_large(integers: pa.ChunkedArray) -> bool:
    """Tell whether a value of a column, shape (rows,), must be text in JSON."""
    limits = pc.min_max(integers).as_py()
    return any(abs(limit or 0) > LARGEST_NUMBER for limit in limits.values())


def read_jsonl(path: Path) -> pd.DataFrame:
    """Read a JSON Lines file, shape (rows, columns), with inferred types; `cast_frame` applies a schema.

    Raises
    ------
    RequestError
        A line is not a JSON object, or repeats a name.
    """
    import polars as pl

    content = without_mark(path.read_bytes(), origin=str(path))
    if not content.strip():
        return pd.DataFrame()
    try:
        _refuse_doubled_names(content)
        return frame_of(pl.read_ndjson(content, infer_schema_length=None).to_arrow())
    except (pl.exceptions.PolarsError, pa.ArrowException, ValueError) as error:
        what = f"{path}: cannot be read as JSON Lines ({quoted(_first_mistake(content) or error)})"
        raise RequestError(what, hint="write one JSON object in each line") from error


def _refuse_doubled_names(content: bytes) -> None:
    """Refuse repeated names, which readers resolve differently: some take the first value, some the last."""
    try:
        pa.json.read_json(pa.BufferReader(content))
    except pa.ArrowInvalid as error:
        if "specified twice" in str(error):
            raise


def _first_mistake(content: bytes) -> str | None:
    """Return the number of the first line that is not valid JSON, and the reason; None when all are valid."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.startswith(codecs.BOM_UTF8):
            return f"line {number}: a byte-order mark inside the file"
        try:
            if line.strip():
                json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_object)
        except ValueError as error:
            return f"line {number}: {error}"
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    refuse_doubled([name for name, _ in pairs], "name")
    return dict(pairs)


def refuse_doubled(names: Sequence[str], kind: str) -> None:
    """Refuse repeated names.

    Raises
    ------
    ValueError
        A name comes twice; the message calls it a `kind`.
    """
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ValueError(f"the {kind} {doubled} comes twice")
