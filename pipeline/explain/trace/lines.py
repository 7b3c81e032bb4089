"""A trace as people read it: a tree back to the sources, and a tree forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from pipeline.explain.trace.graph import Edge, Graph, Node
from pipeline.explain.trace.trace import Trace

WIDTH = 100_000
"""Columns: nothing is cut or folded, a terminal folds lines itself."""


FACTS_WIDTH = 100
"""Characters of facts in one line; a longer fact has a line of its own."""


def trace_text(trace: Trace, *, plain: bool) -> str:
    """Return a trace as text.

    Parameters
    ----------
    plain
        Draw with ASCII characters only.
    """
    graph, subject = trace.graph, trace.subject
    back = _Way(graph, graph.sources, lambda edge: edge.source, graph.ancestors)
    forward = _Way(graph, graph.targets, lambda edge: edge.target, graph.descendants)
    named = [_label(graph[name], "") for name in subject]
    return "\n".join([*named, *_drawn(back, subject, "made from", plain), *_drawn(forward, subject, "fed", plain)])


@dataclass
class _Way:
    """One direction through a graph, and what was drawn on it already: a node is drawn in full once."""

    graph: Graph
    edges: Callable[[str], list[Edge]]
    end: Callable[[Edge], str]
    reached: Callable[[Iterable[str]], set[str]]
    drawn: set[str] = field(default_factory=set)

    def next(self, name: str) -> list[Edge]:
        """Return the edges that lead on, without those whose end is reached through another one as well."""
        edges = self.edges(name)
        beyond = self.reached(map(self.end, edges))
        return [edge for edge in edges if self.end(edge) not in beyond]


def _drawn(way: _Way, subject: Sequence[str], title: str, plain: bool) -> Iterator[str]:  # noqa: FBT001
    tree = Tree(title)
    way.drawn.update(subject)
    for name in subject:
        _branch(way, tree, name)
    if not tree.children:
        yield f"{title}: nothing"
        return
    console = Console(width=WIDTH, color_system=None)
    options = console.options.update(width=WIDTH, no_wrap=True)
    options.encoding = "ascii" if plain else "utf-8"
    text = "".join(segment.text for segment in console.render(tree, options))
    yield "\n".join(line.rstrip() for line in text.splitlines())


def _branch(way: _Way, tree: Tree, name: str) -> None:
    above = []
    for edge in way.next(name):
        node = way.graph[way.end(edge)]
        if node.id in way.drawn:
            above.append(f"{node.kind} {node.name}{_said(edge.said)}")
            continue
        way.drawn.add(node.id)
        _branch(way, tree.add(Text(_label(node, edge.said))), node.id)
    if above and name not in above:
        tree.add(Text(f"and, drawn above: {', '.join(above)}"))


def _label(node: Node, said: str) -> str:
    state = f" - {node.state}" if node.state else ""
    return "\n".join([f"{node.kind} {node.name}{_said(said)}{state}", *(f"  {fact}" for fact in _facts(node.facts))])


def _said(said: str) -> str:
    return f" ({said})" if said else ""


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    """Return the facts that are known, short ones of one line together."""
    line = ""
    for fact in _words(facts):
        if line and len(line) + len(fact) > FACTS_WIDTH:
            yield line
            line = ""
        line = f"{line}, {fact}" if line else fact
    if line:
        yield line


def _words(facts: Mapping[str, Any]) -> Iterator[str]:
    """Return each fact in words: of a mapping or list, each of its values is one."""
    for name, value in facts.items():
        words = name.replace("_", " ")
        if isinstance(value, Mapping):
            yield from (f"{words.removesuffix('s')} {key} {_value(each)}" for key, each in value.items())
        elif isinstance(value, list | tuple):
            yield from (f"{words.removesuffix('s')} {_value(each)}" for each in value)
        elif value not in (None, ""):
            yield f"{words} {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
