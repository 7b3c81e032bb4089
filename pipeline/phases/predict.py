"""Predict: score the examples of a run date, shard by shard, into JSON Lines files and a manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import pandas as pd

from pipeline.base.progress import Stopwatch
from pipeline.models.bundle import BundleInfo
from pipeline.models.fetch import LoadedModel, check_committed, load_model
from pipeline.models.interface import Model, predictions_of
from pipeline.phases.task import ALONE, Task
from pipeline.project.project import variant_name
from pipeline.project.user_code import of_variant
from pipeline.rows.rejects import Split, split_frame
from pipeline.runs.artefacts.examples import Examples, shard_rows
from pipeline.runs.artefacts.failed_variants import tolerated
from pipeline.runs.artefacts.models import TrainedModel, check_known, check_recorded, recorded_digests
from pipeline.runs.artefacts.prediction_checks import check_predictions, check_reject_rate, check_rows_read
from pipeline.runs.artefacts.predictions import (
    Manifest,
    ShardFile,
    commit_manifest,
    commit_shard,
    committed_manifest,
    committed_shards,
    shard_numbers,
)
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.run import Run

Files = dict[int, ShardFile]
"""The committed files of a folder, by number of shard."""


def predict_from_data(model: Model, df: pd.DataFrame) -> pd.DataFrame:
    """Return a model's predictions for a frame, shape (predictions, key and predicted columns).

    Parameters
    ----------
    df
        Rows to predict for, shape (rows, columns of the training data but the label). The frame is not changed.

    Raises
    ------
    RequestError
        The model's `predict` raised an error, or did not return a frame.
    """
    return predictions_of(model, df)


@in_phase("predict")
def predict_run(
    run: Run,
    examples: Examples,
    models: Mapping[str, str],
    *,
    own: Collection[TrainedModel] = (),
    max_reject_rate: float = 0.0,
    task: Task = ALONE,
) -> list[Manifest]:
    """Score a run with the models at some places, and return the manifests of the complete sets of predictions.

    Only files are written, because the account that predicts may write no table; the load phase records the events.
    Several tasks share the shards, and the task that commits the last shard completes the set. Shards that another
    number of tasks had committed before are used.

    Parameters
    ----------
    models
        Folder or `gs://` address of each bundle -> the digest that this run committed there; an empty digest for other
        bundles, which `models_v1` must know unless they were made without a job.
    own
        The run's own models among them. If one fails that is not the leader's, the others go on; each other failure is
        raised.
    max_reject_rate
        Largest share of a model's predictions, from 0 to 1, that may be rejected. Above it its set is not completed;
        the shards stay, and the next attempt continues from them.
    task
        One of the tasks that share the shards.
    """
    attempts = _Attempts(run, {model.uri: model for model in own})
    loaded = {run.layout.predictions(model.variant, model.model_id): model for model in _loaded(attempts, models)}
    known = {folder: committed_manifest(run, folder) for folder in loaded}
    missing = {folder: model for folder, model in loaded.items() if known[folder] is None}
    if missing:
        run.done_now.add("predict")
        with run.session.reporter.step(f"{run.run_date} predict") as notes:
            files = _predict_shards(attempts, examples, missing, task)
            completed = _complete(attempts, examples, missing, files, max_reject_rate)
            notes.append(_note(run, completed, files))
        known |= completed
    return [manifest for manifest in known.values() if manifest]


@dataclass(frozen=True)
class _Attempts:
    """Tells which failures are tolerated: those of the run's own models, by their addresses."""

    run: Run
    own: Mapping[str, TrainedModel]

    def of(self, variant: str, model_id: str) -> AbstractContextManager[None]:
        """Return the context in which a model may fail."""
        is_own = any((model.variant, model.model_id) == (variant, model_id) for model in self.own.values())
        return tolerated(self.run, "predict", variant, model_id) if is_own else nullcontext()

    def at(self, place: str) -> AbstractContextManager[None]:
        """Return the context in which the bundle at a place may fail."""
        model = self.own.get(place)
        return self.of(model.variant, model.model_id) if model else nullcontext()


