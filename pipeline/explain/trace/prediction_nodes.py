"""Nodes of a run's predictions: files, manifests, loaded tables and published slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.explain.trace.evaluation_nodes import add_load_decision
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import Row, versions
from pipeline.explain.trace.model_nodes import MODEL
from pipeline.explain.trace.run_nodes import GONE, TracedRun
from pipeline.runs.artefacts.predictions import ShardFile, committed_manifest, committed_shards, shard_counts
from pipeline.runs.layout import manifest_in

FILE, MANIFEST = "predictions file", "manifest"
LOADED, PUBLISHED = "loaded predictions", "published predictions"


@dataclass(frozen=True)
class PredictionSet:
    """The predictions of one model for a run.

    Parameters
    ----------
    variant
        Empty if only the folder's name tells it.
    folder
        Address of their folder.
    event
        The event of the complete set, if there is one.
    """

    variant: str
    model_id: str
    folder: str
    event: Row | None


def prediction_sets(traced: TracedRun) -> list[PredictionSet]:
    """Return the sets of predictions of a run that the ledger or the bucket names."""
    run = traced.run
    sets = {}
    for row in traced.history.of_run(run.run_id, "done", "predict"):
        folder = run.layout.predictions(row["variant"], row["model_id"])
        sets[folder] = PredictionSet(row["variant"], row["model_id"], folder, row)
    for folder in shard_counts(run) if traced.deep else ():
        sets.setdefault(folder, PredictionSet("", folder.rpartition("/")[2], folder, None))
    return list(sets.values())


def add_predictions(graph: Graph, traced: TracedRun, models: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Add the predictions of a run, and return the node ids of its published slices by variant.

    Parameters
    ----------
    models
        Node ids of models by model id: those of this run, or of the runs that made them.
    """
    slices: dict[str, str] = {}
    for predictions in prediction_sets(traced):
        made_by = models.get(predictions.model_id) or [_add_unknown_model(graph, predictions)]
        sources = [node for node in (traced.examples, *made_by) if node in graph]
        variant, manifest = _add_files(graph, traced, predictions, sources)
        published = _add_published(graph, traced, variant, predictions.model_id, manifest) if variant else None
        if published:
            slices[variant] = published
    return slices


def _add_unknown_model(graph: Graph, predictions: PredictionSet) -> str:
    facts = {"model_id": predictions.model_id, "variant": predictions.variant or None}
    state = "not in the ledger: its bundle was passed with --model"
    return graph.add(Node(MODEL, predictions.model_id, facts, state))


def _add_files(graph: Graph, traced: TracedRun, predictions: PredictionSet, sources: Sequence[str]) -> tuple[str, str]:
    """Add files and manifest, and return variant and node id of the manifest; both are empty without a manifest."""
    manifest = committed_manifest(traced.run, predictions.folder) if traced.deep else None
    shards: Sequence[ShardFile] = ()
    if manifest:
        shards = manifest.shards
    elif traced.deep:
        shards = list(committed_shards(traced.run, predictions.folder).values())
    objects = {item.uri: item for item in traced.session.store.list(f"{predictions.folder}/")} if shards else {}
    files = [graph.add(_file(shard, objects), sources) for shard in shards]
    row = predictions.event
    if manifest is None and row is None:
        return "", ""
    variant = predictions.variant or (manifest.variant if manifest else "")
    event = row or {}
    facts = {
        "variant": variant,
        "model_id": predictions.model_id,
        "rows": manifest.rows if manifest else event["row_count"],
        "rejected": (manifest.rejected if manifest else event["details"].get("rejected")) or None,
        "files": len(manifest.shards) if manifest else None,
    }
    state = GONE if traced.deep and manifest is None else ""
    return variant, graph.add(Node(MANIFEST, manifest_in(predictions.folder), facts, state), files or sources)


def _file(shard: ShardFile, objects: Mapping[str, Any]) -> Node:
    item = objects.get(shard.uri)
    if item is None:
        state = GONE
    else:
        is_same = (item.generation, item.size, item.crc32c) == shard.coordinates
        state = "" if is_same else "another object is in its place"
    facts = {
        "shard": shard.shard,
        "rows": shard.rows,
        "bytes": shard.size,
        "crc32c": shard.crc32c,
        "sha256": shard.sha256,
        "rejected": shard.rejected or None,
        "rejects": shard.rejects,
    }
    return Node(FILE, shard.uri, facts, state)


def _add_published(graph: Graph, traced: TracedRun, variant: str, model_id: str, manifest: str) -> str | None:
    """Add run table and published slice of a variant and model, and return the slice's node id, if there is one."""
    run = traced.run
    rows = (row for row in traced.history.of_run(run.run_id, "published") if row["variant"] == variant)
    published = next((row for row in rows if row["model_id"] == model_id), None)
    table = run.predictions_table(variant, model_id)
    count = traced.session.warehouse.tables.row_count(table) if traced.deep else None
    if published is None and count is None:
        return None
    loaded = graph.add(
        Node(LOADED, str(table), {"rows": count}, GONE if traced.deep and count is None else ""), [manifest]
    )
    if published is None:
        return None
    # A later generation replaces the slice under the same key, so the name holds the run.
    name = f"{traced.session.target.table(run.job.predictions_table)}@{run.run_date}/{variant} by {run.run_id}"
    node = graph.add(Node(PUBLISHED, name, _slice_facts(traced, published), _slice_state(traced, published)), [loaded])
    add_load_decision(graph, traced.history, published, node)
    return node


def _slice_facts(traced: TracedRun, row: Row) -> dict[str, Any]:
    details, champion = row["details"], traced.history.champion_of(traced.run.run_date)
    return {
        "rows": row["row_count"],
        "model_id": row["model_id"],
        "checksum": None if details.get("checksum") is None else str(details["checksum"]),
        "role": "champion" if champion == row["variant"] else details.get("role"),
        "sql": versions({row["sql_version"]: row["sql_digest"]}),
        "bigquery_jobs": details.get("jobs"),
    }


def _slice_state(traced: TracedRun, row: Row) -> str:
    """Return what happened to a published slice; a slice without rows cannot be seen in the table."""
    if not traced.deep or not row["row_count"]:
        return ""
    current = traced.slices.get(row["variant"])
    if current is None:
        return GONE
    is_same = (current.run_id, current.model_id) == (traced.run.run_id, row["model_id"])
    return "" if is_same else f"replaced by {current.run_id}"
