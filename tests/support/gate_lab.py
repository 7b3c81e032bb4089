"""A job with cheap variants whose comparisons a test writes itself, so the gate needs no evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from pipeline.project.job_yaml import Gate
from pipeline.project.project import Job, Variant
from pipeline.runs.session import Session
from tests.support.changed_variants import job_of, publish, rate
from tests.support.integration_fixtures import edited, reader

FIRST = date(2013, 7, 1)
DELAY = 2
GATE = Gate(metric="log_loss", guard_rails={"auc": 0.01}, min_days=3, max_windows=2)
BETTER = (-0.030, -0.031, -0.032)
"""Differences of the log loss with a certain gain."""


def day(number: int) -> date:
    """Return the run date of a number, from 0."""
    return FIRST + timedelta(days=number)


def mature(number: int) -> date:
    """Return the day on which the labels of a run date are known."""
    return day(number) + timedelta(days=DELAY)


def gated_job(job: Job, *challengers: str, gate: Gate | None = GATE) -> Job:
    """Return a job with a unique name, the champion `old` and challengers."""
    variants: list[Variant] = [rate(job, 20.0, "old")]
    variants += [rate(job, 5.0 + number, name) for number, name in enumerate(challengers or ("new",))]
    named = replace(job_of(job, *variants), name=f"g{uuid4().hex[:8]}")
    return edited(named, gate=gate, labels=job.spec.labels.model_copy(update={"delay_days": DELAY}))


def variant(job: Job, name: str) -> str:
    """Return the id of a variant."""
    return next(variant.id for variant in job.variants if variant.name == name)


def compare(
    session: Session,
    job: Job,
    first: int,
    values: Sequence[float | None],
    *,
    challenger: str = "new",
    champion: str = "old",
    metric: str = "log_loss",
) -> None:
    """Write comparisons as evaluations do: challenger minus champion, one value a day."""
    columns = (
        "job, run_date, run_id, evaluation_id, champion, challenger, metric, n, difference, sql_version, sql_digest"
    )
    rows = ", ".join(
        f"('{job.name}', DATE '{day(first + number)}', 'r', 'e', '{variant(job, champion)}',"
        f" '{variant(job, challenger)}', '{metric}', 100, {'NULL' if value is None else value}, 'm_v1', 'd',"
        " TIMESTAMP '2013-08-01')"
        for number, value in enumerate(values)
    )
    reader(session)(f"INSERT INTO ml.comparisons_v1 ({columns}, evaluated_at) VALUES {rows}")


def life(session: Session, job: Job, days: int, values: Mapping[str, Sequence[float | None]]) -> None:
    """Publish run dates, and write comparisons of challengers that keep the guard rail."""
    publish_days(session, job, days)
    for challenger, differences in values.items():
        compare(session, job, 0, differences, challenger=challenger)
        compare(session, job, 0, [0.0] * len(differences), challenger=challenger, metric="auc")


def publish_days(session: Session, job: Job, days: int) -> None:
    """Publish run dates; only the first one has a run."""
    publish(session, job, day(0))
    rows = ", ".join(
        f"(DATE '{day(number)}', 'r', 'm', '{published.id}', DATE '{day(number)}', 'AA', 1, 'JFK', 0.5)"
        for number in range(1, days)
        for published in job.variants
    )
    columns = "run_date, run_id, model_id, variant, flight_date, carrier, flight, origin, score"
    reader(session)(f"INSERT INTO ml.{job.predictions_table} ({columns}) VALUES {rows}")


def verdicts(session: Session, job: Job) -> list[dict[str, Any]]:
    """Return the verdicts of the gate by run date and challenger, with names of variants."""
    columns = "run_date, champion, challenger, verdict, reason, n, needed_n, difference, low, high"
    rows = reader(session)(
        f"SELECT {columns} FROM ml.verdicts_v1 WHERE job = '{job.name}' AND verdict NOT IN ('first', 'replace')"
        " ORDER BY run_date, challenger"
    )
    return [row | {name: short(row[name]) for name in ("champion", "challenger")} for row in rows]


def champions(session: Session, job: Job) -> list[tuple[date, str]]:
    """Return the champions with their first run date, in the order of the decisions."""
    columns = "from_run_date, variant"
    rows = reader(session)(f"SELECT {columns} FROM ledger.champions_v1 WHERE job = '{job.name}' ORDER BY decided_at")
    return [(row["from_run_date"], str(short(row["variant"]))) for row in rows]


def short(name: str | None) -> str | None:
    """Return the name in a variant id."""
    return name and name.partition("@")[0]
