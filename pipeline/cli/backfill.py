"""The command that runs many dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import ending
from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    FirstRunDate,
    JobName,
    LastRunDate,
    LocalDir,
    MaxRejectRate,
    ProjectDir,
    Rerun,
    TargetName,
    attempt,
    open_job,
    print_summary,
)

if TYPE_CHECKING:
    from pipeline.phases.summary import Summary


WithGate = Annotated[bool, typer.Option("--gate", help="Judge challengers after each date; else the next run does.")]


Parallel = Annotated[
    int,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        help="Dates worked on at a time, each by a process with the memory of a run. 2 to 4 is sensible: on one table"
        " BigQuery runs two publishing statements at a time and lets 20 wait.",
    ),
]


MaxFailures = Annotated[
    int, typer.Option("--max-failures", metavar="N", min=1, help="Failed dates after which no other one begins.")
]


def backfill(
    job: JobName,
    first: FirstRunDate,
    last: LastRunDate,
    parallel: Parallel = 1,
    max_failures: MaxFailures = 1,
    gate: WithGate = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    max_reject_rate: MaxRejectRate = 0.0,
    as_json: AsJson = False,
) -> None:
    """Run every date from the first to the last; the same command goes on where one ended.

    Dates are preprocessed, trained, predicted and loaded at the same time, and then evaluated in their order, up to the
    first that failed. With --gate they are loaded in their order, too, each after the verdicts of those before it.

    Example: pipeline backfill flight_delay --from 2013-07-01 --to 2013-07-07

    Example: pipeline backfill flight_delay --from 2013-01-01 --to 2013-12-31 --parallel 4 --max-failures 3
    """
    from pipeline.base.dates import date_range, parse_date
    from pipeline.phases.backfill import Work, backfill_job

    days = date_range(parse_date(first, option="--from"), parse_date(last, option="--to"))
    session, found = open_job(project_dir, job, target, local_dir)
    as_json = as_json and ending.cloud_log() is None  # each line would be an entry there
    work = Work(rerun=rerun, max_reject_rate=max_reject_rate, gate=gate)

    def tell(summary: Summary) -> None:
        if not as_json:
            print_summary(summary, as_json=False)

    with attempt(session, found):
        done = backfill_job(session, found, days, work, parallel=parallel, max_failures=max_failures, tell=tell)
        typer.echo(done.as_json() if as_json else done.as_line())
        if done.failed:
            raise done.failed[0].error


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(backfill)
