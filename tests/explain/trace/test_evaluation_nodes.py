from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from pipeline.explain.trace.evaluation_nodes import (
    add_comparisons,
    add_load_decision,
    add_metrics,
    add_verdicts_without_comparison,
)
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import Verdicts, grouped

NUMBERS = dict.fromkeys(("n", "needed_n", "difference", "low", "high"))


def verdict(day, name, difference=None, *, champion="old", challenger="new", reason="r"):
    named = {"champion": champion, "challenger": challenger, "verdict": name, "reason": reason}
    return {"run_date": date(2013, 7, day), **named, **NUMBERS, "difference": difference}


def comparison(day, *, evaluation_id="e", metric="auc", challenger="new", champion="old"):
    return {
        "run_date": date(2013, 7, day),
        "evaluation_id": evaluation_id,
        "champion": champion,
        "challenger": challenger,
        "metric": metric,
        "difference": 0.25,
        "sql_version": "metrics/m_v1",
        "sql_digest": "d",
    }


def history(*, comparisons=(), verdicts=(), champions=()):
    return SimpleNamespace(
        job=SimpleNamespace(name="shop"),
        comparisons_by_evaluation=grouped(comparisons, "evaluation_id"),
        verdicts=Verdicts(verdicts),
        champions=champions,
    )


def champion(variant, day, reason):
    return {"variant": variant, "from_run_date": date(2013, 7, day), "decided_at": "noon", "reason": reason}


@pytest.fixture
def graph():
    graph = Graph()
    for node in (Node("evaluation", "e"), Node("slice", "old"), Node("slice", "new"), Node("slice", "base")):
        graph.add(node)
    return graph


SLICES = {"old": "slice:old", "new": "slice:new", "base": "slice:base"}
WINDOW = [verdict(1, "too-few-labels"), verdict(2, "too-few-labels"), verdict(3, "keep", 0.1)]


@pytest.mark.parametrize(("day", "expected"), [(1, [1, 3]), (2, [2, 3]), (3, [3]), (4, []), (5, [])])
def test_comparison_leads_to_verdicts_of_its_day_and_window(day, expected):
    assert [row["run_date"].day for row in Verdicts(WINDOW).led_to(comparison(day))] == expected


def test_window_ends_where_closed_and_pairs_do_not_mix():
    others = [
        verdict(2, "keep", 0.3, challenger="newest"),
        verdict(2, "promote", challenger="new"),  # a manual promotion has no comparison
        verdict(4, "too-few-labels"),
        verdict(6, "promote", 0.2),
    ]
    verdicts = Verdicts([*others, *WINDOW])
    assert [row["run_date"].day for row in verdicts.led_to(comparison(1))] == [1, 3]
    assert [(row["run_date"].day, row["verdict"]) for row in verdicts.led_to(comparison(4))] == [
        (4, "too-few-labels"),
        (6, "promote"),
    ]


def test_promotion_leads_only_to_its_own_champion(graph):
    known = history(
        comparisons=[comparison(3), comparison(3, metric="log_loss"), comparison(3, evaluation_id="other")],
        verdicts=[verdict(3, "promote", 0.2, reason="better")],
        champions=[champion("old", 1, "first"), champion("new", 4, "better"), champion("new", 9, "by hand: x")],
    )
    add_comparisons(graph, known, "e", SLICES)
    (compared,) = [node for node in graph.nodes if node.kind == "comparison"]
    assert compared.facts == {"difference": {"auc": 0.25, "log_loss": 0.25}, "sql": {"metrics/m@v1": "d"}}
    assert {edge.source for edge in graph.sources(compared.id)} == {"evaluation:e", "slice:old", "slice:new"}
    assert [node.name for node in graph.nodes if node.kind == "verdict"] == ["shop 2013-07-03 promote new against old"]
    assert [node.name for node in graph.nodes if node.kind == "champion"] == ["shop new from 2013-07-04"]
    assert graph.descendants(["slice:base"]) == set()


def test_keep_verdict_leads_to_no_champion(graph):
    known = history(comparisons=[comparison(3)], verdicts=WINDOW, champions=[champion("new", 4, "r")])
    add_comparisons(graph, known, "e", SLICES)
    assert [node.kind for node in graph.nodes][-1] == "verdict"


def test_without_comparison_the_evaluation_leads_to_the_verdict(graph):
    known = history(verdicts=[verdict(3, "keep", challenger=None, champion=""), verdict(4, "keep", challenger=None)])
    add_verdicts_without_comparison(graph, known, {"run_date": date(2013, 7, 3), "evaluation_id": "e"})
    (edge,) = graph.targets("evaluation:e")
    assert edge.target == "verdict:shop 2013-07-03 keep"


def test_load_names_the_first_champion(graph):
    first = verdict(3, "first", champion="old", challenger=None, reason="first")
    known = history(verdicts=[first], champions=[champion("old", 3, "first")])
    for variant, day in (("old", 3), ("new", 3), ("old", 4)):
        add_load_decision(graph, known, {"run_date": date(2013, 7, day), "variant": variant}, SLICES[variant])
    assert graph.descendants(["slice:old"]) == {
        "verdict:shop 2013-07-03 first old",
        "champion:shop old from 2013-07-03",
    }
    assert graph.descendants(["slice:new"]) == set()


def test_metric_comes_from_the_slice_of_its_variant(graph):
    row = dict.fromkeys(("value", "low", "high", "n", "note", "model_id")) | {"variant": "new", "metric": "auc"}
    row |= {"evaluation_id": "e", "sql_version": "metrics/m_v1", "sql_digest": "d"}
    rows = [row | {"slice_name": "", "slice_value": ""}, row | {"slice_name": "a", "slice_value": "x/y=z"}]
    metrics = add_metrics(graph, rows, "evaluation:e", SLICES)
    assert metrics == ["metric:e/auc new", "metric:e/auc/a=x/y=z new"]
    assert graph.ancestors(metrics) == {"evaluation:e", "slice:new"}
