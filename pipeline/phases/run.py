"""Run the phases of one run date, all of them or one; work that is already done is reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from pipeline.base.progress import Stopwatch
from pipeline.errors import RequestError
from pipeline.evaluation.drift import measure_drift
from pipeline.evaluation.gate import gate_job
from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.load import load_run, manifests_to_load
from pipeline.phases.predict import predict_run
from pipeline.phases.preprocess import examples_of, preprocess_run
from pipeline.phases.summary import Summary
from pipeline.phases.task import ALONE, Task
from pipeline.phases.train import train_run
from pipeline.project.project import Job
from pipeline.runs.artefacts.models import TrainedModel, committed_models
from pipeline.runs.artefacts.predictions import Manifest, committed_manifests
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import join_run, open_run
from pipeline.runs.phase_labels import for_run_date
from pipeline.runs.publications import finished
from pipeline.runs.run import FailedVariant, Run
from pipeline.runs.session import Session


@for_run_date("run")
def run_job(
    session: Session, job: Job, run_date: date, *, rerun: bool = False, max_reject_rate: float = 0.0, gate: bool = True
) -> Summary:
    """Carry out all phases for a run date, evaluate the run dates that have matured, and judge the challengers.

    Parameters
    ----------
    rerun
        Claim a new generation, even if the run date is done.
    max_reject_rate
        Largest share of a model's predictions, from 0 to 1, that may be rejected; above it the run stops.
    gate
        Whether the gate judges challengers; a later run judges what this one leaves out.
    """
    summary = make_predictions(session, job, run_date, rerun=rerun, max_reject_rate=max_reject_rate)
    evaluate_date(session, job, run_date, summary, gate=gate)
    return summary


@for_run_date("run")
def make_predictions(
    session: Session,
    job: Job,
    run_date: date,
    *,
    rerun: bool = False,
    max_reject_rate: float = 0.0,
    publish: bool = True,
    failed: Sequence[FailedVariant] = (),
) -> Summary:
    """Carry out preprocess, train, predict and load for a run date.

    Parameters
    ----------
    publish
        Whether to load the predictions; otherwise a later call finds their files and loads them.
    failed
        Variants that failed in an earlier part of this command, and that are not tried again.
    """
    with session.reporter.working(f"{job.name} {run_date}: what is done"):
        run = open_run(session, job, run_date, rerun=rerun)
        summary, models = _begin(run), committed_models(run)
    run.failed.update({failure.variant: failure for failure in failed})
    published = {(model.variant, model.model_id) for model in models}
    if _is_published(run, models):
        summary.tables["examples"] = str(run.table("examples"))
        summary.tables["predictions"] = str(session.target.table(run.job.predictions_table))
        _add_predictions(summary, manifests_to_load(run), models)
        summary.rows["load"] = summary.rows["predict"]
    else:
        _preprocess(run, summary)
        models = _train(run, summary)
        _predict(run, summary, models, max_reject_rate=max_reject_rate)
        published = {(model.variant, model.model_id) for model in models if model.variant not in run.failed}
        if publish:
            published &= _load(run, summary)
    if publish:
        measure_drift(run, published)
    return _end(run, summary)


@for_run_date("run")
def run_phase(
    session: Session,
    job: Job,
    run_date: date,
    phase: str,
    *,
    model: str | None = None,
    rerun: bool = False,
    max_reject_rate: float = 0.0,
    task: Task = ALONE,
) -> Summary:
    """Carry out one phase for a run date, from the results of the phases before it.

    Parameters
    ----------
    phase
        preprocess, train, predict or load.
    model
        Folder or `gs://` address of the bundle to predict with; by default the run's own models.
    max_reject_rate
        For predict: largest share of a model's predictions, from 0 to 1, that may be rejected.
    task
        For predict: one of the tasks that share the shards.
    """
    if phase == "load" or (phase == "predict" and model is None):
        run = join_run(session, job, run_date)  # a claim without new work would block another run of the date
    else:
        run = open_run(session, job, run_date, rerun=rerun)
    summary = _begin(run)
    if phase == "predict":
        _predict(run, summary, committed_models(run), model, max_reject_rate=max_reject_rate, task=task)
    else:
        STEPS[phase](run, summary)
    return _end(run, summary)


def evaluate_matured(session: Session, job: Job, day: date) -> Summary:
    """Evaluate the run dates that have matured by a day and are not evaluated yet, and judge the challengers."""
    summary = Summary(job.name, None, None, status="already_done")
    evaluate_date(session, job, day, summary, gate=True)
    summary.rows["evaluate"] = sum(len(evaluation["metrics"]) for evaluation in summary.evaluated)
    return summary


def _begin(run: Run) -> Summary:
    run.session.reporter.about(run=run.run_id)
    return Summary(run.job.name, run.run_date, run.run_id)


def _end(run: Run, summary: Summary) -> Summary:
    summary.status = "done" if run.done_now else "already_done"
    summary.failed = list(run.failed.values())
    return summary


def _is_published(run: Run, models: Sequence[TrainedModel]) -> bool:
    """Tell whether every variant of the job is published from this run, by the run's own model."""
    own = {(model.variant, model.model_id) for model in models}
    done = {(manifest.variant, manifest.model_id) for manifest in finished(run, committed_manifests(run))}
    return {variant for variant, _ in own & done} == run.job.variant_ids


