"""The data of the page's script."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from pipeline.explain.dashboard.data import (
    better_of,
    failed_variants,
    marks,
    metric_names,
    nights,
    page_data,
    versions,
)
from pipeline.explain.dashboard.series import PageRows
from tests.browser.synthetic import MADE_AT, synthetic_rows


@pytest.fixture(scope="module")
def rows():
    return synthetic_rows(10, 4)


@pytest.fixture(scope="module")
def data(rows):
    return page_data(rows)


def value_at(data, series, column, day):
    """Return a number of a series, read as the page's script reads it."""
    numbers, place = series[column], data["dates"].index(str(day)) - series["start"]
    return (numbers[place] if isinstance(numbers, list) else numbers) / 10 ** series["decimals"]


def test_data_hold_every_row_of_the_metrics(rows, data):
    names = data["names"]
    by_key = {
        tuple(names[series[key]] for key in ("metric", "variant", "slice_name", "slice_value")): series
        for series in data["measured"]
    }
    overall = [row | {"slice_name": "", "slice_value": ""} for row in rows.history]
    for row in [*overall, *rows.slices]:
        series = by_key[row["metric"], row["variant"], row["slice_name"], row["slice_value"]]
        assert value_at(data, series, "value", row["run_date"]) == pytest.approx(row["value"], abs=6e-5)
        counts = data["measured"][series["n_of"]] if "n_of" in series else series
        place = row["run_date"].toordinal() - rows.dates[counts["start"]].toordinal()
        assert (counts["n"][place] if isinstance(counts["n"], list) else counts["n"]) == row["n"]


def test_headline_metrics_come_first_with_their_direction(rows, data):
    assert metric_names(rows)[:2] == ["auc", "log_loss"]
    assert {metric["name"]: metric["better"] for metric in data["metrics"]} == {
        "auc": "higher", "log_loss": "lower", "brier_score": "lower", "base_rate": "neither",
    }  # fmt: skip
    assert better_of([], "auc") == "neither"


def test_roles_are_spans_of_run_dates(rows, data):
    spans = [(data["names"][span["variant"]], span["role"], span["from"], span["to"]) for span in data["roles"]]
    assert ("boosting@11111111", "champion", "2024-01-01", "2024-01-05") in spans
    assert ("boosting@11111111", "challenger", "2024-01-06", "2024-01-10") in spans
    assert ("constant@33333333", "baseline", "2024-01-01", "2024-01-10") in spans


def test_verdict_is_stored_once_for_all_metrics(rows, data):
    assert [verdict["date"] for verdict in data["verdicts"]] == [str(day) for day in rows.dates]
    last = data["verdicts"][-1]
    stored = (data["names"][last["verdict"]], last["verdict_n"], last["needed_n"], last["verdict_low"])
    assert stored == ("too-few-labels", 5, 7, None)


def test_verdict_without_a_comparison_is_kept():
    first = {
        "run_date": date(2024, 1, 1),
        "metric": None,
        "champion": "v@1",
        "challenger": None,
        "verdict": "first",
        **dict.fromkeys(("reason", "verdict_n", "needed_n", "verdict_difference", "verdict_low", "verdict_high")),
    }
    data = page_data(PageRows(job="a", made_at=MADE_AT, comparison=[first]))
    assert data["compared"] == []
    assert [data["names"][verdict["challenger"]] for verdict in data["verdicts"]] == [""]


def event(phase, variant=None, run="r1", *, at=1, **others):
    empty = dict.fromkeys(("rows", "seconds", "bytes", "cost", "sql_version", "sql_digest", "code_digest"))
    kind = {"load": "published", "evaluate": "evaluated"}.get(phase, "done")
    named = {"run_date": date(2024, 1, 1), "run_id": run, "phase": phase, "event": kind, "variant": variant}
    return named | empty | {"recorded_at": datetime(2024, 1, 2, at, tzinfo=UTC)} | others


