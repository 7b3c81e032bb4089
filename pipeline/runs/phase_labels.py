"""Decorators that label the BigQuery jobs of a phase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from pipeline.cloud.bigquery.labels import labelled

if TYPE_CHECKING:
    from pipeline.project.project import Job
    from pipeline.runs.run import Run
    from pipeline.runs.session import Session


P = ParamSpec("P")


ResultT = TypeVar("ResultT")


def in_phase(
    phase: str,
) -> Callable[[Callable[Concatenate[Run, P], ResultT]], Callable[Concatenate[Run, P], ResultT]]:
    """Decorate what a phase does for a run: its jobs carry the run and the phase."""

    def decorate(function: Callable[Concatenate[Run, P], ResultT]) -> Callable[Concatenate[Run, P], ResultT]:
        @wraps(function)
        def call(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
            with labelled(**run.labels(phase)):
                return function(run, *args, **kwargs)

        return call

    return decorate


OfDate = Callable[Concatenate["Session", "Job", date, P], ResultT]


def for_run_date(phase: str) -> Callable[[OfDate[P, ResultT]], OfDate[P, ResultT]]:
    """Decorate what is done for a run date and not for one run: `<job>-<run date>` stands for the run, as in events."""

    def decorate(function: OfDate[P, ResultT]) -> OfDate[P, ResultT]:
        @wraps(function)
        def call(session: Session, job: Job, day: date, /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
            with labelled(job=job.name, phase=phase, run_id=f"{job.name}-{day}"):
                return function(session, job, day, *args, **kwargs)

        return call

    return decorate
