"""Predict with a bundle alone: from rows at a place into a JSON Lines file, without a run or a repository."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.base.files import replace_file
from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.inputs import read_input
from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, RequestError
from pipeline.model_config import ModelConfig
from pipeline.models.bundle import BundleInfo, load_verified, using_code
from pipeline.models.fetch import any_bundle, fetch_verified
from pipeline.phases.predict import predict_from_data
from pipeline.project.imports import can_import_jobs
from pipeline.project.job_yaml import LABEL
from pipeline.rows.cast import with_dtypes
from pipeline.rows.jsonl import write_jsonl
from pipeline.rows.schema import Schema, infer_schema

LONGEST_NAME = 200
"""Bytes of a file name. While the file is written, its name is longer, and file systems allow 255 bytes."""


def predict_from_path(
    bundle: Path | str,
    data: Path | str,
    out: Path | str,
    *,
    store: Store | None = None,
    warehouse: Warehouse | None = None,
    check: Callable[[BundleInfo], object] = any_bundle,
    project: Path | None = None,
    warn: Callable[[str], object] = warnings.warn,
) -> int:
    """Write a bundle's predictions for the rows at a place as JSON Lines, and return their number.

    The job's code is that of the bundle, even if other code of the job was imported before.

    Parameters
    ----------
    bundle
        Folder or `gs://` address of a model bundle.
    data
        CSV, JSON Lines or Parquet file, `gs://` address or `bq://project.dataset.table`, with the columns of the
        training data except the label; they are cast to the types of the training data.
    out
        New file, `*.jsonl`.
    store, warehouse
        Needed for `gs://` addresses and tables: `Store(target)`, `Warehouse(target)`.
    check
        Gets the bundle's description before its files are read, and raises if it is another bundle than expected.
    project
        Folder of the project with the class of a model that was made without a job.
    warn
        Gets a line if versions of Python or libraries differ from those in training.

    Raises
    ------
    CheckError
        The bundle does not match its description (then nothing was unpickled), or its predictions lack their key.
    RequestError
        `out` exists already, is not a `.jsonl` file, or has no folder; a column is missing; the model cannot be loaded.
    """
    out = Path(out)
    if out.suffix != ".jsonl" or not out.parent.is_dir() or len(out.name.encode()) > LONGEST_NAME:
        raise RequestError(f"{out}: not a .jsonl file in a folder", hint="predictions are JSON Lines; make the folder")
    if out.exists():
        raise RequestError(f"{out}: exists already", hint="name a new file")
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name) / "bundle"
        info = fetch_verified(str(bundle), store, folder, check)
        if project and not info.run:
            can_import_jobs(project, besides=str(bundle))
        with using_code(folder):
            model, config = load_verified(folder, info, warn)
            frame = _rows(str(data), info, config, store, warehouse)
            predictions = predict_from_data(model, frame)
        missing = [name for name in config.columns.key if name not in predictions.columns]
        if missing:
            raise CheckError(
                f"{bundle}: the model's predictions lack {', '.join(missing)}", hint="fix the model's predict"
            )
        written = Path(name) / "predictions.jsonl"
        count = write_jsonl(predictions, infer_schema(predictions), written, origin=str(out))
        try:
            replace_file(out, written.read_bytes())
        except OSError as error:
            raise RequestError(f"{out}: cannot be written ({error.strerror})", hint="name another file") from error
    return count


def _rows(
    data: str, info: BundleInfo, config: ModelConfig, store: Store | None, warehouse: Warehouse | None
) -> pd.DataFrame:
    """Return the rows to predict for, shape (rows, columns of the training data except the label)."""
    known = info.content["training_data"]
    labels = {config.columns.label, LABEL if info.run else None}
    columns = {name: kind for name, kind in known["columns"].items() if name not in labels}
    schema, key = Schema.parse(columns), config.columns.key
    frame = read_input(data, store=store, warehouse=warehouse, schema=schema, order_by=key)
    missing = [name for name in key if name in columns and frame[name].isna().any()]
    if missing:
        raise RequestError(f"{data}: rows without {missing[0]}", hint="it is part of the key: leave the rows out")
    return with_dtypes(frame, {name: known["dtypes"][name] for name in columns}, origin=data)
