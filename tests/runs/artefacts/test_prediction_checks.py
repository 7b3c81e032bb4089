from __future__ import annotations

import math

import pandas as pd
import pytest

from pipeline.errors import CheckError
from pipeline.runs.artefacts.prediction_checks import check_predictions, is_above
from tests.support.integration_fixtures import edited

ASKED = pd.DataFrame({"carrier": ["a", "b"], "other": [1, 2]})
BOTH = ["a", "b"]


def answered(carriers, **columns):
    return pd.DataFrame({"carrier": carriers, "score": 0.5, **columns})


@pytest.fixture(scope="module")
def by_carrier(job):
    return edited(job, entity=["carrier"], prediction_key=["carrier"])


def test_order_and_extra_columns_do_not_matter(by_carrier):
    check_predictions(by_carrier, "m", ASKED, answered(["b", "a"], more=[1, 2]))


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (answered(BOTH).drop(columns="score"), "m: predictions lack score"),
        (answered([*BOTH, "a"]), "m: predicts 1 keys twice"),
        (answered(["a"]), "of 2 entities 1 have no prediction, 0 were not asked for"),
        (answered([*BOTH, "c"]), "of 2 entities 0 have no prediction, 1 were not asked for"),
        (answered(["a", None]), "of 2 entities 1 have no prediction, 1 were not asked for"),
        (answered([]), "of 2 entities 2 have no prediction, 0 were not asked for"),
    ],
    ids=["column", "twice", "missing", "stranger", "null", "nothing"],
)
def test_missing_doubled_and_unknown_predictions_are_refused(by_carrier, predictions, said):
    with pytest.raises(CheckError, match=said):
        check_predictions(by_carrier, "m", ASKED, predictions)


@pytest.fixture(scope="module")
def by_class(job):
    """Each carrier has a row for each class, and labels have one a carrier."""
    predictions = job.spec.predictions.model_copy(
        update={"columns": {"class": "STRING NOT NULL", "score": "FLOAT64 NOT NULL"}}
    )
    keys = {"entity": ["carrier"], "prediction_key": ["carrier", "class"], "example_key": ["carrier"]}
    return edited(job, **keys, predictions=predictions)


def test_each_example_needs_a_prediction(by_class):
    classes = {"class": ["x", "y", "x"]}
    check_predictions(by_class, "m", ASKED, answered(["a", "a", "b"], **classes))
    with pytest.raises(CheckError, match="of 2 entities 1 have no prediction, 0 were not asked for"):
        check_predictions(by_class, "m", ASKED, answered(["a", "a", "a"], **{"class": ["x", "y", "z"]}))


def test_an_entity_with_items_may_have_no_prediction(by_class):
    with_items = edited(by_class, example_key=["carrier", "other"])
    check_predictions(with_items, "m", ASKED, answered(["a"], **{"class": ["x"]}))
    with pytest.raises(CheckError, match="0 have no prediction, 1 were not asked for"):
        check_predictions(with_items, "m", ASKED, answered(["c"], **{"class": ["x"]}))


@pytest.mark.parametrize(
    ("rejected", "rows", "rate"),
    [(1, 100, 0.0), (1, 100, 0.0099), (30, 100, 0.29), (1, 1, 0.999), (1, 10**9, 0.0), (1, 2, math.nan)],
)
def test_more_than_the_rate_is_above(rejected, rows, rate):
    assert is_above(rejected, rows, rate)


@pytest.mark.parametrize(
    ("rejected", "rows", "rate"),
    [(0, 0, 0.0), (0, 100, 0.0), (1, 100, 0.01), (29, 100, 0.29), (3, 30, 0.1), (5, 5, 1.0)],
)
def test_the_rate_itself_is_allowed(rejected, rows, rate):
    assert not is_above(rejected, rows, rate)
