"""Recorded costs: which run is taken, and how events without statements count."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import SimpleNamespace

from pipeline.explain.plan.costs import Recorded, recorded_costs
from pipeline.explain.plan.lines import size
from pipeline.explain.plan.plan import money

JOB = SimpleNamespace(name="a")


def event(day, phase, name, statements=None, run_id="", **more):
    size = sum(size for _, size in (statements or {}).values())
    details = {"generation": 1} | ({} if statements is None else {"statements": statements, "bytes": size})
    run_id = run_id or (f"a-2013-07-{day:02}" if phase == "evaluate" else f"a-2013-07-{day:02}-x")
    row = {"run_date": date(2013, 7, day), "run_id": run_id, "phase": phase, "event": name, "variant": "v@1"}
    row |= {"model_id": "m", "row_count": 1, "recorded_at": datetime(2013, 7, day, tzinfo=UTC)}
    return {**row, **more, "details": json.dumps(details)}


def test_last_published_run_counts_and_its_variants_add_up():
    events = [
        event(1, "preprocess", "done", {"a": [1, 10]}),
        event(1, "load", "published", {"b": [1, 5]}),
        event(2, "preprocess", "done", {"a": [1, 20]}),
        event(2, "load", "published", {"b": [1, 6]}),
        event(2, "load", "published", {"b": [2, 7], "c": [1, 1]}, variant="w@1"),
        event(3, "preprocess", "done", {"a": [1, 30]}),  # it published nothing
    ]
    assert recorded_costs(JOB, events) == {
        "preprocess": Recorded("a-2013-07-02-x", {"a": (1, 20)}),
        "load": Recorded("a-2013-07-02-x", {"b": (3, 13), "c": (1, 1)}),
    }


def test_most_expensive_of_the_latest_evaluations_counts():
    events = [
        event(1, "evaluate", "evaluated", {"m": [1, 9]}),  # long ago
        event(2, "evaluate", "evaluated", {"m": [1, 3]}, recorded_at=datetime(2013, 8, 1, tzinfo=UTC)),
        *(event(day, "evaluate", "evaluated", {"m": [1, 2]}) for day in range(3, 8)),
        event(8, "evaluate", "evaluated"),
    ]
    assert recorded_costs(JOB, events) == {"evaluate": Recorded("a-2013-07-02", {"m": (1, 3)})}


def test_runs_without_recorded_statements_are_skipped():
    events = [
        event(1, "preprocess", "done", {"a": [1, 10]}),
        event(1, "load", "published", {"b": [1, 5]}),
        event(2, "preprocess", "done"),
        event(2, "load", "published"),
    ]
    assert {phase: cost.origin for phase, cost in recorded_costs(JOB, events).items()} == {
        "preprocess": "a-2013-07-01-x",
        "load": "a-2013-07-01-x",
    }
    assert recorded_costs(JOB, []) == {}


def test_sizes_and_amounts_are_short():
    assert [size(count) for count in (0, 10 * 2**20, 1023 * 2**20, 2**30, 3 * 2**39, 5 * 2**60)] == [
        *("0 MiB", "10 MiB", "1,023 MiB", "1.0 GiB", "1.5 TiB", "5,120.0 PiB"),
    ]
    assert [money(amount) for amount in (0.0, 0.00344, 0.5, 1.005, 12345.678)] == [
        *("0.00", "0.0034", "0.5000", "1.00", "12,345.68"),
    ]
