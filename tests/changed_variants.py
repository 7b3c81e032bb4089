"""Jobs of cheap variants whose configuration changes, for tests of what runs leave behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pipeline.project import Job, Variant, read_variant
from pipeline.session import Session
from tests.integration_fixtures import reader

FIRST, MIDDLE, LAST = DAYS = [date(2013, 7, day) for day in (3, 4, 5)]
ROWS = 16
"""Flights of each run date."""


def rate(job: Job, prior_flights: float, name: str = "rate") -> Variant:
    """A variant that fits in no time; another prior is another variant id."""
    read = read_variant(job.folder / "carrier_hour_rate.yaml")
    return Variant(name, read.path, read.config.model_copy(update={"params": {"prior_flights": prior_flights}}))


def job_of(job: Job, *variants: Variant) -> Job:
    """The job with these variants and no baseline; nothing of the fixtures ever matures."""
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
    """The job with one variant, of this prior."""
    return job_of(job, rate(job, prior_flights))


def with_version(job: Job, version: int) -> Job:
    """The job with another version of its predictions."""
    predictions = job.spec.predictions.model_copy(update={"version": version})
    return replace(job, spec=job.spec.model_copy(update={"predictions": predictions}))


def seen(session: Session) -> dict[date, tuple[str, int]]:
    """What consumers read: variant and rows of each run date."""
    rows = reader(session)(
        "SELECT run_date, variant, COUNT(*) AS n FROM ml.flight_delay__predictions GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert len({row["run_date"] for row in rows}) == len(rows), "a run date shows two variants"
    return {row["run_date"]: (row["variant"], row["n"]) for row in rows}


def decisions(session: Session) -> list[tuple[date, str, str]]:
    """The champions that were named, in the order in which that was decided."""
    rows = reader(session)("SELECT from_run_date, variant, reason FROM ledger.champions_v1 ORDER BY decided_at")
    return [tuple(row.values()) for row in rows]


def verdicts(session: Session) -> list[tuple[date, str, str]]:
    """Verdicts by run date."""
    rows = reader(session)("SELECT run_date, champion, verdict FROM ml.verdicts_v1 ORDER BY run_date, verdict")
    return [tuple(row.values()) for row in rows]
