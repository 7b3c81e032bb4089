"""Arguments and options that commands share, the session that they open, and how results are printed."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.base.dates import parse_date
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


def date_option(name: str, text: str) -> Any:
    """Return an option that holds a date, with its help; another text is an error that names the option."""
    return typer.Option(name, metavar="DATE", help=text, parser=lambda given: parse_date(given, option=name))


RUN_DATE_OPTION = date_option("--run-date", "Run date, YYYY-MM-DD: the day that the run predicts for.")

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]
AnyJobName = Annotated[str | None, typer.Argument(metavar="JOB", help="Name of a job: a folder in jobs/.")]

RunDate = Annotated[date, RUN_DATE_OPTION]
AnyRunDate = Annotated[date | None, RUN_DATE_OPTION]
FirstRunDate = Annotated[date, date_option("--from", "First run date, YYYY-MM-DD.")]
LastRunDate = Annotated[date, date_option("--to", "Last run date, YYYY-MM-DD.")]
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
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="End with an error if a variant failed, after all the others are done; without it with 0."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else.")]


def _check_rate(rate: float) -> float:
    if not 0 <= rate <= 1:  # NaN would pass every later comparison
        raise typer.BadParameter(f"{rate} is not a share from 0 to 1")
    return rate


MaxRejectRate = Annotated[
    float,
    typer.Option(
        "--max-reject-rate",
        metavar="RATE",
        callback=_check_rate,
        help="Largest share of a model's predictions, 0 to 1, that may be rejected because they do not fit the schema.",
    ),
]


def name_target(name: str) -> Target:
    """Return the names of a target, for a command that sends nothing: the emulators need not run."""
    from pipeline.project.target import local_target, read_target

    return local_target() if name == "local" else read_target(Path(name))


@dataclass(frozen=True)
class Where:
    """The place where a command works; its fields are options of the command."""

    target: TargetName = "local"
    local_dir: LocalDir = LOCAL_DIR
    project_dir: ProjectDir = HERE

    def open_target(self) -> Target:
        """Return the target; `local` starts the emulators if they do not run.

        Raises
        ------
        RequestError
            The local directory is the current folder.
        """
        from pipeline.project.target import Endpoints, local_target, read_target

        if self.target != "local":
            return read_target(Path(self.target))
        from pipeline.emulators.lifecycle import up
        from pipeline.errors import RequestError

        if self.local_dir == HERE:
            raise RequestError("--local-dir names the current folder", hint="name another folder, such as .local")
        with ending.reporter().working("local target"):
            running = up(self.local_dir)
        return local_target(Endpoints(**running.model_dump(include=set(Endpoints.model_fields))))

    def open_job(self, name: str) -> tuple[Session, Job]:
        """Return a session and a job of its project; the job is checked before anything starts.

        At the local target missing datasets and the bucket are made.
        """
        from pipeline.project.job_checks import check_assets
        from pipeline.sql import Catalogue

        project, job = _read_job(self.project_dir, name)
        check_assets(Catalogue(project.root), job)
        session = self._session(project)
        if session.target.endpoints:
            session.warehouse.tables.create_datasets()
            session.store.create_bucket()
        return session, job

    def look_at_job(self, name: str) -> tuple[Session, Job]:
        """Return a session and a job, for a command that only reads: it makes nothing, not even datasets."""
        project, job = _read_job(self.project_dir, name)
        return self._session(project), job

    def look_at_project(self) -> Session:
        """Return a session of all jobs, for a command that only reads: it makes nothing, not even datasets."""
        from pipeline.project.project import Project

        return self._session(Project.open(self.project_dir))

    def look_at_addresses(self, *addresses: str) -> Session | None:
        """Return a session that knows no job, for a command that reads addresses; None if all of them are files."""
        remote = any(address.startswith(("gs://", "bq://")) for address in addresses)
        return self.open_without_job() if remote else None

    def open_without_job(self) -> Session:
        """Return a session that knows no job; the folder need not hold a project."""
        from pipeline.project.project import Project

        return self._session(Project(self.project_dir.resolve()))

    def _session(self, project: Project) -> Session:
        from pipeline.runs.session import Session

        target, reporter = self.open_target(), ending.reporter()
        reporter.about(project=target.project)
        return Session.open(project, target, reporter)


DEFAULT = Where()


def with_where(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer: it has the options that are fields of `Where` in place of a parameter `where`."""
    own, fields = (inspect.signature(item, eval_str=True).parameters for item in (command, Where))
    if "where" not in own:
        return command

    @wraps(command)
    def expanded(**given: Any) -> None:
        command(where=Where(**{name: given.pop(name) for name in fields}), **given)

    parameters = [item for name in own for item in (fields.values() if name == "where" else [own[name]])]
    vars(expanded).update(__signature__=inspect.Signature(parameters))
    return expanded


def _read_job(project_dir: Path, name: str) -> tuple[Project, Job]:
    from pipeline.project.project import Project

    project = Project.open(project_dir)
    job = project.job(name)
    label_from_here(job=job.name)
    return project, job


@contextmanager
def attempt(session: Session, job: Job) -> Iterator[None]:
    """Run the body as an attempt of a Cloud Run task: after a permanent failure it is not tried again.

    At the local target broken SQL is explained as `sql check` does, because the emulator's words are about another SQL.

    Raises
    ------
    RequestError
        SQL is broken; at the local target the message has the user's file and line.
    """
    from pipeline.cli.cloud_run.execution import Execution, remembered
    from pipeline.errors import SqlError

    session.reporter.about(job=job.name)
    with remembered(Execution.of(os.environ), session.store, job.name, session.reporter):
        try:
            yield
        except SqlError as error:
            if session.target.endpoints is None:
                raise
            from pipeline.operate.sql.cache import machine_folder
            from pipeline.operate.sql.check import explain_sql

            explained = explain_sql(session, job, machine_folder(LOCAL_DIR.resolve()))
            if explained is None:
                raise
            raise explained from error


def print_json(content: object) -> None:
    """Write one JSON object to stdout."""
    ending.print_result(json.dumps(content, indent=1, default=str))


def print_content(content: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Write one JSON object to stdout, or the same content as lines."""
    if as_json:
        print_json(content)
    else:
        typer.echo("\n".join(lines))


WIDEST = 100_000
"""Characters in a line when stdout is not a terminal: no name is cut."""


def print_tables(parts: Iterable[RenderableType]) -> None:
    """Write tables and lines to stdout; tables fit a terminal, and elsewhere are as wide as their content."""
    from rich.console import Console
    from rich.table import Table

    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if is_terminal else WIDEST)
    for part in parts:
        if isinstance(part, Table) and part.title and not is_terminal:
            console.print(part.title, soft_wrap=True)  # in its table it would be broken at the table's width
            part.title = None
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def print_summary(summary: Summary, as_json: bool) -> None:
    """Write a summary to stdout, or to Cloud Logging."""
    log = ending.cloud_log()
    if log is not None:
        log.write("INFO", summary.as_line(), run_id=summary.run_id, rows=summary.rows, seconds=summary.seconds)
        return
    ending.print_result(summary.as_json() if as_json else summary.as_line())


def print_summaries(summaries: Iterable[Summary], as_json: bool) -> list[Summary]:
    """Write summaries to stdout: one line each as they come, or one JSON object with all of them at the end."""
    if as_json and ending.cloud_log() is None:
        shown = list(summaries)
        print_json({"runs": [json.loads(summary.as_json()) for summary in shown]})
        return shown
    shown = []
    for summary in summaries:
        print_summary(summary, as_json=False)
        shown.append(summary)
    return shown
