"""Command that shows metrics a day."""

from __future__ import annotations

import sys

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, JobName, LocalDir, ProjectDir, TargetName, open_job

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

    from pipeline.dates import date_range, parse_date
    from pipeline.phases.report import report_job

    days = date_range(parse_date(first, option="--from"), parse_date(last, option="--to"))
    session, found = open_job(project_dir, job, target, local_dir)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for part in report_job(session, found, days[0], days[-1]):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(report)
