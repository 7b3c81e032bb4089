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
        (answered(["a"]), r"of 2 keys \(carrier\) 1 have no prediction \(b\), 0 were not asked for"),
        (answered([*BOTH, "c"]), r"of 2 keys \(carrier\) 0 have no prediction, 1 were not asked for \(c\)"),
        (answered(["a", None]), r"1 have no prediction \(b\), 1 were not asked for"),
        (answered([]), r"2 have no prediction \(a, b\), 0 were not asked for"),
    ],
    ids=["column", "twice", "missing", "stranger", "null", "nothing"],
)
def test_missing_doubled_and_unknown_predictions_are_refused(by_carrier, predictions, said):
    with pytest.raises(CheckError, match=said):
        check_predictions(by_carrier, "m", ASKED, predictions)


@pytest.fixture(scope="module")
def by_flight(job):
    """The entity is not the whole key, as a customer on a day."""
    return edited(job, entity=["carrier"], prediction_key=["carrier", "origin", "flight"])


FLIGHTS = pd.DataFrame(
    {
        "carrier": pd.array(["a"] * 6 + ["b"] * 6, pd.StringDtype()),
        "origin": pd.array(["x", "y"] * 6, pd.StringDtype()),
        "flight": pd.array(range(12), "Int64"),
        "distance": 1.0,
    }
)


def scores_of(rows):
    return rows.drop(columns="distance").assign(score=0.5)


@pytest.mark.parametrize("rows", [FLIGHTS, FLIGHTS.iloc[::-1], FLIGHTS.astype({"flight": "float64"})])
def test_answers_in_any_order_and_dtype_are_complete(by_flight, rows):
    check_predictions(by_flight, "m", FLIGHTS, scores_of(rows))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            FLIGHTS.iloc[1:],
            r"of 12 keys \(carrier, origin, flight\) 1 have no prediction \(a/x/0\), 0 were not asked for",
        ),
        (FLIGHTS.iloc[[0, 6]], r"10 have no prediction \(a/x/2, a/x/4, a/y/1, a/y/3, a/y/5, \.\.\.\), 0 were not"),
        (FLIGHTS.iloc[:0], r"12 have no prediction \(.*, \.\.\.\), 0 were not asked for"),
        (FLIGHTS.assign(flight=range(1, 13)), r"have no prediction \(.*\), \d+ were not asked for \(a/x/1, "),
    ],
    ids=["one missing", "one for each entity", "none", "other keys of the same entities"],
)
def test_every_key_is_answered_where_the_entity_is_a_part_of_it(by_flight, rows, said):
    with pytest.raises(CheckError, match=said):
        check_predictions(by_flight, "m", FLIGHTS, scores_of(rows))


def test_each_example_needs_a_class_also_with_longer_keys(by_flight):
    columns = {"class": "STRING NOT NULL", "score": "FLOAT64 NOT NULL"}
    predictions = by_flight.spec.predictions.model_copy(update={"columns": columns})
    key = by_flight.spec.prediction_key
    by_class = edited(by_flight, prediction_key=[*key, "class"], example_key=key, predictions=predictions)
    answers = scores_of(FLIGHTS).assign(**{"class": "x"})
    check_predictions(by_class, "m", FLIGHTS, pd.concat([answers, answers.iloc[:3].assign(**{"class": "y"})]))
    with pytest.raises(CheckError, match=r"of 12 keys .* 2 have no prediction \(a/x/0, a/y/1\), 0 were not asked for"):
        check_predictions(by_class, "m", FLIGHTS, answers.iloc[2:])


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
    with pytest.raises(CheckError, match=r"of 2 keys \(carrier\) 1 have no prediction \(b\), 0 were not asked for"):
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
