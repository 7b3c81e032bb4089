"""Command that shows metrics a day."""

from __future__ import annotations

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, JobName, LocalDir, ProjectDir, TargetName, open_job


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
    from pipeline.dates import parse_date
    from pipeline.phases.report import print_report

    days = parse_date(first, option="--from"), parse_date(last, option="--to")
    session, found = open_job(project_dir, job, target, local_dir)
    print_report(session, found, *days)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(report)
