"""Decorators that put billing labels on the BigQuery jobs of a phase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from pipeline.cloud.bigquery.billing_labels import labelled

if TYPE_CHECKING:
    from pipeline.project.project import Job
    from pipeline.runs.run import Run
    from pipeline.runs.session import Session


P = ParamSpec("P")
ResultT = TypeVar("ResultT")
OfRun = Callable[Concatenate["Run", P], ResultT]
OfDate = Callable[Concatenate["Session", "Job", date, P], ResultT]


def in_phase(phase: str) -> Callable[[OfRun[P, ResultT]], OfRun[P, ResultT]]:
    """Decorate a function of a run: its BigQuery jobs carry the run and the phase."""

    def decorate(function: OfRun[P, ResultT]) -> OfRun[P, ResultT]:
        @wraps(function)
        def call(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
            with labelled(**run.billing_labels(phase)):
                return function(run, *args, **kwargs)

        return call

    return decorate


def for_run_date(phase: str) -> Callable[[OfDate[P, ResultT]], OfDate[P, ResultT]]:
    """Decorate a function of a run date and no single run: `<job>-<run date>` replaces the run id, as in events."""

    def decorate(function: OfDate[P, ResultT]) -> OfDate[P, ResultT]:
        @wraps(function)
        def call(session: Session, job: Job, day: date, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
            with labelled(job=job.name, phase=phase, run_id=f"{job.name}-{day}"):
                return function(session, job, day, *args, **kwargs)

        return call

    return decorate
