"""Command that makes the dashboard page."""

from __future__ import annotations

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, JobName, LocalDir, ProjectDir, TargetName, open_job


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
    from pipeline.dates import date_range, parse_date

    begin = parse_date(first, option="--from") if first else None
    end = parse_date(last, option="--to") if last else None
    if begin and end:
        date_range(begin, end)
    from pipeline.phases.dashboard import check_place, write_dashboard

    check_place(out)
    session, found = open_job(project_dir, job, target, local_dir)
    typer.echo(write_dashboard(session, found, out, begin, end))


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(dashboard)
