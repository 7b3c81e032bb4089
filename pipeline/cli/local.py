"""Commands of the local target."""

from __future__ import annotations

import json

import typer

from pipeline.cli.options import DEFAULT_LOCAL_DIR, AsJson, LocalDir

app = typer.Typer(
    help="The embedded emulators of BigQuery and Cloud Storage.\n\nExample: pipeline local up",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def up(local_dir: LocalDir = DEFAULT_LOCAL_DIR) -> None:
    """Start the emulators where they do not run.

    Example: pipeline local up
    """
    from pipeline.emulators.lifecycle import up as start

    endpoints = start(local_dir)
    typer.echo(f"local target up: BigQuery {endpoints.bigquery}, Cloud Storage {endpoints.storage}, state {local_dir}")


@app.command()
def down(local_dir: LocalDir = DEFAULT_LOCAL_DIR) -> None:
    """Stop the emulators; their state stays.

    Example: pipeline local down
    """
    from pipeline.emulators.lifecycle import down as stop

    stopped = stop(local_dir)
    typer.echo("local target down" if stopped else "local target was not up")


@app.command()
def status(local_dir: LocalDir = DEFAULT_LOCAL_DIR, as_json: AsJson = False) -> None:
    """Say whether the emulators run, and where.

    Example: pipeline local status --json
    """
    from pipeline.emulators.lifecycle import status as look

    found = look(local_dir)
    if as_json:
        endpoints = found.endpoints.model_dump() if found.endpoints else {}
        typer.echo(json.dumps({"running": found.running, **endpoints}))
    elif found.endpoints:
        typer.echo(f"local target is up: BigQuery {found.endpoints.bigquery}, Cloud Storage {found.endpoints.storage}")
    else:
        typer.echo("local target is down")
