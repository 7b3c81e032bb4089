"""State of one run date: its runs, and what the next `pipeline run` would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.base.digests import digest_json
from pipeline.errors import PermissionMissing, readable
from pipeline.evaluation.due_evaluations import due_runs
from pipeline.explain.status.run_facts import DONE, MISSING, PART, PhaseState, RunFacts, failed_checks, phase_states
from pipeline.project.project import Job
from pipeline.runs.claims import Claim, claimed_dates, claims_of
from pipeline.runs.identity import changes, run_definition
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.opening import published_after, run_of
from pipeline.runs.publications import publications
from pipeline.runs.run import Run
from pipeline.runs.session import Session

ALL_PHASES = "preprocess, train, predict, load"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunState:
    """State of one run.

    Parameters
    ----------
    state
        `published`, `unfinished`, `superseded` or `void`.
    why
        The run that supersedes it, or the reason why it is void.
    present
        Whether it has the job's current definition.
    failed_variants
        Variants that failed while the others went on, each with its phase and reason.
    running, failed_job
        BigQuery jobs that are running, and the last failed one with its message; looked up for unfinished runs only.
    """

    run_id: str
    generation: int
    state: str
    why: str
    present: bool
    phases: list[PhaseState]
    failed_checks: list[str] = field(default_factory=list)
    failed_variants: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    failed_job: str = ""


@dataclass(frozen=True)
class DateState:
    """State of one run date: its newest run, the run of the job's current definition, and the next command's work."""

    job: str
    run_date: date
    runs: list[RunState]
    next: str


def status_of(session: Session, job: Job, run_date: date) -> DateState:
    """Return the state of a run date; nothing is claimed or written."""
    claims = claims_of(session, job, run_date) if run_date in claimed_dates(session, job) else []
    if not claims:
        return DateState(job.name, run_date, [], new_generation(1, "", []))
    definition = run_definition(job, session.catalogue)
    current = [claim for claim in claims if claim.definition == digest_json(definition)][-1:]
    events = Ledger(session, job.name).events(EARLIEST, run_date)
    states: dict[int, tuple[RunState, RunFacts]] = {}
    for generation, claim in sorted({claim.generation: claim for claim in [*current, claims[-1]]}.items()):
        run = run_of(session, job, run_date, claim)
        states[generation] = _look(run, claims, claim, events, present=claim in current)
    last = run_date - timedelta(days=job.spec.labels.delay_days)
    due = [run.run_date for run in due_runs(session, job, [row for row in events if row["run_date"] <= last])]
    if current:
        next_work = _joining(job, claims, *states[current[0].generation], due)
    else:
        why = f"{', '.join(changes(claims[-1].defines, definition))} changed since {claims[-1].run_id}"
        next_work = new_generation(claims[-1].generation + 1, why, due)
    return DateState(job.name, run_date, [state for state, _ in states.values()], next_work)


def remaining_work(job: str, phases: Sequence[PhaseState], missing_variants: int, due: Sequence[date]) -> str:
    """Return what is left to do for a run.

    Parameters
    ----------
    phases
        States of preprocess, train, predict and load.
    missing_variants
        Number of variants without a model.
    due
        Run dates that are evaluated afterwards, as far as their labels are known.
    """
    parts = []
    for phase in phases:
        if phase.state != DONE:
            models = f" {job}'s {missing_variants} missing variant{'s'[: missing_variants > 1]}"
            parts.append(phase.phase + (models if phase.phase == "train" else ""))
    return ", then ".join([*parts, *_evaluations(due)]) or "nothing: all done"


def new_generation(generation: int, why: str, due: Sequence[date]) -> str:
    """Return the work that starts with claiming a generation.

    Parameters
    ----------
    why
        Reason for it; empty for the first one.
    due
        Run dates that are evaluated afterwards, as far as their labels are known.
    """
    claim = f"claims generation {generation}" + (f" because {why}" if why else "")
    return ", then ".join([claim, ALL_PHASES, *_evaluations(due)])


def _evaluations(due: Sequence[date]) -> list[str]:
    return [f"evaluate {', '.join(str(day) for day in due)} where labels are known"] if due else []


def _joining(job: Job, claims: Sequence[Claim], state: RunState, facts: RunFacts, due: Sequence[date]) -> str:
    """Return what the next command does if a run of the current definition was claimed already."""
    if state.state == "superseded":
        return f"nothing: superseded by {state.why}; --rerun publishes this definition again"
    if state.state == "void":
        return new_generation(claims[-1].generation + 1, f"{state.run_id} is void ({state.why})", due)
    phases = [] if facts.published else state.phases[:-1]
    return remaining_work(job.name, phases, len(facts.variants) - len(facts.models), due)


def _look(run: Run, claims: Sequence[Claim], claim: Claim, events: Rows, *, present: bool) -> tuple[RunState, RunFacts]:
    """Return the state of a claimed run, and everything that it left behind."""
    facts = RunFacts.read(run, claim, [row for row in events if row["run_date"] == run.run_date])
    newer = published_after(run, claims)
    if newer:
        state, why = "superseded", newer.run_id
    elif (void := run.session.store.read_json(run.layout.void)) is not None:
        state, why = "void", str(void["reason"])
    else:
        state, why = "published" if facts.done else "unfinished", ""
    phases = [*phase_states(facts), _evaluation(run, facts.events)]
    failed = [f"{item.variant} in {item.phase}: {readable(item.reason)}" for item in facts.failed.values()]
    run_state = RunState(claim.run_id, claim.generation, state, why, present, phases, failed_checks(facts), failed)
    return (_with_jobs(run_state, run) if state == "unfinished" else run_state), facts


def _with_jobs(state: RunState, run: Run) -> RunState:
    try:
        jobs = run.session.warehouse.recent_jobs(f"{run.run_id}-", run.snapshot_at)
    except PermissionMissing as error:  # a reader of tables may lack the permission to list all users' jobs
        return replace(state, failed_job=f"unknown: {error}")
    return replace(state, running=list(jobs.running), failed_job=jobs.failure)


def _evaluation(run: Run, events: Rows) -> PhaseState:
    """Return the state of a run's evaluation, from the events of its run date."""
    session, job = run.session, run.job
    published = publications(events).get(run.run_date)
    if published is None or published[0] != run.run_id:
        summary = f"{published[0]} published last" if published else "nothing published yet"
        return PhaseState("evaluate", MISSING, summary)
    evaluated = [row for row in events if row["event"] == "evaluated"]
    if not due_runs(session, job, events):
        rows, seconds = (evaluated[-1]["row_count"], evaluated[-1]["seconds"]) if evaluated else (None, None)
        return PhaseState("evaluate", DONE, "evaluated with the labels known then", rows, seconds)
    day = run.run_date + timedelta(days=job.spec.labels.delay_days)
    matured = job.as_of(day) <= read_clock(session).moment
    summary = f"labels {'matured' if matured else 'mature'} on {day}; "
    summary += "evaluated for another run or with other SQL" if evaluated else "not evaluated yet"
    if matured:
        summary += f": run pipeline evaluate {job.name} --as-of {day}"
    return PhaseState("evaluate", PART if evaluated else MISSING, summary)
