"""The status of run dates as text: the newest ones in short, or one in detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.evaluation.due_evaluations import due_runs
from pipeline.explain.status.status import DateState, RunState
from pipeline.project.project import Job
from pipeline.runs.claims import claimed_dates, claims_of
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.opening import run_of
from pipeline.runs.publications import publications, published, settled_variants, versions_of
from pipeline.runs.run import Run
from pipeline.runs.session import Session

SHOWN = 7
"""Number of run dates that are shown by default."""


@dataclass(frozen=True)
class DateLine:
    """State of a run date in short.

    Parameters
    ----------
    rows
        Published rows of the newest run.
    evaluated
        Whether the published predictions were evaluated with the current SQL.
    summary
        State of the newest run, in words.
    """

    run_date: date
    run_id: str
    generation: int
    rows: int
    evaluated: bool
    summary: str


def recent_dates(session: Session, job: Job, most: int) -> list[DateLine]:
    """Return the states of the newest run dates that were claimed, oldest first; nothing is written."""
    days = claimed_dates(session, job)[-most:]
    if not days:
        return []
    events = Ledger(session, job.name).events(days[0], days[-1])
    evaluated = set(publications(events)) - {run.run_date for run in due_runs(session, job, events)}
    rows_of, lines = Counter[str](), []
    for version in {job.spec.predictions.version, *versions_of(job, events).values()}:
        own_job = job.of_version(version)
        if session.warehouse.tables.exists(session.target.table(own_job.predictions_table)):
            for row in published(session, own_job, days[0], days[-1]):
                rows_of[row["run_id"]] += row["row_count"]
    for day in days:
        newest = next(reversed(claims_of(session, job, day)), None)
        if newest is None:  # the claims were deleted
            continue
        run = run_of(session, job, day, newest)
        own = [row for row in events if row["run_id"] == run.run_id]
        rows = rows_of[run.run_id]
        summary = _summary(run, newest.defines["variants"], own, rows)
        lines.append(DateLine(day, run.run_id, run.generation, rows, day in evaluated, summary))
    return lines


def _summary(run: Run, variants: Sequence[str], events: Sequence[Mapping[str, Any]], rows: int) -> str:
    done = settled_variants(events, "published").get(run.run_id, set())
    failed = set(variants) - done
    if done and failed <= settled_variants(events, "failed").get(run.run_id, set()):
        without = f", without {', '.join(sorted(failed))}: failed" if failed else ""
        return f"{rows:,} rows published{without}"
    void = run.session.store.read_json(run.layout.void)
    if void is not None:
        return f"void: {void['reason']}"
    phases = list(dict.fromkeys(row["phase"] for row in events if row["event"] == "done"))
    return f"unfinished: {', '.join(phases) or 'no phase'} done"


def date_lines(state: DateState) -> Iterator[str]:
    """Return the lines about one run date; the last one tells what the next command would do."""
    if not state.runs:
        yield f"{state.job} {state.run_date}: nothing was done yet"
    for run in state.runs:
        yield from _run_lines(run)
    yield f"next: pipeline run {state.job} --run-date {state.run_date}: {state.next}"


def recent_lines(job: str, lines: Sequence[DateLine], place: str) -> Iterator[str]:
    """Return a line for each run date; without run dates, one line that names the place."""
    if not lines:
        yield f"{job}: nothing was done yet in {place}"
    for line in lines:
        ending = ", evaluated" if line.evaluated else ""
        yield f"{line.run_date}  {line.run_id}  generation {line.generation}  {line.summary}{ending}"


def _run_lines(run: RunState) -> Iterator[str]:
    definition = "" if run.present else ", with another definition than the job's current one"
    why = {"superseded": f" by {run.why}", "void": f": {run.why}"}.get(run.state, "")
    yield f"{run.run_id} generation {run.generation}: {run.state}{why}{definition}"
    for phase in run.phases:
        numbers = [] if phase.rows is None else [f"{phase.rows:,} rows"]
        numbers += [] if phase.seconds is None else [f"{phase.seconds:.1f} s"]
        yield f"  {phase.phase:<11}{phase.state:<8} {phase.summary}" + (f" ({', '.join(numbers)})" if numbers else "")
    yield from (f"  failed: {variant}" for variant in run.failed_variants)
    yield from (f"  check failed: {check}" for check in run.failed_checks)
    yield from (f"  running in BigQuery: {job_id}" for job_id in run.running)
    if run.failed_job:
        yield f"  last failed job: {run.failed_job}"
