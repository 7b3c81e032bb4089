"""Command that predicts: a run date of a job, or the rows of a file with a bundle alone."""

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
    LocalDir,
    MaxRejectRate,
    ProjectDir,
    TargetName,
    do_phase,
    look_at_target,
    print_content,
)

if TYPE_CHECKING:
    from pipeline.session import Session

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
    from pipeline.known_models import check_at
    from pipeline.phases.predict_files import predict_from_path

    if session is None:
        rows = predict_from_path(model, data, out, project=project_dir)
    else:
        store, warehouse, check = session.store, session.warehouse, check_at(session, model)
        rows = predict_from_path(model, data, out, store=store, warehouse=warehouse, check=check, project=project_dir)
    content = {"model": model, "data": data, "out": str(out), "rows": rows}
    print_content(content, [f"{out}: {rows:,} predictions of {model}"], as_json)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(predict)
