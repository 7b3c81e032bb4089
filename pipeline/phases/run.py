"""Run: the phases of one run date, all of them or some; what is done already is used, not done again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from pipeline.base.progress import Stopwatch
from pipeline.errors import RequestError
from pipeline.evaluation.drift import measure_drift
from pipeline.evaluation.gate import gate_job
from pipeline.phases.evaluate import Evaluation, evaluate_job
from pipeline.phases.load import load_run
from pipeline.phases.predict import predict_run
from pipeline.phases.preprocess import examples_of, preprocess_run
from pipeline.phases.summary import Summary
from pipeline.phases.task import ALONE, Task
from pipeline.phases.train import train_run
from pipeline.project.project import Job
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import Manifest, committed_manifests
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import join_run, open_run
from pipeline.runs.phase_labels import for_run_date
from pipeline.runs.publications import finished
from pipeline.runs.run import Run
from pipeline.runs.session import Session


@for_run_date("run")
def run_job(
    session: Session, job: Job, run_date: date, *, rerun: bool = False, max_reject_rate: float = 0.0, gate: bool = True
) -> Summary:
    """Carry out all phases for a run date, then evaluate what has matured by it and judge the challengers.

    Parameters
    ----------
    max_reject_rate
        Predictions of a model that may be rejected, as a share of all; it decides whether the run goes on.
    gate
        Whether the gate judges; what is not judged now is judged by a later run.
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
) -> Summary:
    """Carry out preprocess, train, predict and load for a run date.

    Parameters
    ----------
    publish
        Whether to load what was predicted; a later call that does finds the files.
    """
    summary, run = _opened(session, job, run_date, rerun)
    if not _is_published(run):
        _preprocess(run, summary)
        _train(run, summary)
        _predict(run, summary, max_reject_rate=max_reject_rate)
        if publish:
            _load(run, summary)
    else:
        _describe(run, summary)
    if publish:
        measure_drift(run, {(model.variant, model.model_id) for model in committed_models(run)})
    summary.status = "done" if run.done_now else "already_done"
    return summary


@for_run_date("run")
def evaluate_date(session: Session, job: Job, run_date: date, summary: Summary, *, gate: bool) -> None:
    """Add to the summary of a run date what has matured by it, and what the gate says of challengers."""
    if _evaluate(session, job, run_date, summary, gate=gate):
        summary.status = "done"


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
    """Carry out one phase for a run date, from what the phases before it left.

    Parameters
    ----------
    phase
        preprocess, train, predict or load.
    model
        Folder or `gs://` address of the bundle to predict with; the run's own models when not given.
    max_reject_rate
        For predict: predictions of a model that may be rejected, as a share of all.
    task
        For predict: which task of how many this is; they share the shards.
    """
    joins = phase == "load" or (phase == "predict" and model is None)
    summary, run = _joined(session, job, run_date) if joins else _opened(session, job, run_date, rerun)
    if phase == "predict":
        _predict(run, summary, model, max_reject_rate=max_reject_rate, task=task)
    else:
        PHASES[phase](run, summary)
    summary.status = "done" if run.done_now else "already_done"
    return summary


def evaluated(evaluation: Evaluation) -> dict[str, object]:
    """Return an evaluation as the summary holds it."""
    return {"run_date": evaluation.run_date, "metrics": evaluation.metrics, "verdict": evaluation.verdict}


def _opened(session: Session, job: Job, run_date: date, rerun: bool) -> tuple[Summary, Run]:  # noqa: FBT001
    return _begun(open_run(session, job, run_date, rerun=rerun))


def _joined(session: Session, job: Job, run_date: date) -> tuple[Summary, Run]:
    """Open a run without claiming one: what only goes on with earlier phases must not stand in another run's way."""
    return _begun(join_run(session, job, run_date))


def _begun(run: Run) -> tuple[Summary, Run]:
    run.session.reporter.about(run=run.run_id)
    return Summary(run.job.name, run.run_date, run.run_id), run


def _preprocess(run: Run, summary: Summary) -> None:
    with _timed(run.session, summary, "preprocess"):
        examples = preprocess_run(run)
    summary.tables["examples"] = str(examples.table)
    summary.rows["preprocess"] = examples.counts.row_count


def _train(run: Run, summary: Summary) -> None:
    with _timed(run.session, summary, "train"):
        models = train_run(run, preprocess_run(run))
    summary.models = [_model(model.variant, model.model_id, model.uri) for model in models]
    summary.rows["train"] = models[0].training_rows


def _predict(
    run: Run, summary: Summary, model: str | None = None, *, max_reject_rate: float = 0.0, task: Task = ALONE
) -> None:
    with _timed(run.session, summary, "predict"):
        own = {trained.uri: trained.bundle_digest for trained in committed_models(run)}
        places = {model: own.get(model, "")} if model else own
        if not places:
            raise RequestError(f"{run.run_id}: no model yet", hint="run train first, or pass --model")
        # Who predicts may write no table: it uses the examples that preprocess made. Another model needs no run before.
        examples = preprocess_run(run) if model else examples_of(run)
        manifests = predict_run(run, examples, places, max_reject_rate=max_reject_rate, task=task)
    _describe_predictions(run, summary, manifests)


