"""The backfill of a job: predictions of several dates at a time, then everything that needs the order of dates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

from pipeline.base.progress import Stopwatch
from pipeline.errors import PipelineError
from pipeline.phases.backfill.dates import Outcome, work_on_dates
from pipeline.phases.backfill.starters import outcome, starter
from pipeline.phases.backfill.worker import Work
from pipeline.phases.run import evaluate_date, make_predictions
from pipeline.phases.summary import Summary
from pipeline.project.project import Job
from pipeline.runs.champions import lacks_champion
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_tables

Tell = Callable[[Summary], None]


@dataclass(frozen=True)
class Failure:
    """A run date that failed, and the error."""

    run_date: date
    error: PipelineError


@dataclass
class Backfill:
    """The result of a backfill: each of its run dates is in one of the lists, in order.

    Parameters
    ----------
    runs
        Dates that are published, by this backfill or before.
    failed
        Dates that failed; the first of them decides the exit code.
    not_started
        Dates that were not published because others had failed before.
    seconds
        Duration of the whole backfill.
    """

    job: str
    runs: list[Summary] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    not_started: list[date] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """Return the result as one JSON object."""
        content = {
            "runs": [json.loads(run.as_json()) for run in self.runs],
            "failed": [
                {"run_date": str(item.run_date), "error": str(item.error), "exit_code": item.error.exit_code}
                for item in self.failed
            ],
            "not_started": [str(day) for day in self.not_started],
        }
        return json.dumps(content, indent=1)

    def as_line(self) -> str:
        """Return the counts as one line, with the dates that failed and the first error."""
        before = sum(run.status == "already_done" for run in self.runs)
        failed = f"{len(self.failed)} failed"
        if self.failed:
            dates = ", ".join(str(failure.run_date) for failure in self.failed)
            failed += f" ({dates}; first: {self.failed[0].error.what})"
        counts = f"{len(self.runs) - before} done, {before} already done, {failed}, {len(self.not_started)} not started"
        without = sum(bool(run.failed) for run in self.runs)
        counts += f", {without} without a variant that failed" if without else ""
        return f"{self.job} backfill: {counts} ({self.seconds:.1f} s)"


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
    """Run all dates; the result is that of runs of one date after the other, whichever date ends first.

    Dates are predicted and published at the same time. They are evaluated in their order, up to the first that failed,
    because later dates build on earlier ones. With the gate, dates are also published in their order, each after the
    verdicts of the dates before it. A call with the same arguments resumes an interrupted backfill.

    Parameters
    ----------
    parallel
        Number of dates that are worked on at the same time; more than one use a process each.
    max_failures
        Number of failed dates after which no other begins; those that are running end normally.
    tell
        Called with the summary of each date, in their order.
    """
    watch, result = Stopwatch(), Backfill(job.name)
    ensure_tables(session, job)  # once, and not by several processes at the same moment
    outcomes = _predict_dates(session, job, days, work, parallel, max_failures)
    for day, found in _in_order(session, job, days, work, outcomes):
        if isinstance(found, Summary):
            result.runs.append(found)
            tell(found)
        elif isinstance(found, PipelineError):
            result.failed.append(Failure(day, found))
        else:
            result.not_started.append(day)
    result.seconds = watch.seconds
    return result


def _predict_dates(
    session: Session, job: Job, days: Sequence[date], work: Work, parallel: int, max_failures: int
) -> dict[date, Outcome]:
    processes = min(parallel, len(days))
    # A date that names the first champion runs alone, or another date could name one at the same time.
    names_champion = partial(lacks_champion, session, job) if processes > 1 and not work.gate else lambda _: False
    with _counted(session, job, len(days), processes) as count, starter(session, job, work, processes) as start:

        def counted_outcome(day: date, future: Future[Summary]) -> Outcome:
            result = outcome(job, day, future)
            if isinstance(result, PipelineError):
                session.reporter.warn(f"{day} failed: {result.given}")
            count(result)
            return result

        return work_on_dates(
            days, start, counted_outcome, most=processes, max_failures=max_failures, goes_alone=names_champion
        )


@contextmanager
def _counted(session: Session, job: Job, total: int, processes: int) -> Iterator[Callable[[Outcome], None]]:
    """Show how many dates are predicted, and estimate the time of the others from those that were worked on."""
    taken: list[float] = []
    left = total
    with session.reporter.count(f"{job.name} backfill", total) as advance:

        def count(result: Outcome) -> None:
            nonlocal left
            left -= 1
            if isinstance(result, Summary) and result.status == "done":
                taken.append(sum(result.seconds.values()))
            note = ""
            if taken and left:
                seconds = sum(taken) / len(taken) * left / min(processes, left)
                note = f"about {timedelta(seconds=round(seconds))} left"
            advance(note)

        yield count


def _in_order(
    session: Session, job: Job, days: Sequence[date], work: Work, outcomes: Mapping[date, Outcome]
) -> Iterator[tuple[date, Outcome | None]]:
    """Yield the final outcome of each date; work that needs the dates before it ends with the first that failed."""
    all_went_well = True
    for day in days:
        result = outcomes.get(day)
        if all_went_well and isinstance(result, Summary):
            result = _finished(session, job, day, work, result)
        elif isinstance(result, Summary) and work.gate and result.status == "done":
            result = None  # predicted, but not published
        all_went_well = all_went_well and isinstance(result, Summary)
        yield day, result


def _finished(session: Session, job: Job, day: date, work: Work, summary: Summary) -> Outcome:
    """Publish a date if the gate is asked to judge, evaluate what has matured by it, and let the gate judge."""
    try:
        if work.gate:
            rate = work.max_reject_rate
            published = make_predictions(session, job, day, max_reject_rate=rate, failed=summary.failed)
            summary = replace(
                published,
                status="done" if "done" in (summary.status, published.status) else "already_done",
                rows=published.rows | summary.rows,
                seconds=published.seconds | summary.seconds,
            )
        evaluate_date(session, job, day, summary, gate=work.gate)
    except PipelineError as error:
        session.reporter.warn(f"{day} failed: {error.given}")
        return error
    return summary
