"""What is published of each run date and variant, and which sets of predictions are finished."""

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


PublishedModels = tuple[tuple[str, str], ...]
"""Variants and model ids of one run, sorted."""


class Slice(NamedTuple):
    """The published rows of a run date and variant: their run, their model and their number."""

    run_id: str
    model_id: str
    rows: int


def published(session: Session, job: Job, first: date, last: date) -> list[dict[str, Any]]:
    """Return run_date, variant, run_id, model_id and row_count of every published slice."""
    return session.warehouse.rows(published_statement(session, job, first, last))


def publications(events: Iterable[Mapping[str, Any]]) -> dict[date, tuple[str, PublishedModels]]:
    """Return the run of the newest published generation of each run date, and its variants and models with rows.

    Slices of earlier runs stay where a variant was changed or removed; they are not evaluated. The generation counts
    and not the moment of the event: a superseded run may record late what it had published before.
    """
    runs: dict[date, str] = {}
    models: dict[tuple[date, str], dict[str, str]] = {}
    for row in sorted((row for row in events if row["event"] == "published"), key=generation_of):
        runs[row["run_date"]] = row["run_id"]
        model_id = row["model_id"] if row["row_count"] else ""
        models.setdefault((row["run_date"], row["run_id"]), {})[row["variant"]] = model_id
    return {
        day: (run_id, tuple(sorted(pair for pair in models[day, run_id].items() if pair[1])))
        for day, run_id in sorted(runs.items())
    }


def versions_of(job: Job, events: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the version of the predictions that each run published, by run id: the table is in the event."""
    tables = {row["run_id"]: str(row.get("uri") or "") for row in events if row["event"] == "published"}
    present = job.spec.predictions.version
    return {run_id: job.version_of(table.rpartition(".")[2]) or present for run_id, table in tables.items()}


def generation_of(row: Mapping[str, Any]) -> int:
    """Return the generation in the event of a publication."""
    return int(json.loads(row["details"])["generation"])


def settled_variants(events: Iterable[Mapping[str, Any]], *kinds: str) -> dict[str, set[str]]:
    """Return the variants of each run that have an event of some kinds, by run id: by default `published`, or `failed`.

    A run without rows of a variant has published it, too. The failure of a champion is never an event.
    """
    variants: dict[str, set[str]] = {}
    for row in events:
        if row["event"] in (kinds or ("published", "failed")):
            variants.setdefault(row["run_id"], set()).add(row["variant"])
    return variants


def published_slices(run: Run) -> dict[str, Slice]:
    """Return the published slice of the run date, by variant."""
    rows = published(run.session, run.job, run.run_date, run.run_date)
    return {row["variant"]: Slice(row["run_id"], row["model_id"], row["row_count"]) for row in rows}


def is_published(manifest: Manifest, slices: Mapping[str, Slice]) -> bool:
    """Tell whether readers see exactly this set of predictions; of an empty set they see no rows."""
    expected = Slice(manifest.run_id, manifest.model_id, manifest.rows) if manifest.rows else None
    return slices.get(manifest.variant) == expected


def finished(run: Run, manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the sets that are published and recorded: a load without its event may not have named a champion yet."""
    return finished_among(manifests, run.ledger.events(run.run_date, run.run_date), published_slices(run))


def finished_among(
    manifests: Iterable[Manifest], events: Iterable[Mapping[str, Any]], slices: Mapping[str, Slice]
) -> list[Manifest]:
    """Return the finished sets, by the events and the published slices of their run date."""
    recorded = {(row["run_id"], row["variant"], row["model_id"]) for row in events if row["event"] == "published"}
    return [
        manifest
        for manifest in manifests
        if (manifest.run_id, manifest.variant, manifest.model_id) in recorded and is_published(manifest, slices)
    ]