def _load(run: Run, summary: Summary) -> None:
    with _timed(run.session, summary, "load"):
        manifests = _manifests_to_load(run)
        rows = load_run(run, manifests)
    summary.tables["predictions"] = str(run.session.target.table(run.job.predictions_table))
    summary.rows["load"] = sum(rows.values())


PHASES: dict[str, Callable[[Run, Summary], None]] = {
    "preprocess": _preprocess,
    "train": _train,
    "predict": _predict,
    "load": _load,
}


def _manifests_to_load(run: Run) -> Sequence[Manifest]:
    """Return one manifest a variant: that of the run's own model where there are several."""
    sets: dict[str, list[Manifest]] = {}
    for manifest in committed_manifests(run):
        sets.setdefault(manifest.variant, []).append(manifest)
    if not sets:
        raise RequestError(f"{run.run_id}: no predictions yet", hint="run predict first")
    own = _trained(run) if any(len(rivals) > 1 for rivals in sets.values()) else set()
    return [_of_own_model(run, sets[variant], own) for variant in sorted(sets, key=_order(run))]


def _of_own_model(run: Run, rivals: Sequence[Manifest], own: Collection[str]) -> Manifest:
    """Return the only set of a variant, or of several the one that the run's own model made."""
    chosen = rivals if len(rivals) == 1 else [manifest for manifest in rivals if manifest.model_id in own]
    if not chosen:
        ids = ", ".join(manifest.model_id for manifest in rivals)
        what = f"{run.run_id}: {len(rivals)} models predicted for {rivals[0].variant}: {ids}"
        raise RequestError(what, hint="train and predict in this run")
    return chosen[0]


def _trained(run: Run) -> set[str]:
    """Return the models that the ledger has of a run: who loads need not be allowed to read bundles."""
    return {row["model_id"] for row in run.events() if (row["phase"], row["event"]) == ("train", "done")}


def _order(run: Run) -> Callable[[str], int]:
    """Return the place of a variant in the job: own variants first, in their order."""
    order = [variant.id for variant in run.job.variants]
    return lambda variant: order.index(variant) if variant in order else len(order)


def _is_published(run: Run) -> bool:
    """Tell whether every variant of the job is published from this run, by its own model."""
    own = {(model.variant, model.model_id) for model in committed_models(run)}
    done = {(manifest.variant, manifest.model_id) for manifest in finished(run, committed_manifests(run))}
    return {variant for variant, _ in own & done} == {variant.id for variant in run.job.variants}


def _describe(run: Run, summary: Summary) -> None:
    """Fill the summary of a run that was done before."""
    manifests = _manifests_to_load(run)
    summary.tables = {
        "examples": str(run.table("examples")),
        "predictions": str(run.session.target.table(run.job.predictions_table)),
    }
    _describe_predictions(run, summary, manifests)
    summary.rows["load"] = summary.rows["predict"]


def _describe_predictions(run: Run, summary: Summary, manifests: Sequence[Manifest]) -> None:
    summary.models = [_model(manifest.variant, manifest.model_id, _uri(run, manifest)) for manifest in manifests]
    summary.uris["predictions"] = [uri for manifest in manifests for uri in manifest.uris]
    rejects = [uri for manifest in manifests for uri in manifest.rejects]
    summary.uris |= {"rejects": rejects} if rejects else {}
    summary.rows["predict"] = sum(manifest.rows for manifest in manifests)


def _uri(run: Run, manifest: Manifest) -> str:
    """Return the address of the run's own model, or nothing for one that was passed with --model."""
    own = {model.model_id: model.uri for model in committed_models(run)}
    return own.get(manifest.model_id, "")


def _model(variant: str, model_id: str, uri: str) -> dict[str, str]:
    return {"variant": variant, "model_id": model_id, "uri": uri}


@contextmanager
def _timed(session: Session, summary: Summary, phase: str) -> Iterator[None]:
    session.reporter.about(phase=phase)
    watch = Stopwatch()
    yield
    summary.seconds[phase] = watch.seconds


@for_run_date("evaluate")
def evaluate_matured(session: Session, job: Job, day: date) -> Summary:
    """Evaluate what has matured by a day and was not evaluated yet, and judge the challengers."""
    summary = Summary(job.name, None, None)
    did = _evaluate(session, job, day, summary, gate=True)
    summary.rows["evaluate"] = sum(len(evaluation["metrics"]) for evaluation in summary.evaluated)
    summary.status = "done" if did else "already_done"
    return summary


def _evaluate(session: Session, job: Job, day: date, summary: Summary, *, gate: bool) -> bool:
    """Evaluate, and let the gate judge; tell whether there was anything to do."""
    with _timed(session, summary, "evaluate"):
        evaluations = evaluate_job(session, job, day)
        verdicts = gate_job(session, job, day) if gate else []
    judged = {verdict["run_date"] for verdict in verdicts}
    ledger = Ledger(session, job.name)
    for evaluation in evaluations:
        verdict = ledger.verdict(evaluation.run_date) if evaluation.run_date in judged else evaluation.verdict
        summary.evaluated.append(evaluated(replace(evaluation, verdict=verdict)))
    return bool(evaluations or verdicts)
