"""Catch up with the run dates that a schedule has missed, so that late, missed and repeated calls are harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.base.dates import date_range
from pipeline.evaluation.drift import measure_drift_of
from pipeline.phases.run import evaluate_matured, run_job, run_phase
from pipeline.phases.summary import Summary
from pipeline.phases.task import ALONE, Task
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples import counted
from pipeline.runs.artefacts.failed_variants import failures_before_load
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.claims import claimed_dates, claims_of
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.opening import own_run
from pipeline.runs.publications import settled_variants
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables

MOST = 7
"""Largest number of run dates of one call; the next call continues."""


def catch_up(session: Session, job: Job, *, max_reject_rate: float = 0.0) -> Iterator[Summary]:
    """Run the dates that are due by BigQuery's clock, the oldest first; if none is due, evaluate what has matured.

    A date that fails ends the call and is the first due date of the next one, because later dates build on it. A date
    is done when its champion is published: a variant that failed there is tried again by a run of that date only, so
    that it costs each night one attempt.

    Parameters
    ----------
    max_reject_rate
        Largest share of a model's predictions, from 0 to 1, that may be rejected.
    """
    ensure_tables(session, job)
    newest = newest_run_date(job, read_clock(session).moment)
    due = due_dates(session, job, newest)
    for day in due:
        yield run_job(session, job, day, max_reject_rate=max_reject_rate)
    if not due:
        yield evaluate_matured(session, job, newest)


def catch_up_phase(
    session: Session, job: Job, phase: str, *, max_reject_rate: float = 0.0, task: Task = ALONE
) -> Iterator[Summary]:
    """Carry out one phase for the dates that are due, the oldest first, as `catch_up` does with all phases.

    A schedule calls it for each phase in turn, each with its own permissions, even after a phase that failed. Every
    phase after preprocess works on the run dates that the phase before it has finished. So a date that fails does not
    stop the dates before it, and a date that becomes due in between waits for the next night.

    Parameters
    ----------
    phase
        preprocess, train, predict, load or evaluate.
    max_reject_rate
        For predict: largest share of a model's predictions, from 0 to 1, that may be rejected.
    task
        For predict: one of the tasks that share the shards.
    """
    ensure_tables(session, job)
    newest = newest_run_date(job, read_clock(session).moment)
    if phase == "evaluate":
        measure_drift_of(session, job, newest - timedelta(days=MOST - 1), newest)
        yield evaluate_matured(session, job, newest)
        return
    due = due_dates(session, job, newest)
    if not due:
        session.reporter.say(f"{job.name} {phase}: no run date is due")
    if phase != "preprocess":
        runs = {day: own_run(session, job, day, claims_of(session, job, day)) for day in due}
        ready = [day for day, run in runs.items() if run and IS_READY[phase](run)]
        for day in sorted(set(due) - set(ready)):
            session.reporter.say(f"{day} {phase}: not yet, the phase before has not finished it")
        due = ready
    for day in due:
        yield run_phase(session, job, day, phase, max_reject_rate=max_reject_rate, task=task)


IS_READY: dict[str, Callable[[Run], bool]] = {
    "train": lambda run: counted(run) is not None,
    "predict": lambda run: _are_tried(run, {model.variant for model in committed_models(run)}),
    "load": lambda run: _are_tried(run, {manifest.variant for manifest in committed_manifests(run)}),
}
"""Tells whether the phase before has finished."""


def _are_tried(run: Run, finished: set[str]) -> bool:
    """Tell whether all variants are finished, or have failed while the leader went on."""
    lacking = run.job.variant_ids - finished
    return run.leader not in lacking and lacking <= set(failures_before_load(run, lacking))


def due_dates(session: Session, job: Job, newest: date, most: int = MOST) -> list[date]:
    """Return the run dates that are due, the oldest first: those after the last done date, up to the newest.

    If no date was ever done, only the newest is due. A date that was run ahead of time does not count as done.

    Parameters
    ----------
    newest
        The latest run date that may be due.
    most
        Largest number of dates; a warning names the newest when there are more, and the next call takes them.
    """
    done = last_done(session, job, newest)
    first = newest if done is None else done + timedelta(days=1)
    due = date_range(first, newest) if first <= newest else []
    if len(due) > most:
        counts = f"{len(due)} run dates are due, {most} are run now"
        message = f"{job.name}: {counts}: the newest, {newest}, is not reached"
        session.reporter.warn(f"{message}; call again, or see pipeline backfill --help")
    return due[:most]


def newest_run_date(job: Job, moment: datetime) -> date:
    """Return the latest run date whose `as_of` is not after a moment."""
    day = moment.astimezone(ZoneInfo(job.spec.time_zone)).date() + timedelta(days=2)
    while job.as_of(day) > moment:  # an offset moves the moment by days at most
        day -= timedelta(days=1)
    return day


def last_done(session: Session, job: Job, newest: date) -> date | None:
    """Return the latest run date up to `newest` with a done run, or None.

    A run is done when each variant of its definition is published, or has failed without stopping it. The champion of
    such a run is published, because its failure stops a run.
    """
    for day in reversed([day for day in claimed_dates(session, job) if day <= newest]):
        settled = settled_variants(Ledger(session, job.name).events(day, day))
        claims = claims_of(session, job, day)
        if any(set(claim.defines["variants"]) <= settled.get(claim.run_id, set()) for claim in claims):
            return day
    return None
