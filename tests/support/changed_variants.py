"""Jobs of cheap variants with changing configuration, for tests of the results of runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pipeline.project.project import Job, Variant, read_variant
from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.champions import name_champion
from pipeline.runs.opening import open_run
from pipeline.runs.session import Session
from tests.support.integration_fixtures import edited, reader

FIRST, MIDDLE, LAST = DAYS = [date(2013, 7, day) for day in (3, 4, 5)]
ROWS = 16
"""Flights of each run date."""


def rate(job: Job, prior_flights: float, name: str = "rate") -> Variant:
    """Return a variant that fits quickly; another prior gives another variant id."""
    read = read_variant(job.folder / "carrier_hour_rate.yaml")
    return Variant(name, read.path, read.config.model_copy(update={"params": {"prior_flights": prior_flights}}))


def job_of(job: Job, *variants: Variant) -> Job:
    """Return the job with these variants and no baseline; labels of the fixtures never mature."""
    spec = job.spec.model_copy(
        update={
            "variants": [variant.name for variant in variants],
            "baselines": [],
            "predictions": job.spec.predictions.model_copy(update={"shards": 1}),
            "labels": job.spec.labels.model_copy(update={"delay_days": 300}),
        }
    )
    return replace(job, spec=spec, variants=variants)


def job_with_prior(job: Job, prior_flights: float) -> Job:
    """Return the job with one variant of this prior."""
    return job_of(job, rate(job, prior_flights))


def maturing(job: Job, delay_days: int = 2) -> Job:
    """Return the job with labels that are known some days after the run date."""
    return edited(job, labels=job.spec.labels.model_copy(update={"delay_days": delay_days}))


def with_version(job: Job, version: int) -> Job:
    """Return the job with another version of its predictions."""
    predictions = job.spec.predictions.model_copy(update={"version": version})
    return replace(job, spec=job.spec.model_copy(update={"predictions": predictions}))


def publish(session: Session, job: Job, day: date) -> None:
    """Publish one row of each variant and name the champion, as a run does, without its work."""
    run, variants = open_run(session, job, day, rerun=True), [variant.id for variant in job.variants]
    rows = [f"('{day}', '{run.run_id}', 'm', '{variant}', '{day}', 'AA', 1, 'JFK', 0.5)" for variant in variants]
    columns = "run_date, run_id, model_id, variant, flight_date, carrier, flight, origin, score"
    reader(session)(f"INSERT INTO ml.{job.predictions_table} ({columns}) VALUES {', '.join(rows)}")
    name_champion(run, [Manifest(run.run_id, "m", variant, ()) for variant in variants])


def seen(session: Session, job: Job) -> dict[date, str]:
    """Return the variant that consumers see on each run date."""
    rows = reader(session)(f"SELECT DISTINCT run_date, variant FROM ml.{job.predictions_view} ORDER BY run_date")
    assert len({row["run_date"] for row in rows}) == len(rows), "a run date shows two variants"
    return {row["run_date"]: row["variant"] for row in rows}


def decisions(session: Session, job: Job) -> list[tuple[date, str, str]]:
    """Return the recorded champions in the order of the decisions."""
    columns = "from_run_date, variant, reason"
    rows = reader(session)(f"SELECT {columns} FROM ledger.champions_v1 WHERE job = '{job.name}' ORDER BY decided_at")
    return [tuple(row.values()) for row in rows]


def verdicts(session: Session, job: Job) -> list[tuple[date, str, str]]:
    """Return the verdicts by run date."""
    columns = "run_date, champion, verdict"
    rows = reader(session)(f"SELECT {columns} FROM ml.verdicts_v1 WHERE job = '{job.name}' ORDER BY run_date, verdict")
    return [tuple(row.values()) for row in rows]
