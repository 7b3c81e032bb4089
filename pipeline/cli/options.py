"""Arguments and options that commands share, and the session that they lead to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import ending
from pipeline.cloud.bigquery.labels import label_from_here

if TYPE_CHECKING:
    from pipeline.phases.summary import Summary
    from pipeline.project.project import Job, Project
    from pipeline.project.target import Target
    from pipeline.runs.session import Session


JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]


RunDate = Annotated[str, typer.Option("--run-date", metavar="DATE", help="Logical date of the run, YYYY-MM-DD.")]


AnyRunDate = Annotated[
    str | None, typer.Option("--run-date", metavar="DATE", help="Logical date of the run, YYYY-MM-DD.")
]


TargetName = Annotated[
    str, typer.Option("--target", metavar="TARGET", help="local (embedded emulators), or a YAML file.")
]


LocalDir = Annotated[Path, typer.Option("--local-dir", metavar="DIR", help="Folder of the local target's state.")]


ProjectDir = Annotated[Path, typer.Option("--project-dir", metavar="DIR", help="Folder with jobs/, sql/ and udf/.")]


FirstRunDate = Annotated[str, typer.Option("--from", metavar="DATE", help="First run date, YYYY-MM-DD.")]


LastRunDate = Annotated[str, typer.Option("--to", metavar="DATE", help="Last run date, YYYY-MM-DD.")]


CatchUp = Annotated[bool, typer.Option("--catch-up", help="Do it for the run dates that are due, for a schedule.")]


AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object to stdout and nothing else.")]


Rerun = Annotated[bool, typer.Option("--rerun", help="Do it again from the rows that the sources have now.")]


def check_rate(rate: float) -> float:
    """Refuse what is no share of rows; NaN would slip through limits."""
    if not 0 <= rate <= 1:
        raise typer.BadParameter(f"{rate} is not a share from 0 to 1")
    return rate


MaxRejectRate = Annotated[
    float,
    typer.Option(
        "--max-reject-rate",
        metavar="RATE",
        callback=check_rate,
        help="Share of a model's predictions, 0 to 1, that may not fit the prediction schema.",
    ),
]


DEFAULT_LOCAL_DIR = Path(".local")


HERE = Path()


def name_target(name: str) -> Target:
    """Return the names of a target for what sends nothing; the local target needs not run."""
    from pipeline.project.target import local_target, read_target

    if name != "local":
        return read_target(Path(name))
    return local_target()


def open_target(name: str, local_dir: Path) -> Target:
    """Return the target of a name; `local` starts the emulators where they do not run."""
    from pipeline.project.target import Endpoints, local_target, read_target

    if name != "local":
        return read_target(Path(name))
    from pipeline.emulators.lifecycle import up
    from pipeline.errors import RequestError

    if local_dir == HERE:
        raise RequestError("--local-dir names the current folder", hint="name a folder of its own, such as .local")
    found = up(local_dir)
    endpoints = Endpoints(bigquery=found.bigquery, bigquery_storage=found.bigquery_storage, storage=found.storage)
    return local_target(endpoints)


def open_job(project_dir: Path, job: str, target: str, local_dir: Path) -> tuple[Session, Job]:
    """Return a session and a job of it; what is wrong with the job is said before anything is started."""
    from pipeline.project.project import Project
    from pipeline.runs.job_statements import check_assets
    from pipeline.sql import Catalogue

    project = Project.open(project_dir)
    found = project.job(job)
    check_assets(Catalogue(project.root), found)
    label_from_here(job=found.name)
    return connect(project, target, local_dir), found


def look_at_job(project_dir: Path, job: str, target: str, local_dir: Path) -> tuple[Session, Job]:
    """Return a session and a job of it for what only reads: not even datasets and bucket are made."""
    from pipeline.project.project import Project

    project = Project.open(project_dir)
    found = project.job(job)
    label_from_here(job=found.name)
    return _session(project, open_target(target, local_dir)), found


def look_at_project(project_dir: Path, target: str, local_dir: Path) -> Session:
    """Return a session for what only reads, of all jobs: not even datasets and bucket are made."""
    from pipeline.project.project import Project

    return _session(Project.open(project_dir), open_target(target, local_dir))


def look_at_target(project_dir: Path, target: str, local_dir: Path, *, places: Iterable[str]) -> Session | None:
    """Return a session that knows no job, for what only reads at these places; None where all of them are files."""
    remote = any(place.startswith(("gs://", "bq://")) for place in places)
    return open_place(project_dir, target, local_dir) if remote else None


def open_place(project_dir: Path, target: str, local_dir: Path) -> Session:
    """Return a session that knows no job: the folder may hold a project or none."""
    from pipeline.project.project import Project

    return _session(Project(project_dir.resolve()), open_target(target, local_dir))


def connect(project: Project, target: str, local_dir: Path) -> Session:
    """Connect a project to a target; the local target's datasets and bucket are made where they are missing."""
    opened = open_target(target, local_dir)
    session = _session(project, opened)
    if opened.endpoints:
        session.warehouse.tables.create_datasets()
        session.store.create_bucket()
    return session


