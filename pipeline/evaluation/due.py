"""Which published run dates are due for an evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.base.digests import digest_json
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.runs.publications import Models, publications
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Subject:
    """What is evaluated: the models that the newest run of a run date published, and the SQL that judges them."""

    job: Job
    run_date: date
    run_id: str
    models: Models
    sql_digests: tuple[str, str]

    @property
    def digest(self) -> str:
        """Digest of models, SQL, label parameters and slices: the same subject is evaluated once."""
        spec = self.job.spec
        judged_by = [spec.metrics.parameters, spec.weight, spec.cluster, spec.example_key]
        return digest_json(
            [
                self.run_id,
                self.models,
                self.sql_digests,
                spec.labels.parameters,
                spec.prediction_key,
                spec.slices,
                judged_by,
            ]
        )


def waiting_subjects(session: Session, job: Job, events: Sequence[Mapping[str, Any]]) -> list[Subject]:
    """Return what the events say was published, and not evaluated as it stands with the present SQL."""
    done = _evaluations(events)
    return [subject for subject in _subjects(session, job, events) if subject.digest not in done]


def _late_subjects(
    session: Session, job: Job, events: Sequence[Mapping[str, Any]], day: date
) -> list[tuple[Subject, int]]:
    """Return what was evaluated with labels of an earlier day and may have got others since, with their checksum."""
    if not job.spec.reevaluate_days:
        return []
    first = day - timedelta(days=job.spec.labels.delay_days + job.spec.reevaluate_days)
    done, moment = _evaluations(events), job.as_of(day)
    return [
        (subject, last["labels"]["checksum"])
        for subject in _subjects(session, job, events)
        if subject.run_date >= first and (last := done.get(subject.digest))
        if datetime.fromisoformat(last["as_of"]) < moment
    ]


def _evaluations(events: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the details of the last evaluation of each subject, by its digest."""
    details = (json.loads(row["details"]) for row in events if row["event"] == "evaluated")
    return {each["subject"]: each for each in sorted(details, key=lambda each: datetime.fromisoformat(each["as_of"]))}


def _subjects(session: Session, job: Job, events: Sequence[Mapping[str, Any]]) -> list[Subject]:
    names = (MetricSpec.of(job).asset, job.spec.labels.sql)
    first, second = (session.catalogue.get(name).digest for name in names)
    return [
        Subject(job, run_date, run_id, models, (first, second))
        for run_date, (run_id, models) in publications(events).items()
    ]
