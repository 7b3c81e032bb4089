from __future__ import annotations

import pytest

from pipeline.explain.trace.graph import Edge, Graph, Node


def graph_of(*pairs: str) -> Graph:
    """A graph of edges that are written `a>b`."""
    graph = Graph()
    for pair in pairs:
        source, target = (graph.add(Node("k", name)) for name in pair.split(">"))
        graph.connect(source, target)
    return graph


def names(ids):
    return "".join(sorted(name.removeprefix("k:") for name in ids))


@pytest.fixture
def diamond():
    """a fed b and c, which fed d; x fed c as well, and b fed y."""
    return graph_of("a>b", "a>c", "b>d", "c>d", "x>c", "b>y")


@pytest.mark.parametrize(
    ("centre", "before", "after"),
    [("a", "", "bcdy"), ("b", "a", "dy"), ("c", "ax", "d"), ("d", "abcx", ""), ("", "", "")],
)
def test_ancestors_and_descendants(diamond, centre, before, after):
    ids = [f"k:{name}" for name in centre]
    assert names(diamond.ancestors(ids)) == before
    assert names(diamond.descendants(ids)) == after


def test_ancestors_of_several_nodes(diamond):
    assert names(diamond.ancestors(["k:y", "k:c"])) == "abx"
    assert names(diamond.ancestors(["k:b", "k:d"])) == "abcx"


def test_around_leaves_out_siblings(diamond):
    part = diamond.around(["k:b"])
    assert names(node.id for node in part.nodes) == "abdy"
    assert {(edge.source, edge.target) for edge in part.edges} == {("k:a", "k:b"), ("k:b", "k:d"), ("k:b", "k:y")}


def test_around_keeps_no_edge_past_the_middle():
    """What came before fed also what comes after, but not through what was asked for."""
    part = graph_of("a>b", "b>c", "a>c").around(["k:b"])
    assert {(edge.source, edge.target) for edge in part.edges} == {("k:a", "k:b"), ("k:b", "k:c")}


def test_first_node_and_first_edge_are_kept():
    graph = Graph()
    source, target = graph.add(Node("k", "a", {"n": 1})), graph.add(Node("k", "b"))
    graph.connect(source, target, "read at noon")
    graph.add(Node("k", "a", {"n": 2}))
    graph.add(Node("k", "b"), [source])
    assert graph[source].facts == {"n": 1}
    assert graph.edges == graph.sources(target) == graph.targets(source) == [Edge(source, target, "read at noon")]
    assert (source in graph, "k:z" in graph, graph.sources(source)) == (True, False, [])


def test_edge_needs_its_nodes():
    graph = Graph()
    graph.add(Node("k", "a"))
    for source, target in (("k:a", "k:b"), ("k:b", "k:a")):
        with pytest.raises(KeyError):
            graph.connect(source, target)
