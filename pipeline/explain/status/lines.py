"""The newest run dates of a job in short: what was claimed, published and evaluated. It only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.evaluation.due import waiting_subjects
from pipeline.explain.status.run_facts import PhaseState
from pipeline.explain.status.status import DateState, RunState
from pipeline.project.project import Job
from pipeline.runs.claims import claimed_dates, claims_of
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import run_of
from pipeline.runs.publications import publications, published_slices, published_variants
from pipeline.runs.run import Run
from pipeline.runs.session import Session

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
    void = run.session.store.read_json(run.layout.void)
    if void is not None:
        return f"void: {void['reason']}"
    done = list(dict.fromkeys(row["phase"] for row in events if row["event"] == "done"))
    return f"unfinished: {', '.join(done)} done" if done else "unfinished: no phase done"


def date_lines(state: DateState) -> Iterator[str]:
    """Return the lines of one run date; the last one says what the next command would do."""
    subject = f"{state.job} {state.run_date}"
    if not state.runs:
        yield f"{subject}: nothing was done yet"
    for run in state.runs:
        yield from _run_lines(run)
    yield f"next: pipeline run {state.job} --run-date {state.run_date}: {state.next}"


def recent_lines(job: str, lines: Sequence[DateLine], place: str) -> Iterator[str]:
    """Return a line for each run date."""
    if not lines:
        yield f"{job}: nothing was done yet in {place}"
    for line in lines:
        ending = ", evaluated" if line.evaluated else ""
        yield f"{line.run_date}  {line.run_id}  generation {line.generation}  {line.said}{ending}"


def _run_lines(run: RunState) -> Iterator[str]:
    definition = "" if run.present else ", another definition than the job has now"
    why = {"superseded": f" by {run.why}", "void": f": {run.why}"}.get(run.state, "")
    yield f"{run.run_id} generation {run.generation}: {run.state}{why}{definition}"
    for phase in run.phases:
        yield f"  {phase.phase:<11}{phase.state:<8} {phase.said}{_numbers(phase)}"
    for check in run.failed_checks:
        yield f"  check failed: {check}"
    for job_id in run.running:
        yield f"  runs in BigQuery: {job_id}"
    if run.failed_job:
        yield f"  last failed job: {run.failed_job}"


def _numbers(phase: PhaseState) -> str:
    rows = [] if phase.rows is None else [f"{phase.rows:,} rows"]
    seconds = [] if phase.seconds is None else [f"{phase.seconds:.1f} s"]
    return f" ({', '.join(rows + seconds)})" if rows or seconds else ""
