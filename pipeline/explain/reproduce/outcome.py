"""One thing that a model is made of or makes, then and now."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.base.digests import sha256_file
from pipeline.cloud.inputs import read_input
from pipeline.explain.changes import Change
from pipeline.explain.compare_frames import FrameDifference, compare_frames, largest_difference
from pipeline.models.bundle import BundleInfo, write_model
from pipeline.models.contract import Model
from pipeline.phases.predict import predict_from_data
from pipeline.rows.cast import cast_frame
from pipeline.rows.rejects import split_frame
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import shard_rows
from pipeline.runs.artefacts.predictions import Manifest, refuse_changed_files
from pipeline.runs.run import Run
from pipeline.sql import TableName

IDENTICAL, EQUIVALENT, DIFFERENT, NOT_COMPARED = "identical", "equivalent", "different", "not compared"


@dataclass(frozen=True)
class Item:
    """What was compared.

    Parameters
    ----------
    verdict
        `identical`, `equivalent`, `different` or `not compared`.
    said
        What there is to say of it.
    changes
        What differs: A is the bundle, B what is here.
    """

    name: str
    verdict: str
    said: str
    changes: Sequence[Change] = ()

    @classmethod
    def of(cls, name: str, said: str, changes: Sequence[Change]) -> Item:
        """Return an item that is identical unless something changed."""
        return cls(name, DIFFERENT if changes else IDENTICAL, said, changes)


TOLERANCE = 1e-6
"""Largest difference of a number in equivalent predictions, as a share of the largest number where that is above 1."""


def model_item(info: BundleInfo, model: Model) -> Item:
    """Compare the bytes of a model with those of the bundle's."""
    with tempfile.TemporaryDirectory(prefix="model-") as name:
        path = Path(name) / "model.joblib"
        write_model(model, path)
        digest = sha256_file(path)
    then = info.content["model_sha256"]
    return Item.of("model", f"SHA-256 {then}", [Change("SHA-256", "changed", then, digest)] if digest != then else [])


def predictions_item(run: Run, manifest: Manifest, model: Model, table: TableName) -> Item:
    """Compare a model's predictions for what a run scored with those that were published.

    Parameters
    ----------
    manifest
        The files that the bundle's model wrote.
    table
        The run's examples.
    """
    refuse_changed_files(run, manifest)
    schema, shards = run.job.prediction_schema, range(run.job.spec.predictions.shards)
    files = (read_input(uri, store=run.session.store, schema=schema) for uri in manifest.uris)
    then, now = _together(files, schema), _together((_predicted(run, model, table, each) for each in shards), schema)
    found = compare_frames(then, now, run.job.spec.prediction_key)
    said = f"{len(then):,} of run date {run.run_date}"
    if found.same:
        return Item("predictions", IDENTICAL, said)
    largest = _largest(found)
    if largest is not None and largest <= TOLERANCE * _scale(then, found):
        return Item("predictions", EQUIVALENT, f"{said}, {found.changed:,} differ, by at most {largest:.3g}")
    return Item("predictions", DIFFERENT, said, [*_changes(found)])


def _predicted(run: Run, model: Model, table: TableName, shard: int) -> pd.DataFrame:
    frame, schema = shard_rows(run, table, shard), run.job.prediction_schema
    if frame.empty:
        return _none(schema)
    return split_frame(predict_from_data(model, frame), schema, origin="predictions").rows


def _together(frames: Iterable[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    return cast_frame(pd.concat([_none(schema), *frames], ignore_index=True), schema, origin="predictions")


def _none(schema: Schema) -> pd.DataFrame:
    return cast_frame(pd.DataFrame({name: [] for name in schema.names}, dtype=object), schema, origin="predictions")


def _largest(found: FrameDifference) -> float | None:
    """Return the largest difference of numbers, or None where something else differs."""
    largest = [column.largest for column in found.columns.values()]
    if len(found.only_a) or len(found.only_b) or found.doubled_a or found.doubled_b or None in largest:
        return None
    return max(float(each) for each in largest if each is not None)


def _scale(then: pd.DataFrame, found: FrameDifference) -> float:
    sizes = (largest_difference(then[name], then[name] * 0) for name in found.columns)
    return max([1.0, *(float(size) for size in sizes if size is not None)])


def _changes(found: FrameDifference) -> Iterable[Change]:
    for kind, rows in (("removed", found.only_a), ("added", found.only_b)):
        if len(rows):
            yield Change(f"{len(rows):,} rows", "removed" if kind == "removed" else "added")
    for name, column in found.columns.items():
        gap = "" if column.largest is None else f", by at most {column.largest:.3g}"
        yield Change(name, "changed", note=f"{column.count:,} rows{gap}")
