"""Commands of the phases."""

from __future__ import annotations

import typer

from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AnyRunDate,
    AsJson,
    CatchUp,
    JobName,
    LocalDir,
    MaxRejectRate,
    ProjectDir,
    Rerun,
    TargetName,
    attempt,
    day_or_due,
    do_phase,
    open_job,
    print_summaries,
    print_summary,
)


def preprocess(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    as_json: AsJson = False,
) -> None:
    """Make the examples of a run date, in BigQuery.

    Example: pipeline preprocess flight_delay --run-date 2013-07-01
    """
    where = (target, local_dir, project_dir)
    do_phase("preprocess", job, run_date, *where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def train(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    as_json: AsJson = False,
) -> None:
    """Fit every variant on the examples of a run date.

    Example: pipeline train flight_delay --run-date 2013-07-01
    """
    where = (target, local_dir, project_dir)
    do_phase("train", job, run_date, *where, catch_up=catch_up, rerun=rerun, as_json=as_json)


def load(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Publish the predictions of a run date in BigQuery.

    Example: pipeline load flight_delay --run-date 2013-07-01
    """
    do_phase("load", job, run_date, target, local_dir, project_dir, catch_up=catch_up, as_json=as_json)


def run(
    job: JobName,
    run_date: AnyRunDate = None,
    catch_up: CatchUp = False,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    rerun: Rerun = False,
    max_reject_rate: MaxRejectRate = 0.0,
    as_json: AsJson = False,
) -> None:
    """Carry out all phases for a run date, evaluate what has matured, and let the gate judge challengers.

    A schedule calls it with --catch-up: it runs every date after the last done one, the oldest seven of them, up to the
    newest whose moment has passed; of a new job the newest only. Called late, twice, or after nights without a call, it
    does what is due. --run-date overrides that.

    Example: pipeline run flight_delay --run-date 2013-07-01

    Example: pipeline run flight_delay --catch-up
    """
    from pipeline.phases.catch_up import catch_up as run_due_dates
    from pipeline.phases.run import run_job

    day = day_or_due(run_date, catch_up, rerun=rerun)
    session, found = open_job(project_dir, job, target, local_dir)
    with attempt(session, found):
        if day is not None:
            print_summary(run_job(session, found, day, rerun=rerun, max_reject_rate=max_reject_rate), as_json)
        else:
            print_summaries(run_due_dates(session, found, max_reject_rate=max_reject_rate), as_json)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (preprocess, train, load, run):
        app.command()(command)
