"""The command that runs many run dates: backfill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.base.dates import date_range
from pipeline.cli import ending, options

if TYPE_CHECKING:
    from pipeline.phases.summary import Summary

WithGate = Annotated[
    bool, typer.Option("--gate", help="Judge challengers after each date; without it the next run judges them.")
]
Parallel = Annotated[
    int,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        help="Run dates worked on at the same time, each by a process with the memory of a run. Use 2 to 4: for one"
        " table BigQuery runs two publishing statements at a time and queues 20.",
    ),
]
MaxFailures = Annotated[
    int, typer.Option("--max-failures", metavar="N", min=1, help="Start no other run date after N failed ones.")
]


def backfill(
    job: options.JobName,
    first: options.FirstRunDate,
    last: options.LastRunDate,
    parallel: Parallel = 1,
    max_failures: MaxFailures = 1,
    gate: WithGate = False,
    where: options.Where = options.DEFAULT,
    rerun: options.Rerun = False,
    max_reject_rate: options.MaxRejectRate = 0.0,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Run every run date from the first to the last.

    The same command resumes a backfill that was interrupted.

    Run dates are preprocessed, trained, predicted and loaded at the same time. They are evaluated in order, up to the
    first that failed. With --gate they are loaded in order too, each after the verdicts of the dates before it.

    A variant that fails and is not the champion is left out with a warning. The same command tries it again.

    Example: pipeline backfill flight_delay --from 2013-07-01 --to 2013-07-07

    Example: pipeline backfill flight_delay --from 2013-01-01 --to 2013-12-31 --parallel 4 --max-failures 3
    """
    from pipeline.phases.backfill import Work, backfill_job
    from pipeline.phases.summary import refuse_failed_variants

    days = date_range(first, last)
    session, opened = where.open_job(job)
    as_json = as_json and ending.cloud_log() is None  # each line would be an entry there
    work = Work(rerun=rerun, max_reject_rate=max_reject_rate, gate=gate)

    def tell(summary: Summary) -> None:
        if not as_json:
            options.print_summary(summary, as_json=False)

    with options.attempt(session, opened):
        result = backfill_job(session, opened, days, work, parallel=parallel, max_failures=max_failures, tell=tell)
        ending.print_result(result.as_json() if as_json else result.as_line())
        if result.failed:
            raise result.failed[0].error
        if strict:
            refuse_failed_variants(result.runs)
