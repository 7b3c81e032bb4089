"""Binary metrics in SQL against scikit-learn, and their intervals against influence values and DeLong in numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.project.metric_spec import MetricSpec
from tests.evaluation.binary_reference import reference
from tests.evaluation.judging import metrics_of, staged, values_of
from tests.sql.emulator import make_functions

SPEC = MetricSpec("binary_classification", ["id"], ["score"], ["part"])
LABELS = {"id": "INT64 NOT NULL", "label": "INT64", "part": "STRING", "weight": "FLOAT64", "owner": "INT64"}


@pytest.fixture(scope="module")
def session(make_empty_session):
    session = make_empty_session()
    make_functions(session)
    return session


def drawn(rows: int, seed: int, *, grid: int = 0, base: float = 0.3) -> pd.DataFrame:
    """Scores that know something of the label; on a grid there are many ties."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < base).astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=rows) + 1.2 * label + np.log(base / (1 - base)))))
    if grid:
        score = np.round(score * grid) / grid
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "score": score,
            "label": label,
            "part": rng.choice(["north", "süd", "x' OR 1=1 --"], rows),
            "weight": rng.integers(0, 5, rows) / 2 + 0.25,
            "owner": rng.integers(0, max(rows // 5, 1), rows),
        }
    )


HOSTILE = {
    "ties": drawn(2_000, 1, grid=10),
    "smooth": drawn(5_000, 2),
    "rare": drawn(3_000, 3, base=0.02),
    "constant": drawn(500, 4).assign(score=0.25),
    "certain": drawn(500, 5).assign(score=lambda frame: frame["label"].astype(float)),
    "wrong": drawn(500, 6).assign(score=lambda frame: 1.0 - frame["label"]),
    "nearly tied": drawn(500, 7).assign(score=lambda frame: 0.5 + frame.index * 1e-16),
    "one class": drawn(200, 8).assign(label=0),
    "all late": drawn(200, 9).assign(label=1),
    "single row": drawn(1, 10),
    "two rows": drawn(2, 11).assign(label=[0, 1]),
    # Sums of such weights differ from their products in the last bits, where rows do not differ at all.
    "one odd weight": drawn(1, 12).assign(label=1, weight=1.3),
    "odd weights": drawn(200, 13).assign(label=1, weight=lambda frame: 0.64 + frame.index % 7 / 100),
    "odd weights, certain": drawn(300, 14).assign(score=lambda frame: frame["label"].astype(float), weight=2.6),
}


def judged(session, frame, spec=SPEC):
    predictions = staged(session, frame, {"id": "INT64 NOT NULL", "score": "FLOAT64 NOT NULL"})
    return metrics_of(session, predictions, staged(session, frame, LABELS), spec)


def assert_same(found, expected, where):
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, (where, name)
        else:
            assert found[name] == pytest.approx(value, abs=1e-9, rel=1e-9), (where, name)


@pytest.mark.matrix(16)
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_every_value_equals_scikit_learn(session, kind, weighted):
    frame = HOSTILE[kind]
    rows = judged(session, frame, replace(SPEC, weight="weight" if weighted else None))
    parts = {("", ""): frame} | {("part", value): part for value, part in frame.groupby("part")}
    for (name, value), part in parts.items():
        label, score, weight = (part[column].to_numpy(float) for column in ("label", "score", "weight"))
        expected = reference(label, score, weight if weighted else None)
        assert_same(values_of(rows, name, value), expected, (kind, name, value))
    assert {row["slice_name"] for row in rows} == {"", "part", "score_bin"}
    assert values_of(rows)["label_coverage"] == 1.0


@pytest.mark.matrix(1)
@pytest.mark.parametrize("clustered", [False, True], ids=["rows", "clusters"])
def test_rows_of_weight_zero_change_nothing(session, clustered):
    """Those with the highest scores, a whole slice, a whole bin of the calibration and whole clusters weigh nothing."""
    frame = drawn(600, 15, grid=30)
    weightless = (frame["score"] > 0.8) | (frame["part"] == "süd") | frame["score"].between(0.2, 0.3)
    frame = frame.assign(weight=1.0 - weightless, owner=frame["id"] % 50 + 100 * weightless)
    spec = replace(SPEC, weight="weight", cluster=["owner"] if clustered else [])
    rows, without = judged(session, frame, spec), judged(session, frame[~weightless], replace(spec, weight=None))
    for name, value in (("", ""), ("part", "north")):
        expected = {k: v for k, v in values_of(without, name, value).items() if "_top_" not in k and k != "count"}
        assert_same(values_of(rows, name, value), expected, (name, value))
    weightless_slice = {row["metric"]: (row["value"], row["note"]) for row in rows if row["slice_value"] == "süd"}
    assert weightless_slice["log_loss"] == weightless_slice["base_rate"] == (None, "no weight")
    assert weightless_slice["count"][0] == (frame["part"] == "süd").sum()
    assert {row["value"] for row in rows if row["slice_value"] == "0.90-1.00"} == {None}


