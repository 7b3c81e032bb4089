"""Arguments and options that commands share, the session that they open, and how results are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import ending
from pipeline.cloud.bigquery.billing_labels import label_from_here

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline.phases.summary import Summary
    from pipeline.project.project import Job, Project
    from pipeline.project.target import Target
    from pipeline.runs.session import Session

LOCAL_DIR = Path(".local")
HERE = Path()

RUN_DATE_HELP = "Run date, YYYY-MM-DD: the day that the run predicts for."

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]
AnyJobName = Annotated[str | None, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]

RunDate = Annotated[str, typer.Option("--run-date", metavar="DATE", help=RUN_DATE_HELP)]
AnyRunDate = Annotated[str | None, typer.Option("--run-date", metavar="DATE", help=RUN_DATE_HELP)]
FirstRunDate = Annotated[str, typer.Option("--from", metavar="DATE", help="First run date, YYYY-MM-DD.")]
LastRunDate = Annotated[str, typer.Option("--to", metavar="DATE", help="Last run date, YYYY-MM-DD.")]
CatchUp = Annotated[bool, typer.Option("--catch-up", help="Work on every run date that is due; for a scheduler.")]

TargetName = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="TARGET",
        help="Where to run: local (emulators on this machine), or a YAML file such as targets/production.yaml.",
    ),
]
LocalDir = Annotated[
    Path, typer.Option("--local-dir", metavar="DIR", help="Folder of the emulators' data, for --target local.")
]
ProjectDir = Annotated[
    Path, typer.Option("--project-dir", metavar="DIR", help="Folder of the project, with jobs/, sql/ and udf/.")
]

Rerun = Annotated[bool, typer.Option("--rerun", help="Repeat a run that is done, with the sources' current rows.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]


def check_rate(rate: float) -> float:
    """Return a share of rows as it is.

    Raises
    ------
    typer.BadParameter
        It is not between 0 and 1; NaN would pass every later comparison.
    """
    if not 0 <= rate <= 1:
        raise typer.BadParameter(f"{rate} is not a share from 0 to 1")
    return rate


MaxRejectRate = Annotated[
    float,
    typer.Option(
        "--max-reject-rate",
        metavar="RATE",
        callback=check_rate,
        help="Largest share of a model's predictions, 0 to 1, that may be rejected because they do not fit the schema.",
    ),
]


def name_target(name: str) -> Target:
    """Return the names of a target, for a command that sends nothing: the emulators need not run."""
    from pipeline.project.target import local_target, read_target

    return local_target() if name == "local" else read_target(Path(name))


def open_target(name: str, local_dir: Path) -> Target:
    """Return the target of a name; `local` starts the emulators if they do not run.

    Raises
    ------
    RequestError
        The local directory is the current folder.
    """
    from pipeline.project.target import Endpoints, local_target, read_target

    if name != "local":
        return read_target(Path(name))
    from pipeline.emulators.lifecycle import up
    from pipeline.errors import RequestError

    if local_dir == HERE:
        raise RequestError("--local-dir names the current folder", hint="name another folder, such as .local")
    running = up(local_dir)
    endpoints = Endpoints(bigquery=running.bigquery, bigquery_storage=running.bigquery_storage, storage=running.storage)
    return local_target(endpoints)


def open_job(project_dir: Path, job_name: str, target: str, local_dir: Path) -> tuple[Session, Job]:
    """Return a session and a job of its project; the job is checked before anything starts.

    At the local target missing datasets and the bucket are made.
    """
    from pipeline.project.job_checks import check_assets
    from pipeline.sql import Catalogue

    project, job = _read_job(project_dir, job_name)
    check_assets(Catalogue(project.root), job)
    opened = open_target(target, local_dir)
    session = _session(project, opened)
    if opened.endpoints:
        session.warehouse.tables.create_datasets()
        session.store.create_bucket()
    return session, job


def look_at_job(project_dir: Path, job_name: str, target: str, local_dir: Path) -> tuple[Session, Job]:
    """Return a session and a job of its project, for a command that only reads: it makes nothing, not even datasets."""
    project, job = _read_job(project_dir, job_name)
    return _session(project, open_target(target, local_dir)), job


def look_at_project(project_dir: Path, target: str, local_dir: Path) -> Session:
    """Return a session of all jobs of a project, for a command that only reads: it makes nothing, not even datasets."""
    from pipeline.project.project import Project

    return _session(Project.open(project_dir), open_target(target, local_dir))


def look_at_addresses(project_dir: Path, target: str, local_dir: Path, *, addresses: Iterable[str]) -> Session | None:
    """Return a session that knows no job, for a command that reads these addresses; None if all of them are files."""
    remote = any(address.startswith(("gs://", "bq://")) for address in addresses)
    return open_without_job(project_dir, target, local_dir) if remote else None


def open_without_job(project_dir: Path, target: str, local_dir: Path) -> Session:
    """Return a session that knows no job; the folder need not hold a project."""
    from pipeline.project.project import Project

    return _session(Project(project_dir.resolve()), open_target(target, local_dir))


def _read_job(project_dir: Path, name: str) -> tuple[Project, Job]:
    from pipeline.project.project import Project

    project = Project.open(project_dir)
    job = project.job(name)
    label_from_here(job=job.name)
    return project, job


def _session(project: Project, target: Target) -> Session:
    from pipeline.runs.session import Session

    reporter = ending.reporter()
    reporter.about(project=target.project)
    return Session.open(project, target, reporter)


def date_or_due(run_date: str | None, catch_up: bool, *, rerun: bool = False) -> date | None:
    """Return the given run date, or None for the run dates that are due; a run date overrides --catch-up.

    Raises
    ------
    typer.BadParameter
        Neither was given, or --rerun without a run date.
    """
    from pipeline.base.dates import parse_date

    if run_date is None and not catch_up:
        raise typer.BadParameter("give --run-date or --catch-up")
    if run_date is None and rerun:
        raise typer.BadParameter("--rerun needs --run-date")
    return None if run_date is None else parse_date(run_date, option="--run-date")


def date_span(first: str, last: str) -> list[date]:
    """Return all dates of the options --from and --to."""
    from pipeline.base.dates import date_range, parse_date

    return date_range(parse_date(first, option="--from"), parse_date(last, option="--to"))


def attempt(session: Session, job: Job) -> AbstractContextManager[None]:
    """Run the body as an attempt of a Cloud Run task: after a permanent failure it is not tried again."""
    from pipeline.cli.cloud_run.execution import Execution, remembered

    session.reporter.about(job=job.name)
    return remembered(Execution.of(os.environ), session.store, job.name, session.reporter)


def print_json(content: object) -> None:
    """Write one JSON object to stdout."""
    typer.echo(json.dumps(content, indent=1, default=str))


def print_content(content: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Write one JSON object to stdout, or the same content as lines."""
    if as_json:
        print_json(content)
    else:
        typer.echo("\n".join(lines))


def print_tables(parts: Iterable[RenderableType], plain_width: int) -> None:
    """Write tables and lines to stdout.

    Parameters
    ----------
    plain_width
        Characters in a line when stdout is not a terminal.
    """
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else plain_width)
    for part in parts:
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def print_summary(summary: Summary, as_json: bool) -> None:
    """Write a summary to stdout, or to Cloud Logging."""
    log = ending.cloud_log()
    if log is not None:
        log.write("INFO", summary.as_line(), run_id=summary.run_id, rows=summary.rows, seconds=summary.seconds)
        return
    typer.echo(summary.as_json() if as_json else summary.as_line())


def print_summaries(summaries: Iterable[Summary], as_json: bool) -> None:
    """Write summaries to stdout: one line each as they come, or one JSON object with all of them at the end."""
    if as_json and ending.cloud_log() is None:
        print_json({"runs": [json.loads(summary.as_json()) for summary in summaries]})
        return
    for summary in summaries:
        print_summary(summary, as_json=False)
