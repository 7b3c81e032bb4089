"""Commands of the local target: local up, down, status."""

from __future__ import annotations

import json

import typer

from pipeline.cli import ending, options

app = typer.Typer(
    help="Start and stop the emulators of BigQuery and Cloud Storage.\n\nExample: pipeline local up",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def up(local_dir: options.LocalDir = options.LOCAL_DIR) -> None:
    """Start the emulators if they do not run.

    Every command with --target local does this too.

    Example: pipeline local up
    """
    from pipeline.emulators.lifecycle import up as start

    with ending.reporter().working("start the emulators"):
        endpoints = start(local_dir)
    typer.echo(f"local target up: BigQuery {endpoints.bigquery}, Cloud Storage {endpoints.storage}, state {local_dir}")


@app.command()
def down(local_dir: options.LocalDir = options.LOCAL_DIR) -> None:
    """Stop the emulators; their tables and objects stay.

    Example: pipeline local down
    """
    from pipeline.emulators.lifecycle import down as stop

    with ending.reporter().working("stop the emulators"):
        stopped = stop(local_dir)
    typer.echo("local target down" if stopped else "local target was not running")


@app.command()
def status(local_dir: options.LocalDir = options.LOCAL_DIR, as_json: options.AsJson = False) -> None:
    """Show whether the emulators run, and their addresses.

    Example: pipeline local status --json
    """
    from pipeline.emulators.lifecycle import status as status_of

    state = status_of(local_dir)
    endpoints = state.endpoints
    if as_json:
        ending.print_result(json.dumps({"running": state.running, **(endpoints.model_dump() if endpoints else {})}))
    elif endpoints:
        typer.echo(f"local target is up: BigQuery {endpoints.bigquery}, Cloud Storage {endpoints.storage}")
    else:
        typer.echo("local target is down")
