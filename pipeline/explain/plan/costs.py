"""What a run date costs, statement by statement: by a dry run, or as the last run that is done was billed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from pipeline.errors import RequestError
from pipeline.evaluation.statements import labels_statement
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples_statements import examples_statement
from pipeline.runs.identity import run_definition, run_id_of
from pipeline.runs.job_statements import Asked
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.publications import publications
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Statement

PHASES = ("preprocess", "train", "load", "evaluate")
"""Phases whose events tell what was billed; what predict looks up counts with load, where one command does both."""


DRY_RUN = "dry run"


EVALUATIONS = 7
"""Evaluations that are looked at, the last ones."""


ON_RUN_TABLES = "what reads tables of the run"


Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StatementCost:
    """What one statement costs a run date.

    Parameters
    ----------
    times
        How often it is sent.
    bytes
        Bytes billed for all of these; None where nobody knows.
    origin
        `dry run`, the run whose events say so, or why it is not known.
    """

    phase: str
    name: str
    times: int
    bytes: int | None
    origin: str


class DryRun(NamedTuple):
    """What BigQuery says of a statement: the bytes that it would be billed for, or why it does not know."""

    name: str
    bytes: int | None
    why: str


@dataclass(frozen=True)
class Recorded:
    """What events say that a phase was billed for: how often each statement was sent, and its bytes."""

    origin: str
    statements: Mapping[str, tuple[int, int]]


def statement_costs(session: Session, job: Job, day: date, events: Rows) -> list[StatementCost]:
    """Return what the statements of a run date cost.

    What reads sources alone is asked of BigQuery. The other statements read tables that the run makes: they take what
    the last run that is done was billed for; without one a phase is not known.

    Parameters
    ----------
    events
        The ledger's events of all run dates.
    """
    recorded = recorded_costs(job, events)
    asked = {phase: _dry_run(session, statement) for phase, statement in _on_sources(session, job, day)}
    return [cost for phase in PHASES for cost in _of_phase(phase, recorded.get(phase), asked.get(phase))]


def recorded_costs(job: Job, events: Rows) -> dict[str, Recorded]:
    """Return what the last run that is done was billed for, by phase, and the dearest of the last evaluations.

    Evaluations differ: of several in one command the first is billed for what all have in common.
    """
    found: dict[str, Recorded] = {}
    done = [run_id for run_id, _ in publications(events).values()]
    for run_id in reversed(done):
        own = [row for row in events if row["run_id"] == run_id and row["phase"] != "evaluate"]
        for phase in {row["phase"] for row in own}:
            _add(found, phase, run_id, [row for row in own if row["phase"] == phase])
        if "preprocess" in found:
            break
        found.clear()  # it was made before events told of statements
    evaluated = sorted((row for row in events if row["event"] == "evaluated"), key=lambda row: row["recorded_at"])
    for row in sorted(evaluated[-EVALUATIONS:], key=_bytes, reverse=True):
        _add(found, "evaluate", f"{job.name}-{row['run_date']}", [row])
    return found


def _bytes(row: Mapping[str, Any]) -> int:
    return int(json.loads(row["details"] or "{}").get("bytes", 0))


def _add(found: dict[str, Recorded], phase: str, origin: str, rows: Rows) -> None:
    total: dict[str, tuple[int, int]] = {}
    for row in rows:
        for name, (times, size) in json.loads(row["details"] or "{}").get("statements", {}).items():
            before = total.get(name, (0, 0))
            total[name] = (before[0] + times, before[1] + size)
    if total and phase not in found:
        found[phase] = Recorded(origin, total)


def _on_sources(session: Session, job: Job, day: date) -> Iterator[tuple[str, Statement]]:
    """Yield the statements that read nothing but sources, by phase, with the values of a run date."""
    run_id = run_id_of(job, day, run_definition(job, session.catalogue), 1)
    now = read_clock(session).moment
    run = Run(session, job, day, job.as_of(day), run_id, 1, snapshot_at=now, champion=None)
    yield "preprocess", examples_statement(run)
    asked = Asked(day, day, day, job.as_of(day + timedelta(days=job.spec.labels.delay_days)))
    yield "evaluate", labels_statement(session, job, run.table("labels"), asked)


def _dry_run(session: Session, statement: Statement) -> DryRun:
    name = statement.asset.name
    try:
        return DryRun(name, session.warehouse.dry_run(statement), "")
    except RequestError as error:  # a source that is not loaded, a function that the first run makes: it says what
        return DryRun(name, None, str(error))


def _of_phase(phase: str, recorded: Recorded | None, asked: DryRun | None) -> Iterator[StatementCost]:
    known = dict(recorded.statements) if recorded else {}
    if asked:
        yield _of_asked(phase, asked, known.pop(asked.name, None), recorded)
    for name, (times, size) in sorted(known.items()):
        yield StatementCost(phase, name, times, size, recorded.origin if recorded else "")
    if recorded is None:
        what = "evaluation" if phase == "evaluate" else "run"
        yield StatementCost(phase, ON_RUN_TABLES, 0, None, f"no {what} of the job is in the ledger yet")


def _of_asked(phase: str, asked: DryRun, known: tuple[int, int] | None, recorded: Recorded | None) -> StatementCost:
    """Return what a statement costs: what BigQuery says of the sources as they are now, else what it was."""
    times, size = known or (1, None)
    if asked.bytes is not None:
        return StatementCost(phase, asked.name, times, asked.bytes * times, DRY_RUN)
    return StatementCost(phase, asked.name, times, size, recorded.origin if recorded and known else asked.why)
