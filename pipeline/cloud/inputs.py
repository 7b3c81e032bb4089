"""Reads a frame from a local file, a `gs://` object or a BigQuery table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import csv

from pipeline.base.files import refuse_other_mark
from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.storage.store import Store
from pipeline.errors import RequestError, quoted
from pipeline.rows.cast import cast_frame
from pipeline.rows.jsonl import read_jsonl, refuse_doubled
from pipeline.rows.schema import Schema, frame_of, pandas_dtype
from pipeline.sql import TableName

MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None")
"""Texts that mean a missing value in a CSV file; in a STRING column only the empty text does."""


def read_csv(path: Path, schema: Schema | None) -> pd.DataFrame:
    """Read a CSV file, shape (rows, columns); with a schema, `007` and `NA` stay text and large integers exact."""
    header = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0].tolist()
    refuse_doubled(header, "column")
    _refuse_ragged(path, [str(name) for name in header])
    if schema is None:
        return pd.read_csv(path)
    dtypes = {c.name: pandas_dtype(c.type) for c in schema.columns if c.type in ("STRING", "INT64")}
    missing = {c.name: [""] if c.type == "STRING" else list(MISSING) for c in schema.columns}
    return pd.read_csv(path, dtype=dtypes, na_values=missing, keep_default_na=False)


def _refuse_ragged(path: Path, header: list[str]) -> None:
    """Refuse rows with more or fewer fields than the header, as in a cut file: pandas would fill or shift them."""
    one_by_one = csv.ReadOptions(use_threads=False)  # so that errors have the number of the row
    parse = csv.ParseOptions(newlines_in_values=True)
    texts = csv.ConvertOptions(column_types=dict.fromkeys(header, "string"))
    with csv.open_csv(path, one_by_one, parse, texts) as blocks:
        for _ in blocks:
            pass


READERS: dict[str, Callable[[Path, Schema | None], pd.DataFrame]] = {
    ".csv": read_csv,
    ".jsonl": lambda path, _: read_jsonl(path),
    ".json": lambda path, _: read_jsonl(path),
    ".parquet": lambda path, _: frame_of(pq.read_table(path)),
}


def read_input(
    place: str,
    *,
    store: Store | None = None,
    warehouse: Warehouse | None = None,
    schema: Schema | None = None,
    order_by: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the rows of a file, object or table, shape (rows, columns).

    Parameters
    ----------
    place
        Path of a CSV, JSON Lines or Parquet file, `gs://bucket/file`, or `bq://project.dataset.table`.
    schema
        Columns to return, all when None; needed for dates in text files.
    order_by
        Key columns by which the rows of a BigQuery table are sorted; BigQuery returns them in any order.

    Raises
    ------
    RequestError
        The input does not exist, or its format is unknown.
    """
    if place.startswith("bq://"):
        if warehouse is None:
            raise RequestError(f"{place}: a table needs a target", hint="pass --target")
        table = TableName.parse(place.removeprefix("bq://"))
        return warehouse.read_frame(table, schema or warehouse.tables.schema(table), order_by=order_by)
    if place.startswith("gs://"):
        if store is None:
            raise RequestError(f"{place}: an object needs a target", hint="pass --target")
        with tempfile.TemporaryDirectory() as folder:
            path = store.download(place, Path(folder) / place.rsplit("/", 1)[-1])
            return _read_local(path, schema, origin=place)
    return _read_local(Path(place), schema, origin=place)


def _read_local(path: Path, schema: Schema | None, origin: str) -> pd.DataFrame:
    frame = _read_file(path, schema)
    if schema and not len(frame.columns):  # JSON Lines without a line name no columns
        frame = pd.DataFrame({name: [] for name in schema.names}, dtype=object)
    return cast_frame(frame, schema, origin=origin) if schema else frame


def _read_file(path: Path, schema: Schema | None) -> pd.DataFrame:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise RequestError(f"{path}: not one of {', '.join(READERS)}", hint="convert the file or fix its name")
    try:
        if path.suffix.lower() != ".parquet":
            refuse_other_mark(path)
        return reader(path, schema)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read ({quoted(error)})", hint="check the path and the format") from error
