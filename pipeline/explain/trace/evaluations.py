"""What became of published predictions: evaluations, metrics, comparisons, verdicts and champions, as nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RequestError
from pipeline.evaluation.drift_statements import drift_rows_statement
from pipeline.evaluation.statements import evaluation_metrics_statement
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import JUDGED, History, Row, grouped, versions
from pipeline.explain.trace.runs import GONE, TracedRun, add_source
from pipeline.sql import TableName

LABELS, EVALUATION, METRIC = "labels", "evaluation", "metric"


COMPARISON, VERDICT, CHAMPION = "comparison", "verdict", "champion"


def add_evaluation(graph: Graph, row: Row, labels: str) -> str:
    """Add an evaluation that used a table of labels, and return its id."""
    details = row["details"]
    facts = {
        "run_date": row["run_date"],
        "run_id": row["judged"],
        "labels_known_at": details.get("as_of"),
        "metrics": row["row_count"],
        "sql": _sql(row),
        "bigquery_jobs": details.get("jobs"),
        "commit": details.get("commit"),
        "evaluated_at": row["recorded_at"],
    }
    return graph.add(Node(EVALUATION, row["evaluation_id"], facts), [labels])


def add_labels(graph: Graph, row: Row, state: str) -> str:
    """Add the table of labels that an evaluation used, and return its id."""
    details = row["details"]
    counts, sql = details.get("labels", {}), details.get("labels_sql")
    facts = {
        "rows": counts.get("row_count"),
        "known_labels": counts.get("known"),
        "checksum": str(counts.get("checksum", "")),
        "known_at": details.get("as_of"),
        "sql": versions({sql["name"]: sql["digest"]}) if sql else None,
        "parameters": details.get("labels_parameters"),
    }
    name = details.get("labels_table") or f"of evaluation {row['evaluation_id']}"
    return graph.add(Node(LABELS, name, facts, state))


def metric_name(row: Row) -> str:
    """Name a metric row: evaluation, metric, slice if any, variant."""
    where = f"/{row['slice_name']}={row['slice_value']}" if row["slice_name"] else ""
    return f"{row['evaluation_id']}/{row['metric']}{where} {row['variant']}"


def add_metrics(graph: Graph, rows: Sequence[Row], evaluation: str, slices: Mapping[str, str]) -> list[str]:
    """Add metric rows of an evaluation, each made from the published slice of its variant, and return their ids."""
    names = ("value", "low", "high", "n", "note", "model_id")
    return [
        graph.add(
            Node(METRIC, metric_name(row), {name: row[name] for name in names} | {"sql": _sql(row)}),
            [evaluation, *_known(slices, row["variant"])],
        )
        for row in rows
    ]


def add_comparisons(graph: Graph, history: History, evaluation_id: str, slices: Mapping[str, str]) -> None:
    """Add what an evaluation says of champion beside each challenger, and the verdicts that it led to."""
    for challenger, own in grouped(history.comparisons_of(evaluation_id), "challenger").items():
        first = own[0]
        facts = {
            "difference": {row["metric"]: row["difference"] for row in own},
            "sql": _sql(first),
        }
        name = f"{evaluation_id} {challenger} beside {first['champion']}"
        sides = (*_known(slices, first["champion"]), *_known(slices, challenger))
        node = graph.add(Node(COMPARISON, name, facts), [f"{EVALUATION}:{evaluation_id}", *sides])
        for verdict in history.verdicts.led_to(first):
            add_verdict(graph, history, verdict, node)


def add_undecided(graph: Graph, history: History, row: Row) -> None:
    """Add what was said of a run date on which nobody could be compared."""
    for verdict in history.verdicts.on(row["run_date"]):
        if verdict["verdict"] in JUDGED and not verdict["challenger"]:
            add_verdict(graph, history, verdict, f"{EVALUATION}:{row['evaluation_id']}")


def add_first(graph: Graph, history: History, variant: str, published: Row, node: str) -> None:
    """Add the decision that a load took itself: the first champion, or one in the place of a variant that is gone."""
    for verdict in history.verdicts.on(published["run_date"]):
        if verdict["verdict"] in ("first", "replace") and verdict["champion"] == variant:
            add_verdict(graph, history, verdict, node)


def add_verdict(graph: Graph, history: History, verdict: Row, source: str) -> None:
    """Add a verdict that something led to, and the champion that it named."""
    who = verdict["challenger"] or verdict["champion"] or "nobody"
    beside = f" beside {verdict['champion']}" if verdict["challenger"] else ""
    name = f"{history.job.name} {verdict['run_date']} {verdict['verdict']} {who}{beside}"
    facts = {name: verdict[name] for name in ("reason", "n", "needed_n", "difference", "low", "high")}
    node = graph.add(Node(VERDICT, name, facts), [source])
    if verdict["verdict"] in JUDGED:
        return
    for row in history.champions:
        if row["variant"] == who and row["reason"] == verdict["reason"]:
            named = {"from_run_date": row["from_run_date"], "decided_at": row["decided_at"], "reason": row["reason"]}
            graph.add(Node(CHAMPION, f"{history.job.name} {who} from {row['from_run_date']}", named), [node])


def _sql(row: Row) -> dict[str, str]:
    return versions({row["sql_version"]: row["sql_digest"]})


def _known(slices: Mapping[str, Any], variant: str) -> list[str]:
    return [slices[variant]] if variant in slices else []


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
