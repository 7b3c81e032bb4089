"""Train: fit every variant of a run on its examples, and commit each model as a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from pipeline.base.progress import Stopwatch
from pipeline.cloud.bigquery.warehouse import Warehouse
from pipeline.cloud.inputs import read_input
from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, RequestError
from pipeline.model_config import ModelConfig
from pipeline.models.bundle import MODEL_FILE, NO_JOB, BundleInfo, Origin, TrainingData, load_verified, write_bundle
from pipeline.models.fetch import check_committed, fetch_verified
from pipeline.models.id_maps import ID_MAP
from pipeline.models.interface import Model, fit_model, make_model
from pipeline.phases.load import load_from_uris
from pipeline.phases.score_reference import sample_scores
from pipeline.project.code import digest_of_variant, git_commit, imported_modules, project_files
from pipeline.project.project import Variant, read_variant
from pipeline.project.user_code import of_variant
from pipeline.runs.artefacts.examples import Examples, training_rows
from pipeline.runs.artefacts.failed_variants import failed_event, tolerated
from pipeline.runs.artefacts.models import TrainedModel, commit_model, committed_model
from pipeline.runs.claims import claims_of
from pipeline.runs.identity import sql_digests
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.ledger.usage import Meter
from pipeline.runs.opening import run_of
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.publication_statements import replace_id_map_statement
from pipeline.runs.run import Run


def train_from_data(model_config: ModelConfig, df_train: pd.DataFrame) -> Model:
    """Return a model that is fitted on a frame.

    Parameters
    ----------
    model_config
        Model class, parameters and columns.
    df_train
        Training rows, shape (rows, columns); the frame is not changed.

    Raises
    ------
    RequestError
        A column that the configuration names is missing, there are no rows, or the model's code failed.
    """
    columns = model_config.columns
    wanted = [*columns.key, *(name for name in (columns.label, columns.weight) if name)]
    missing = [name for name in wanted if name not in df_train.columns]
    if missing:
        raise RequestError(f"training data: column {', '.join(missing)} is missing", hint="check the configuration")
    if df_train.empty:
        raise RequestError("training data: there are no rows", hint="check the file or the query")
    return fit_model(make_model(model_config), df_train)


def train_from_path(
    model_config_file: Path | str,
    train_data: Path | str,
    out_dir: Path | str,
    *,
    store: Store | None = None,
    warehouse: Warehouse | None = None,
) -> BundleInfo:
    """Fit a model on the rows at a place, write its bundle into a folder, and return the bundle's description.

    Parameters
    ----------
    model_config_file
        YAML file of a variant.
    train_data
        CSV, JSON Lines or Parquet file, `gs://` address or `bq://project.dataset.table`.
    out_dir
        Folder of the bundle; it must be missing or empty.
    store, warehouse
        Needed for `gs://` addresses and tables: `Store(target)`, `Warehouse(target)`.

    Raises
    ------
    RequestError
        `out_dir` is not an empty folder, a file cannot be read, or the rows are not as `train_from_data` needs them.
    """
    variant, folder = read_variant(Path(model_config_file)), Path(out_dir)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder}: is not an empty folder", hint="name a new folder")
    key = variant.config.columns.key
    frame = read_input(str(train_data), store=store, warehouse=warehouse, order_by=key)
    if set(key) <= set(frame.columns):  # the order of rows in a file must not change the model
        frame = frame.sort_values(key, kind="stable", ignore_index=True)
    data, existed = TrainingData.of(frame), folder.exists()
    with of_variant(variant.name):
        model = train_from_data(variant.config, data.frame)
        try:
            return write_bundle(folder, model, variant, data, NO_JOB)
        except BaseException:  # a part of a bundle would be in the way of the next attempt
            shutil.rmtree(folder, ignore_errors=True)
            if existed:
                folder.mkdir()
            raise


@in_phase("train")
def train_run(run: Run, examples: Examples) -> list[TrainedModel]:
    """Fit the variants of a run that are not committed yet, and return the models of all variants in their order.

    A variant that fails has no model; the error of the run's leader is raised.
    """
    committed = {variant.name: committed_model(run, variant.id) for variant in run.job.variants}
    variants = [variant for variant in run.job.variants if variant.id not in run.failed]
    missing = [variant for variant in variants if committed[variant.name] is None]
    seconds: dict[str, float] = {}
    meter = Meter(run.session)
    if missing:
        run.done_now.add("train")
        data = _training_data(run, examples)
        for variant in run.session.reporter.track(missing, f"{run.run_date} train"):
            watch = Stopwatch()
            with tolerated(run, "train", variant.id):
                committed[variant.name] = _train_variant(run, variant, data, _origin(run, variant))
            seconds[variant.id] = watch.seconds
    models = [model for variant in variants if (model := committed[variant.name])]
    events = [_event(model, seconds.get(model.variant), meter) for model in models]
    if missing or run.unrecorded("train", events):
        for model in models:
            with tolerated(run, "train", model.variant, model.model_id):
                load_id_maps(run, model)
        models = [model for model in models if model.variant not in run.failed]
        run.ledger.record_models(run.run_date, run.run_id, [model.row for model in models])
        events = [event for event in events if event.variant not in run.failed]
        run.record("train", [*events, *map(failed_event, run.failed.values())])
    return models


def load_id_maps(run: Run, model: TrainedModel) -> None:
    """Load the id<->index tables of a committed model, which name the rows of its matrices, into BigQuery.

    Raises
    ------
    CheckError
        An index belongs to two ids, or rows are missing.
    """
    for name, rows in model.id_maps.items():
        table, step = run.id_map_table(model.variant, name), f"{run.run_id}-ids-{model.model_id}-{name}"
        uris = [f"{model.uri}/id_maps/{name}.jsonl"] if rows else []
        load_from_uris(run.session, uris, table, ID_MAP, ["index"], step=step, rows=rows)
        run.session.warehouse.tables.label_run_table(table, run.billing_labels("train") | {"model_id": model.model_id})
        statement = replace_id_map_statement(run.session, run.job, run.run_date, table, model.model_id, name)
        run.session.warehouse.append(statement, step=step)


def _training_data(run: Run, examples: Examples) -> TrainingData:
    with run.session.reporter.step(f"{run.run_date} read training rows") as notes:
        frame = training_rows(run, examples.table, counted=examples.counts.training_rows)
        notes.append(f"{len(frame):,} x {frame.shape[1]}")
        return TrainingData.of(frame)


def _train_variant(run: Run, variant: Variant, data: TrainingData, origin: Origin) -> TrainedModel:
    with (
        run.session.reporter.step(f"{run.run_date} train {variant.name}") as notes,
        of_variant(variant.name),
        TemporaryDirectory() as name,
    ):
        earlier = _earlier_model(run, variant, origin.code, data.checksum)
        found = _loaded(run, earlier, Path(name)) if earlier else None
        if earlier and found:
            notes.append(f"the model of {earlier.uri}, fitted by the same code on the same rows")
        model = found or train_from_data(variant.config, data.frame)
        model_file = Path(name) / MODEL_FILE if found else None

        def scores() -> list[dict[str, Any]]:
            try:
                return sample_scores(model, variant, data.frame, run.job.spec.entity)
            except RequestError as error:  # such a model has no reference for the drift of its scores
                run.session.reporter.say(f"{run.run_date} train {variant.name}: no drift of scores: {error.given}")
                return []

        def write(folder: Path) -> BundleInfo:
            return write_bundle(folder, model, variant, data, origin, scores=scores, model_file=model_file)

        return commit_model(run, variant, write)


def _earlier_model(run: Run, variant: Variant, code: str, checksum: str) -> TrainedModel | None:
    """Return the model of a variant that an earlier run of the date fitted by the same code on the same rows.

    There is none for a run whose definition was run before: `--rerun` asks for a new fit.
    """
    claims = claims_of(run.session, run.job, run.run_date) if run.generation > 1 else []
    own = {claim.definition for claim in claims if claim.run_id == run.run_id}
    earlier = [claim for claim in claims if claim.generation < run.generation]
    if any(claim.definition in own for claim in earlier):
        return None
    models = (committed_model(run_of(run.session, run.job, run.run_date, c), variant.id) for c in reversed(earlier))
    wanted = (code, checksum)
    return next((model for model in models if model and (model.code_digest, model.data_checksum) == wanted), None)


def _loaded(run: Run, model: TrainedModel, folder: Path) -> Model | None:
    """Return a committed model whose bundle is copied into a folder; None if it is gone or damaged."""
    try:
        info = fetch_verified(model.uri, run.session.store, folder, check_committed(model.uri, model.bundle_digest))
        return load_verified(folder, info, run.session.reporter.warn)[0]
    except (RequestError, CheckError):
        return None


def _event(model: TrainedModel, seconds: float | None, meter: Meter) -> Event:
    return Event(
        phase="train",
        event="done",
        variant=model.variant,
        model_id=model.model_id,
        uri=model.uri,
        row_count=model.training_rows,
        seconds=seconds,
        details={} if seconds is None else meter.details(),
    )


def _origin(run: Run, variant: Variant) -> Origin:
    session = run.session
    digests = sql_digests(run.job, session.catalogue)
    coordinates = {
        "job": run.job.name,
        "run_id": run.run_id,
        "run_date": str(run.run_date),
        "generation": run.generation,
        "as_of": run.as_of.isoformat(),
        "snapshot_at": run.snapshot_at.isoformat(),
        "examples": f"bq://{run.table('examples')}",
        "family": run.job.spec.family,
    }
    return Origin(
        run=coordinates,
        files=project_files(run.job, session.catalogue, digests),
        sql_digests=digests,
        code=digest_of_variant(run.job, variant),
        modules=imported_modules(run.job, [variant]),
        commit=git_commit(session.project.root),
    )
