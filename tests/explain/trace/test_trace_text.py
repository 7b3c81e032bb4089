from __future__ import annotations

from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.trace import Trace
from pipeline.explain.trace.trace_text import trace_text


def traced(*pairs, centre, nodes=()):
    graph = Graph()
    for node in nodes:
        graph.add(node)
    for pair in pairs:
        source, target = (graph.add(Node("k", name)) for name in pair.split(">"))
        graph.connect(source, target)
    return Trace(centre, [f"k:{centre}"], graph.around([f"k:{centre}"]))


def test_node_is_drawn_once_and_named_where_it_comes_again():
    trace = traced("a>b", "a>c", "b>m", "c>m", "m>x", centre="m", nodes=[Node("k", "a", {"rows": 1})])
    assert trace_text(trace, plain=True).splitlines() == [
        "k m",
        "made from",
        "+-- k b",
        "|   `-- k a",
        "|         rows 1",
        "`-- k c",
        "    `-- and, drawn above: k a",
        "fed",
        "`-- k x",
    ]


def test_node_reached_by_two_ways_is_drawn_on_the_longer_one():
    trace = traced("a>b", "b>m", "a>m", centre="m")
    assert trace_text(trace, plain=True).splitlines() == ["k m", "made from", "`-- k b", "    `-- k a", "fed: nothing"]


def test_facts_are_words_and_unknown_facts_are_left_out():
    facts = {
        "training_rows": 159711,
        "value": 0.7712345678,
        "empty": "",
        "unknown": None,
        "sql": {"a/b@v1": "d1"},
        "bigquery_jobs": ["j" * 60, "k" * 60],
        "checks_failed": [],
    }
    trace = traced(centre="m", nodes=[Node("k", "m", facts, "gone")])
    assert trace_text(trace, plain=True).splitlines() == [
        "k m - gone",
        "  training rows 159,711, value 0.771235, sql a/b@v1 d1",
        f"  bigquery job {'j' * 60}",
        f"  bigquery job {'k' * 60}",
        "made from: nothing",
        "fed: nothing",
    ]


def test_names_are_not_cut_folded_or_read_as_markup():
    name = f"[bold]{'x' * 5000}[/bold] y"
    trace = traced(f"{name}>m", centre="m")
    assert f"`-- k {name}" in trace_text(trace, plain=True).splitlines()


def test_plain_tree_is_ascii_and_other_tree_has_lines():
    trace = traced("a>m", centre="m")
    assert trace_text(trace, plain=True).isascii()
    assert "└── k a" in trace_text(trace, plain=False)


def test_summary_of_an_edge_follows_the_name_of_its_node():
    graph = Graph()
    source, target = graph.add(Node("source", "a")), graph.add(Node("run", "r"))
    graph.connect(source, target, "read at noon")
    assert "`-- source a (read at noon)" in trace_text(Trace("r", [target], graph), plain=True)
