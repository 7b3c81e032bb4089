from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.model_config import Columns, ModelConfig
from pipeline.phases.score_reference import POINTS, SAMPLED_ROWS, sample_scores

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
    assert len(model.asked) == SAMPLED_ROWS
    assert {model.asked["id"].iloc[0], model.asked["id"].iloc[-1]} == {0, 49_999}
    assert np.ptp(np.diff(model.asked["id"])) <= 1
    assert model.asked["label"].isna().all()
    assert model.asked.dtypes.equals(rows.dtypes)
    assert rows["label"].notna().all(), "the caller's frame stays as it is"
    assert sum(point["n"] for point in points) == SAMPLED_ROWS
    assert len(points) == POINTS
    assert [point["number"] for point in points] == pytest.approx(np.linspace(-0.99, 0.99, POINTS), abs=0.002)


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
    assert SAMPLED_ROWS - 9 <= len(model.asked) <= SAMPLED_ROWS + 9
    assert {model.asked["user"].min(), model.asked["user"].max()} == {0, 999}
