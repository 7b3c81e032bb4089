"""Commands about one model: its bundle."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    LocalDir,
    ProjectDir,
    TargetName,
    look_at_target,
    print_content,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Look at a model bundle.\n\nExample: pipeline model inspect gs://bucket/flight_delay/models/...",
    rich_markup_mode=None,
)

Bundle = Annotated[str, typer.Argument(metavar="BUNDLE", help="A folder or gs:// address: models[].uri of run --json.")]


@app.command()
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
    from pipeline.phases.inspect_model import as_lines, inspect_model

    session = look_at_target(project_dir, target, local_dir, places=(bundle,))
    found = inspect_model(bundle, session)
    print_content(asdict(found), as_lines(found), as_json)
