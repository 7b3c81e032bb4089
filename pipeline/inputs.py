"""Flexible inputs: a frame from a local file, a `gs://` object or a BigQuery table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import RequestError
from pipeline.ndjson import read_jsonl
from pipeline.schemas import Schema, cast_frame
from pipeline.sql_assets import TableName
from pipeline.store import Store
from pipeline.warehouse import Warehouse

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".jsonl": read_jsonl,
    ".json": read_jsonl,
    ".parquet": pd.read_parquet,
}


def read_input(
    place: str,
    *,
    store: Store | None = None,
    warehouse: Warehouse | None = None,
    schema: Schema | None = None,
    order_by: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the rows at a place.

    Parameters
    ----------
    place
        Path of a CSV, JSON Lines or Parquet file, `gs://bucket/file`, or `bq://project.dataset.table`.
    schema
        Columns to return; needed for a BigQuery table, and for dates in text files.

    Raises
    ------
    RequestError
        The place does not exist, or its format is not known.
    """
    if place.startswith("bq://"):
        return _read_table(place, warehouse, schema, order_by)
    if place.startswith("gs://"):
        return _read_object(place, store, schema)
    frame = _read_file(Path(place))
    return cast_frame(frame, schema, origin=place) if schema else frame


def _read_table(
    place: str, warehouse: Warehouse | None, schema: Schema | None, order_by: Sequence[str]
) -> pd.DataFrame:
    if warehouse is None or schema is None:
        raise RequestError(f"{place}: a table needs a target and a schema", hint="pass --target and a job")
    return warehouse.read_frame(TableName.parse(place.removeprefix("bq://")), schema, order_by=order_by)


def _read_object(place: str, store: Store | None, schema: Schema | None) -> pd.DataFrame:
    if store is None:
        raise RequestError(f"{place}: an object needs a target", hint="pass --target")
    with tempfile.TemporaryDirectory() as folder:
        path = store.download(place, Path(folder) / place.rsplit("/", 1)[-1])
        return read_input(str(path), schema=schema)


def _read_file(path: Path) -> pd.DataFrame:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise RequestError(f"{path}: not one of {', '.join(READERS)}", hint="convert the file or mend its name")
    try:
        return reader(path)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path}: cannot be read ({error})", hint="check the path and the format") from error
