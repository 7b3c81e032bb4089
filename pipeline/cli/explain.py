"""Commands that answer questions about runs: status, report, dashboard, trace, why, reproduce."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from pipeline.base.dates import date_range
from pipeline.cli import options

ShownRunDate = Annotated[
    date | None, options.date_option("--run-date", "Run date, YYYY-MM-DD; without it the newest seven in short.")
]
Page = Annotated[str, typer.Option("--out", metavar="FILE", help="HTML file to write: a path or a gs:// address.")]
FirstShown = Annotated[
    date | None, options.date_option("--from", "First run date, YYYY-MM-DD; without it the page covers 365 days.")
]
LastShown = Annotated[
    date | None, options.date_option("--to", "Last run date, YYYY-MM-DD; without it the latest evaluated one.")
]
Traced = Annotated[
    str,
    typer.Argument(
        metavar="X",
        help="A run id, model id, evaluation id, EVALUATION_ID/metric, gs:// address, or table; see docs/lineage.md.",
    ),
]
Bundle = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A bundle: a folder, or a gs:// address as in models[].uri of run --json."),
]


def status(
    job: options.JobName,
    run_date: ShownRunDate = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Show the state of run dates and what comes next.

    For a run date it shows each phase: done, running, failed or missing, and what the next command would do. Nothing is
    written.

    Example: pipeline status flight_delay --run-date 2013-07-01
    """
    from pipeline.explain.status import lines as status_lines
    from pipeline.explain.status.status import status_of

    session, opened = where.look_at_job(job)
    if run_date is None:
        with session.reporter.working(f"{job} status"):
            dates = status_lines.recent_dates(session, opened, status_lines.SHOWN)
        lines = status_lines.recent_lines(job, dates, session.store.uri(job))
        options.print_content({"job": job, "run_dates": [asdict(line) for line in dates]}, lines, as_json)
    else:
        with session.reporter.working(f"{job} status of {run_date}"):
            state = status_of(session, opened, run_date)
        options.print_content(asdict(state), status_lines.date_lines(state), as_json)


def report(
    job: options.JobName,
    first: options.FirstRunDate,
    last: options.LastRunDate,
    where: options.Where = options.DEFAULT,
) -> None:
    """Show the metrics of each run date, for variants and baselines.

    Example: pipeline report flight_delay --from 2013-07-01 --to 2013-07-07
    """
    from pipeline.explain.report import report_job

    date_range(first, last)
    session, opened = where.open_job(job)
    with session.reporter.working(f"{job} report"):
        tables = report_job(session, opened, first, last)
    options.print_tables(tables)


def dashboard(
    job: options.JobName,
    out: Page,
    first: FirstShown = None,
    last: LastShown = None,
    where: options.Where = options.DEFAULT,
) -> None:
    """Write one HTML page: metrics, comparisons, drift and costs.

    Example: pipeline dashboard flight_delay --out dashboard.html
    """
    from pipeline.explain.dashboard.views import check_out, write_dashboard

    if first and last:
        date_range(first, last)
    check_out(out)
    session, opened = where.open_job(job)
    typer.echo(write_dashboard(session, opened, out, first, last))


def trace(
    x: Traced,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Show what X was made from and everything that was made from X.

    The trace leads back to the source tables. Nothing is written.

    Example: pipeline trace pipeline-local.ml.flight_delay__predictions@2013-07-01
    """
    from pipeline.explain.trace.trace import trace_of
    from pipeline.explain.trace.trace_text import trace_text

    session = where.look_at_project()
    with session.reporter.working(f"trace {x}"):
        traced = trace_of(session, x)
    if as_json:
        options.print_json(traced.as_json())
    else:
        typer.echo(trace_text(traced, plain=not sys.stdout.isatty()))


def why(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Id of a run, as pipeline status shows it.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Id of another run of the same job.")],
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, help="Number of rows to show of each difference.")
    ] = 5,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Show why two runs differ.

    It compares SQL, configuration, code, libraries, data and metrics. Nothing is written.

    Example: pipeline why flight_delay-2013-07-01-0a1b2c3d4e flight_delay-2013-07-02-5f60718293
    """
    from pipeline.runs.identity import parse_run_id

    a, b = parse_run_id(run_a), parse_run_id(run_b)
    from pipeline.explain.why import refuse_pair, why_json, why_lines, why_of

    refuse_pair(a, b)
    session, opened = where.look_at_job(a.job)
    with session.reporter.working(f"compare {run_a} with {run_b}"):
        differences = why_of(session, opened, a, b)
    options.print_content(why_json(differences, rows), why_lines(differences, rows), as_json)


def reproduce(
    model: Bundle,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Also query the training rows again, from the sources as they were.")
    ] = False,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Train a model again from its bundle and compare the two.

    They are compared item by item. SQL, configuration and code of this project are compared with the bundle's. If the
    project has no such job, the bundle's own are used. Nothing is published.

    Exit code 0 if the model is identical or equivalent, 3 if it is different.

    Example: pipeline reproduce gs://bucket/flight_delay/models/2013-07-01/...
    """
    from pipeline.explain import reproduce as question

    session = where.open_without_job()
    with session.reporter.working(f"reproduce {model}"):
        comparison = question.reproduce(session, model, rebuild=rebuild)
    options.print_content(question.reproduction_json(comparison), question.reproduction_lines(comparison), as_json)
    raise typer.Exit(comparison.exit_code)
