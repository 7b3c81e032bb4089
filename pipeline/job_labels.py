"""Who sends a BigQuery job: labels that every job carries which is sent while they hold, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from pipeline.project import Job
    from pipeline.runs import Run
    from pipeline.session import Session

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

_LABELS: ContextVar[Mapping[str, str]] = ContextVar("labels of jobs", default=MappingProxyType({}))


def job_labels() -> Mapping[str, str]:
    """Return the labels that hold now."""
    return _LABELS.get()


def label_from_here(**labels: str) -> None:
    """Add labels until the enclosing `labelled` ends."""
    _LABELS.set({**_LABELS.get(), **labels})


@contextmanager
def labelled(**labels: str) -> Iterator[None]:
    """Add labels for a while; inner ones win. Not around a `yield`: they would hold for whoever takes the values."""
    token = _LABELS.set({**_LABELS.get(), **labels})
    try:
        yield
    finally:
        _LABELS.reset(token)


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
