"""Multiclass metrics in SQL against scikit-learn, and their intervals against influence values by brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from pipeline.project.metric_spec import MetricSpec
from tests.evaluation.influences import intervals
from tests.evaluation.judging import metrics_of, staged, values_of

SPEC = MetricSpec("multiclass", ["id", "class"], ["class", "score"], ["part"], label_key=["id"])
PREDICTIONS = {"id": "INT64 NOT NULL", "class": "STRING NOT NULL", "score": "FLOAT64 NOT NULL"}
LABELS = {"id": "INT64 NOT NULL", "label": "STRING", "part": "STRING", "weight": "FLOAT64", "owner": "INT64"}
CLASSES = np.array(["zebra", "Äpfel", "apple as fruit", "Apple"])
SCALES = {"accuracy": "logit", "micro_f1": "logit", "macro_f1": "logit", "log_loss": "log"}
EPSILON = 2.0**-52


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


def drawn(rows: int, seed: int, *, grid: int = 0, skill: float = 1.0) -> pd.DataFrame:
    """One row an entity, with a column of scores for each class that know something of the label."""
    rng = np.random.default_rng(seed)
    number = rng.choice(len(CLASSES), rows, p=[0.5, 0.3, 0.15, 0.05])
    scores = rng.dirichlet(np.ones(len(CLASSES)), rows)  # (rows, classes)
    scores[np.arange(rows), number] += skill * rng.random(rows)
    scores /= scores.sum(axis=1, keepdims=True)
    if grid:
        scores = np.round(scores * grid) / grid
    frame = pd.DataFrame(scores, columns=CLASSES)
    frame["id"], frame["label"] = np.arange(rows), CLASSES[number]
    frame["part"] = rng.choice(["north", "x' OR 1=1 --"], rows)
    frame["weight"] = rng.integers(1, 5, rows) / 2
    frame["owner"] = rng.integers(0, max(rows // 5, 1), rows)
    return frame


def certain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: (frame["label"] == name).astype(float) for name in CLASSES})


HOSTILE = {
    "smooth": drawn(3_000, 1),
    "ties": drawn(2_000, 2, grid=2),
    "constant": drawn(500, 3).assign(**dict.fromkeys(CLASSES, 0.25)),
    "right and certain": certain(drawn(500, 4)),
    "wrong and certain": certain(drawn(500, 5)).assign(label="Apple"),
    "one class": drawn(500, 6).assign(label="zebra"),
    "never predicted": drawn(500, 7).assign(zebra=0.0),
    "single row": drawn(1, 8),
    "two rows": drawn(2, 9),
}


def predicted(frame: pd.DataFrame) -> np.ndarray:
    """The class with the highest score; of ties the first in the order of code points, shape (rows,)."""
    ordered = sorted(CLASSES)
    return np.array(ordered)[frame[ordered].to_numpy().argmax(axis=1)]


def reference(frame: pd.DataFrame, weight) -> dict[str, float]:
    """Return each metric by scikit-learn; the log loss by its formula, for scores on a grid do not sum to one."""
    label, chosen = frame["label"].to_numpy(), predicted(frame)
    score = frame[CLASSES].to_numpy()[np.arange(len(frame)), pd.Index(CLASSES).get_indexer(label)]
    common = {"sample_weight": weight, "zero_division": 0.0}
    accuracy = metrics.accuracy_score(label, chosen, sample_weight=weight)
    micro = metrics.f1_score(label, chosen, average="micro", **common)
    assert micro == pytest.approx(accuracy, abs=1e-12)
    return {
        "accuracy": accuracy,
        "micro_f1": micro,
        "macro_f1": metrics.f1_score(label, chosen, average="macro", **common),
        "log_loss": float(np.average(-np.log(np.maximum(score, EPSILON)), weights=weight)),
        "count": float(len(frame)),
    }


def melted(frame: pd.DataFrame) -> pd.DataFrame:
    """Predictions as files hold them: one row an entity and class."""
    return frame.melt("id", CLASSES, "class", "score")


def judged(session, frame, spec=SPEC):
    return metrics_of(session, staged(session, melted(frame), PREDICTIONS), staged(session, frame, LABELS), spec)


def assert_same(found, expected, where):
    for name, value in expected.items():
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
    assert {(row["slice_name"], row["slice_value"]) for row in rows if row["slice_name"] != "confusion"} == set(parts)
    assert values_of(rows)["label_coverage"] == 1.0


def test_log_loss_equals_scikit_learn_if_scores_sum_to_one(session):
    frame = HOSTILE["smooth"]
    ordered = sorted(CLASSES)
    expected = metrics.log_loss(frame["label"], frame[ordered].to_numpy(), labels=ordered)
    assert values_of(judged(session, frame))["log_loss"] == pytest.approx(expected, abs=1e-9)


def test_the_confusion_matrix_is_rows(session):
    frame = HOSTILE["ties"]
    rows = [row for row in judged(session, frame) if row["slice_name"] == "confusion"]
    counts = metrics.confusion_matrix(frame["label"], predicted(frame), labels=CLASSES)  # (classes, classes)
    expected = {
        f"{label} as {other}": counts[one, two]
        for one, label in enumerate(CLASSES)
        for two, other in enumerate(CLASSES)
        if counts[one, two]
    }
    assert {row["slice_value"]: row["value"] for row in rows} == expected
    assert {(row["metric"], row["n"] == row["value"], row["low"], row["note"]) for row in rows} == {
        ("count", True, None, None)
    }


@pytest.mark.long
def test_a_hundred_thousand_rows(session):
    frame = drawn(25_000, 10)
    assert_same(values_of(judged(session, frame)), reference(frame, np.ones(len(frame))), "100,000 rows")


@pytest.mark.matrix(1)
@pytest.mark.parametrize("case", ["alike", "weighted", "clustered", "weighted clusters"])
def test_intervals_equal_influence_values(session, case):
    frame = drawn(200, 20, grid=10)
    weight = frame["weight"].to_numpy() if "weighted" in case else np.ones(len(frame))
    groups = frame["owner"] if "cluster" in case else frame["id"]
    spec = replace(
        SPEC,
        weight="weight" if "weighted" in case else None,
        cluster=["owner"] if "cluster" in case else [],
    )
    found = {row["metric"]: row for row in judged(session, frame, spec) if not row["slice_name"]}
    for name, interval in intervals(lambda moved: reference(frame, moved), weight, groups, SCALES).items():
        assert (found[name]["low"], found[name]["high"]) == pytest.approx(interval, rel=1e-4), name
        assert found[name]["note"] is None


def test_a_note_explains_a_missing_interval(session):
    perfect = {row["metric"]: row["note"] for row in judged(session, HOSTILE["right and certain"])}
    assert perfect["accuracy"] == perfect["macro_f1"] == perfect["log_loss"] == "no interval: no spread"
    few = [row for row in judged(session, drawn(29, 21)) if not row["slice_name"] and row["metric"] in SCALES]
    assert {row["note"] for row in few} == {"no interval: fewer than 30 entities"}
    assert {(row["low"], row["high"]) for row in few} == {(None, None)}


def test_missing_labels_classes_and_predictions(session):
    """An entity without a label is not judged; a label whose class has no row is as wrong as can be."""
    frame = drawn(400, 23)
    known = frame.assign(label=frame["label"].where(frame["id"] % 4 > 0)).query("id < 300")
    known.loc[known["id"] % 4 == 1, "label"] = "unheard of"
    rows = metrics_of(session, staged(session, melted(frame), PREDICTIONS), staged(session, known, LABELS), SPEC)
    found, some = values_of(rows), known.dropna(subset="label")
    assert (found["count"], found["label_coverage"]) == (225.0, 225 / 400)
    assert found["accuracy"] == pytest.approx(np.mean(some["label"] == predicted(some)), abs=1e-12)
    right = some[some["label"] != "unheard of"]
    losses = reference(right, np.ones(len(right)))["log_loss"] * len(right) - 75 * np.log(EPSILON)
    assert found["log_loss"] == pytest.approx(losses / 225, abs=1e-9)
    expected = metrics.f1_score(some["label"], predicted(some), average="macro", zero_division=0.0)
    assert found["macro_f1"] == pytest.approx(expected, abs=1e-9)
