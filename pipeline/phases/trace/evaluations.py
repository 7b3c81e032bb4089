"""Evaluations of what a run published, as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import RequestError
from pipeline.lineage import Graph
from pipeline.lineage.judgement import add_comparisons, add_evaluation, add_labels, add_metrics, add_undecided
from pipeline.lineage.rows import Row
from pipeline.phases.trace.runs import GONE, TracedRun, add_source
from pipeline.sql_assets import TableName
from pipeline.statements.evaluation import evaluation_metrics_statement


@dataclass(frozen=True)
class MetricAsked:
    """Metric rows besides the overall ones: of a slice, by name and value."""

    metric: str
    slice_name: str
    slice_value: str

    def covers(self, row: Row) -> bool:
        """Tell whether a metric row is meant."""
        return (row["metric"], row["slice_name"], row["slice_value"]) == (
            self.metric,
            self.slice_name,
            self.slice_value,
        )


def add_judgement(
    graph: Graph, traced: TracedRun, row: Row, slices: Mapping[str, str], asked: MetricAsked | None
) -> None:
    """Add an evaluation with its labels, and what it said of the published slices of a run.

    Parameters
    ----------
    row
        Its event.
    slices
        Ids of the slices by variant.
    asked
        Metric rows that are wanted besides the overall ones.
    """
    labels = add_labels(graph, row, _labels_state(traced, row))
    for name in _label_sources(traced, row):
        graph.connect(add_source(graph, traced.session, name), labels, f"read by {row['recorded_at']}")
    evaluation = add_evaluation(graph, row, labels)
    if traced.deep:
        rows = [each for each in _metrics(traced, row) if not each["slice_name"] or (asked and asked.covers(each))]
        add_metrics(graph, rows, evaluation, slices)
    for node in () if traced.deep else slices.values():  # no metrics in between
        graph.connect(node, evaluation)
    add_comparisons(graph, traced.history, row["evaluation_id"], slices)
    add_undecided(graph, traced.history, row)


def _metrics(traced: TracedRun, row: Row) -> list[dict[str, object]]:
    which = {"job": traced.run.job.name, "run_date": row["run_date"], "evaluation_id": row["evaluation_id"]}
    return traced.session.warehouse.rows(evaluation_metrics_statement(traced.session, which))


def _labels_state(traced: TracedRun, row: Row) -> str:
    table = row["details"].get("labels_table")
    if not traced.deep or not table:
        return ""
    return "" if traced.session.warehouse.tables.exists(TableName.parse(table)) else GONE


def _label_sources(traced: TracedRun, row: Row) -> list[str]:
    """Return the sources that the labels SQL reads; all of the run's where that version is not here."""
    sql = row["details"].get("labels_sql")
    try:
        asset = traced.session.catalogue.get(sql["name"]) if sql else None
    except RequestError:  # it was removed since
        asset = None
    if asset is None or asset.digest != sql["digest"]:
        return list(traced.sources)
    return [name for name in traced.sources if name in asset.header.identifiers]
