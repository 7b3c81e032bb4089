"""A graph of things that were made from each other; it knows nothing of what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    """A thing.

    Parameters
    ----------
    kind
        What it is, in words that people use.
    name
        Tells it apart from all others of its kind.
    facts
        What is known of it, in the order in which it is shown.
    state
        Empty where it is as it was made, else what became of it, such as `gone`.
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
    """One thing that another was made from; `said` tells how, such as the moment at which it was read."""

    source: str
    target: str
    said: str = ""


class Graph:
    """Nodes by id, and which was made from which; both keep the order in which they were added."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._sources: dict[str, dict[str, Edge]] = {}
        self._targets: dict[str, dict[str, Edge]] = {}

    def add(self, node: Node, sources: Iterable[str] = ()) -> str:
        """Add a node that was made from others, unless it is there, and return its id."""
        if node.id not in self._nodes:
            self._nodes[node.id] = node
            self._sources[node.id], self._targets[node.id] = {}, {}
        for source in sources:
            self.connect(source, node.id)
        return node.id

    def connect(self, source: str, target: str, said: str = "") -> None:
        """Add an edge between nodes that are there; the first between two of them holds."""
        edge = Edge(source, target, said)
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

    @property
    def edges(self) -> list[Edge]:
        """All edges, by the nodes that they lead to."""
        return [edge for edges in self._sources.values() for edge in edges.values()]

    def sources(self, node_id: str) -> list[Edge]:
        """Return the edges that lead to a node."""
        return list(self._sources[node_id].values())

    def targets(self, node_id: str) -> list[Edge]:
        """Return the edges that lead away from a node."""
        return list(self._targets[node_id].values())

    def ancestors(self, node_ids: Iterable[str]) -> set[str]:
        """Return everything that some nodes were made from, without themselves unless one was made from another."""
        return _reached(node_ids, self._sources)

    def descendants(self, node_ids: Iterable[str]) -> set[str]:
        """Return everything that some nodes fed."""
        return _reached(node_ids, self._targets)

    def around(self, node_ids: Iterable[str]) -> Graph:
        """Return the part that holds some nodes, what they were made from, and what they fed."""
        centre = set(node_ids)
        return self._part(self.ancestors(centre) | centre, self.descendants(centre) | centre)

    def _part(self, *sides: set[str]) -> Graph:
        """Return the nodes of some sides, and the edges within each: none leads from one side past the middle."""
        part = Graph()
        for node in self.nodes:
            if any(node.id in side for side in sides):
                part.add(node)
        for edge in self.edges:
            if any(edge.source in side and edge.target in side for side in sides):
                part.connect(edge.source, edge.target, edge.said)
        return part


def _reached(starts: Iterable[str], near: Mapping[str, Mapping[str, Edge]]) -> set[str]:
    found: set[str] = set()
    waiting = [name for start in starts for name in near[start]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(near[name])
    return found
