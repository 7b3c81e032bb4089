"""The effect of a day is learned from days and predicted with its uncertainty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.flight_delay.day_effect import WEIGHTS, DayEffect
from jobs.flight_delay.features import labels
from tests.jobs.flight_delay.frames import CITY, COLUMNS, examples

PARAMETERS = {"length": 3.0, "variance": 0.5, "trend": 0.05, "noise": 0.3}


@pytest.fixture(scope="module")
def frame():
    return examples()


@pytest.fixture(scope="module")
def fitted(frame):
    return DayEffect(**PARAMETERS).fit(frame, labels(frame, COLUMNS))


def mean(effects):
    return effects @ WEIGHTS / WEIGHTS.sum()


def deviation(effects):
    return np.sqrt(mean((effects - mean(effects)[:, None]) ** 2))


def test_realised_effect_rises_with_the_late_rate(frame, fitted):
    by_day = frame.assign(effect=fitted.realised, late=frame["label"].astype(float)).groupby("flight_date")
    assert (by_day["effect"].nunique() == 1).all()
    days = by_day[["effect", "late"]].mean()
    assert days["effect"].corr(days["late"], method="spearman") > 0.99


def test_a_day_with_few_labels_is_shrunk_toward_the_mean(frame):
    late = labels(frame, COLUMNS)
    first = frame["flight_date"] == frame["flight_date"].iloc[0]
    alone = frame[~first | (late == 1) & (np.cumsum(first & (late == 1)) == 1)]
    effect = DayEffect(**PARAMETERS).fit(alone, labels(alone, COLUMNS)).realised[0]
    share = late[~first].mean()
    assert np.log(share / (1 - share)) < effect < 0  # one flight, late


def test_only_humid_nights_are_expected_to_be_worse(fitted):
    later = examples(40, 1, seed=1)
    by_humidity = np.corrcoef(mean(fitted.expected(later)), later["city_humid"])[0, 1]
    by_wind = np.corrcoef(mean(fitted.expected(later)), later["city_wind_south"])[0, 1]
    assert by_humidity > 0.7
    assert abs(by_wind) < 0.5


def test_a_day_unlike_all_others_is_less_certain(fitted):
    usual = examples(1, 1, seed=2)
    unlike = usual.assign(**dict.fromkeys(CITY[1:], 5.0))
    certain, uncertain = (deviation(fitted.expected(day))[0] for day in (usual, unlike))
    assert certain > 0.5 * fitted.scale  # the noise, at least
    assert uncertain > certain + 0.1 * fitted.scale


def test_expectation_of_a_day_does_not_depend_on_other_rows(fitted):
    later = examples(3, 20, seed=3)
    together = fitted.expected(later)
    assert (together[:20] == together[0]).all()
    np.testing.assert_allclose(fitted.expected(later[25:26]), together[25:26], rtol=1e-12)


@pytest.mark.parametrize("missing", [("city_humid",), CITY])
def test_conditions_that_were_never_known_have_no_effect(missing):
    frame = examples(10, 20).assign(**dict.fromkeys(missing, np.nan))
    expected = DayEffect(**PARAMETERS).fit(frame, labels(frame, COLUMNS)).expected(frame)
    assert np.isfinite(expected).all()


def test_one_day_is_enough():
    frame = examples(1, 20)
    expected = DayEffect(**PARAMETERS).fit(frame, labels(frame, COLUMNS)).expected(examples(2, 5, seed=1))
    assert np.isfinite(expected).all()


def test_a_condition_that_is_missing_today_counts_as_average(fitted, frame):
    today = examples(1, 1, seed=4)
    average = today.assign(city_humid=frame.groupby("flight_date")["city_humid"].first().mean())
    missing = today.assign(city_humid=pd.Series([np.nan]))
    np.testing.assert_allclose(fitted.expected(missing), fitted.expected(average))
