"""JSON Lines files, written and read without changing a value."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa

from pipeline.errors import RequestError
from pipeline.rejects import refuse_rejects, split_frame
from pipeline.schemas import Schema, arrow_type, frame_of


def write_jsonl(frame: pd.DataFrame, schema: Schema, path: Path) -> int:
    """Write the columns of `schema` as JSON Lines and return the number of rows.

    DATE is written YYYY-MM-DD, TIMESTAMP in UTC, doubles exactly; an empty frame makes an empty file.

    Raises
    ------
    CheckError
        A row does not fit: a value of another type, an infinite number, which JSON cannot hold, or a required value
        that is missing. NaN is a missing value.
    """
    split = split_frame(frame, schema, origin=path.name)
    refuse_rejects(split, path.name)
    return write_rows(split.rows, schema, path)


def write_rows(rows: pd.DataFrame, schema: Schema, path: Path) -> int:
    """Write rows that fit `schema` (`Split.rows`) as `write_jsonl` does, and return how many they are."""
    arrow = pa.Table.from_pandas(rows, schema=_arrow_schema(schema), preserve_index=False)
    data = pl.DataFrame(pl.from_arrow(arrow))
    stamps = [c.name for c in schema.columns if c.type == "TIMESTAMP"]
    data.with_columns(pl.col(stamps).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")).write_ndjson(path)
    return len(rows)


def read_jsonl(path: Path) -> pd.DataFrame:
    """Read a JSON Lines file; types are cast by whoever knows the schema.

    Raises
    ------
    RequestError
        A line is not a JSON object.
    """
    if path.stat().st_size == 0:
        return pd.DataFrame()
    try:
        return frame_of(pl.read_ndjson(path, infer_schema_length=None).to_arrow())
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise RequestError(f"{path}: cannot be read as JSON Lines ({error})", hint="one JSON object a line") from error


def _arrow_schema(schema: Schema) -> pa.Schema:
    return pa.schema([(column.name, arrow_type(column.type)) for column in schema.columns])
