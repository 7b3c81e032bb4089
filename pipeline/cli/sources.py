"""Commands of the base tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, AsJson, JobName, LocalDir, ProjectDir, TargetName, open_job

app = typer.Typer(
    help="A job's base tables.\n\nExample: pipeline sources load flight_delay",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """A job's base tables.

    Example: pipeline sources load flight_delay
    """


@app.command()
def load(
    job: JobName,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Folder with <source>.jsonl; the job's own data if not given."),
    ] = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Replace a job's base tables by JSON Lines files.

    Example: pipeline sources load flight_delay
    """
    from pipeline.operate.sources import load_sources

    session, found = open_job(project_dir, job, target, local_dir)
    rows = load_sources(session, found, folder)
    said = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    typer.echo(json.dumps({"job": job, "rows": rows}) if as_json else f"{job} sources loaded: {said}")


def fixtures(
    job: JobName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write <source>.jsonl into.")],
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same bytes.")] = 7,
    project_dir: ProjectDir = HERE,
) -> None:
    """Write a job's tiny data set as JSON Lines.

    Example: pipeline fixtures flight_delay --out /tmp/tiny --seed 7
    """
    from pipeline.operate.sources import write_fixtures
    from pipeline.project.project import Project

    files = write_fixtures(Project.open(project_dir).job(job), out, seed)
    typer.echo(f"{job} fixtures: {', '.join(path.name for path in files)} in {out}")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(fixtures)
