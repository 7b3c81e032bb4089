"""Which run dates a `pipeline run` of each would do, by the ledger alone: a year takes no longer than a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from pipeline.evaluation.due import waiting_subjects
from pipeline.project.project import Job
from pipeline.runs.identity import digest_of_run, run_definition
from pipeline.runs.publications import generation_of
from pipeline.runs.session import Session

DONE, TO_RUN, SUPERSEDED = "done", "to run", "superseded"


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PlannedDate:
    """A run date.

    Parameters
    ----------
    state
        `done`: published with the job's present definition; `to run`: not, or with another; `superseded`: another
        definition was published after the present one, so that nothing runs without --rerun.
    evaluates
        Whether it is still to be evaluated, as soon as its labels are known.
    is_published
        Whether something is published, by whichever definition.
    """

    run_date: date
    state: str
    evaluates: bool
    is_published: bool


def planned_dates(session: Session, job: Job, days: Iterable[date], events: Rows) -> list[PlannedDate]:
    """Return what would be done of each run date.

    Parameters
    ----------
    events
        The ledger's events of these run dates.
    """
    waiting = {subject.run_date for subject in waiting_subjects(session, job, events)}
    by_day: dict[date, list[Mapping[str, Any]]] = {}
    for row in events:
        by_day.setdefault(row["run_date"], []).append(row)
    is_present, variants = _present(session, job), {variant.id for variant in job.variants}
    found = []
    for day in days:
        published = [row for row in by_day.get(day, []) if row["event"] == "published"]
        state = _state(published, is_present, variants)
        found.append(PlannedDate(day, state, state == TO_RUN or day in waiting, bool(published)))
    return found


def _present(session: Session, job: Job) -> Callable[[Mapping[str, Any]], bool]:
    """Return what tells whether a publication is of the job's present definition: its run id says so."""
    definition = run_definition(job, session.catalogue)

    @cache
    def digest(generation: int) -> str:
        return digest_of_run(definition, generation)

    return lambda row: str(row["run_id"]).endswith(f"-{digest(generation_of(row))}")


def _state(published: Rows, is_present: Callable[[Mapping[str, Any]], bool], variants: set[str]) -> str:
    newest = max((generation_of(row) for row in published), default=0)
    own = [row for row in published if is_present(row)]
    if not own:
        return TO_RUN
    if max(map(generation_of, own)) < newest:
        return SUPERSEDED
    return DONE if variants <= {row["variant"] for row in own if generation_of(row) == newest} else TO_RUN
