"""What the next `pipeline run` of a run date would do, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from pipeline.base.dates import EARLIEST
from pipeline.base.digests import digest_json
from pipeline.errors import PermissionMissing
from pipeline.evaluation.due import waiting_subjects
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


def goes_on(job: str, phases: Sequence[PhaseState], missing_variants: int, waiting: Sequence[date]) -> str:
    """Return what joining a run leads to.

    Parameters
    ----------
    phases
        How far the phases up to the publication are.
    missing_variants
        How many variants have no model yet.
    waiting
        Run dates that are evaluated afterwards, as far as their labels are known.
    """
    words = []
    for phase in phases:
        if phase.state == DONE:
            continue
        models = f" {job}'s {missing_variants} missing variant{'s'[: missing_variants > 1]}"
        words.append(phase.phase + (models if phase.phase == "train" else ""))
    words += _evaluations(waiting)
    return ", then ".join(words) if words else "nothing: all done"


def claims_anew(generation: int, why: str, waiting: Sequence[date]) -> str:
    """Return what follows from claiming a generation."""
    reason = f" because {why}" if why else ""
    ending = "".join(f", then {word}" for word in _evaluations(waiting))
    return f"claims generation {generation}{reason}, then {ALL_PHASES}{ending}"


def _evaluations(waiting: Sequence[date]) -> list[str]:
    return [f"evaluate {', '.join(str(day) for day in waiting)} where labels are known"] if waiting else []


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunState:
    """How far one run is.

    Parameters
    ----------
    state
        `published`, `unfinished`, `superseded` or `void`.
    why
        The run that supersedes it, or why it is void.
    present
        Whether it has the job's present definition.
    running, failed_job
        BigQuery jobs that run, and the last one that failed, with its words; looked for while a run is unfinished.
    """

    run_id: str
    generation: int
    state: str
    why: str
    present: bool
    phases: list[PhaseState]
    failed_checks: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    failed_job: str = ""


@dataclass(frozen=True)
class DateState:
    """How far a run date is: its newest run, that of the job's present definition, and what comes next."""

    job: str
    run_date: date
    runs: list[RunState]
    next: str


def status_of(session: Session, job: Job, run_date: date) -> DateState:
    """Look at a run date; nothing is claimed, made or written."""
    claims = claims_of(session, job, run_date) if run_date in claimed_dates(session, job) else []
    if not claims:
        return DateState(job.name, run_date, [], claims_anew(1, "", []))
    definition = run_definition(job, session.catalogue)
    present = [claim for claim in claims if claim.definition == digest_json(definition)][-1:]
    shown = {claim.generation: claim for claim in [*present, claims[-1]]}
    events = Ledger(session, job.name).events(EARLIEST, run_date)
    runs = {number: run_of(session, job, run_date, claim) for number, claim in sorted(shown.items())}
    looked = {
        number: _look(run, claims, shown[number], events, present=shown[number] in present)
        for number, run in runs.items()
    }
    last = run_date - timedelta(days=job.spec.labels.delay_days)
    waiting = _waiting(session, job, [row for row in events if row["run_date"] <= last])
    if present:
        words = _joins(job, claims, *looked[present[0].generation], waiting)
    else:
        why = f"{', '.join(changes(claims[-1].defines, definition))} changed since {claims[-1].run_id}"
        words = claims_anew(claims[-1].generation + 1, why, waiting)
    return DateState(job.name, run_date, [state for state, _ in looked.values()], words)


def _look(run: Run, claims: Sequence[Claim], claim: Claim, events: Rows, *, present: bool) -> tuple[RunState, RunFacts]:
    """Return the state of a claimed run, and what it left."""
    facts = RunFacts.read(run, claim, [row for row in events if row["run_date"] == run.run_date])
    state, why = _standing(run, claims, facts)
    phases = [*phase_states(facts), _evaluation(run, facts.events)]
    found = RunState(claim.run_id, claim.generation, state, why, present, phases, failed_checks(facts))
    return (_with_jobs(found, run) if state == "unfinished" else found), facts


def _standing(run: Run, claims: Sequence[Claim], facts: RunFacts) -> tuple[str, str]:
    newer = published_after(run, claims)
    if newer:
        return "superseded", newer.run_id
    void = run.session.store.read_json(run.layout.void)
    if void is not None:
        return "void", void["reason"]
    return ("published" if facts.published else "unfinished"), ""


def _with_jobs(state: RunState, run: Run) -> RunState:
    try:
        jobs = run.session.warehouse.recent_jobs(f"{run.run_id}-", run.snapshot_at)
    except PermissionMissing as error:  # who may look at tables need not be allowed to see everybody's jobs
        return replace(state, failed_job=f"not known: {error}")
    return replace(state, running=list(jobs.running), failed_job=jobs.failure)


def _evaluation(run: Run, events: Rows) -> PhaseState:
    """Return how far the evaluation of a run is, from the events of its run date."""
    session, job = run.session, run.job
    judged = publications(events).get(run.run_date)
    if judged is None or judged[0] != run.run_id:
        return PhaseState("evaluate", MISSING, f"{judged[0]} published last" if judged else "nothing published yet")
    known = [row for row in events if row["event"] == "evaluated"]
    if not waiting_subjects(session, job, events):
        rows, seconds = (known[-1]["row_count"], known[-1]["seconds"]) if known else (None, None)
        return PhaseState("evaluate", DONE, "metrics of the labels that were known", rows, seconds)
    day = run.run_date + timedelta(days=job.spec.labels.delay_days)
    matured = job.as_of(day) <= read_clock(session).moment
    said = f"labels {'matured' if matured else 'mature'} on {day}"
    then = f", pipeline evaluate {job.name} --as-of {day} does it" if matured else ""
    return (
        PhaseState("evaluate", PART, f"{said}; evaluated for another run or with other SQL{then}")
        if known
        else (PhaseState("evaluate", MISSING, f"{said}; not evaluated yet{then}"))
    )


def _joins(job: Job, claims: Sequence[Claim], state: RunState, facts: RunFacts, waiting: Sequence[date]) -> str:
    """Return what the next command does where a run of the present definition was claimed."""
    if state.state == "superseded":
        return f"nothing: superseded by {state.why}; --rerun publishes this definition again"
    if state.state == "void":
        return claims_anew(claims[-1].generation + 1, f"{state.run_id} is void ({state.why})", waiting)
    phases = [] if facts.published else state.phases[:-1]
    return goes_on(job.name, phases, len(facts.variants) - len(facts.models), waiting)


def _waiting(session: Session, job: Job, events: Rows) -> list[date]:
    return [subject.run_date for subject in waiting_subjects(session, job, events)]
