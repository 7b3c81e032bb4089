"""Commands about a job's source tables: sources load, fixtures."""

from __future__ import annotations

from pathlib import Path
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
    open_job,
    print_content,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Load the source tables of a job.

    Example: pipeline sources load flight_delay
    """


@app.command()
def load(
    job: JobName,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Folder with <source>.jsonl; without it the job's own sample data."),
    ] = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Replace the source tables of a job by JSON Lines files.

    Example: pipeline sources load flight_delay
    """
    from pipeline.operate.sources import load_sources

    session, opened = open_job(project_dir, job, target, local_dir)
    rows = load_sources(session, opened, folder)
    counts = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    print_content({"job": job, "rows": rows}, [f"{job} sources loaded: {counts}"], as_json)


def fixtures(
    job: JobName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write <source>.jsonl into.")],
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of the random rows; the same seed gives the same bytes.")
    ] = 7,
    project_dir: ProjectDir = HERE,
) -> None:
    """Write small source tables of a job as JSON Lines files.

    Example: pipeline fixtures flight_delay --out /tmp/tiny --seed 7
    """
    from pipeline.operate.sources import write_fixtures
    from pipeline.project.project import Project

    files = write_fixtures(Project.open(project_dir).job(job), out, seed)
    typer.echo(f"{job} fixtures: {', '.join(path.name for path in files)} in {out}")
