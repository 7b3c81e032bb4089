"""Regression metrics in SQL against scikit-learn, and their intervals against influence values by brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from pipeline.project.metric_spec import MetricSpec
from tests.evaluation.influences import intervals
from tests.evaluation.judging import metrics_of, staged, values_of

SPEC = MetricSpec("regression", ["id"], ["value"], ["part"])
PREDICTIONS = {"id": "INT64 NOT NULL", "value": "FLOAT64 NOT NULL"}
LABELS = {"id": "INT64 NOT NULL", "label": "FLOAT64", "part": "STRING", "weight": "FLOAT64", "owner": "INT64"}
SCALES = {"mae": "log", "rmse": "log", "wape": "log", "bias": "plain", "r2": "log of the rest"}


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


def drawn(rows: int, seed: int, *, scale: float = 1.0, offset: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.gamma(2.0, size=rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "value": (0.8 * label + rng.normal(0.2, 0.5, rows)) * scale + offset,
            "label": label * scale + offset,
            "part": rng.choice(["north", "süd", "x' OR 1=1 --"], rows),
            "weight": rng.integers(0, 5, rows) / 2,
            "owner": rng.integers(0, max(rows // 5, 1), rows),
        }
    )


HOSTILE = {
    "smooth": drawn(5_000, 1),
    "far from zero": drawn(2_000, 2, offset=1e6),
    "large": drawn(1_000, 3, scale=1e9),
    "small": drawn(1_000, 4, scale=1e-9),
    "ties": drawn(1_000, 5).round(0),
    "constant prediction": drawn(500, 6).assign(value=0.1),
    "constant label": drawn(500, 7).assign(label=0.1),
    "zero labels": drawn(500, 8).assign(label=0.0),
    "perfect": drawn(500, 9).assign(value=lambda frame: frame["label"]),
    "always one too high": drawn(500, 10).assign(value=lambda frame: frame["label"] + 1),
    "one outlier": drawn(500, 11).assign(value=lambda frame: frame["value"].where(frame["id"] > 0, 1e8)),
    "single row": drawn(1, 12).assign(weight=0.5),
    "two rows": drawn(2, 13).assign(weight=0.5),
}


def reference(frame: pd.DataFrame, weight) -> dict[str, float | None]:
    """Return each metric by scikit-learn, or by its formula where that has none; None where it is not defined."""
    label, value = frame["label"].to_numpy(), frame["value"].to_numpy()
    total = float(np.sum(weight * np.abs(label)))
    varies = len(set(label[weight > 0])) > 1
    return {
        "mae": metrics.mean_absolute_error(label, value, sample_weight=weight),
        "rmse": metrics.root_mean_squared_error(label, value, sample_weight=weight),
        "r2": metrics.r2_score(label, value, sample_weight=weight, force_finite=False) if varies else None,
        "wape": float(np.sum(weight * np.abs(value - label))) / total if total else None,
        "bias": float(np.average(value - label, weights=weight)),
        "label_mean": float(np.average(label, weights=weight)),
        "mean_prediction": float(np.average(value, weights=weight)),
        "count": float(len(frame)),
    }


def judged(session, frame, spec=SPEC):
    return metrics_of(session, staged(session, frame, PREDICTIONS), staged(session, frame, LABELS), spec)


def assert_same(found, expected, where):
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, (where, name)
        else:
            assert found[name] == pytest.approx(value, abs=1e-9, rel=1e-9), (where, name)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_every_value_equals_scikit_learn(session, weighted):
    """Each hostile frame is a slice of one statement, and all of them are its whole."""
    together = pd.concat([frame.assign(part=kind) for kind, frame in HOSTILE.items()], ignore_index=True)
    together["id"] = np.arange(len(together))
    rows = judged(session, together, replace(SPEC, weight="weight" if weighted else None))
    parts = {("", ""): together} | {("part", kind): part for kind, part in together.groupby("part")}
    for (name, value), part in parts.items():
        weight = part["weight"].to_numpy() if weighted else np.ones(len(part))
        assert_same(values_of(rows, name, value), reference(part, weight), value)
    assert {(row["slice_name"], row["slice_value"]) for row in rows} == set(parts)
    assert values_of(rows)["label_coverage"] == 1.0


@pytest.mark.parametrize("kind", ["far from zero", "single row"])
def test_special_frames_equal_scikit_learn(session, kind):
    frame = HOSTILE[kind]
    rows = judged(session, frame)
    for value, part in [("", frame), *frame.groupby("part")]:
        found = values_of(rows, "part" if value else "", value)
        assert_same(found, reference(part, np.ones(len(part))), (kind, value))


@pytest.mark.long
def test_a_hundred_thousand_rows(session):
    frame = drawn(100_000, 14, offset=100.0)
    assert_same(values_of(judged(session, frame)), reference(frame, np.ones(len(frame))), "100,000 rows")


@pytest.mark.matrix(1)
@pytest.mark.parametrize("case", ["alike", "weighted", "clustered", "weighted clusters"])
def test_intervals_equal_influence_values(session, case):
    frame = drawn(300, 20)
    weight = frame["weight"].to_numpy() if "weighted" in case else np.ones(len(frame))
    groups = frame["owner"] if "cluster" in case else frame["id"]
    spec = replace(
        SPEC,
        weight="weight" if "weighted" in case else None,
        cluster=["owner"] if "cluster" in case else [],
    )
    found = {row["metric"]: row for row in judged(session, frame, spec) if not row["slice_name"]}
    expected = intervals(lambda moved: reference(frame, moved), weight, groups, SCALES)
    for name, interval in expected.items():
        assert (found[name]["low"], found[name]["high"]) == pytest.approx(interval, rel=1e-4), name
        assert found[name]["note"] is None
    assert {name for name, row in found.items() if row["low"] is not None} == set(SCALES)


def test_a_note_explains_a_missing_value_or_interval(session):
    constant = HOSTILE["constant label"]
    notes = {row["metric"]: row["note"] for row in judged(session, constant) if not row["slice_name"]}
    assert (notes["r2"], notes["mae"]) == ("constant label", None)
    zero = {row["metric"]: row["note"] for row in judged(session, HOSTILE["zero labels"]) if not row["slice_name"]}
    assert zero["wape"] == "all labels are zero"
    perfect = [row for row in judged(session, HOSTILE["perfect"]) if row["metric"] == "mae"]
    assert {(row["low"], row["note"]) for row in perfect} == {(None, "no interval: no spread")}
    few = [row for row in judged(session, drawn(29, 21)) if not row["slice_name"]]
    assert {row["note"] for row in few if row["metric"] in SCALES} == {"no interval: fewer than 30 rows"}
    clusters = drawn(300, 22).assign(owner=lambda frame: frame["id"] % 29)
    rows = judged(session, clusters, replace(SPEC, cluster=["owner"]))
    found = {row["note"] for row in rows if row["metric"] in SCALES and not row["slice_name"]}
    assert found == {"no interval: fewer than 30 clusters"}
    assert {(row["low"], row["high"]) for row in [*few, *rows]} == {(None, None)}


def test_predictions_without_a_label_lower_the_coverage(session):
    frame = drawn(400, 23)
    known = frame.assign(label=frame["label"].where(frame["id"] % 4 > 0)).query("id < 300")
    rows = metrics_of(session, staged(session, frame, PREDICTIONS), staged(session, known, LABELS), SPEC)
    judged_rows = known.dropna(subset="label")
    assert_same(values_of(rows), reference(judged_rows, np.ones(len(judged_rows))), "labels are missing")
    coverage = next(row for row in rows if row["metric"] == "label_coverage")
    assert (coverage["n"], coverage["value"]) == (400, 225 / 400)
    nothing = staged(session, known.assign(label=np.nan), LABELS)
    assert metrics_of(session, staged(session, frame, PREDICTIONS), nothing, SPEC) == []
