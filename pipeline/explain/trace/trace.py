"""The trace of a thing that a user names: the nodes of that name, and everything before and after them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.explain.trace.evaluation_nodes import EVALUATION, METRIC
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import grouped, read_rows, runs_of_models
from pipeline.explain.trace.model_nodes import MODEL
from pipeline.explain.trace.prediction_nodes import FILE, MANIFEST
from pipeline.explain.trace.run_nodes import RUN
from pipeline.explain.trace.statements import evaluation_dates_statement
from pipeline.explain.trace.table_names import TABLE, add_table, unknown
from pipeline.explain.trace.tracer import Tracer
from pipeline.runs.identity import RUN_ID
from pipeline.runs.layout import Kind, folder_of, model_of, parse_uri
from pipeline.runs.session import Session

ADDRESS = re.compile(r"gs://(?P<place>.+)")
ID = re.compile(r"[0-9a-f]{16}")
METRIC_ROW = re.compile(r"(?P<id>[0-9a-f]{16})/(?P<metric>[^/]+)(/(?P<name>[^=]+)=(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Trace:
    """What a text names, with everything before and after it.

    Parameters
    ----------
    text
        The text as it was written.
    starts
        Ids of the nodes that it names: several if several runs made the same model.
    graph
        These nodes, their ancestors and their descendants.
    """

    text: str
    starts: list[str]
    graph: Graph

    def as_json(self) -> dict[str, Any]:
        """Return the trace as one JSON object."""
        nodes = [{"id": node.id, **asdict(node)} for node in self.graph.nodes]
        edges = [asdict(edge) for edge in self.graph.edges]
        return {"traced": self.text, "subject": self.starts, "nodes": nodes, "edges": edges}


def trace_of(session: Session, text: str) -> Trace:
    """Return the trace of a run, model, file, table or metric row.

    Raises
    ------
    RequestError
        The text has no known form, or the target has nothing of this name.
    """
    tracer = Tracer(session)
    for pattern, add in STARTS:
        match = pattern.fullmatch(text)
        if match:
            starts = list(dict.fromkeys(add(tracer, match)))
            if starts:
                return Trace(text, starts, tracer.graph.around(starts))
            raise unknown(text, "nothing of this name is known at this target")
    raise unknown(text, "a trace cannot start at this")


def _add_run(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    return [f"{RUN}:{match[0]}"] if tracer.add_named(match[0]) else []


def _add_address(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    uri = match[0].rstrip("/")
    path = parse_uri(tracer.session.store.uri(), uri)
    find = ARTEFACTS.get(path.kind) if path else None
    if path is None or find is None or not tracer.add_named(path.run_id):
        return []
    return [node.id for node in find(tracer.graph, uri)]


def _bundles(graph: Graph, uri: str) -> Sequence[Node]:
    """Return the models of a bundle's address, of a file in a bundle, or of the marker that commits it."""
    models = graph.of_kind(MODEL)
    return [node for node in models if f"{uri}/".startswith(f"{node.name}/") or uri == model_of(node.name)]


def _predictions(graph: Graph, uri: str) -> Sequence[Node]:
    """Return the file or manifest at an address; the manifest for its folder, or for any file of it if it is gone."""
    nodes = graph.of_kind(FILE, MANIFEST)
    exact = [node for node in nodes if node.name == uri]
    near = [node for node in nodes if node.kind == MANIFEST and folder_of(node.name) in (uri, folder_of(uri))]
    return exact or [node for node in near if node.state or folder_of(node.name) == uri]


ARTEFACTS = {
    **dict.fromkeys((Kind.MODEL, Kind.BUNDLE, Kind.BUNDLE_FILE), _bundles),
    **dict.fromkeys((Kind.PREDICTIONS, Kind.MANIFEST, Kind.SHARD, Kind.SHARD_FILE), _predictions),
}
"""How to find artefacts by addresses of a kind."""


def _add_id(tracer: Tracer, match: re.Match[str]) -> Iterator[str]:
    yield from _add_model(tracer, match[0])
    yield from _add_evaluation(tracer, match[0])


def _add_model(tracer: Tracer, model_id: str) -> list[str]:
    """Add every run, of all jobs, that made a model or predicted with it."""
    rows = runs_of_models(tracer.session, tracer.session.project.job_names(), [model_id])
    for job, runs in grouped(rows, "job").items():
        tracer.job(job).read([row["run_date"] for row in runs])
    for run_id in dict.fromkeys(row["run_id"] for row in rows):
        tracer.add_named(run_id)
    return [node.id for node in tracer.graph.of_kind(MODEL) if node.facts["model_id"] == model_id]


def _add_evaluation(tracer: Tracer, evaluation_id: str) -> list[str]:
    """Add an evaluation, and return the ids of its node and of its overall metrics."""
    session = tracer.session
    statement = evaluation_dates_statement(session, sorted(session.project.job_names()), evaluation_id)
    for dates in read_rows(session, statement):
        for row in tracer.job(dates["job"]).history(dates["run_date"], dates["run_date"]).evaluations:
            if row["evaluation_id"] == evaluation_id:
                tracer.add_named(row["evaluated_run"])
    node_id = f"{EVALUATION}:{evaluation_id}"
    if node_id not in tracer.graph:
        return []
    return [node_id, *(edge.target for edge in tracer.graph.targets(node_id) if edge.target.startswith(f"{METRIC}:"))]


def _add_metric(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    tracer.extra = (match["metric"], match["name"] or "", match["value"] or "")
    ids, prefix = _add_evaluation(tracer, match["id"]), f"{METRIC}:{match[0]} "
    metrics = [node_id for node_id in ids if node_id.startswith(prefix)]
    if ids and not metrics:
        raise unknown(match[0], f"evaluation {match['id']} has no such metric or slice")
    return metrics


STARTS: list[tuple[re.Pattern[str], Callable[[Tracer, re.Match[str]], Iterable[str]]]] = [
    (RUN_ID, _add_run),
    (ADDRESS, _add_address),
    (ID, _add_id),
    (METRIC_ROW, _add_metric),
    (TABLE, add_table),
]
"""Forms of a text, each with the function that adds the nodes of a match and returns their ids."""
