"""Command that shows metrics a day."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    JobName,
    LocalDir,
    ProjectDir,
    TargetName,
    look_at_job,
    look_at_project,
    open_job,
    open_place,
    print_content,
)

PLAIN_WIDTH = 120
"""Columns of the report where there is no terminal."""


def report(
    job: JobName,
    first: str = typer.Option(..., "--from", metavar="DATE", help="First run date, YYYY-MM-DD."),
    last: str = typer.Option(..., "--to", metavar="DATE", help="Last run date, YYYY-MM-DD."),
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
) -> None:
    """Show the metrics of each day, variants beside baselines.

    Example: pipeline report flight_delay --from 2013-07-01 --to 2013-07-07
    """
    from rich.console import Console

    from pipeline.base.dates import date_range, parse_date
    from pipeline.explain.report import report_job

    days = date_range(parse_date(first, option="--from"), parse_date(last, option="--to"))
    session, found = open_job(project_dir, job, target, local_dir)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for part in report_job(session, found, days[0], days[-1]):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def add_report(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(report)


def dashboard(
    job: JobName,
    out: str = typer.Option(..., "--out", metavar="FILE", help="HTML file to write, or a gs:// address."),
    first: str | None = typer.Option(None, "--from", metavar="DATE", help="First run date, YYYY-MM-DD."),
    last: str | None = typer.Option(None, "--to", metavar="DATE", help="Last run date, YYYY-MM-DD."),
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
) -> None:
    """Make one HTML page of the dashboard's views; the last 365 days unless dates are given.

    Example: pipeline dashboard flight_delay --out dashboard.html
    """
    from pipeline.base.dates import date_range, parse_date

    begin = parse_date(first, option="--from") if first else None
    end = parse_date(last, option="--to") if last else None
    if begin and end:
        date_range(begin, end)
    from pipeline.explain.dashboard.views import check_place, write_dashboard

    check_place(out)
    session, found = open_job(project_dir, job, target, local_dir)
    typer.echo(write_dashboard(session, found, out, begin, end))


def add_dashboard(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(dashboard)


Traced = Annotated[
    str,
    typer.Argument(
        metavar="X", help="A run id, model id, evaluation id or metric, gs:// address, or table; see docs/lineage.md."
    ),
]


def trace(
    x: Traced,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what X was made from, back to the source tables, and everything that it fed. Nothing is written.

    Example: pipeline trace pipeline-local.ml.flight_delay__predictions@2013-07-01
    """
    from pipeline.explain.trace import trace_of, trace_text

    found = trace_of(look_at_project(project_dir, target, local_dir), x)
    text = json.dumps(found.as_json(), indent=1, default=str) if as_json else ""
    typer.echo(text or trace_text(found, plain=not sys.stdout.isatty()))


def add_trace(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(trace)


def why(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Id of a run, as `pipeline status` shows it.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Id of another run of the same job.")],
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, help="How many rows of each difference to show.")
    ] = 5,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two runs: SQL, configuration, code, libraries, data; and their metrics.

    Nothing is written.

    Example: pipeline why flight_delay-2013-07-01-0a1b2c3d4e flight_delay-2013-07-02-5f60718293
    """
    from pipeline.runs.identity import parse_run_id

    a, b = parse_run_id(run_a), parse_run_id(run_b)
    from pipeline.explain.why import content_of, refuse_pair, why_lines, why_of

    refuse_pair(a, b)
    session, job = look_at_job(project_dir, a.job, target, local_dir)
    found = why_of(session, job, a, b)
    print_content(content_of(found, rows), why_lines(found, rows), as_json)


def add_why(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(why)


Bundle = Annotated[str, typer.Argument(metavar="MODEL", help="A bundle: gs:// address (models[].uri) or folder.")]


Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Make the training rows again by SQL, from the sources as they were.")
]


def reproduce(
    model: Bundle,
    rebuild: Rebuild = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Train a model again from its bundle and say item by item whether it is the same.

    SQL, configuration and code of this project are compared with the bundle's; where it has no such job, the bundle's
    own are used. Nothing is published. Exit code 3 if the model is different, 0 if it is identical or equivalent.

    Example: pipeline reproduce gs://bucket/flight_delay/models/2013-07-01/...
    """
    from pipeline.explain import reproduce as phase

    found = phase.reproduce(open_place(project_dir, target, local_dir), model, rebuild=rebuild)
    print_content(phase.content_of(found), phase.reproduction_lines(found), as_json)
    raise typer.Exit(found.exit_code)


def add_reproduce(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reproduce)
