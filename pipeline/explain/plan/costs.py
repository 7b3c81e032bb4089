"""Cost of one run date by statement: estimated by a dry run, or as billed for the last published run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pipeline.errors import RequestError
from pipeline.evaluation.metric_statements import labels_statement
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples_statements import examples_statement
from pipeline.runs.identity import run_definition, run_id_of
from pipeline.runs.job_statements import QueryScope
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.publications import publications
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Statement

PHASES = ("preprocess", "train", "load", "evaluate")
"""Phases whose events record bytes. If one command does predict and load, its events of load include predict."""

DRY_RUN = "dry run"

EVALUATIONS = 7
"""Number of latest evaluations that are looked at."""

ON_RUN_TABLES = "statements on tables of the run"

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StatementCost:
    """Cost of one statement for a run date.

    Parameters
    ----------
    times
        How often it is sent.
    bytes
        Bytes billed for all of these; None if unknown.
    origin
        `dry run`, the run whose events record the bytes, or the reason why they are unknown.
    """

    phase: str
    name: str
    times: int
    bytes: int | None
    origin: str


@dataclass(frozen=True)
class Recorded:
    """Recorded bill of a phase: for each statement how often it was sent, and bytes billed."""

    origin: str
    statements: Mapping[str, tuple[int, int]]


def statement_costs(session: Session, job: Job, day: date, events: Rows) -> list[StatementCost]:
    """Return the costs of the statements of a run date.

    Statements that read only sources are estimated by a dry run. All others read tables that the run makes: their bytes
    are those of the last published run, and unknown if there is none.

    Parameters
    ----------
    events
        The ledger's events of all run dates.
    """
    recorded = recorded_costs(job, events)
    dry_runs = {phase: _dry_run(session, phase, statement) for phase, statement in _on_sources(session, job, day)}
    return [cost for phase in PHASES for cost in _of_phase(phase, recorded.get(phase), dry_runs.get(phase))]


def recorded_costs(job: Job, events: Rows) -> dict[str, Recorded]:
    """Return the bill of the last published run by phase, and that of the most expensive of the latest evaluations.

    Evaluations differ: if one command makes several, the first is billed for the statements that all share.
    """
    costs: dict[str, Recorded] = {}
    for run_id, _ in reversed(publications(events).values()):
        own = [row for row in events if row["run_id"] == run_id and row["phase"] != "evaluate"]
        for phase in {row["phase"] for row in own}:
            _add(costs, phase, run_id, [row for row in own if row["phase"] == phase])
        if "preprocess" in costs:
            break
        costs.clear()  # an attempt that died before its event recorded no statements
    evaluated = sorted((row for row in events if row["event"] == "evaluated"), key=lambda row: row["recorded_at"])
    for row in sorted(evaluated[-EVALUATIONS:], key=lambda row: int(_details(row).get("bytes", 0)), reverse=True):
        _add(costs, "evaluate", f"{job.name}-{row['run_date']}", [row])
    return costs


def _details(row: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(row["details"] or "{}")
    return details


def _add(costs: dict[str, Recorded], phase: str, origin: str, rows: Rows) -> None:
    """Add the statements of a phase, summed over its events, unless the phase is known already."""
    total: dict[str, tuple[int, int]] = {}
    for row in rows:
        for name, (times, size) in _details(row).get("statements", {}).items():
            before = total.get(name, (0, 0))
            total[name] = (before[0] + times, before[1] + size)
    if total:
        costs.setdefault(phase, Recorded(origin, total))


def _on_sources(session: Session, job: Job, day: date) -> Iterator[tuple[str, Statement]]:
    """Yield the statements that read only sources, by phase, with the values of a run date."""
    run_id = run_id_of(job, day, run_definition(job, session.catalogue), 1)
    now = read_clock(session).moment
    run = Run(session, job, day, job.as_of(day), run_id, 1, snapshot_at=now, champion=None)
    yield "preprocess", examples_statement(run)
    scope = QueryScope(day, day, day, job.as_of(day + timedelta(days=job.spec.labels.delay_days)))
    yield "evaluate", labels_statement(session, job, run.table("labels"), scope)


def _dry_run(session: Session, phase: str, statement: Statement) -> StatementCost:
    name = statement.asset.name
    try:
        return StatementCost(phase, name, 1, session.warehouse.dry_run(statement), DRY_RUN)
    except RequestError as error:  # a source was not loaded yet, or the first run has to create a function
        return StatementCost(phase, name, 1, None, str(error))


def _of_phase(phase: str, recorded: Recorded | None, dry_run: StatementCost | None) -> Iterator[StatementCost]:
    bills = dict(recorded.statements) if recorded else {}
    origin = recorded.origin if recorded else ""
    if dry_run:
        times, size = bills.pop(dry_run.name, (1, None))
        if dry_run.bytes is not None:
            yield replace(dry_run, times=times, bytes=dry_run.bytes * times)
        else:
            yield dry_run if size is None else replace(dry_run, times=times, bytes=size, origin=origin)
    for name, (times, size) in sorted(bills.items()):
        yield StatementCost(phase, name, times, size, origin)
    if recorded is None:
        missing = "evaluation" if phase == "evaluate" else "run"
        yield StatementCost(phase, ON_RUN_TABLES, 0, None, f"no {missing} of the job is in the ledger yet")
