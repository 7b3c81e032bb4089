"""Catching up: the run dates that a schedule has missed, so that a late, missed or repeated call does what is right."""

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
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.claims import claimed_dates, claims_of
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.opening import own_run
from pipeline.runs.publications import published_variants
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables

MOST = 7
"""Run dates that one call catches up with; the next call goes on."""


def catch_up(session: Session, job: Job, *, max_reject_rate: float = 0.0) -> Iterator[Summary]:
    """Run the dates that are due by BigQuery's clock, one after the other; where none is, evaluate what has matured.

    A date that fails ends it, and is the first that is due next time: what comes after builds on it.
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
    """Carry out one phase for the dates that are due, one after the other, as `catch_up` does with all phases.

    A schedule calls it for one phase after the other, each with rights of its own, also after one that failed: what
    comes after preprocess goes on with the run dates that the phase before it has finished. So a date that fails keeps
    nothing from the dates before it, and one that became due meanwhile is left to the next night.

    Parameters
    ----------
    phase
        preprocess, train, predict, load or evaluate.
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
    for day in due if phase == "preprocess" else _ready(session, job, phase, due):
        yield run_phase(session, job, day, phase, max_reject_rate=max_reject_rate, task=task)


def _ready(session: Session, job: Job, phase: str, days: list[date]) -> list[date]:
    """Return the run dates that the phase before has finished, for all variants."""
    ready = [day for day in days if (run := own_run(session, job, day)) and IS_READY[phase](run)]
    for day in [day for day in days if day not in ready]:
        session.reporter.say(f"{day} {phase}: not yet, the phase before has not finished it")
    return ready


def _variants(run: Run) -> set[str]:
    return {variant.id for variant in run.job.variants}


IS_READY: dict[str, Callable[[Run], bool]] = {
    "train": lambda run: counted(run) is not None,
    "predict": lambda run: _variants(run) <= {model.variant for model in committed_models(run)},
    "load": lambda run: _variants(run) <= {manifest.variant for manifest in committed_manifests(run)},
}
"""What the phase before leaves when it is done, told from files alone."""


def due_dates(session: Session, job: Job, newest: date, most: int = MOST) -> list[date]:
    """Return the run dates that are due, the oldest first: those after the last done one, up to the newest possible.

    Where nothing was ever done, only the newest is due. A date that somebody ran ahead of time says nothing of these.

    Parameters
    ----------
    most
        How many to return; where there are more, the later ones are left to the next call, and that is said.
    """
    done = last_done(session, job, newest)
    first = newest if done is None else done + timedelta(days=1)
    due = date_range(first, newest) if first <= newest else []
    if len(due) > most:
        what = f"{job.name}: {len(due)} run dates are due, {most} are run now: the newest, {newest}, is not reached"
        session.reporter.warn(f"{what}; call again, or see pipeline backfill --help")
    return due[:most]


def newest_run_date(job: Job, moment: datetime) -> date:
    """Return the latest run date that may know of nothing later than a moment."""
    day = moment.astimezone(ZoneInfo(job.spec.time_zone)).date() + timedelta(days=2)
    while job.as_of(day) > moment:  # an offset moves the moment by days at most
        day -= timedelta(days=1)
    return day


def last_done(session: Session, job: Job, newest: date) -> date | None:
    """Return the latest run date up to `newest` whose run has published all variants of its definition, or None."""
    for day in reversed([each for each in claimed_dates(session, job) if each <= newest]):
        published = published_variants(Ledger(session, job.name).events(day, day))
        claims = claims_of(session, job, day)
        if any(set(claim.defines["variants"]) <= published.get(claim.run_id, set()) for claim in claims):
            return day
    return None
