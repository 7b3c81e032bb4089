"""Published runs that are due for an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.base.digests import digest_json
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.publications import PublishedModels, publications, versions_of
from pipeline.runs.session import Session


@dataclass(frozen=True)
class DueRun:
    """The models that the newest run of a run date published, with the SQL that evaluates them.

    Parameters
    ----------
    job
        The job with the version of predictions that the run published.
    sql_digests
        Digests of the SQL of the metrics and of the labels.
    """

    job: Job
    run_date: date
    run_id: str
    models: PublishedModels
    sql_digests: tuple[str, str]

    @property
    def digest(self) -> str:
        """Digest of models, SQL, label parameters and slices: the same combination is evaluated once."""
        spec = self.job.spec
        judged_by = [spec.metrics.parameters, spec.weight, spec.cluster, spec.example_key]
        parts = [self.run_id, self.models, self.sql_digests, spec.labels.parameters, spec.prediction_key, spec.slices]
        return digest_json([*parts, judged_by])


def due_runs(session: Session, job: Job, events: Sequence[Mapping[str, Any]]) -> list[DueRun]:
    """Return the published runs that have no evaluation with the present SQL, by their events."""
    done = _evaluations(events)
    return [run for run in _published_runs(session, job, events) if run.digest not in done]


def runs_with_late_labels(
    session: Session, job: Job, events: Sequence[Mapping[str, Any]], day: date
) -> list[tuple[DueRun, int]]:
    """Return runs whose labels may have changed since their evaluation, each with the checksum of its labels then."""
    if not job.spec.reevaluate_days:
        return []
    first = day - timedelta(days=job.spec.labels.delay_days + job.spec.reevaluate_days)
    done, moment = _evaluations(events), job.as_of(day)
    return [
        (run, last["labels"]["checksum"])
        for run in _published_runs(session, job, events)
        if run.run_date >= first and (last := done.get(run.digest))
        if datetime.fromisoformat(last["as_of"]) < moment
    ]


def _evaluations(events: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the details of the last evaluation, by the digest of what was evaluated."""
    evaluations = [json.loads(row["details"]) for row in events if row["event"] == "evaluated"]
    evaluations.sort(key=lambda details: datetime.fromisoformat(details["as_of"]))
    return {details["subject"]: details for details in evaluations}


def _published_runs(session: Session, job: Job, events: Sequence[Mapping[str, Any]]) -> list[DueRun]:
    metrics, labels = (session.catalogue.get(name).digest for name in (MetricSpec.of(job).asset, job.spec.labels.sql))
    versions = versions_of(job, events)
    return [
        DueRun(job.of_version(versions[run_id]), run_date, run_id, models, (metrics, labels))
        for run_date, (run_id, models) in publications(events).items()
    ]
