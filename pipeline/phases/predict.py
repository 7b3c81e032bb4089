"""Predict: score the run date's examples, shard by shard, into JSON Lines files and a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from pipeline.bundle import BundleInfo
from pipeline.example_rows import shard_rows
from pipeline.known_models import check_known, check_recorded, recorded_digests
from pipeline.ledger import Event
from pipeline.manifest import Manifest, ShardFile
from pipeline.model_files import LoadedModel, check_committed, load_model
from pipeline.models import Model, code_of, repeatable
from pipeline.phases.preprocess import Examples
from pipeline.prediction_checks import check_predictions
from pipeline.prediction_files import (
    commit_manifest,
    commit_shard,
    committed_manifest,
    committed_shards,
    prediction_folder,
)
from pipeline.progress import Stopwatch
from pipeline.reject_rate import check_reject_rate, rejects_of
from pipeline.runs import Run


def predict_from_data(model: Model, df: pd.DataFrame) -> pd.DataFrame:
    """Return a model's predictions for the rows of a frame, shape (predictions, key and predicted columns)."""
    with code_of(type(model).__name__, "predict"), repeatable():
        return model.predict(df)


def predict_run(
    run: Run, examples: Examples, models: Mapping[str, str], *, max_reject_rate: float = 0.0
) -> list[Manifest]:
    """Score a run with the models at these places, and return a manifest for each.

    Parameters
    ----------
    models
        Folders or `gs://` addresses of model bundles, with the digests of those that this run committed there; empty
        for others, which `models_v1` has to know unless they were made without a job.
    max_reject_rate
        Rows that may be rejected, as a share of all that a model returned. Above it no set is completed; the shards
        stay, and the next attempt goes on from them.
    """
    seconds: dict[str, float] = {}
    loaded = _loaded(run, models)
    known = {_folder(run, model): committed_manifest(run, _folder(run, model)) for model in loaded}
    missing = [model for model in loaded if known[_folder(run, model)] is None]
    if missing:
        run.done_now.add("predict")
        with run.session.reporter.step(f"{run.run_date} predict") as said:
            made = _predict_shards(run, examples, missing, max_reject_rate, seconds)
            said.append(_said(list(made.values())))
        known |= made
    manifests = {folder: manifest for folder, manifest in known.items() if manifest}
    run.record("predict", [_event(run, manifest, seconds.get(folder)) for folder, manifest in manifests.items()])
    return list(manifests.values())


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


def _said(made: Sequence[Manifest]) -> str:
    rows, rejected = sum(manifest.rows for manifest in made), sum(manifest.rejected for manifest in made)
    return f"{rows:,} rows of {len(made)} models" + (f", {rejected:,} rejected" if rejected else "")


def _predict_shards(
    run: Run, examples: Examples, models: Sequence[LoadedModel], max_reject_rate: float, seconds: dict[str, float]
) -> dict[str, Manifest]:
    """Read each shard once, score it with every model that lacks it, and return a manifest for each model's folder.

    `seconds` gets what each folder took; reading a shard counts with the first model that needs it.
    """
    folders = {_folder(run, model): model for model in models}
    files = {folder: committed_shards(run, folder) for folder in folders}
    for shard in run.session.reporter.track(range(run.job.spec.predictions.shards), f"{run.run_date} predict"):
        lacking = {folder: model for folder, model in folders.items() if shard not in files[folder]}
        watch = Stopwatch()
        frame = shard_rows(run, examples.table, shard) if lacking else pd.DataFrame()
        for folder, model in lacking.items():
            files[folder][shard] = commit_shard(run, folder, shard, _predictions(run, model, frame))
            seconds[folder] = round(seconds.get(folder, 0.0) + watch.seconds, 3)
            watch = Stopwatch()
    made = {folder: _manifest(run, model, files[folder]) for folder, model in folders.items()}
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


def _event(run: Run, manifest: Manifest, seconds: float | None) -> Event:
    return Event(
        phase="predict",
        event="done",
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=f"{prediction_folder(run, manifest.variant, manifest.model_id)}/manifest.json",
        row_count=manifest.rows,
        seconds=seconds,
        details=rejects_of(manifest),
    )
