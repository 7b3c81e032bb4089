"""What was loaded and published of a run's predictions, as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.explain.trace.evaluations import add_first
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import versions
from pipeline.explain.trace.models import MODEL
from pipeline.explain.trace.runs import GONE, TracedRun
from pipeline.runs.artefacts.predictions import (
    Manifest,
    ShardFile,
    committed_manifest,
    committed_shards,
    prediction_folder,
    shard_counts,
)

LOADED, PUBLISHED = "loaded predictions", "published predictions"


def add_publication(graph: Graph, traced: TracedRun, key: tuple[str, str], manifest: str) -> dict[str, str]:
    """Add run table and published slice of a variant and model, and return the slice's id by its variant."""
    run, (variant, _) = traced.run, key
    published = traced.history.of_run(run.run_id, "published")
    row = next((row for row in published if (row["variant"], row["model_id"]) == key), None)
    table = run.predictions_table(*key)
    rows = traced.session.warehouse.tables.row_count(table) if traced.deep else None
    if row is None and rows is None:
        return {}
    state = GONE if traced.deep and rows is None else ""
    loaded = graph.add(Node(LOADED, str(table), {"rows": rows}, state), [manifest])
    if row is None:
        return {}
    node = graph.add(
        Node(PUBLISHED, _slice_name(traced, variant), _slice_facts(traced, row), _slice_state(traced, row)), [loaded]
    )
    add_first(graph, traced.history, variant, row, node)
    return {variant: node}


def _slice_name(traced: TracedRun, variant: str) -> str:
    """Name the slice that a run published of a variant: a later generation's replaces it under the same key."""
    table = traced.session.target.table(traced.run.job.predictions_table)
    return f"{table}@{traced.run.run_date}/{variant} by {traced.run.run_id}"


def _slice_facts(traced: TracedRun, row: Mapping[str, Any]) -> dict[str, Any]:
    details, champion = row["details"], traced.history.champion_of(traced.run.run_date)
    return {
        "rows": row["row_count"],
        "model_id": row["model_id"],
        "checksum": None if details.get("checksum") is None else str(details["checksum"]),
        "role": "champion" if champion == row["variant"] else details.get("role"),
        "sql": versions({row["sql_version"]: row["sql_digest"]}),
        "bigquery_jobs": details.get("jobs"),
    }


def _slice_state(traced: TracedRun, row: Mapping[str, Any]) -> str:
    """Return what became of a published slice; one without rows is seen by nobody."""
    if not traced.deep or not row["row_count"]:
        return ""
    seen = traced.slices.get(row["variant"])
    if seen is None:
        return GONE
    same = (seen.run_id, seen.model_id) == (traced.run.run_id, row["model_id"])
    return "" if same else f"replaced by {seen.run_id}"


FILE, MANIFEST = "predictions file", "manifest"


@dataclass(frozen=True)
class PredictionSet:
    """The predictions of one model for a run, and where they lie.

    Parameters
    ----------
    variant
        Empty where nothing but the folder's name tells it.
    folder
        Address of their folder.
    event
        What the ledger says of the complete set, if anything.
    """

    variant: str
    model_id: str
    folder: str
    event: Mapping[str, Any] | None

    @property
    def manifest(self) -> str:
        """Address of the manifest."""
        return f"{self.folder}/manifest.json"


def prediction_sets(traced: TracedRun) -> list[PredictionSet]:
    """Return the sets of predictions of a run: of the ledger, and of the bucket."""
    run, history = traced.run, traced.history
    found = {}
    for row in history.of_run(run.run_id, "done", "predict"):
        folder = prediction_folder(run, row["variant"], row["model_id"])
        found[folder] = PredictionSet(row["variant"], row["model_id"], folder, row)
    for folder in shard_counts(run) if traced.deep else ():
        found.setdefault(folder, PredictionSet("", folder.rpartition("/")[2], folder, None))
    return list(found.values())


def add_predictions(graph: Graph, traced: TracedRun, models: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Add the predictions of a run, and return the ids of its published slices by variant.

    Parameters
    ----------
    models
        Ids of the nodes of models, by model id: the run's own, or those of the runs that made them.
    """
    slices: dict[str, str] = {}
    for each in prediction_sets(traced):
        made_by = models.get(each.model_id) or [_add_stranger(graph, each)]
        variant, node = _add_files(graph, traced, each, [traced.examples, *made_by])
        if variant and node:
            slices |= add_publication(graph, traced, (variant, each.model_id), node)
    return slices


def _add_stranger(graph: Graph, each: PredictionSet) -> str:
    """Add a model that the ledger does not know: its bundle was passed with --model."""
    facts = {"model_id": each.model_id, "variant": each.variant or None}
    return graph.add(Node(MODEL, each.model_id, facts, "not in the ledger: its bundle was passed with --model"))


def _add_files(graph: Graph, traced: TracedRun, each: PredictionSet, made_by: Sequence[str]) -> tuple[str, str]:
    """Add files and manifest, and return the variant and the manifest's id; both empty where there is none."""
    sources = [node for node in made_by if node in graph]
    manifest = committed_manifest(traced.run, each.folder) if traced.deep else None
    shards = manifest.shards if manifest else _unlisted(traced, each)
    there = {item.uri: item for item in traced.session.store.list(f"{each.folder}/")} if shards else {}
    files = [graph.add(_file(shard, there), sources) for shard in shards]
    if manifest is None and each.event is None:
        return "", ""
    node = graph.add(_manifest(traced, each, manifest), files or sources)
    return manifest.variant if manifest else each.variant, node


def _unlisted(traced: TracedRun, each: PredictionSet) -> list[ShardFile]:
    """Return the files that are committed, of a set that is not complete."""
    return list(committed_shards(traced.run, each.folder).values()) if traced.deep else []


def _manifest(traced: TracedRun, each: PredictionSet, manifest: Manifest | None) -> Node:
    row = each.event or {}
    facts = {
        "variant": each.variant or (manifest.variant if manifest else None),
        "model_id": each.model_id,
        "rows": manifest.rows if manifest else row.get("row_count"),
        "rejected": (manifest.rejected if manifest else row.get("details", {}).get("rejected")) or None,
        "files": len(manifest.shards) if manifest else None,
    }
    return Node(MANIFEST, each.manifest, facts, GONE if traced.deep and manifest is None else "")


def _file(shard: ShardFile, there: Mapping[str, Any]) -> Node:
    found = there.get(shard.uri)
    changed = found and (found.generation, found.size, found.crc32c) != shard.coordinates
    facts = {
        "shard": shard.shard,
        "rows": shard.rows,
        "bytes": shard.size,
        "crc32c": shard.crc32c,
        "sha256": shard.sha256,
        "rejected": shard.rejected or None,
        "rejects": shard.rejects,
    }
    return Node(FILE, shard.uri, facts, "another object is in its place" if changed else "" if found else GONE)
