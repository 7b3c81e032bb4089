"""Predict with a bundle alone: rows at a place into a JSON Lines file; neither run nor repository is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.bundle import BundleInfo, read_bundle, read_info, using_code
from pipeline.errors import CheckError, RequestError
from pipeline.files import replace_file
from pipeline.inputs import read_input
from pipeline.model_config import ModelConfig
from pipeline.model_files import any_bundle, fetch_bundle
from pipeline.ndjson import write_jsonl
from pipeline.phases.predict import predict_from_data
from pipeline.schemas import Schema, infer_schema
from pipeline.store import Store
from pipeline.warehouse import Warehouse


def predict_from_path(
    bundle: Path | str,
    data: Path | str,
    out: Path | str,
    *,
    store: Store | None = None,
    warehouse: Warehouse | None = None,
    check: Callable[[BundleInfo], object] = any_bundle,
) -> int:
    """Write a bundle's predictions for the rows at a place as JSON Lines, and return how many there are.

    The job's code comes out of the bundle, where nothing of that name was imported before.

    Parameters
    ----------
    bundle
        Folder or `gs://` address of a model bundle.
    data
        CSV, JSON Lines or Parquet file, `gs://` address or `bq://project.dataset.table`, with the columns of the
        training data but the label; those of a job's bundle are cast to the types that they had there.
    out
        New file, `*.jsonl`.
    store, warehouse
        Needed for `gs://` addresses and tables: `Store(target)`, `Warehouse(target)`.
    check
        Looks at what the bundle says of itself before its files, and raises where it is not the one that is meant.

    Raises
    ------
    CheckError
        The bundle is not what it says, and nothing was unpickled; or its predictions lack their key.
    RequestError
        `out` exists already, is no `.jsonl`, or lies in no folder; a column is missing; the model cannot be loaded.
    """
    out = Path(out)
    _check_new_file(out)
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = fetch_bundle(str(bundle), store, Path(name))
        check(read_info(folder))
        with using_code(folder):
            model, info, config = read_bundle(folder)
            frame = _rows(str(data), info, config, store, warehouse)
            predictions = predict_from_data(model, frame)
        missing = [name for name in config.columns.key if name not in predictions.columns]
        if missing:
            raise CheckError(f"{bundle}: the model's predictions lack {', '.join(missing)}", hint="mend the model")
        written = Path(name) / "predictions.jsonl"
        count = write_jsonl(predictions, infer_schema(predictions), written, origin=str(out))
        replace_file(out, written.read_bytes())
    return count


def _rows(
    data: str, info: BundleInfo, config: ModelConfig, store: Store | None, warehouse: Warehouse | None
) -> pd.DataFrame:
    """Return the rows to predict for, shape (rows, columns of the training data but the label).

    Training rows of a file were read without types; so are these.
    """
    columns = {
        name: kind for name, kind in info.content["training_data"]["columns"].items() if name != config.columns.label
    }
    schema = Schema.parse(columns) if info.run else None
    return read_input(data, store=store, warehouse=warehouse, schema=schema, order_by=config.columns.key)


def _check_new_file(out: Path) -> None:
    if out.exists():
        raise RequestError(f"{out}: exists already", hint="name a new file")
    if out.suffix != ".jsonl" or not out.parent.is_dir():
        raise RequestError(f"{out}: not a .jsonl file in a folder", hint="predictions are JSON Lines; make the folder")
