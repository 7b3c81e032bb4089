"""Nodes of what followed from published predictions: labels, evaluations, metrics, verdicts, champions, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.errors import RequestError
from pipeline.evaluation.drift_statements import drift_rows_statement
from pipeline.evaluation.metric_statements import evaluation_metrics_statement
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import UNCHANGED, History, Row, grouped, read_rows, versions
from pipeline.explain.trace.run_nodes import GONE, TracedRun, add_source
from pipeline.sql import TableName

LABELS, EVALUATION, METRIC = "labels", "evaluation", "metric"
COMPARISON, VERDICT, CHAMPION = "comparison", "verdict", "champion"
DRIFT = "drift"


MetricSlice = tuple[str, str, str]
"""Metric, slice name and slice value; of the overall metric both are empty. It has a row for each variant."""


def add_evaluation(
    graph: Graph, traced: TracedRun, row: Row, slices: Mapping[str, str], extra: MetricSlice | None
) -> None:
    """Add an evaluation of a run with its labels, metrics, comparisons and verdicts.

    Parameters
    ----------
    row
        The event of the evaluation.
    slices
        Node ids of the published slices, by variant.
    extra
        A metric of a slice to add to the overall metrics.
    """
    details, evaluation_id = row["details"], row["evaluation_id"]
    facts = {
        "run_date": row["run_date"],
        "run_id": row["evaluated_run"],
        "labels_known_at": details["as_of"],
        "metrics": row["row_count"],
        "sql": _sql(row),
        "bigquery_jobs": details["jobs"],
        "commit": details["commit"],
        "evaluated_at": row["recorded_at"],
    }
    evaluation = graph.add(Node(EVALUATION, evaluation_id, facts), [_add_labels(graph, traced, row)])
    if traced.deep:
        key = {"job": traced.run.job.name, "run_date": row["run_date"], "evaluation_id": evaluation_id}
        rows = traced.session.warehouse.rows(evaluation_metrics_statement(traced.session, key))
        columns = ("metric", "slice_name", "slice_value")
        wanted = [row for row in rows if not row["slice_name"] or tuple(row[name] for name in columns) == extra]
        add_metrics(graph, wanted, evaluation, slices)
    else:  # without metrics in between
        for node in slices.values():
            graph.connect(node, evaluation)
    add_comparisons(graph, traced.history, evaluation_id, slices)
    add_verdicts_without_comparison(graph, traced.history, row)


def _add_labels(graph: Graph, traced: TracedRun, row: Row) -> str:
    """Add the table of labels of an evaluation and the sources that its SQL reads, and return the table's id."""
    details = row["details"]
    counts, sql, table = details["labels"], details["labels_sql"], details["labels_table"]
    facts = {
        "rows": counts["row_count"],
        "known_labels": counts["known"],
        "checksum": str(counts["checksum"]),
        "known_at": details["as_of"],
        "sql": versions({sql["name"]: sql["digest"]}),
        "parameters": details["labels_parameters"],
    }
    is_gone = traced.deep and not traced.session.warehouse.tables.exists(TableName.parse(table))
    labels = graph.add(Node(LABELS, table, facts, GONE if is_gone else ""))
    for name in _label_sources(traced, sql):
        graph.connect(add_source(graph, traced.session, name), labels, f"read by {row['recorded_at']}")
    return labels


def _label_sources(traced: TracedRun, sql: Mapping[str, str]) -> list[str]:
    """Return the sources that a labels SQL reads; all sources of the run if this project lacks that version."""
    try:
        asset = traced.session.catalogue.get(sql["name"])
    except RequestError:
        return list(traced.sources)
    is_same = asset.digest == sql["digest"]
    return [name for name in traced.sources if not is_same or name in asset.header.identifiers]


