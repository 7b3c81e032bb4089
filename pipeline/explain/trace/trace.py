"""What a trace is asked for: from the text that somebody has at hand to nodes of the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.explain.trace.evaluations import EVALUATION, METRIC, MetricAsked
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import dates_of_evaluation, grouped, runs_of_models
from pipeline.explain.trace.models import MODEL
from pipeline.explain.trace.predictions import FILE, MANIFEST
from pipeline.explain.trace.runs import RUN
from pipeline.explain.trace.tables import TABLE, found_table, unknown
from pipeline.explain.trace.tracer import Tracer
from pipeline.runs.identity import WRITTEN
from pipeline.runs.session import Session

ADDRESS = re.compile(r"gs://(?P<place>.+)")


ID = re.compile(r"[0-9a-f]{16}")


METRIC_ROW = re.compile(r"(?P<id>[0-9a-f]{16})/(?P<metric>[^/]+)(/(?P<name>[^=]+)=(?P<value>.*))?", re.DOTALL)


Found = list[str]


def add_subject(tracer: Tracer, text: str) -> Found:
    """Add what a text names to a tracer's graph, with all that is needed around it, and return the ids of its nodes.

    Raises
    ------
    RequestError
        The text has no form that is known, or nothing of that name is.
    """
    for pattern, follow in FOLLOWED:
        match = pattern.fullmatch(text)
        if match:
            found = list(dict.fromkeys(follow(tracer, match)))
            if found:
                return found
            raise unknown(text, "nothing of this name is known at this target")
    raise unknown(text, "this names nothing that can be traced")


def _run(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    return [f"{RUN}:{match[0]}"] if tracer.add_named(match[0]) else []


def _address(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    uri, base = match[0].rstrip("/"), tracer.session.store.uri("")
    parts = uri.removeprefix(base).split("/")
    find = ARTEFACTS.get(parts[1]) if uri.startswith(base) and len(parts) > 4 else None
    if find is None or not tracer.add_named(parts[3]):
        return []
    return [node.id for node in find(tracer.graph.nodes, uri)]


def _bundles(nodes: Iterable[Node], uri: str) -> list[Node]:
    """Return the models of which an address names the bundle, a file in it, or the marker that commits it."""
    models = [node for node in nodes if node.kind == MODEL]
    return [node for node in models if f"{uri}/".startswith(f"{node.name}/") or uri == f"{_folder(node.name)}.json"]


def _predictions(nodes: Iterable[Node], uri: str) -> list[Node]:
    """Return what an address names: a file or manifest; the manifest for its folder, or where it is gone itself."""
    known = [node for node in nodes if node.kind in (FILE, MANIFEST)]
    exact = [node for node in known if node.name == uri]
    near = [node for node in known if node.kind == MANIFEST and _folder(node.name) in (uri, _folder(uri))]
    return exact or [node for node in near if node.state or _folder(node.name) == uri]


def _folder(uri: str) -> str:
    return uri.rpartition("/")[0]


ARTEFACTS = {"models": _bundles, "predictions": _predictions}
"""How the artefacts in a folder of the bucket are found by their addresses."""


def _id(tracer: Tracer, match: re.Match[str]) -> Iterator[str]:
    yield from _model(tracer, match[0])
    yield from _evaluation(tracer, match[0])


def _model(tracer: Tracer, model_id: str) -> list[str]:
    """Add every run that made a model or predicted with it, of all jobs."""
    rows = runs_of_models(tracer.session, tracer.session.project.job_names(), [model_id])
    for job, own in grouped(rows, "job").items():
        tracer.job(job).read([row["run_date"] for row in own])
    for run_id in dict.fromkeys(row["run_id"] for row in rows):
        tracer.add_named(run_id)
    return [node.id for node in tracer.graph.nodes if node.kind == MODEL and node.facts["model_id"] == model_id]


def _evaluation(tracer: Tracer, evaluation_id: str) -> list[str]:
    """Add an evaluation, and return it with its overall metrics."""
    for found in dates_of_evaluation(tracer.session, tracer.session.project.job_names(), evaluation_id):
        history = tracer.job(found["job"]).history(found["run_date"], found["run_date"])
        for row in history.evaluations:
            if row["evaluation_id"] == evaluation_id and row["judged"]:
                tracer.add_named(row["judged"])
    node_id = f"{EVALUATION}:{evaluation_id}"
    if node_id not in tracer.graph:
        return []
    return [node_id, *(edge.target for edge in tracer.graph.targets(node_id) if edge.target.startswith(f"{METRIC}:"))]


def _metric(tracer: Tracer, match: re.Match[str]) -> Iterable[str]:
    tracer.asked = MetricAsked(match["metric"], match["name"] or "", match["value"] or "")
    rows, wanted = _evaluation(tracer, match["id"]), f"{METRIC}:{match[0]} "
    if rows and not any(name.startswith(wanted) for name in rows):
        raise unknown(match[0], f"evaluation {match['id']} has no such metric or slice")
    return [name for name in rows if name.startswith(wanted)]


FOLLOWED: list[tuple[re.Pattern[str], Callable[[Tracer, re.Match[str]], Iterable[str]]]] = [
    (WRITTEN, _run),
    (ADDRESS, _address),
    (ID, _id),
    (METRIC_ROW, _metric),
    (TABLE, found_table),
]


@dataclass(frozen=True)
class Trace:
    """What was asked for, and everything before and after it.

    Parameters
    ----------
    text
        What was asked for, as it was written.
    subject
        Ids of the nodes that it names: several where one model was made by several runs.
    graph
        These nodes, what they were made from and what they fed.
    """

    text: str
    subject: list[str]
    graph: Graph

    def as_json(self) -> dict[str, Any]:
        """Return the trace as one JSON object."""
        nodes = [{"id": node.id, **asdict(node)} for node in self.graph.nodes]
        edges = [asdict(edge) for edge in self.graph.edges]
        return {"traced": self.text, "subject": self.subject, "nodes": nodes, "edges": edges}


def trace_of(session: Session, text: str) -> Trace:
    """Return the trace of a run, model, file, table or metric row.

    Raises
    ------
    RequestError
        Nothing of this name is known at the target.
    """
    tracer = Tracer(session)
    subject = add_subject(tracer, text)
    return Trace(text, subject, tracer.graph.around(subject))
