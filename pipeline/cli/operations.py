"""Commands of those who run a pipeline: what is done, and what can go."""

from __future__ import annotations

from dataclasses import asdict
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
    open_job,
    print_content,
)

AnyRunDate = Annotated[
    str | None, typer.Option("--run-date", metavar="DATE", help="Run date, YYYY-MM-DD; the last seven when not given.")
]


def status(
    job: JobName,
    run_date: AnyRunDate = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what is done, what runs, what failed, and what the next command would do. Nothing is written.

    Example: pipeline status flight_delay --run-date 2013-07-01
    """
    from pipeline.base.dates import parse_date
    from pipeline.explain.status import lines as recent_dates
    from pipeline.explain.status import lines as status_lines
    from pipeline.explain.status.status import status_of

    day = parse_date(run_date, option="--run-date") if run_date else None
    session, found = look_at_job(project_dir, job, target, local_dir)
    if day is None:
        dates = recent_dates.recent_dates(session, found, recent_dates.SHOWN)
        lines = status_lines.recent_lines(job, dates, session.store.uri(job))
        print_content({"job": job, "run_dates": [asdict(line) for line in dates]}, lines, as_json)
    else:
        state = status_of(session, found, day)
        print_content(asdict(state), status_lines.date_lines(state), as_json)


def gc(
    job: JobName,
    older_than: Annotated[
        int,
        typer.Option(
            "--older-than", metavar="DAYS", min=1, max=36_500, help="Only what is older; longer than any run takes."
        ),
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, say what would be removed.")] = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Remove run tables of old runs, and uploads of attempts that came to nothing. What is referred to stays.

    Example: pipeline gc flight_delay --older-than 30 --dry-run
    """
    from datetime import timedelta

    from pipeline.operate.garbage import as_lines, collect_garbage

    session, found = open_job(project_dir, job, target, local_dir)
    removed = collect_garbage(session, found, timedelta(days=older_than), dry_run=dry_run)
    content = {"job": job, "dry_run": dry_run, "removed": [asdict(item) for item in removed]}
    print_content(content, as_lines(job, removed, dry_run=dry_run), as_json)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (status, gc):
        app.command()(command)
