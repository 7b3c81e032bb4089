"""What was measured of a run's drift, as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.lineage import Graph, Node
from pipeline.lineage.history import versions
from pipeline.phases.trace.runs import TracedRun
from pipeline.statements.drift import drift_rows_statement

DRIFT = "drift"


def add_drift(graph: Graph, traced: TracedRun, slices: Mapping[str, str]) -> None:
    """Add the drift of features, made from the examples, and that of each variant's predictions."""
    warehouse = traced.session.warehouse
    if not warehouse.tables.exists(traced.session.target.table("drift_v1")):
        return
    rows = warehouse.rows(drift_rows_statement(traced.run, of_labels=False))
    for variant in dict.fromkeys(row["variant"] for row in rows):
        own = [row for row in rows if row["variant"] == variant]
        facts = {
            "numbers": len(own),
            "warnings": [f"{row['feature']} {row['measure']}" for row in own if row["is_warning"]],
            "sql": versions({own[0]["sql_version"]: own[0]["sql_digest"]}),
        }
        source = slices.get(variant) if variant else traced.examples
        name = f"{traced.run.run_id} of {variant or 'features'}"
        graph.add(Node(DRIFT, name, facts), [source] if source and source in graph else [])
