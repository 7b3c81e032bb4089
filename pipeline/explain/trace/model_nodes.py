"""Nodes of the examples and models of a run, and of the id<->index tables of its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import grouped, read_rows
from pipeline.explain.trace.run_nodes import EXAMPLES, GONE, TracedRun
from pipeline.models.bundle import BundleInfo
from pipeline.runs.artefacts.examples import counted, examples_unchanged
from pipeline.runs.artefacts.models import committed_model, models_by_marker
from pipeline.runs.publication_statements import id_map_rows_statement

MODEL = "model"
LOADED_IDS, IDS = "loaded ids", "ids"

ID_MAPS = "id_maps_v1"
"""Table that holds the id<->index tables of all models."""


def add_models(graph: Graph, traced: TracedRun) -> dict[str, str]:
    """Add examples and models of a run, and return the node ids of its models by model id."""
    _add_examples(graph, traced)
    run = traced.run
    rows = {row["variant"]: dict(row) for row in traced.history.models_by_run.get(run.run_id, [])}
    # A model is committed before the ledger records it.
    for variant in traced.claim.defines["variants"] if traced.claim and traced.deep else []:
        model = None if variant in rows else committed_model(run, variant)
        if model:
            rows[variant] = asdict(model)
    return {row["model_id"]: _add_model(graph, traced, row) for row in rows.values()}


def _add_examples(graph: Graph, traced: TracedRun) -> None:
    run, counts = traced.run, counted(traced.run) if traced.deep else None
    done = next(traced.history.of_run(run.run_id, "done", "preprocess"), None)
    if done is None and counts is None:
        return
    details = done["details"] if done else {}
    known = asdict(counts) if counts else details
    checks = [check for row in traced.history.of_run(run.run_id, "checked") for check in row["details"]["checks"]]
    table = run.table("examples")
    facts = {
        "rows": known.get("row_count"),
        "training_rows": known.get("training_rows"),
        "scoring_rows": known.get("scoring_rows"),
        "checks_failed": [check["check"] for check in checks if check["failed"]],
        "bigquery_jobs": details.get("jobs"),
        "commit": details.get("commit"),
    }
    exists = traced.session.warehouse.tables.exists
    is_there = not traced.deep or (examples_unchanged(run, counts) if counts else exists(table))
    graph.add(Node(EXAMPLES, str(table), facts, "" if is_there else GONE), [traced.node])


def _add_model(graph: Graph, traced: TracedRun, row: Mapping[str, Any]) -> str:
    names = ("model_id", "variant", "training_rows", "data_checksum", "code_digest", "bundle_digest")
    facts, state = {name: row[name] for name in names}, ""
    if traced.deep:
        content = traced.session.store.read_json(f"{row['uri']}/bundle.json")
        info = BundleInfo(content or {})
        if content is None:
            state = GONE
        elif info.digest != row["bundle_digest"]:  # what it holds describes another model
            state = "another bundle is in its place"
        else:
            facts |= {"class": content.get("model"), "commit": info.commit}
            facts |= {"model_sha256": content.get("model_sha256")}
    return graph.add(Node(MODEL, row["uri"], facts, state), [traced.examples] if traced.examples in graph else [])


def add_id_maps(graph: Graph, traced: TracedRun, models: Mapping[str, str]) -> None:
    """Add the id<->index tables of a run's models; the ledger alone does not name them.

    Parameters
    ----------
    models
        Node ids of models by model id.
    """
    written = {model.model_id: model.id_maps for model in models_by_marker(traced.run)} if traced.deep else {}
    if not traced.deep or all(written.get(model_id) == {} for model_id in models):
        return
    run = traced.run
    published = grouped(
        read_rows(run.session, id_map_rows_statement(run.session, run.job.name, run.run_date)), "model_id"
    )
    recorded = {row["model_id"] for row in traced.history.models_by_run.get(run.run_id, [])}
    for model_id, node in models.items():
        counts = {row["map_name"]: row["row_count"] for row in published.get(model_id, [])}
        for name, rows in written.get(model_id, dict.fromkeys(counts)).items():
            table = run.id_map_table(graph[node].facts["variant"], name)
            loaded = run.session.warehouse.tables.row_count(table)
            # A model that the ledger does not have yet has not loaded its tables yet: they are not gone.
            if loaded is None and model_id not in recorded:
                continue
            source = graph.add(Node(LOADED_IDS, str(table), {"rows": loaded}, GONE if loaded is None else ""), [node])
            count = counts.get(name, 0)
            if count or model_id in recorded:
                ids = f"{run.session.target.table(ID_MAPS)}@{run.run_date}/{model_id}/{name}"
                graph.add(Node(IDS, ids, {"rows": count}, _id_map_state(rows, count)), [source])


def _id_map_state(written: int | None, published: int) -> str:
    """Compare the rows that a model's marker names, None if the marker is gone, with the published rows."""
    if written is None or written == published:
        return ""
    return "other rows are in its place" if published else GONE
