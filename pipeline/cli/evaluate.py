"""The command that evaluates: run dates whose labels are complete, or predictions from any source."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.project.project import Job
    from pipeline.runs.session import Session

AsOf = Annotated[
    date | None,
    options.date_option(
        "--as-of",
        "Day to evaluate as of, YYYY-MM-DD; usually today. It takes run dates at least delay_days before it, with"
        " the labels known at its midnight.",
    ),
]
PredictionsAddress = Annotated[
    str | None,
    typer.Option(
        "--predictions",
        metavar="PLACE",
        help="Predictions from any source: a CSV, JSON Lines or Parquet file, gs://... or bq://project.dataset.table.",
    ),
]
LabelsAddress = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="PLACE",
        help="Labels for --predictions, in the same forms, with the columns of the prediction key, label and slices.",
    ),
]


def evaluate(
    job: options.JobName,
    as_of: AsOf = None,
    catch_up: options.CatchUp = False,
    predictions: PredictionsAddress = None,
    labels: LabelsAddress = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Evaluate run dates whose labels are complete.

    The gate then judges challengers on them.

    With --predictions and --labels it evaluates these instead, and records nothing.

    Example: pipeline evaluate flight_delay --as-of 2013-07-09

    Example: pipeline evaluate flight_delay --predictions mine.jsonl --labels labels.csv
    """
    from pipeline.phases.catch_up import catch_up_phase
    from pipeline.phases.run import evaluate_matured

    if predictions or labels:
        if as_of is not None or catch_up:
            raise typer.BadParameter("--as-of and --catch-up do not go with --predictions and --labels")
        if not predictions or not labels:
            raise typer.BadParameter("--predictions and --labels go together")
        session, opened = where.open_job(job)
        _evaluate_files(session, opened, predictions, labels, as_json)
        return
    if as_of is None and not catch_up:
        raise typer.BadParameter("give --as-of, --catch-up, or --predictions and --labels")
    session, opened = where.open_job(job)
    with options.attempt(session, opened):
        if as_of is None:
            options.print_summaries(catch_up_phase(session, opened, "evaluate"), as_json)
        else:
            options.print_summary(evaluate_matured(session, opened, as_of), as_json)


def _evaluate_files(session: Session, job: Job, predictions: str, labels: str, as_json: bool) -> None:
    from pipeline.phases.evaluate_files import evaluate_from_path
    from pipeline.phases.summary import Summary
    from pipeline.project.metric_spec import MetricSpec

    rows = evaluate_from_path(session, job, predictions, labels, name=_name_of(predictions))
    if as_json:
        evaluation = {"run_date": None, "metrics": rows, "verdict": None}
        options.print_summary(Summary(job.name, None, None, evaluated=[evaluation]), as_json)
        return
    spec = MetricSpec.of(job)
    order = list(spec.metrics(session.catalogue.get(spec.asset)))
    overall = [row for row in rows if not row["slice_name"]]
    overall.sort(key=lambda row: order.index(row["metric"]))
    _print_table(f"{job.name}: {predictions} against {labels}", overall)


def _name_of(address: str) -> str:
    """Return a name for the predictions at an address, of letters, digits and _."""
    name = address.rpartition(".")[2] if address.startswith("bq://") else Path(address).name.partition(".")[0]
    return re.sub(r"\W+", "_", name, flags=re.ASCII)[:40] or "predictions"


def _print_table(title: str, rows: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table("metric", box=SIMPLE_HEAD, title=escape(title), title_justify="left")
    for name in ("value", "95 % interval", "n"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for row in rows:
        limits = "" if row["low"] is None else f"{row['low']:.4f} to {row['high']:.4f}"
        value = "-" if row["value"] is None else f"{row['value']:.4f}"
        table.add_row(row["metric"], value, limits, f"{row['n']:,}", row["note"] or "")
    options.print_tables([table])
