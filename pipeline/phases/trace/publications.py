"""What was loaded and published of a run's predictions, as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.lineage import Graph, Node
from pipeline.lineage.history import versions
from pipeline.lineage.judgement import add_first
from pipeline.phases.trace.runs import GONE, TracedRun

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
