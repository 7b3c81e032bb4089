"""Predict: score the run date's examples, shard by shard, into JSON Lines files and a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from pipeline.base.progress import Stopwatch
from pipeline.models.bundle import BundleInfo
from pipeline.models.contract import Model, code_of, repeatable
from pipeline.models.fetch import LoadedModel, check_committed, load_model
from pipeline.phases.task import ALONE, Task
from pipeline.runs.artefacts.examples import Examples, shard_rows
from pipeline.runs.artefacts.models import check_known, check_recorded, recorded_digests
from pipeline.runs.artefacts.prediction_checks import check_predictions, check_reject_rate
from pipeline.runs.artefacts.predictions import (
    Manifest,
    ShardFile,
    commit_manifest,
    commit_shard,
    committed_manifest,
    committed_shards,
    prediction_folder,
    shards_there,
)
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.run import Run


def predict_from_data(model: Model, df: pd.DataFrame) -> pd.DataFrame:
    """Return a model's predictions for the rows of a frame, shape (predictions, key and predicted columns)."""
    with code_of(type(model).__name__, "predict"), repeatable():
        return model.predict(df)


@in_phase("predict")
def predict_run(
    run: Run, examples: Examples, models: Mapping[str, str], *, max_reject_rate: float = 0.0, task: Task = ALONE
) -> list[Manifest]:
    """Score a run with the models at these places, and return a manifest for each that is complete.

    Nothing but files is written: whoever predicts needs no right to write a table. The ledger's events are recorded by
    the phase that loads.

    Tasks share the shards; whoever commits the last one completes the set. Shards that another number of tasks had
    committed before are used as they are.

    Parameters
    ----------
    models
        Folders or `gs://` addresses of model bundles, with the digests of those that this run committed there; empty
        for others, which `models_v1` has to know unless they were made without a job.
    max_reject_rate
        Rows that may be rejected, as a share of all that a model returned. Above it no set is completed; the shards
        stay, and the next attempt goes on from them.
    task
        Which task of how many this is.
    """
    loaded = _loaded(run, models)
    known = {_folder(run, model): committed_manifest(run, _folder(run, model)) for model in loaded}
    missing = [model for model in loaded if known[_folder(run, model)] is None]
    if missing:
        run.done_now.add("predict")
        with run.session.reporter.step(f"{run.run_date} predict") as said:
            files = _predict_shards(run, examples, missing, task)
            made = _complete(run, missing, files, max_reject_rate)
            said.append(_said(run, made, files))
        known |= made
    return [manifest for manifest in known.values() if manifest]


def _loaded(run: Run, models: Mapping[str, str]) -> list[LoadedModel]:
    """Load models of this run, or one that was passed, if they are what their run committed and the ledger knows."""
    session, own = run.session, [place for place, digest in models.items() if digest]
    recorded = recorded_digests(session, own) if own else {}

    def check(place: str, digest: str, info: BundleInfo) -> None:
        if digest:
            check_committed(place, digest)(info)
            check_recorded(session, place, info, recorded)
        else:
            check_known(session, place, info)

    return [load_model(place, session.store, partial(check, place, digest)) for place, digest in models.items()]


def _said(run: Run, made: Mapping[str, Manifest], files: Mapping[str, Mapping[int, ShardFile]]) -> str:
    if len(made) < len(files):
        own, shards = sum(map(len, files.values())), len(files) * run.job.spec.predictions.shards
        return f"{own} of {shards} shards, other tasks have the others"
    rows, rejected = (sum(sizes) for sizes in zip(*((each.rows, each.rejected) for each in made.values()), strict=True))
    return f"{rows:,} rows of {len(made)} models" + (f", {rejected:,} rejected" if rejected else "")


def _predict_shards(
    run: Run, examples: Examples, models: Sequence[LoadedModel], task: Task
) -> dict[str, dict[int, ShardFile]]:
    """Read each shard of a task once, score it with every model that lacks it, and return the files of each folder.

    The time to read a shard counts with the first model that needs it.
    """
    folders = {_folder(run, model): model for model in models}
    shards = task.share(range(run.job.spec.predictions.shards))
    files = {folder: committed_shards(run, folder, shards) for folder in folders}
    for shard in run.session.reporter.track(shards, f"{run.run_date} predict"):
        lacking = {folder: model for folder, model in folders.items() if shard not in files[folder]}
        watch = Stopwatch()
        frame = shard_rows(run, examples.table, shard) if lacking else pd.DataFrame()
        for folder, model in lacking.items():
            files[folder][shard] = commit_shard(run, folder, shard, _predictions(run, model, frame), watch)
            watch = Stopwatch()
    return files if task.count == 1 else _with_others(run, files)


def _with_others(run: Run, files: Mapping[str, dict[int, ShardFile]]) -> dict[str, dict[int, ShardFile]]:
    """Add what other tasks have committed, to complete sets: of several tasks that end at once the last one sees all.

    Elsewhere nothing is read: each of many tasks would read the markers of all others.
    """
    complete = {folder for folder in files if len(shards_there(run, folder)) == run.job.spec.predictions.shards}
    return {folder: committed_shards(run, folder) if folder in complete else own for folder, own in files.items()}


def _complete(
    run: Run, models: Sequence[LoadedModel], files: Mapping[str, Mapping[int, ShardFile]], max_reject_rate: float
) -> dict[str, Manifest]:
    """Commit the manifests of the folders that have every shard."""
    shards = run.job.spec.predictions.shards
    whole = {_folder(run, model): model for model in models if len(files[_folder(run, model)]) == shards}
    made = {folder: _manifest(run, model, files[folder]) for folder, model in whole.items()}
    check_reject_rate(run, list(made.values()), max_reject_rate)
    return {folder: commit_manifest(run, folder, manifest) for folder, manifest in made.items()}


def _manifest(run: Run, model: LoadedModel, files: Mapping[int, ShardFile]) -> Manifest:
    return Manifest(run.run_id, model.model_id, model.variant, tuple(files[shard] for shard in sorted(files)))


def _predictions(run: Run, model: LoadedModel, frame: pd.DataFrame) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame({name: [] for name in run.job.prediction_schema.names})
    predictions = predict_from_data(model.model, frame)
    check_predictions(run.job, model.variant, frame, predictions)
    return predictions


def _folder(run: Run, model: LoadedModel) -> str:
    return prediction_folder(run, model.variant, model.model_id)
