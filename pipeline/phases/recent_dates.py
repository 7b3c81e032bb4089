"""The newest run dates of a job in short: what was claimed, published and evaluated. It only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.claims import claimed_dates, claims_of
from pipeline.ledger import Ledger
from pipeline.phases.evaluate import waiting_subjects
from pipeline.project import Job
from pipeline.published import publications, published_slices, published_variants
from pipeline.runs import Run, run_of
from pipeline.session import Session

SHOWN = 7
"""Run dates that are shown when none is asked for."""


@dataclass(frozen=True)
class DateLine:
    """A run date in short.

    Parameters
    ----------
    rows
        Rows of the newest run that readers see.
    evaluated
        Whether the run that published last was evaluated as it stands.
    said
        How far the newest run is.
    """

    run_date: date
    run_id: str
    generation: int
    rows: int
    evaluated: bool
    said: str


def recent_dates(session: Session, job: Job, most: int) -> list[DateLine]:
    """Return the newest run dates that were claimed, in order; nothing is written."""
    days = claimed_dates(session, job)[-most:]
    if not days:
        return []
    events = Ledger(session, job.name).events(days[0], days[-1])
    waiting = {subject.run_date for subject in waiting_subjects(session, job, events)}
    judged = publications(events)
    lines = []
    for day in days:
        newest = next(reversed(claims_of(session, job, day)), None)
        if newest is None:  # its claims were taken away
            continue
        own = [row for row in events if row["run_id"] == newest.run_id]
        run = run_of(session, job, day, newest)
        rows = sum(seen.rows for seen in published_slices(run).values() if seen.run_id == run.run_id)
        said = _in_short(run, newest.defines["variants"], own, rows)
        evaluated = day in judged and day not in waiting
        lines.append(DateLine(day, run.run_id, run.generation, rows, evaluated, said))
    return lines


def _in_short(run: Run, variants: Sequence[str], events: Sequence[Mapping[str, Any]], rows: int) -> str:
    if set(variants) <= published_variants(events).get(run.run_id, set()):
        return f"{rows:,} rows published"
    void = run.session.store.read_json(run.void_uri)
    if void is not None:
        return f"void: {void['reason']}"
    done = list(dict.fromkeys(row["phase"] for row in events if row["event"] == "done"))
    return f"unfinished: {', '.join(done)} done" if done else "unfinished: no phase done"
