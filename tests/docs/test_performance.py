"""docs/performance.md shows the results of the benchmarks, and each goal has a benchmark."""

from __future__ import annotations

import json

import pytest

from benchmarks import goals
from benchmarks.__main__ import MODULES, function_of
from benchmarks.goals import CLOCK, DOCUMENT, GOALS, Goal, plain_table, read_results, with_table, write_results
from benchmarks.sizes import SMALL


def test_document_shows_the_results():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == with_table(text, read_results()), "run: python -m benchmarks.goals"


def test_each_goal_has_a_benchmark_and_a_key_of_its_own():
    assert {goal.benchmark for goal in GOALS} - {CLOCK} == set(MODULES)
    assert len({goal.key for goal in GOALS}) == len(GOALS)
    assert set(read_results()) <= {goal.key for goal in GOALS}


@pytest.mark.parametrize("name", MODULES)
def test_benchmark_can_be_called(name):
    assert callable(function_of(name))


@pytest.mark.parametrize(
    ("measured", "at_least", "verdict"),
    [(1.0, False, "met"), (1.5, False, "met"), (1.6, False, "MISSED"), (1.4, True, "MISSED"), (None, False, "")],
)
def test_verdict(measured, at_least, verdict):
    assert Goal("k", "b", "what", 1.5, at_least=at_least).verdict(measured) == verdict


def test_value_without_a_goal_has_no_verdict():
    assert Goal("k", "b", "what", None).cells(2.0) == ("what", "2 x", "-", "")


def test_results_are_kept_in_order_with_three_digits(tmp_path):
    path = tmp_path / "results.json"
    assert read_results(path) == {}
    write_results({"write": 1.23456, "make_demo": 118.0}, path)
    write_results(read_results(path) | {"read": 1.0}, path)
    assert list(read_results(path).items()) == [("make_demo", 118.0), ("read", 1.0), ("write", 1.23)]
    assert json.loads(path.read_text())["goals"] == {"make_demo": "met", "read": "met", "write": "met"}


def test_value_measured_by_the_clock_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(goals, "DOCUMENT", tmp_path / "page.md")
    goals.DOCUMENT.write_text(DOCUMENT.read_text(encoding="utf-8"))
    monkeypatch.setattr(goals, "read_results", lambda: {"write": 1.0})
    recorded = []
    monkeypatch.setattr(goals, "write_results", recorded.append)
    goals.main(["make_demo=118.4"])
    assert recorded == [{"write": 1.0, "make_demo": 118.4}]
    with pytest.raises(SystemExit, match="the keys are make_demo"):
        goals.main(["status=1"])


def test_benchmark_returns_a_value_for_each_of_its_goals():
    measured = function_of("write")(SMALL)
    own = [goal for goal in GOALS if goal.benchmark == "write"]
    assert list(measured) == [goal.key for goal in own]
    assert measured["write_wrong"] == 0
    lines = plain_table(measured, own).splitlines()
    assert len(lines) == 1 + len(own)
    assert lines[0].split() == ["what", "measured", "goal"]
