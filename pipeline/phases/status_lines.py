"""Status as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.phases.recent_dates import DateLine
from pipeline.phases.run_facts import PhaseState
from pipeline.phases.status import DateState, RunState


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