def add_metrics(graph: Graph, rows: Sequence[Row], evaluation: str, slices: Mapping[str, str]) -> list[str]:
    """Add metric rows of an evaluation, each made from the published slice of its variant, and return their ids."""
    ids = []
    for row in rows:
        suffix = f"/{row['slice_name']}={row['slice_value']}" if row["slice_name"] else ""
        name = f"{row['evaluation_id']}/{row['metric']}{suffix} {row['variant']}"
        facts = {column: row[column] for column in ("value", "low", "high", "n", "note", "model_id")}
        node = Node(METRIC, name, facts | {"sql": _sql(row)})
        ids.append(graph.add(node, [evaluation, *_known(slices, row["variant"])]))
    return ids


def add_comparisons(graph: Graph, history: History, evaluation_id: str, slices: Mapping[str, str]) -> None:
    """Add the comparisons of an evaluation, champion against each challenger, and the verdicts that they led to."""
    rows = history.comparisons_by_evaluation.get(evaluation_id, [])
    for challenger, metrics in grouped(rows, "challenger").items():
        first = metrics[0]
        champion = first["champion"]
        facts = {"difference": {row["metric"]: row["difference"] for row in metrics}, "sql": _sql(first)}
        sources = [f"{EVALUATION}:{evaluation_id}", *_known(slices, champion), *_known(slices, challenger)]
        node = graph.add(Node(COMPARISON, f"{evaluation_id} {challenger} against {champion}", facts), sources)
        for verdict in history.verdicts.led_to(first):
            _add_verdict(graph, history, verdict, node)


def add_verdicts_without_comparison(graph: Graph, history: History, row: Row) -> None:
    """Add the gate's verdicts on the run date of an evaluation that compared no variants."""
    for verdict in history.verdicts.on(row["run_date"]):
        if verdict["verdict"] in UNCHANGED and not verdict["challenger"]:
            _add_verdict(graph, history, verdict, f"{EVALUATION}:{row['evaluation_id']}")


def add_load_decision(graph: Graph, history: History, published: Row, node: str) -> None:
    """Add the decision of a load on its variant: the first champion, or the successor of a removed variant."""
    for verdict in history.verdicts.on(published["run_date"]):
        if verdict["verdict"] in ("first", "replace") and verdict["champion"] == published["variant"]:
            _add_verdict(graph, history, verdict, node)


def _add_verdict(graph: Graph, history: History, verdict: Row, source: str) -> None:
    """Add a verdict and the champion that it named, if any."""
    variant = verdict["challenger"] or verdict["champion"]
    words = [history.job.name, str(verdict["run_date"]), verdict["verdict"], variant]
    words += ["against", verdict["champion"]] if verdict["challenger"] else []
    facts = {column: verdict[column] for column in ("reason", "n", "needed_n", "difference", "low", "high")}
    node = graph.add(Node(VERDICT, " ".join(filter(None, words)), facts), [source])
    if verdict["verdict"] in UNCHANGED:
        return
    for row in history.champions:
        if (row["variant"], row["reason"]) == (variant, verdict["reason"]):
            facts = {column: row[column] for column in ("from_run_date", "decided_at", "reason")}
            graph.add(Node(CHAMPION, f"{history.job.name} {variant} from {row['from_run_date']}", facts), [node])


def add_drift(graph: Graph, traced: TracedRun, slices: Mapping[str, str]) -> None:
    """Add the drift of features, made from the examples, and of the predictions of each variant."""
    rows = read_rows(traced.session, drift_rows_statement(traced.run, of_labels=False))
    for variant, measures in grouped(rows, "variant").items():
        facts = {
            "numbers": len(measures),
            "warnings": [f"{row['feature']} {row['measure']}" for row in measures if row["is_warning"]],
            "sql": _sql(measures[0]),
        }
        source = slices.get(variant) if variant else traced.examples
        name = f"{traced.run.run_id} of {variant or 'features'}"
        graph.add(Node(DRIFT, name, facts), [source] if source and source in graph else [])


def _sql(row: Row) -> dict[str, str]:
    return versions({row["sql_version"]: row["sql_digest"]})


def _known(slices: Mapping[str, str], variant: str) -> list[str]:
    return [slices[variant]] if variant in slices else []
