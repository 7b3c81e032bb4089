"""Commands that run one phase of a job, or all of them: preprocess, train, predict, load, run."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import ending, options

ModelAddress = Annotated[
    str | None, typer.Option("--model", metavar="PLACE", help="Bundle to predict with: a folder or gs:// address.")
]
DataAddress = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PLACE",
        help="Rows to score: a CSV, JSON Lines or Parquet file, gs://... or bq://project.dataset.table.",
    ),
]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="New .jsonl file for their predictions.")]


def preprocess(
    job: options.JobName,
    run_date: options.AnyRunDate = None,
    catch_up: options.CatchUp = False,
    where: options.Where = options.DEFAULT,
    rerun: options.Rerun = False,
    as_json: options.AsJson = False,
) -> None:
    """Make the examples of a run date in BigQuery.

    Examples are the rows to train on and the rows to score.

    Example: pipeline preprocess flight_delay --run-date 2013-07-01
    """
    _run_phase("preprocess", job, run_date, where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def train(
    job: options.JobName,
    run_date: options.AnyRunDate = None,
    catch_up: options.CatchUp = False,
    where: options.Where = options.DEFAULT,
    rerun: options.Rerun = False,
    as_json: options.AsJson = False,
) -> None:
    """Fit every variant of a job on the examples of a run date.

    Example: pipeline train flight_delay --run-date 2013-07-01
    """
    _run_phase("train", job, run_date, where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def predict(
    job: options.AnyJobName = None,
    run_date: options.AnyRunDate = None,
    catch_up: options.CatchUp = False,
    model: ModelAddress = None,
    data: DataAddress = None,
    out: OutFile = None,
    max_reject_rate: options.MaxRejectRate = 0.0,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Score the examples of a run date, or the rows of a file.

    For a run date give JOB and --run-date, or JOB and --catch-up. The models are the run's own; --model with --run-date
    names another bundle.

    For a file give --model, --data and --out, without JOB. This needs no project: the code is in the bundle.

    Example: pipeline predict flight_delay --run-date 2013-07-01

    Example: pipeline predict --model gs://bucket/flight_delay/models/... --data file.csv --out predictions.jsonl
    """
    if data is not None or out is not None:
        if not (model and data and out) or job is not None or run_date is not None or catch_up or max_reject_rate:
            raise typer.BadParameter("--data goes with --model and --out only")
        _predict_file(where, model, data, out, as_json)
        return
    if job is None or (run_date is None and not catch_up):
        raise typer.BadParameter("give JOB and --run-date or --catch-up, or --model, --data and --out")
    if run_date is None and model:
        raise typer.BadParameter("--model needs --run-date")
    _run_phase("predict", job, run_date, where, catch_up=catch_up, model=model, rate=max_reject_rate, as_json=as_json)


def load(
    job: options.JobName,
    run_date: options.AnyRunDate = None,
    catch_up: options.CatchUp = False,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Publish the predictions of a run date in BigQuery.

    Example: pipeline load flight_delay --run-date 2013-07-01
    """
    _run_phase("load", job, run_date, where, catch_up=catch_up, as_json=as_json)


def run(
    job: options.JobName,
    run_date: options.AnyRunDate = None,
    catch_up: options.CatchUp = False,
    where: options.Where = options.DEFAULT,
    rerun: options.Rerun = False,
    max_reject_rate: options.MaxRejectRate = 0.0,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Run all phases for a run date, then evaluate.

    A scheduler uses --catch-up instead of --run-date. It runs up to seven run dates, the oldest first: those after the
    last done one whose moment has passed. For a new job it runs only the newest. Called late, twice or after missed
    nights, it does what is due.

    It evaluates all run dates whose labels are complete, and on them the gate compares challengers with the champion.

    A variant that fails and is not the champion is left out with a warning. The same command tries it again.

    Example: pipeline run flight_delay --run-date 2013-07-01

    Example: pipeline run flight_delay --catch-up
    """
    from pipeline.phases.catch_up import catch_up as run_due_dates
    from pipeline.phases.run import run_job
    from pipeline.phases.summary import refuse_failed_variants

    _refuse_no_date(run_date, catch_up, rerun=rerun)
    session, opened = where.open_job(job)
    with options.attempt(session, opened):
        if run_date is not None:
            summary = run_job(session, opened, run_date, rerun=rerun, max_reject_rate=max_reject_rate)
            options.print_summary(summary, as_json)
            summaries = [summary]
        else:
            due = run_due_dates(session, opened, max_reject_rate=max_reject_rate)
            summaries = options.print_summaries(due, as_json)
        if strict:
            refuse_failed_variants(summaries)


def _refuse_no_date(run_date: date | None, catch_up: bool, *, rerun: bool) -> None:
    if run_date is None and not catch_up:
        raise typer.BadParameter("give --run-date or --catch-up")
    if run_date is None and rerun:
        raise typer.BadParameter("--rerun needs --run-date")


def _run_phase(
    phase: str,
    job: str,
    run_date: date | None,
    where: options.Where,
    *,
    catch_up: bool = False,
    model: str | None = None,
    rerun: bool = False,
    rate: float = 0.0,
    as_json: bool,
) -> None:
    """Run one phase, for a run date or for those that are due, and write its summaries to stdout."""
    from pipeline.phases.catch_up import catch_up_phase
    from pipeline.phases.run import run_phase
    from pipeline.phases.task import ALONE, Task

    _refuse_no_date(run_date, catch_up, rerun=rerun)
    task = Task.of(os.environ) if phase == "predict" else ALONE
    session, opened = where.open_job(job)
    with options.attempt(session, opened):
        if run_date is None:
            options.print_summaries(catch_up_phase(session, opened, phase, max_reject_rate=rate, task=task), as_json)
        else:
            summary = run_phase(
                session, opened, run_date, phase, model=model, rerun=rerun, max_reject_rate=rate, task=task
            )
            options.print_summary(summary, as_json)


def _predict_file(where: options.Where, model: str, data: str, out: Path, as_json: bool) -> None:
    from pipeline.phases.predict_files import predict_from_path
    from pipeline.runs.artefacts.models import check_at

    session, project, warn = where.look_at_addresses(model, data), where.project_dir, ending.reporter().warn
    if session is None:
        rows = predict_from_path(model, data, out, project=project, warn=warn)
    else:
        store, warehouse, check = session.store, session.warehouse, check_at(session, model)
        rows = predict_from_path(
            model, data, out, store=store, warehouse=warehouse, check=check, project=project, warn=warn
        )
    content = {"model": model, "data": data, "out": str(out), "rows": rows}
    options.print_content(content, [f"{out}: {rows:,} predictions of {model}"], as_json)