def test_night_sums_all_models_of_the_run_that_readers_see():
    first = [
        event("train", "v", seconds=2.0, rows=100, cost=1.0),
        event("train", "w", seconds=3.0, rows=100),
        event("load", "v", rows=5, seconds=1.0, bytes=7, cost=0.5),
        event("load", "w", rows=5, seconds=1.5, bytes=8, cost=0.25),
    ]
    load, train = nights(first)
    assert (train["seconds"], train["rows"], train["runs"], train["bytes"]) == (5.0, 100, 1, None)
    assert (load["seconds"], load["rows"], load["runs"], load["bytes"], load["cost"]) == (2.5, 10, 1, 15, 0.75)
    second = [
        event("train", "v", "r2", at=2, seconds=1.0, rows=90, cost=0.5),
        event("load", "v", "r2", at=2, rows=4, seconds=0.5, bytes=1, cost=0.25),
        event("train", "v", "r3", at=3, seconds=40.0),  # a third generation, not published
    ]
    load, train = nights([*second, *first])
    assert (train["seconds"], train["rows"], train["runs"], train["cost"]) == (1.0, 90, 3, 1.5)
    assert (load["seconds"], load["rows"], load["runs"], load["bytes"]) == (0.5, 4, 2, 16)


def test_evaluated_again_is_no_longer_night():
    (night,) = nights([event("evaluate", run="job-day", at=at, seconds=float(at), bytes=at) for at in (1, 3, 2)])
    assert (night["seconds"], night["bytes"]) == (3.0, 6)


def test_load_that_did_not_publish_is_no_published_night():
    (night,) = nights([event("load", event="checked", bytes=3)])
    assert (night["runs"], night["bytes"]) == (0, 3)


def test_other_sql_or_code_is_a_mark_on_its_run_date():
    def of_day(day, run, examples, code, metrics):
        when = {"run_date": date(2024, 1, day)}
        made = event("preprocess", run=run, sql_version="j/e_v1", sql_digest=examples, code_digest=code) | when
        history = {"metric": "auc", "variant": "v", "role": "champion", "sql_version": "m_v1", "sql_digest": metrics}
        return [made, event("load", run=run) | when], history | when | {"n": 1, "value": 0.5}

    days = [of_day(1, "a", "1", None, "m"), of_day(2, "b", "1", "c", "m"), of_day(3, "c", "2", "d", "m")]
    days += [of_day(4, "d", "2", "d", "n"), of_day(5, "e", "2", "d", "n")]
    unseen = event("preprocess", run="x", sql_version="j/e_v1", sql_digest="9") | {"run_date": date(2024, 1, 2)}
    rows = PageRows(
        job="a",
        made_at=MADE_AT,
        history=[row for _, row in days],
        runs=[unseen, *(row for runs, _ in days for row in runs)],
    )
    assert marks(rows) == [
        {"date": "2024-01-03", "label": "SQL of examples and code changed"},
        {"date": "2024-01-04", "label": "SQL of metrics changed"},
    ]


def outcome(name, hour, variant="w", phase="load"):
    return event(phase, variant) | {"event": name, "recorded_at": datetime(2024, 1, 2, hour, tzinfo=UTC)}


def test_a_variant_that_failed_is_named_until_it_is_published():
    failed, other = outcome("failed", 1, phase="train"), outcome("published", 1, "v")
    data = page_data(PageRows(job="a", made_at=MADE_AT, runs=[other, failed]))
    (row,) = data["failed"]
    assert (row["date"], data["names"][row["variant"]], data["names"][row["phase"]]) == ("2024-01-01", "w", "train")
    assert failed_variants([outcome("published", 2), failed, other]) == []
    again = outcome("failed", 3)
    assert failed_variants([again, outcome("published", 2), failed]) == [again]


def test_data_are_json_and_name_every_sql_version(rows, data):
    json.dumps(data, allow_nan=False)
    assert versions(rows) == ["drift/features_v1 fedcba9876543210", "metrics/binary_classification_v2 0123456789abcdef"]
