"""Commands of the phases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AnyRunDate,
    AsJson,
    CatchUp,
    JobName,
    LocalDir,
    MaxRejectRate,
    ProjectDir,
    Rerun,
    TargetName,
    attempt,
    day_or_due,
    do_phase,
    look_at_target,
    open_job,
    print_content,
    print_summaries,
    print_summary,
)

if TYPE_CHECKING:
    from pipeline.runs.session import Session


def preprocess(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    as_json: AsJson = False,
) -> None:
    """Make the examples of a run date, in BigQuery.

    Example: pipeline preprocess flight_delay --run-date 2013-07-01
    """
    where = (target, local_dir, project_dir)
    do_phase("preprocess", job, run_date, *where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def train(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    as_json: AsJson = False,
) -> None:
    """Fit every variant on the examples of a run date.

    Example: pipeline train flight_delay --run-date 2013-07-01
    """
    where = (target, local_dir, project_dir)
    do_phase("train", job, run_date, *where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def load(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Publish the predictions of a run date in BigQuery.

    Example: pipeline load flight_delay --run-date 2013-07-01
    """
    do_phase("load", job, run_date, target, local_dir, project_dir, catch_up=catch_up, as_json=as_json)


def run(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    max_reject_rate: MaxRejectRate = 0.0,
    as_json: AsJson = False,
) -> None:
    """Carry out all phases for a run date, evaluate what has matured, and let the gate judge challengers.

    A schedule calls it with --catch-up: it runs every date after the last done one, the oldest seven of them, up to the
    newest whose moment has passed; of a new job the newest only. Called late, twice, or after nights without a call, it
    does what is due. --run-date overrides that.

    Example: pipeline run flight_delay --run-date 2013-07-01

    Example: pipeline run flight_delay --catch-up
    """
    from pipeline.phases.catch_up import catch_up as run_due_dates
    from pipeline.phases.run import run_job

    day = day_or_due(run_date, catch_up, rerun=rerun)
    session, found = open_job(project_dir, job, target, local_dir)
    with attempt(session, found):
        if day is not None:
            print_summary(run_job(session, found, day, rerun=rerun, max_reject_rate=max_reject_rate), as_json)
        else:
            print_summaries(run_due_dates(session, found, max_reject_rate=max_reject_rate), as_json)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (preprocess, train, load, run):
        app.command()(command)


AnyJob = Annotated[str | None, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]


ModelPlace = Annotated[
    str | None, typer.Option("--model", metavar="PLACE", help="Bundle to predict with: a folder or gs:// address.")
]


DataPlace = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PLACE",
        help="Rows to score: a CSV, JSON Lines or Parquet file, gs://... or bq://project.dataset.table.",
    ),
]


OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="New .jsonl file for their predictions.")]


def predict(
    job: AnyJob = None,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    model: ModelPlace = None,
    data: DataPlace = None,
    out: OutFile = None,
    max_reject_rate: MaxRejectRate = 0.0,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Score a run date of a job, with its own models or another one; or the rows of a file with any bundle.

    Give JOB and --run-date, with --model for another bundle, or --catch-up for what is due; or --model, --data and
    --out and nothing of the job.
    Scoring a file needs no project: the code of the job comes out of the bundle.

    Example: pipeline predict flight_delay --run-date 2013-07-01

    Example: pipeline predict --model gs://bucket/flight_delay/models/... --data file.csv --out predictions.jsonl
    """
    if data is not None or out is not None:
        if not (model and data and out) or job is not None or run_date is not None or catch_up or max_reject_rate:
            raise typer.BadParameter("--data goes with --model and --out only")
        session = look_at_target(project_dir, target, local_dir, places=(model, data))
        _predict_file(session, model, data, out, project_dir, as_json)
        return
    if job is None or (run_date is None and not catch_up):
        raise typer.BadParameter("give JOB and --run-date or --catch-up, or --model, --data and --out")
    if run_date is None and model:
        raise typer.BadParameter("--model takes --run-date")
    where, rate = (target, local_dir, project_dir), max_reject_rate
    do_phase("predict", job, run_date, *where, catch_up=catch_up, model=model, rate=rate, as_json=as_json)


def _predict_file(session: Session | None, model: str, data: str, out: Path, project_dir: Path, as_json: bool) -> None:
    from pipeline.phases.predict_files import predict_from_path
    from pipeline.runs.artefacts.models import check_at

    if session is None:
        rows = predict_from_path(model, data, out, project=project_dir)
    else:
        store, warehouse, check = session.store, session.warehouse, check_at(session, model)
        rows = predict_from_path(model, data, out, store=store, warehouse=warehouse, check=check, project=project_dir)
    content = {"model": model, "data": data, "out": str(out), "rows": rows}
    print_content(content, [f"{out}: {rows:,} predictions of {model}"], as_json)


def add_predict(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(predict)
