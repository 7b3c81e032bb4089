from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from pipeline.model_config import Columns, ModelConfig
from pipeline.phases.score_reference import POINTS, SAMPLED_ENTITIES, SAMPLED_ROWS, sample_scores

CONFIG = ModelConfig(model="m:M", columns=Columns(key=["id"], label="label"))


class Fake:
    """Predicts the values that a function returns for the rows, and keeps the rows."""

    def __init__(self, predict):
        self._predict = predict

    def predict(self, df):
        self.asked = df
        return df[["id"]].assign(**self._predict(df))


class Named:
    config = CONFIG


def frame(rows):
    return pd.DataFrame({"id": range(rows), "x": np.linspace(-1, 1, rows), "label": pd.array([1] * rows, "Int64")})


def test_an_even_sample_is_scored_without_its_labels():
    model, rows = Fake(lambda df: {"score": df["x"]}), frame(50_000)
    points = sample_scores(model, Named, rows, ["id"])
    assert len(model.asked) == SAMPLED_ENTITIES
    assert model.asked["id"].is_monotonic_increasing
    parts = np.bincount(model.asked["id"] // 10_000)
    assert parts.sum() == SAMPLED_ENTITIES
    assert (abs(parts - 400) < 80).all(), "each fifth of the rows has its share"
    assert model.asked["label"].isna().all()
    assert model.asked.dtypes.equals(rows.dtypes)
    assert rows["label"].notna().all(), "the caller's frame stays as it is"
    assert sum(point["n"] for point in points) == SAMPLED_ENTITIES
    assert len(points) == POINTS
    assert [point["number"] for point in points] == pytest.approx(np.linspace(-0.99, 0.99, POINTS), abs=0.05)


def test_few_rows_are_all_scored_and_the_same_every_time():
    model = Fake(lambda df: {"score": df["x"].round(1), "kind": np.where(df["x"] > 0, "a", "ü")})
    points = sample_scores(model, Named, frame(7), ["id"])
    assert points == sample_scores(model, Named, frame(7), ["id"])
    assert [point for point in points if point["feature"] == "kind"] == [
        {"feature": "kind", "category": "a", "n": 3},
        {"feature": "kind", "category": "ü", "n": 4},
    ]
    assert sum(point["n"] for point in points if point["feature"] == "score") == 7


def test_infinite_values_and_too_many_texts_are_left_out():
    wild = [np.nan, np.inf, -np.inf, 0.5]
    model = Fake(lambda df: {"score": np.resize(wild, len(df)), "name": df["id"].astype(str), "flag": df["x"] > 0})
    points = sample_scores(model, Named, frame(400), ["id"])
    assert points == [
        {"feature": "score", "number": 0.5, "n": 100},
        {"feature": "flag", "category": "false", "n": 200},
        {"feature": "flag", "category": "true", "n": 200},
    ]


def test_all_rows_of_an_entity_are_scored_or_none():
    rows = frame(9000)
    rows["user"] = rows["id"] // 9
    model = Fake(lambda df: {"score": df["x"]})
    sample_scores(model, Named, rows, ["user"])
    assert set(model.asked.groupby("user").size()) == {9}
    assert len(model.asked) == 9000
    rows["user"] = rows["id"] // 30
    rows = pd.concat([rows] * 10, ignore_index=True)
    sample_scores(model, Named, rows, ["user"])
    assert set(model.asked.groupby("user").size()) == {300}
    assert SAMPLED_ROWS - 300 < len(model.asked) <= SAMPLED_ROWS


def test_an_entity_counts_once_a_moment():
    """What a run scores is one moment: days of a user are users of a sample, and not all days of few users."""
    rows = frame(90_000)
    rows["user"], rows["example_as_of"] = (
        rows["id"] // 90,
        pd.Timestamp("2024-01-01") + pd.to_timedelta(rows["id"] % 90, "D"),
    )
    model = Fake(lambda df: {"score": df["x"]})
    sample_scores(model, Named, rows, ["user"])
    assert len(model.asked) == SAMPLED_ENTITIES
    assert model.asked["user"].nunique() > 700


def test_a_list_of_an_entity_counts_as_one_score():
    """Twenty scores of a user that are equal are no twenty scores."""
    model, rows = Fake(dict), frame(6000)
    rows["user"] = rows["id"] // 30

    def lists(df):
        users = df["user"].unique()
        return pd.DataFrame({"id": np.repeat(users, 20), "score": np.repeat(users / 200, 20)})

    model.predict = lists
    points = sample_scores(model, Named, rows, ["user"])
    assert sum(point["n"] for point in points) == 200
    assert len({point["number"] for point in points}) > 90


def test_a_job_that_trains_on_what_it_scores_does_not_drift():
    """Users have 100 rows and lists of 20 alike scores: the sample of one day is that of all users, within chance."""
    rng, model, rows = np.random.default_rng(5), Fake(dict), frame(100_000)
    rows["user"] = rows["id"] // 100
    levels = np.sort(rng.normal(size=1000))  # users in the order of the key differ most

    def lists(df):
        users = df["user"].unique()
        return pd.DataFrame({"id": np.repeat(users, 20), "score": np.repeat(levels[users], 20) + 0.01})

    model.predict = lists
    points = sample_scores(model, Named, rows, ["user"])
    known = np.repeat([point["number"] for point in points], [point["n"] for point in points])
    edges = np.quantile(known, np.linspace(0.1, 0.9, 9))
    p, q = (
        np.bincount(np.searchsorted(edges, scores), minlength=10) / len(scores)
        for scores in (lists(rows)["score"].to_numpy(), known)
    )
    assert np.sum((p - q) * np.log(p / q)) < chi2.ppf(0.999, 9) * (1 / 20_000 + 1 / len(known))
