"""Command that makes a model again."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    LocalDir,
    ProjectDir,
    TargetName,
    open_place,
    print_content,
)

Bundle = Annotated[str, typer.Argument(metavar="MODEL", help="A bundle: gs:// address (models[].uri) or folder.")]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Make the training rows again by SQL, from the sources as they were.")
]


def reproduce(
    model: Bundle,
    rebuild: Rebuild = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Train a model again from its bundle and say item by item whether it is the same.

    SQL, configuration and code of this project are compared with the bundle's; where it has no such job, the bundle's
    own are used. Nothing is published. Exit code 3 if the model is different, 0 if it is identical or equivalent.

    Example: pipeline reproduce gs://bucket/flight_delay/models/2013-07-01/...
    """
    from pipeline.phases import reproduce as phase

    found = phase.reproduce(open_place(project_dir, target, local_dir), model, rebuild=rebuild)
    print_content(phase.content_of(found), phase.reproduction_lines(found), as_json)
    raise typer.Exit(found.exit_code)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reproduce)
