"""Commands about the SQL files: sql list, show, check, freeze, leak-test, lineage."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli import options

app = typer.Typer(
    no_args_is_help=True,
    help="Show, check and release the SQL files.\n\nExample: pipeline sql check",
    rich_markup_mode=None,
)

AssetName = Annotated[
    str, typer.Argument(metavar="NAME", help="Version of a SQL file, e.g. flight_delay/preprocess/examples@v1.")
]
SampleDate = Annotated[
    str, typer.Option("--run-date", metavar="DATE", help="Run date that the parameters are filled in for, YYYY-MM-DD.")
]


@app.command("list")
def list_assets(project_dir: options.ProjectDir = options.HERE) -> None:
    """List every version with its digest and state.

    The state is released, - for not released, or CHANGED for a released version that differs from its record.

    Example: pipeline sql list
    """
    from pipeline.project.project import Project
    from pipeline.sql import Catalogue
    from pipeline.sql.released import read_released

    root = Project.open(project_dir).root
    catalogue, released = Catalogue(root), read_released(root)
    assets = [(name, catalogue.any(name)) for name in catalogue.names()]
    for name, asset in assets:
        state = "-" if name not in released else "released" if released[name] == asset.digest else "CHANGED"
        typer.echo(f"{asset.digest}  {state:8}  {name}")


@app.command()
def show(
    name: AssetName,
    target: options.TargetName = "local",
    run_date: SampleDate = "2024-02-29",
    project_dir: options.ProjectDir = options.HERE,
) -> None:
    """Print a statement as it is sent, as a bq command for a shell.

    Example: pipeline sql show flight_delay/preprocess/examples@v1 --run-date 2013-07-01
    """
    from pipeline.base.dates import parse_date
    from pipeline.operate.sql.show import show_statement
    from pipeline.project.project import Project

    project, version = Project.open(project_dir), name.replace("@v", "_v")
    typer.echo(show_statement(project, options.name_target(target), version, parse_date(run_date, option="--run-date")))


@app.command()
@options.with_where
def check(
    where: options.Where = options.DEFAULT,
) -> None:
    """Check every statement with Google's SQL analyzer.

    It parses, resolves and types them, on this machine: nothing is sent.

    Example: pipeline sql check
    """
    from pipeline.emulators.lifecycle import require_local_extra
    from pipeline.errors import RequestError
    from pipeline.project.project import Project

    require_local_extra()
    from pipeline.operate.sql.cache import machine_folder
    from pipeline.operate.sql.check import check_sql

    cache_dir = machine_folder(where.local_dir.resolve())
    result = check_sql(Project.open(where.project_dir), options.name_target(where.target), cache_dir)
    for finding in result.findings:
        typer.echo(str(finding))
    if result.findings:
        raise RequestError(f"sql check: {len(result.findings)} findings in {len(result.statements)} statements")
    typer.echo(f"sql check: {len(result.statements)} statements, all parse, resolve and return what they declare")


@app.command()
def freeze(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Versions to release; without a name all of them.")
    ] = None,
    project_dir: options.ProjectDir = options.HERE,
) -> None:
    """Release versions, so that they never change.

    Their digests are recorded in sql/released.json.

    Example: pipeline sql freeze flight_delay/preprocess/examples@v1
    """
    from pipeline.project.project import Project
    from pipeline.sql import Catalogue
    from pipeline.sql.released import freeze as record

    root = Project.open(project_dir).root
    recorded = record(Catalogue(root), root, [name.replace("@v", "_v") for name in names or []])
    typer.echo(f"sql freeze: released {', '.join(recorded) or 'nothing new'}")


@app.command("leak-test")
@options.with_where
def leak_test(
    job: options.JobName,
    run_date: options.RunDate,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Number of past days to make again.")] = 3,
    where: options.Where = options.DEFAULT,
) -> None:
    """Test that examples and labels use no later knowledge.

    It makes them again from sources without later rows, and past days as of their own moment. No row may differ.

    Example: pipeline sql leak-test flight_delay --run-date 2013-07-01
    """
    from pipeline.operate.sql.leak_test import leak_test as test

    session, opened = where.open_job(job)
    static = [name for name, source in opened.spec.sources.items() if not source.known_at]
    if static:
        typer.echo(f"{job} {run_date}: not tested, because their rows have no known_at: {', '.join(static)}")
    for compared in test(session, opened, run_date, days=days):
        typer.echo(f"{job} {run_date}: {compared.rows:,} rows equal: {compared.description}")


@app.command()
def lineage(
    job: options.JobName,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid graph.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Also write the graph into the job's README.md.")] = False,
    project_dir: options.ProjectDir = options.HERE,
) -> None:
    """Show which SQL version makes which table or file.

    It also shows from what they are made.

    Example: pipeline sql lineage flight_delay
    """
    from pipeline.operate.sql.lineage import as_mermaid, as_text, lineage_of, write_section
    from pipeline.project.project import Project

    project = Project.open(project_dir)
    steps = lineage_of(project, job)
    if write:
        write_section(project.job(job).folder / "README.md", steps)
    typer.echo(as_mermaid(steps) if mermaid else as_text(steps))
