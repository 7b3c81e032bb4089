"""Command of the tiny data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import HERE, JobName, ProjectDir


def fixtures(
    job: JobName,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write <source>.jsonl into.")],
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same bytes.")] = 7,
    project_dir: ProjectDir = HERE,
) -> None:
    """Write a job's tiny data set as JSON Lines.

    Example: pipeline fixtures flight_delay --out /tmp/tiny --seed 7
    """
    from pipeline.phases.sources import write_fixtures
    from pipeline.project import Project

    files = write_fixtures(Project.open(project_dir).job(job), out, seed)
    typer.echo(f"{job} fixtures: {', '.join(path.name for path in files)} in {out}")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(fixtures)
