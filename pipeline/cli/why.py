"""Command that says what differs between two runs."""

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
    look_at_job,
    print_content,
)


def why(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Id of a run, as `pipeline status` shows it.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Id of another run of the same job.")],
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, help="How many rows of each difference to show.")
    ] = 5,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what differs between two runs: SQL, configuration, code, libraries, data; and their metrics.

    Nothing is written.

    Example: pipeline why flight_delay-2013-07-01-0a1b2c3d4e flight_delay-2013-07-02-5f60718293
    """
    from pipeline.run_ids import parse_run_id

    a, b = parse_run_id(run_a), parse_run_id(run_b)
    from pipeline.phases.why import content_of, refuse_pair, why_lines, why_of

    refuse_pair(a, b)
    session, job = look_at_job(project_dir, a.job, target, local_dir)
    found = why_of(session, job, a, b)
    print_content(content_of(found, rows), why_lines(found, rows), as_json)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(why)
