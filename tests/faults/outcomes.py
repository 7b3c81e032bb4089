"""Rows that readers see after a run, and rows that its files promise."""

from __future__ import annotations

import json
from typing import Any

from pipeline.project.project import Job
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from tests.support.integration_fixtures import reader

Rows = list[tuple[Any, ...]]


def published(session: Session, job: Job) -> Rows:
    """Return published rows by key, with their run and model."""
    sql = f"SELECT run_date, variant, flight, origin, run_id, model_id, score FROM ml.{job.predictions_table}"
    return sorted(tuple(row.values()) for row in reader(session)(sql))


def of_files(session: Session, run: Run) -> Rows:
    """Return the rows of all files in the manifests of a run, as they must be published."""
    rows = []
    for manifest in committed_manifests(run):
        lines = b"".join(session.store.read_bytes(uri) or b"" for uri in manifest.uris).splitlines()
        for row in map(json.loads, lines):
            own = (manifest.variant, row["flight"], row["origin"], run.run_id, manifest.model_id, row["score"])
            rows.append((run.run_date, *own))
    return sorted(rows)


def recorded(session: Session, job: Job) -> Rows:
    """Return all events of a job in the ledger, with duplicates."""
    sql = f"SELECT phase, event, run_id FROM ledger.events_v1 WHERE job = '{job.name}'"
    return sorted(tuple(row.values()) for row in reader(session)(sql))


def put(session: Session, uri: str, content: bytes | str) -> None:
    """Overwrite an object, which the pipeline never does."""
    session.store._blob(uri).upload_from_string(content)