def _preprocess(run: Run, summary: Summary) -> None:
    with _timed(run.session, summary, "preprocess"):
        examples = preprocess_run(run)
    summary.tables["examples"] = str(examples.table)
    summary.rows["preprocess"] = examples.counts.row_count


def _train(run: Run, summary: Summary) -> list[TrainedModel]:
    with _timed(run.session, summary, "train"):
        models = train_run(run, preprocess_run(run))
    summary.models = [{"variant": model.variant, "model_id": model.model_id, "uri": model.uri} for model in models]
    summary.rows["train"] = models[0].training_rows
    return models


def _predict(
    run: Run,
    summary: Summary,
    models: Sequence[TrainedModel],
    place: str | None = None,
    *,
    max_reject_rate: float = 0.0,
    task: Task = ALONE,
) -> None:
    """Predict with the run's own models, or with the bundle at a place."""
    with _timed(run.session, summary, "predict"):
        own = {model.uri: model.bundle_digest for model in models}
        places = {place: own.get(place, "")} if place else own
        others_go_on = () if place else models
        if not places:
            raise RequestError(f"{run.run_id}: no model yet", hint="run train first, or pass --model")
        # The account that predicts may write no table, so it uses the examples of preprocess. With --model, no phase
        # need have run before.
        examples = preprocess_run(run) if place else examples_of(run)
        manifests = predict_run(run, examples, places, own=others_go_on, max_reject_rate=max_reject_rate, task=task)
    _add_predictions(summary, manifests, models)


def _add_predictions(summary: Summary, manifests: Sequence[Manifest], models: Sequence[TrainedModel]) -> None:
    uris = {model.model_id: model.uri for model in models}  # a bundle that was passed with --model has none here
    summary.models = [
        {"variant": manifest.variant, "model_id": manifest.model_id, "uri": uris.get(manifest.model_id, "")}
        for manifest in manifests
    ]
    summary.uris["predictions"] = [uri for manifest in manifests for uri in manifest.uris]
    rejects = [uri for manifest in manifests for uri in manifest.rejects]
    summary.uris |= {"rejects": rejects} if rejects else {}
    summary.rows["predict"] = sum(manifest.rows for manifest in manifests)


def _load(run: Run, summary: Summary) -> set[tuple[str, str]]:
    """Publish, and return variants and model ids of the predictions that are published."""
    manifests = manifests_to_load(run)
    with _timed(run.session, summary, "load"):
        rows = load_run(run, manifests)
    summary.tables["predictions"] = str(run.session.target.table(run.job.predictions_table))
    summary.rows["load"] = sum(rows.values())
    return {(manifest.variant, manifest.model_id) for manifest in manifests if manifest.variant in rows}


STEPS: dict[str, Callable[[Run, Summary], object]] = {"preprocess": _preprocess, "train": _train, "load": _load}


@for_run_date("evaluate")
def evaluate_date(session: Session, job: Job, day: date, summary: Summary, *, gate: bool) -> None:
    """Evaluate what has matured by a run date, let the gate judge if asked to, and add the results to a summary."""
    with _timed(session, summary, "evaluate"):
        evaluations = evaluate_job(session, job, day)
        verdicts = gate_job(session, job, day) if gate else []
    judged, ledger = {verdict["run_date"] for verdict in verdicts}, Ledger(session, job.name)
    for evaluation in evaluations:
        run_date, metrics = evaluation.run_date, evaluation.metrics
        verdict = ledger.verdict(run_date) if run_date in judged else evaluation.verdict
        summary.evaluated.append({"run_date": run_date, "metrics": metrics, "verdict": verdict})
    if evaluations or verdicts:
        summary.status = "done"


@contextmanager
def _timed(session: Session, summary: Summary, phase: str) -> Iterator[None]:
    session.reporter.about(phase=phase)
    watch = Stopwatch()
    with session.reporter.working(f"{summary.job} {phase}"):
        yield
    summary.seconds[phase] = watch.seconds