def test_bins_of_the_calibration_have_the_intervals_of_clusters(session):
    """Twenty copies of each row say no more than the row."""
    once = drawn(900, 16, base=0.4)
    often = pd.concat([once.assign(owner=once["id"], id=once["id"] + 1000 * copy) for copy in range(20)])
    one, many = (
        {row["slice_value"]: row for row in rows if row["slice_name"] == "score_bin" and row["metric"] == "base_rate"}
        for rows in (judged(session, once), judged(session, often, replace(SPEC, cluster=["owner"])))
    )
    known = [name for name, row in one.items() if row["low"] is not None]
    assert len(known) > 3
    for name in known:
        width, expected = many[name]["high"] - many[name]["low"], one[name]["high"] - one[name]["low"]
        assert width == pytest.approx(expected, rel=0.03), name  # degrees of freedom differ
    few = [row for name, row in many.items() if one[name]["n"] < 30]
    assert {(row["low"], row["high"]) for row in few} <= {(None, None)}


def test_parameters_choose_threshold_top_and_bins(session):
    frame = HOSTILE["smooth"]
    spec = replace(SPEC, parameters={"threshold": 0.3, "top_percent": 5, "bins": 20})
    label, score = frame["label"].to_numpy(float), frame["score"].to_numpy()
    assert_same(values_of(judged(session, frame, spec)), reference(label, score, threshold=0.3, percent=5, bins=20), "")


def test_bins_of_the_calibration_are_rows(session):
    frame = HOSTILE["smooth"]
    rows = [row for row in judged(session, frame) if row["slice_name"] == "score_bin"]
    which = np.minimum((frame["score"] * 10).astype(int), 9)
    for number, part in frame.groupby(which):
        found = values_of(rows, "score_bin", f"{number / 10:.2f}-{(number + 1) / 10:.2f}")
        assert found == pytest.approx({"base_rate": part["label"].mean(), "mean_score": part["score"].mean()}, abs=1e-9)
    assert sum(row["n"] for row in rows if row["metric"] == "base_rate") == len(frame)


def influence(frame: pd.DataFrame, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Influence values by brute force, shape (rows,) each: the derivative of a metric in the weight of a row."""
    label, score = frame["label"].to_numpy(float), frame["score"].to_numpy()
    base, step, found = reference(label, score, weight), 1e-5, {}
    names = ("auc", "average_precision", "log_loss", "brier_score", "base_rate", "precision", "recall", "f1")
    for number in range(len(frame)):
        moved = weight.copy()
        moved[number] += step
        after = reference(label, score, moved)
        for name in names:
            found.setdefault(name, np.zeros(len(frame)))[number] = (after[name] - base[name]) / step * weight[number]
    return found


@pytest.mark.matrix(1)
@pytest.mark.parametrize("case", ["alike", "weighted", "clustered", "weighted clusters"])
def test_intervals_equal_influence_values(session, case):
    """No formula of the SQL is repeated here: derivatives are taken by moving the weight of one row after another."""
    frame = drawn(200, 20, grid=40)
    weighted, clustered = "weighted" in case, "cluster" in case
    rows = judged(
        session, frame, replace(SPEC, weight="weight" if weighted else None, cluster=["owner"] if clustered else [])
    )
    weight = frame["weight"].to_numpy() if weighted else np.ones(len(frame))
    groups = frame["owner"] if clustered else frame["id"]
    found = {row["metric"]: row for row in rows if not row["slice_name"]}
    units = groups.nunique()
    degrees = min(frame["label"].sum(), len(frame) - frame["label"].sum(), units) - 1
    from scipy.stats import t

    for name, values in influence(frame, weight).items():
        sums = pd.Series(values).groupby(groups.to_numpy()).sum()
        error = float(np.sqrt((sums**2).sum() * units / (units - 1)))
        row, value = found[name], found[name]["value"]
        reach = t.ppf(0.975, degrees) * error / value
        if name in ("log_loss", "brier_score"):
            low, high = value * np.exp(-reach), value * np.exp(reach)
        else:
            low, high = (value / (value + (1 - value) * np.exp(sign * reach / (1 - value))) for sign in (1, -1))
        assert (row["low"], row["high"]) == pytest.approx((low, high), rel=2e-4), name
        assert row["note"] is None


def test_the_interval_of_auc_equals_delong(session):
    """DeLong, DeLong and Clarke-Pearson 1988, with placement values counted pair by pair."""
    frame = drawn(600, 21, grid=60)
    score, label = frame["score"].to_numpy(), frame["label"].to_numpy()
    one, other = score[label == 1][:, None], score[label == 0][None, :]  # (positives, 1), (1, negatives)
    wins = (one > other) + 0.5 * (one == other)  # (positives, negatives)
    variance = wins.mean(axis=1).var(ddof=1) / wins.shape[0] + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    row = next(r for r in judged(session, frame) if r["metric"] == "auc" and not r["slice_name"])
    value = wins.mean()
    half = (np.log(row["high"] / (1 - row["high"])) - np.log(row["low"] / (1 - row["low"]))) / 2
    assert half * value * (1 - value) / 1.96 == pytest.approx(np.sqrt(variance), rel=0.02)


def test_fewer_than_thirty_rows_have_a_note_and_no_interval(session):
    few = drawn(300, 22, base=0.05)
    notes = {row["note"] for row in judged(session, few) if row["metric"] == "auc" and not row["slice_name"]}
    assert notes == {"no interval: fewer than 30 positives"}
    clusters = drawn(300, 23, base=0.5).assign(owner=lambda frame: frame["id"] % 29)
    rows = judged(session, clusters, replace(SPEC, cluster=["owner"]))
    found = [row for row in rows if not row["slice_name"]]
    notes = {row["metric"]: row["note"] for row in found}
    assert notes["log_loss"] == notes["auc"] == "no interval: fewer than 30 clusters"
    assert {(row["low"], row["high"]) for row in found} == {(None, None)}
