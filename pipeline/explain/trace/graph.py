"""A directed graph: each edge leads from a thing to another thing that was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """A thing in the graph.

    Parameters
    ----------
    kind
        What it is, in words that people use.
    name
        Unique among the nodes of its kind.
    facts
        What is known of it, in the order in which it is shown.
    state
        Empty while the thing is unchanged, otherwise what happened to it, such as `gone`.
    """

    kind: str
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""

    @property
    def id(self) -> str:
        """`<kind>:<name>`."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Edge:
    """The target was made from the source; `summary` adds a detail, such as the time at which it was read."""

    source: str
    target: str
    summary: str = ""


class Graph:
    """Nodes by id and the edges between them, both in the order in which they were added."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._sources: dict[str, dict[str, Edge]] = {}
        self._targets: dict[str, dict[str, Edge]] = {}

    def add(self, node: Node, sources: Iterable[str] = ()) -> str:
        """Add a node and edges from its sources, and return its id; a node that is already there stays as it is."""
        if node.id not in self._nodes:
            self._nodes[node.id] = node
            self._sources[node.id], self._targets[node.id] = {}, {}
        for source in sources:
            self.connect(source, node.id)
        return node.id

    def connect(self, source: str, target: str, summary: str = "") -> None:
        """Add an edge between two known nodes, unless they have one already."""
        edge = Edge(source, target, summary)
        self._targets[source].setdefault(target, edge)
        self._sources[target].setdefault(source, edge)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._nodes

    def __getitem__(self, node_id: str) -> Node:
        return self._nodes[node_id]

    @property
    def nodes(self) -> list[Node]:
        """All nodes."""
        return list(self._nodes.values())

    def of_kind(self, *kinds: str) -> list[Node]:
        """Return the nodes of some kinds."""
        return [node for node in self._nodes.values() if node.kind in kinds]

    @property
    def edges(self) -> list[Edge]:
        """All edges, grouped by their targets."""
        return [edge for edges in self._sources.values() for edge in edges.values()]

    def sources(self, node_id: str) -> list[Edge]:
        """Return the edges that lead to a node."""
        return list(self._sources[node_id].values())

    def targets(self, node_id: str) -> list[Edge]:
        """Return the edges that lead away from a node."""
        return list(self._targets[node_id].values())

    def ancestors(self, node_ids: Iterable[str]) -> set[str]:
        """Return the ids of all nodes from which some nodes can be reached."""
        return _reached(node_ids, self._sources)

    def descendants(self, node_ids: Iterable[str]) -> set[str]:
        """Return the ids of all nodes that can be reached from some nodes."""
        return _reached(node_ids, self._targets)

    def around(self, node_ids: Iterable[str]) -> Graph:
        """Return the subgraph of some nodes, their ancestors and their descendants.

        An edge from an ancestor straight to a descendant is left out: it does not lead through these nodes.
        """
        centre = set(node_ids)
        sides = (self.ancestors(centre) | centre, self.descendants(centre) | centre)
        part = Graph()
        for node in self.nodes:
            if any(node.id in side for side in sides):
                part.add(node)
        for edge in self.edges:
            if any(edge.source in side and edge.target in side for side in sides):
                part.connect(edge.source, edge.target, edge.summary)
        return part


def _reached(starts: Iterable[str], neighbours: Mapping[str, Mapping[str, Edge]]) -> set[str]:
    reached: set[str] = set()
    waiting = [name for start in starts for name in neighbours[start]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(neighbours[name])
    return reached
