"""Commands of the SQL files: what there is, what it means, and whether it would run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    JobName,
    LocalDir,
    ProjectDir,
    RunDate,
    TargetName,
    name_target,
    open_job,
)

if TYPE_CHECKING:
    from pipeline.sql import Catalogue


app = typer.Typer(
    no_args_is_help=True,
    help="Look at the SQL files, check and release them.\n\nExample: pipeline sql check",
    rich_markup_mode=None,
)


AssetName = Annotated[str, typer.Argument(metavar="NAME", help="e.g. flight_delay/preprocess/examples@v1")]


SampleDate = Annotated[str, typer.Option("--run-date", metavar="DATE", help="Run date of the values, YYYY-MM-DD.")]


@app.command("list")
def list_assets(project_dir: ProjectDir = HERE) -> None:
    """List every version with its digest, and whether it is released.

    Example: pipeline sql list
    """
    from pipeline.sql.released import read_released

    catalogue, root = _catalogue(project_dir)
    released = read_released(root)
    assets = [(name, catalogue.any(name)) for name in catalogue.names()]
    for name, asset in assets:
        state = "-" if name not in released else "released" if released[name] == asset.digest else "CHANGED"
        typer.echo(f"{asset.digest}  {state:8}  {name}")


@app.command()
def show(
    name: AssetName,
    target: TargetName = "local",
    run_date: SampleDate = "2024-02-29",
    project_dir: ProjectDir = HERE,
) -> None:
    """Print the rendered statement with its parameters, ready to paste into a shell with bq.

    Example: pipeline sql show flight_delay/preprocess/examples@v1 --run-date 2013-07-01
    """
    from pipeline.base.dates import parse_date
    from pipeline.operate.sql.show import show_statement
    from pipeline.project.project import Project

    project, wanted = Project.open(project_dir), name.replace("@v", "_v")
    typer.echo(show_statement(project, name_target(target), wanted, parse_date(run_date, option="--run-date")))


@app.command()
def check(
    target: TargetName = "local", local_dir: LocalDir = DEFAULT_LOCAL_DIR, project_dir: ProjectDir = HERE
) -> None:
    """Have Google's analyzer parse, resolve and type every statement that can be sent. Nothing is sent.

    Example: pipeline sql check
    """
    from pipeline.emulators.lifecycle import require_local_extra
    from pipeline.errors import RequestError
    from pipeline.project.project import Project

    require_local_extra()
    from pipeline.operate.sql.check import check_sql

    checked = check_sql(Project.open(project_dir), name_target(target), local_dir.resolve() / "analyzer")
    for finding in checked.findings:
        typer.echo(str(finding))
    if checked.findings:
        raise RequestError(f"sql check: {len(checked.findings)} findings in {len(checked.statements)} statements")
    typer.echo(f"sql check: {len(checked.statements)} statements, all parse, resolve and return what they declare")


@app.command()
def freeze(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Versions; all when none.")] = None,
    project_dir: ProjectDir = HERE,
) -> None:
    """Record digests of versions in sql/released.json: from then on they never change.

    Example: pipeline sql freeze flight_delay/preprocess/examples@v1
    """
    from pipeline.sql.released import freeze as record

    catalogue, root = _catalogue(project_dir)
    recorded = record(catalogue, root, [name.replace("@v", "_v") for name in names or []])
    typer.echo(f"sql freeze: released {', '.join(recorded) or 'nothing new'}")


@app.command("leak-test")
def leak_test(
    job: JobName,
    run_date: RunDate,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How many past days are made again.")] = 3,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
) -> None:
    """Make examples and labels again without what was known later, and past days at their own moment.

    Nothing may differ.

    Example: pipeline sql leak-test flight_delay --run-date 2013-07-01
    """
    from pipeline.base.dates import parse_date
    from pipeline.operate.sql.leak_test import leak_test as test

    day = parse_date(run_date, option="--run-date")
    session, found = open_job(project_dir, job, target, local_dir)
    static = [name for name, source in found.spec.sources.items() if not source.known_at]
    if static:
        typer.echo(f"{job} {run_date}: not tested, for their rows have no known_at: {', '.join(static)}")
    for compared in test(session, found, day, days=days):
        typer.echo(f"{job} {run_date}: {compared.rows:,} rows equal: {compared.what}")


@app.command()
def lineage(
    job: JobName,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid graph.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it into the job's README.md.")] = False,
    project_dir: ProjectDir = HERE,
) -> None:
    """Show which SQL versions make which table or file, and from what.

    Example: pipeline sql lineage flight_delay
    """
    from pipeline.operate.sql import lineage as made
    from pipeline.project.project import Project

    steps = made.lineage_of(Project.open(project_dir), job)
    if write:
        made.write_section(Project.open(project_dir).job(job).folder / "README.md", steps)
    typer.echo(made.as_mermaid(steps) if mermaid else made.as_text(steps))


def _catalogue(project_dir: Path) -> tuple[Catalogue, Path]:
    from pipeline.project.project import Project
    from pipeline.sql import Catalogue

    root = Project.open(project_dir).root
    return Catalogue(root), root
