"""Commands about a job's source tables: sources load, fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import options

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Load the source tables of a job.

    Example: pipeline sources load flight_delay
    """


@app.command()
@options.with_where
def load(
    job: options.JobName,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Folder with <source>.jsonl; without it the job's own sample data."),
    ] = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Replace the source tables of a job by JSON Lines files.

    Example: pipeline sources load flight_delay
    """
    from pipeline.operate.sources import load_sources

    session, opened = where.open_job(job)
    rows = load_sources(session, opened, folder)
    counts = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    options.print_content({"job": job, "rows": rows}, [f"{job} sources loaded: {counts}"], as_json)


def fixtures(
    job: options.JobName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write <source>.jsonl into.")],
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of the random rows; the same seed gives the same bytes.")
    ] = 7,
    project_dir: options.ProjectDir = options.HERE,
) -> None:
    """Write small source tables of a job as JSON Lines files.

    Example: pipeline fixtures flight_delay --out /tmp/tiny --seed 7
    """
    from pipeline.operate.sources import write_fixtures
    from pipeline.project.project import Project

    files = write_fixtures(Project.open(project_dir).job(job), out, seed)
    typer.echo(f"{job} fixtures: {', '.join(path.name for path in files)} in {out}")
