"""Commands about one model: its bundle."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    JobName,
    LocalDir,
    ProjectDir,
    TargetName,
    look_at_target,
    open_job,
    print_content,
)

if TYPE_CHECKING:
    from pipeline.operate.champions import Named


model_app = typer.Typer(
    no_args_is_help=True,
    help="Look at a model bundle.\n\nExample: pipeline model inspect gs://bucket/flight_delay/models/...",
    rich_markup_mode=None,
)


Bundle = Annotated[str, typer.Argument(metavar="BUNDLE", help="A folder or gs:// address: models[].uri of run --json.")]


@model_app.command()
def inspect(
    bundle: Bundle,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle and show what it says: run, data, SQL, code, libraries and files. No code of it is loaded.

    Example: pipeline model inspect gs://bucket/flight_delay/models/2013-07-01/...
    """
    from pipeline.explain.inspect_model import as_lines, inspect_model

    session = look_at_target(project_dir, target, local_dir, places=(bundle,))
    found = inspect_model(bundle, session)
    print_content(asdict(found), as_lines(found), as_json)


app = typer.Typer(
    no_args_is_help=True,
    help="Look at the variants of a job, and name the champion by hand.\n\nExample: pipeline models list flight_delay",
    rich_markup_mode=None,
)


VariantArgument = Annotated[str, typer.Argument(metavar="VARIANT", help="Name of a variant, as job.yaml has it.")]


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for those who read the history.")]


First = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="First run date; the day after the last published one when not given."),
]


PLAIN_WIDTH = 160
"""Columns of the list where there is no terminal."""


@app.command("list")
def list_models(
    job: JobName,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Show each variant: its role, newest model and metric, and who was champion from which run date on.

    Example: pipeline models list flight_delay
    """
    from rich.console import Console

    from pipeline.operate.champions import champion_lines, champions_of, list_variants, variants_table

    session, found = open_job(project_dir, job, target, local_dir)
    variants, spans = list_variants(session, found), champions_of(session, found)
    if as_json:
        content = {"job": job, "variants": [asdict(line) for line in variants], "champions": spans}
        typer.echo(json.dumps(content, indent=1, default=str))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for part in (variants_table(job, variants), "\n".join(champion_lines(job, spans))):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


@app.command()
def promote(
    job: JobName,
    variant: VariantArgument,
    reason: Reason,
    first: First = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a variant champion: consumers read its predictions from the next run date on.

    Example: pipeline models promote flight_delay logistic_regression --reason "easier to explain"
    """
    from pipeline.base.dates import parse_date
    from pipeline.operate.champions import promote_variant

    day = parse_date(first, option="--from") if first is not None else None
    session, found = open_job(project_dir, job, target, local_dir)
    _print(promote_variant(session, found, variant, reason, day), as_json)


@app.command()
def rollback(
    job: JobName,
    reason: Reason,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Make the champion before the present one champion again, from the next run date on.

    Example: pipeline models rollback flight_delay --reason "predictions of JFK are off"
    """
    from pipeline.operate.champions import roll_back

    session, found = open_job(project_dir, job, target, local_dir)
    _print(roll_back(session, found, reason), as_json)


def _print(named: Named, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(named), indent=1, default=str))
    else:
        before = f", after {named.before}" if named.before else ""
        typer.echo(f"{named.job}: {named.champion} is champion from {named.from_run_date} on{before}")
