"""The backfill of a job: predictions of several dates at a time, then what has to come in the order of dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from pipeline.base.progress import Stopwatch
from pipeline.errors import PipelineError
from pipeline.phases.backfill.dates import Backfill, Dates, Failure, Outcome
from pipeline.phases.backfill.starters import outcome, starter
from pipeline.phases.backfill.worker import Work, without_bars
from pipeline.phases.run import evaluate_date, make_predictions
from pipeline.phases.summary import Summary
from pipeline.project.project import Job
from pipeline.runs.champions import lacks_champion
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables

Tell = Callable[[Summary], None]


def backfill_job(
    session: Session,
    job: Job,
    days: Sequence[date],
    work: Work,
    *,
    parallel: int = 1,
    max_failures: int = 1,
    tell: Tell = lambda _: None,
) -> Backfill:
    """Run every date; what is left behind is what runs of one date after the other leave, whichever ends first.

    Dates are predicted and published at the same time, and evaluated in their order, up to the first one that failed:
    what comes after builds on it. Where the gate judges, dates are published in their order, too, each after the
    verdicts of those before it. A call with the same arguments goes on.

    Parameters
    ----------
    parallel
        How many dates are worked on at a time; more than one are worked on by processes of their own.
    max_failures
        After how many failed dates no other begins; those on their way are ended.
    tell
        Called with the summary of each date, in their order.
    """
    watch, done = Stopwatch(), Backfill(job.name)
    ensure_tables(session, job)  # once, and not by several processes at the same moment
    found = _predictions(session, job, days, work, parallel, max_failures)
    for day, what in _in_order(session, job, days, work, found):
        if isinstance(what, Summary):
            done.runs.append(what)
            tell(what)
        elif isinstance(what, PipelineError):
            done.failed.append(Failure(day, what))
        else:
            done.not_started.append(day)
    done.seconds = watch.seconds
    return done


def _predictions(
    session: Session, job: Job, days: Sequence[date], work: Work, parallel: int, max_failures: int
) -> dict[date, Outcome]:
    """Work on the dates, several at a time; who names a champion is alone, or another might name one meanwhile."""
    processes = min(parallel, len(days))
    publishes_at_once = processes > 1 and not work.gate
    alone = partial(lacks_champion, session, job) if publishes_at_once else lambda _: False
    dates = Dates(days, most=processes, max_failures=max_failures, goes_alone=alone)
    with _counted(session, job, len(days), processes) as count, starter(session, job, work, processes) as start:

        def became(day: date, future: Future[Summary]) -> Outcome:
            what = outcome(job, day, future)
            if isinstance(what, PipelineError):
                session.reporter.warn(f"{day} failed: {what.given}")
            count(what)
            return what

        return dates.work(start, became)


@contextmanager
def _counted(session: Session, job: Job, total: int, processes: int) -> Iterator[Callable[[Outcome], None]]:
    """Show how many dates are predicted, and how long the others may take as far as those that were worked on tell."""
    taken: list[float] = []
    left = total
    with session.reporter.count(f"{job.name} backfill", total) as advance:

        def count(what: Outcome) -> None:
            nonlocal left
            left -= 1
            if isinstance(what, Summary) and what.status == "done":
                taken.append(sum(what.seconds.values()))
            advance(_estimate(taken, left, processes))

        yield count


def _estimate(taken: Sequence[float], left: int, processes: int) -> str:
    """Say how long the dates that are left may take, where any was worked on before."""
    if not taken or not left:
        return ""
    seconds = sum(taken) / len(taken) * left / min(processes, left)
    return f"about {timedelta(seconds=round(seconds))} left"


def _in_order(
    session: Session, job: Job, days: Sequence[date], work: Work, found: Mapping[date, Outcome]
) -> Iterator[tuple[date, Outcome | None]]:
    """Yield what became of each date at last: what needs the dates before it is done as long as these went well."""
    inner, goes_on = without_bars(session), True
    for day in days:
        what = found.get(day)
        if goes_on and isinstance(what, Summary):
            what = _finished(inner, job, day, work, what)
        elif isinstance(what, Summary) and work.gate and what.status == "done":
            what = None  # predicted, and not published
        goes_on = goes_on and isinstance(what, Summary)
        yield day, what


def _finished(session: Session, job: Job, day: date, work: Work, summary: Summary) -> Outcome:
    """Publish where that was left, evaluate what has matured by a date, and let the gate judge if it is asked to."""
    try:
        if work.gate:
            summary = _both(summary, make_predictions(session, job, day, max_reject_rate=work.max_reject_rate))
        evaluate_date(session, job, day, summary, gate=work.gate)
    except PipelineError as error:
        session.reporter.warn(f"{day} failed: {error.given}")
        return error
    return summary


def _both(predicted: Summary, published: Summary) -> Summary:
    """Return what was done in two goes as one: each phase has the rows and seconds of the go that did it."""
    is_done = "done" in (predicted.status, published.status)
    return replace(
        published,
        status="done" if is_done else "already_done",
        rows=published.rows | predicted.rows,
        seconds=published.seconds | predicted.seconds,
    )
