"""What is published: the slice of each run date and variant, and which of them are finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.project.project import Job
from pipeline.runs.artefacts.predictions import Manifest
from pipeline.runs.publication_statements import published_statement
from pipeline.runs.session import Session

if TYPE_CHECKING:
    from pipeline.runs.run import Run


Models = tuple[tuple[str, str], ...]
"""Variants and models of one run, sorted."""


class Slice(NamedTuple):
    """The published rows of a run date and variant: where they come from, and how many there are."""

    run_id: str
    model_id: str
    rows: int


def published(session: Session, job: Job, first: date, last: date) -> list[dict[str, Any]]:
    """Return run_date, variant, run_id, model_id and row_count of every published slice."""
    return session.warehouse.rows(published_statement(session, job, first, last))


def publications(events: Iterable[Mapping[str, Any]]) -> dict[date, tuple[str, Models]]:
    """Return the run of the newest published generation of each run date, with its variants and models that have rows.

    Slices of earlier runs stay where a variant was changed or removed; nobody is judged by them. What counts is the
    generation and not the event's moment: a run that was superseded may record late what it had published before.
    """
    runs: dict[date, str] = {}
    models: dict[tuple[date, str], dict[str, str]] = {}
    of_publications = (row for row in events if row["event"] == "published")
    for row in sorted(of_publications, key=generation_of):
        runs[row["run_date"]] = row["run_id"]
        model_id = row["model_id"] if row["row_count"] else ""
        models.setdefault((row["run_date"], row["run_id"]), {})[row["variant"]] = model_id
    return {day: (run_id, _with_rows(models[day, run_id])) for day, run_id in sorted(runs.items())}


def generation_of(row: Mapping[str, Any]) -> int:
    """Return the generation of a publication, as its event says."""
    return int(json.loads(row["details"]).get("generation", 0))


def published_variants(events: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return which variants events say were published, by run id; also those that have no rows."""
    found: dict[str, set[str]] = {}
    for row in events:
        if row["event"] == "published":
            found.setdefault(row["run_id"], set()).add(row["variant"])
    return found


def _with_rows(models: Mapping[str, str]) -> Models:
    return tuple(sorted((variant, model_id) for variant, model_id in models.items() if model_id))


def published_slices(run: Run) -> dict[str, Slice]:
    """Return each variant's published slice of the run date."""
    rows = published(run.session, run.job, run.run_date, run.run_date)
    return {row["variant"]: Slice(row["run_id"], row["model_id"], row["row_count"]) for row in rows}


def is_published(manifest: Manifest, slices: dict[str, Slice]) -> bool:
    """Tell whether a complete set of predictions is what readers see; no rows are seen of an empty one."""
    found = slices.get(manifest.variant)
    return found == Slice(manifest.run_id, manifest.model_id, manifest.rows) if manifest.rows else found is None


def finished(run: Run, manifests: list[Manifest]) -> list[Manifest]:
    """Return the sets that are published and recorded: before its event a load may not have named a champion."""
    return finished_among(manifests, run.ledger.events(run.run_date, run.run_date), published_slices(run))


def finished_among(
    manifests: Iterable[Manifest], events: Iterable[Mapping[str, Any]], slices: dict[str, Slice]
) -> list[Manifest]:
    """Return the sets that are finished, by the events and the published slices of their run date."""
    recorded = {(row["run_id"], row["variant"], row["model_id"]) for row in events if row["event"] == "published"}
    return [
        manifest
        for manifest in manifests
        if (manifest.run_id, manifest.variant, manifest.model_id) in recorded and is_published(manifest, slices)
    ]
