"""Items of a reproduction: a verdict on each, for the model by its bytes, for predictions by their values."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.base.digests import sha256_file
from pipeline.cloud.inputs import read_input
from pipeline.explain.changes import Change
from pipeline.explain.compare_frames import FrameDifference, compare_frames, largest_difference
from pipeline.models.bundle import MODEL_FILE, BundleInfo, write_model
from pipeline.models.interface import Model
from pipeline.phases.predict import predict_from_data
from pipeline.rows.cast import cast_frame
from pipeline.rows.rejects import split_frame
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.examples import shard_rows
from pipeline.runs.artefacts.predictions import Manifest, refuse_changed_files
from pipeline.runs.run import Run
from pipeline.sql import TableName

IDENTICAL, EQUIVALENT, DIFFERENT, NOT_COMPARED = "identical", "equivalent", "different", "not compared"

TOLERANCE = 1e-6
"""Largest difference of a number in equivalent predictions, relative to the largest number if that is above 1."""


@dataclass(frozen=True)
class Item:
    """One compared item.

    Parameters
    ----------
    verdict
        `identical`, `equivalent`, `different` or `not compared`.
    summary
        The compared value in short, or the reason why it was not compared.
    changes
        Its differences: A is the bundle, B is this project.
    """

    name: str
    verdict: str
    summary: str
    changes: Sequence[Change] = ()

    @classmethod
    def of(cls, name: str, summary: str, changes: Iterable[Change]) -> Item:
        """Return an item that is identical if there are no changes, otherwise different."""
        changes = tuple(changes)
        return cls(name, DIFFERENT if changes else IDENTICAL, summary, changes)


def model_item(info: BundleInfo, model: Model) -> Item:
    """Compare the bytes of a model with those of the bundle's model."""
    with tempfile.TemporaryDirectory(prefix="model-") as name:
        path = Path(name) / MODEL_FILE
        write_model(model, path)
        digest = sha256_file(path)
    then = info.content["model_sha256"]
    return Item.of("model", f"SHA-256 {then}", [Change("SHA-256", "changed", then, digest)] if digest != then else [])


def predictions_item(run: Run, manifest: Manifest, model: Model, table: TableName) -> Item:
    """Compare the published predictions of a run with those of a model for the same rows.

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
    then = _concatenated(files, schema)
    now = _concatenated(_predicted(run, model, table, shards), schema)
    return compared_predictions(then, now, run.job.spec.prediction_key, f"{len(then):,} of run date {run.run_date}")


def compared_predictions(then: pd.DataFrame, now: pd.DataFrame, key: Sequence[str], summary: str) -> Item:
    """Compare two frames of predictions, shape (rows, columns of the predictions), by their key."""
    difference = compare_frames(then, now, key)
    if difference.same:
        return Item("predictions", IDENTICAL, summary)
    largest = _largest(difference)
    if largest is not None and largest <= TOLERANCE * _scale(then, difference):
        return Item("predictions", EQUIVALENT, f"{summary}, {difference.changed:,} differ, by at most {largest:.3g}")
    # Not `Item.of`: repeated keys are a difference without a listed change.
    return Item("predictions", DIFFERENT, summary, tuple(_changes(difference)))


def _predicted(run: Run, model: Model, table: TableName, shards: Iterable[int]) -> Iterator[pd.DataFrame]:
    """Yield the predictions for the rows of each shard that has any, shape (rows, columns of the predictions)."""
    for shard in shards:
        frame = shard_rows(run, table, shard)
        if not frame.empty:
            predictions = predict_from_data(model, frame)
            yield split_frame(predictions, run.job.prediction_schema, origin="predictions").rows


def _concatenated(frames: Iterable[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Return all rows in one frame, shape (rows, columns of the schema); without frames it has no rows."""
    empty = cast_frame(pd.DataFrame(columns=schema.names, dtype=object), schema, origin="predictions")
    return cast_frame(pd.concat([empty, *frames], ignore_index=True), schema, origin="predictions")


def _largest(difference: FrameDifference) -> float | None:
    """Return the largest difference of numbers, or None if anything else differs."""
    largest = [column.largest for column in difference.columns.values()]
    rows = len(difference.only_a) + len(difference.only_b) + difference.doubled_a + difference.doubled_b
    return None if rows or None in largest else max(float(number) for number in largest if number is not None)


def _scale(then: pd.DataFrame, difference: FrameDifference) -> float:
    """Return the largest absolute number of the differing columns, at least 1."""
    sizes = (largest_difference(then[name], then[name] * 0) for name in difference.columns)
    return max([1.0, *(float(size) for size in sizes if size is not None)])


def _changes(difference: FrameDifference) -> Iterator[Change]:
    if len(difference.only_a):
        yield Change(f"{len(difference.only_a):,} rows", "removed")
    if len(difference.only_b):
        yield Change(f"{len(difference.only_b):,} rows", "added")
    for name, column in difference.columns.items():
        gap = "" if column.largest is None else f", by at most {column.largest:.3g}"
        yield Change(name, "changed", note=f"{column.count:,} rows{gap}")
