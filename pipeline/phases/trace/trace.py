"""A trace: what was asked for, and the graph around it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.lineage import Graph
from pipeline.phases.trace.subject import add_subject
from pipeline.phases.trace.tracer import Tracer
from pipeline.session import Session


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
