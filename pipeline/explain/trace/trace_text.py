"""A trace as text: a tree back to the sources, and a tree forward to what was made."""

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
"""Columns of the tree: no line is cut or folded, the terminal folds lines itself."""

FACTS_WIDTH = 100
"""Characters of facts in one line; a longer fact has a line to itself."""


def trace_text(trace: Trace, *, plain: bool) -> str:
    """Return a trace as text.

    Parameters
    ----------
    plain
        Draw with ASCII characters only.
    """
    graph, starts = trace.graph, trace.starts
    back = _Direction(graph, graph.sources, lambda edge: edge.source, graph.ancestors)
    forward = _Direction(graph, graph.targets, lambda edge: edge.target, graph.descendants)
    encoding = "ascii" if plain else "utf-8"
    labels = [_label(graph[name], "") for name in starts]
    return "\n".join([*labels, back.drawn(starts, "made from", encoding), forward.drawn(starts, "fed", encoding)])


@dataclass
class _Direction:
    """One direction through a graph, with the nodes that are drawn already: each is drawn in full once."""

    graph: Graph
    edges: Callable[[str], list[Edge]]
    end: Callable[[Edge], str]
    reached: Callable[[Iterable[str]], set[str]]
    nodes: set[str] = field(default_factory=set)

    def drawn(self, starts: Sequence[str], title: str, encoding: str) -> str:
        """Return the tree of some nodes."""
        tree = Tree(title)
        self.nodes.update(starts)
        for name in starts:
            self._draw(tree, name)
        if not tree.children:
            return f"{title}: nothing"
        console = Console(width=WIDTH, color_system=None)
        options = console.options.update(width=WIDTH, no_wrap=True)
        options.encoding = encoding
        text = "".join(segment.text for segment in console.render(tree, options))
        return "\n".join(line.rstrip() for line in text.splitlines())

    def _draw(self, tree: Tree, name: str) -> None:
        edges, above = self.edges(name), []
        farther = self.reached(map(self.end, edges))
        for edge in edges:
            node = self.graph[self.end(edge)]
            if node.id in farther:  # drawn below another node
                continue
            if node.id in self.nodes:
                above.append(f"{node.kind} {node.name}{_in_brackets(edge.summary)}")
                continue
            self.nodes.add(node.id)
            self._draw(tree.add(Text(_label(node, edge.summary))), node.id)
        if above:
            tree.add(Text(f"and, drawn above: {', '.join(above)}"))


def _label(node: Node, summary: str) -> str:
    state = f" - {node.state}" if node.state else ""
    title = f"{node.kind} {node.name}{_in_brackets(summary)}{state}"
    return "\n".join([title, *(f"  {line}" for line in _fact_lines(node.facts))])


def _in_brackets(summary: str) -> str:
    return f" ({summary})" if summary else ""


def _fact_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Return the known facts in lines, several short ones in one."""
    line = ""
    for fact in _facts(facts):
        if line and len(line) + len(fact) > FACTS_WIDTH:
            yield line
            line = ""
        line = f"{line}, {fact}" if line else fact
    if line:
        yield line


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    """Return each fact in words; each value of a mapping or list is a fact."""
    for name, value in facts.items():
        words = name.replace("_", " ")
        if isinstance(value, Mapping):
            yield from (f"{words.removesuffix('s')} {key} {_number(inner)}" for key, inner in value.items())
        elif isinstance(value, list | tuple):
            yield from (f"{words.removesuffix('s')} {_number(inner)}" for inner in value)
        elif value not in (None, ""):
            yield f"{words} {_number(value)}"


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