def day_or_due(run_date: str | None, catch_up: bool, *, rerun: bool = False) -> date | None:
    """Return the run date that was asked for, or None for those that are due; a run date overrides --catch-up."""
    from pipeline.base.dates import parse_date

    if run_date is None and not catch_up:
        raise typer.BadParameter("give --run-date, or --catch-up")
    if run_date is None and rerun:
        raise typer.BadParameter("--rerun takes --run-date")
    return None if run_date is None else parse_date(run_date, option="--run-date")


def _session(project: Project, target: Target) -> Session:
    from pipeline.runs.session import Session

    found = ending.reporter()
    found.about(project=target.project)
    return Session.open(project, target, found)


def attempt(session: Session, job: Job) -> AbstractContextManager[None]:
    """Carry out a phase as an attempt of a task: what failed for good is not tried again."""
    from pipeline.cli.cloud_run.execution import Execution, remembered

    session.reporter.about(job=job.name)
    return remembered(Execution.of(os.environ), session.store, job.name, session.reporter)


def do_phase(
    phase: str,
    job: str,
    run_date: str | None,
    target: str,
    local_dir: Path,
    project_dir: Path,
    *,
    catch_up: bool = False,
    model: str | None = None,
    rerun: bool = False,
    rate: float = 0.0,
    as_json: bool,
) -> None:
    """Carry out one phase, of a run date or of those that are due, and write its summaries to stdout."""
    from pipeline.phases.catch_up import catch_up_phase
    from pipeline.phases.run import run_phase
    from pipeline.phases.task import ALONE, Task

    day, task = day_or_due(run_date, catch_up, rerun=rerun), Task.of(os.environ) if phase == "predict" else ALONE
    session, found = open_job(project_dir, job, target, local_dir)
    with attempt(session, found):
        if day is None:
            print_summaries(catch_up_phase(session, found, phase, max_reject_rate=rate, task=task), as_json)
        else:
            done = run_phase(session, found, day, phase, model=model, rerun=rerun, max_reject_rate=rate, task=task)
            print_summary(done, as_json)


def print_content(content: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Write what was found to stdout: lines for people, or one JSON object."""
    typer.echo(json.dumps(content, indent=1, default=str) if as_json else "\n".join(lines))


def print_summary(summary: Summary, as_json: bool) -> None:
    """Write a summary to stdout, or to the log of the cloud."""
    log = ending.cloud_log()
    if log is not None:
        log.write("INFO", summary.as_line(), run_id=summary.run_id, rows=summary.rows, seconds=summary.seconds)
        return
    typer.echo(summary.as_json() if as_json else summary.as_line())


def print_summaries(summaries: Iterable[Summary], as_json: bool) -> None:
    """Write summaries to stdout: a line each as they come, or one JSON object with all of them at the end."""
    if as_json and ending.cloud_log() is None:
        typer.echo(json.dumps({"runs": [json.loads(summary.as_json()) for summary in summaries]}, indent=1))
        return
    for summary in summaries:
        print_summary(summary, as_json=False)