def _loaded(attempts: _Attempts, models: Mapping[str, str]) -> list[LoadedModel]:
    """Load the models after a check that each is the one that its run committed and the ledger recorded."""
    session, own = attempts.run.session, [place for place, digest in models.items() if digest]
    recorded = recorded_digests(session, own) if own else {}

    def check(place: str, digest: str, info: BundleInfo) -> None:
        if digest:
            check_committed(place, digest)(info)
            check_recorded(session, place, info, recorded)
        else:
            check_known(session, place, info)

    loaded, warn = [], session.reporter.warn
    for place, digest in models.items():
        with attempts.at(place):
            loaded.append(load_model(place, session.store, partial(check, place, digest), warn))
    return loaded


def _note(run: Run, completed: Mapping[str, Manifest], files: Mapping[str, Files]) -> str:
    if len(completed) < len(files):
        own, shards = sum(map(len, files.values())), len(files) * run.job.spec.predictions.shards
        return f"{own} of {shards} shards, other tasks have the others"
    rows, rejected = (sum(getattr(manifest, name) for manifest in completed.values()) for name in ("rows", "rejected"))
    return f"{rows:,} rows of {len(completed)} models" + (f", {rejected:,} rejected" if rejected else "")


def _predict_shards(
    attempts: _Attempts, examples: Examples, models: Mapping[str, LoadedModel], task: Task
) -> dict[str, Files]:
    """Read each shard of a task once, score it with every model that lacks it, and return the files of each folder.

    The time to read a shard counts with the first model that needs it.
    """
    run = attempts.run
    shards = task.share(range(run.job.spec.predictions.shards))
    files = {folder: committed_shards(run, folder, shards) for folder in models}
    for shard in run.session.reporter.track(shards, f"{run.run_date} predict"):
        working = {folder: model for folder, model in models.items() if model.variant not in run.failed}
        lacking = {folder: model for folder, model in working.items() if shard not in files[folder]}
        watch = Stopwatch()
        frame = shard_rows(run, examples.table, shard) if lacking else pd.DataFrame()
        for folder, model in lacking.items():
            with attempts.of(model.variant, model.model_id):
                predictions = _predictions(run, model, frame)
                files[folder][shard] = commit_shard(run, folder, shard, predictions, watch, read=len(frame))
            watch = Stopwatch()
    if task.count == 1:
        return files
    # Of several tasks that end at once, the last one sees all shards. The files of other tasks are read only then:
    # otherwise each of many tasks would read the markers of all others.
    complete = {folder for folder in files if len(shard_numbers(run, folder)) == run.job.spec.predictions.shards}
    return {folder: committed_shards(run, folder) if folder in complete else own for folder, own in files.items()}


def _predictions(run: Run, model: LoadedModel, frame: pd.DataFrame) -> Split:
    """Return the checked predictions of a model for the rows of a shard, shape (rows, columns)."""
    if frame.empty:
        empty = pd.DataFrame({name: [] for name in run.job.prediction_schema.names})
        return split_frame(empty, run.job.prediction_schema, origin=model.variant)
    with of_variant(variant_name(model.variant)):
        predictions = predict_from_data(model.model, frame)
    return check_predictions(run.job, model.variant, frame, predictions)


def _complete(
    attempts: _Attempts,
    examples: Examples,
    models: Mapping[str, LoadedModel],
    files: Mapping[str, Files],
    max_reject_rate: float,
) -> dict[str, Manifest]:
    """Commit the manifests of the folders that have every shard and few rejected rows."""
    run, manifests = attempts.run, {}
    for folder, model in models.items():
        if len(files[folder]) == run.job.spec.predictions.shards:
            shards = tuple(file for _, file in sorted(files[folder].items()))
            manifest = Manifest(run.run_id, model.model_id, model.variant, shards)
            check_rows_read(examples, [manifest])
            with attempts.of(model.variant, model.model_id):
                check_reject_rate(run, [manifest], max_reject_rate)
                manifests[folder] = manifest
    return {folder: commit_manifest(run, folder, manifest) for folder, manifest in manifests.items()}
