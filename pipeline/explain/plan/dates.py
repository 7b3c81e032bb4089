"""States of run dates, from the ledger alone: a year takes as many requests as a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from pipeline.evaluation.due_evaluations import due_runs
from pipeline.project.project import Job
from pipeline.runs.identity import digest_of_run, run_definition
from pipeline.runs.publications import generation_of
from pipeline.runs.session import Session

DONE, TO_RUN, SUPERSEDED = "done", "to run", "superseded"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PlannedDate:
    """State of one run date.

    Parameters
    ----------
    state
        `done`: the job's current definition was published last. `superseded`: another definition was published after
        the current one, so that only --rerun runs it. `to run`: anything else.
    evaluates
        Whether it will be evaluated as soon as its labels are known.
    is_published
        Whether predictions of any definition are published.
    """

    run_date: date
    state: str
    evaluates: bool
    is_published: bool


def planned_dates(session: Session, job: Job, days: Iterable[date], events: Rows) -> list[PlannedDate]:
    """Return the state of each run date.

    Parameters
    ----------
    events
        The ledger's events of these run dates.
    """
    due = {run.run_date for run in due_runs(session, job, events)}
    by_day: dict[date, list[Mapping[str, Any]]] = {}
    for row in events:
        if row["event"] == "published":
            by_day.setdefault(row["run_date"], []).append(row)
    definition, variants = run_definition(job, session.catalogue), {variant.id for variant in job.variants}

    @cache
    def current_digest(generation: int) -> str:
        return digest_of_run(definition, generation)

    def state_of(published: Rows) -> str:
        newest = max((generation_of(row) for row in published), default=0)
        own = [row for row in published if str(row["run_id"]).endswith(f"-{current_digest(generation_of(row))}")]
        if not own:
            return TO_RUN
        if max(map(generation_of, own)) < newest:
            return SUPERSEDED
        return DONE if variants <= {row["variant"] for row in own if generation_of(row) == newest} else TO_RUN

    states = {day: state_of(by_day.get(day, [])) for day in days}
    return [PlannedDate(day, state, state == TO_RUN or day in due, day in by_day) for day, state in states.items()]
