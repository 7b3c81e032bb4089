"""Command that shows where a number comes from, and what a table, file or model led to."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, AsJson, LocalDir, ProjectDir, TargetName, look_at_project

Traced = Annotated[
    str,
    typer.Argument(
        metavar="X", help="A run id, model id, evaluation id or metric, gs:// address, or table; see docs/lineage.md."
    ),
]


def trace(
    x: Traced,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what X was made from, back to the source tables, and everything that it fed. Nothing is written.

    Example: pipeline trace pipeline-local.ml.flight_delay__predictions@2013-07-01
    """
    from pipeline.phases.trace import trace_of, trace_text

    found = trace_of(look_at_project(project_dir, target, local_dir), x)
    text = json.dumps(found.as_json(), indent=1, default=str) if as_json else ""
    typer.echo(text or trace_text(found, plain=not sys.stdout.isatty()))


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(trace)
