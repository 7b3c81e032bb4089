"""Matrices of features: NULL is NaN, unknown categories are missing, rates become log odds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.flight_delay.features import codes, indicators, labels, logit, numbers, scored, vocabularies
from tests.jobs.flight_delay.frames import COLUMNS, examples


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "carrier": pd.array(["UA", "AA", None, "UA"], dtype="string"),
            "hour": pd.array([7, None, 12, 7], dtype="Int64"),
            "rate": [0.5, np.nan, 0.1, 0.2],
        }
    )


def test_integers_and_floats_with_null_become_one_float_matrix(frame):
    found = numbers(frame, ["hour", "rate"])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[7, 0.5], [np.nan, np.nan], [12, 0.1], [7, 0.2]])


def test_codes_follow_the_order_and_unknown_is_missing(frame):
    known = vocabularies(frame, ["carrier", "hour"])
    np.testing.assert_array_equal(codes(frame, known), [[1, 0], [0, np.nan], [np.nan, 1], [1, 0]])
    later = frame.assign(carrier=pd.array(["ZZ"] * 4, dtype="string"))
    assert np.isnan(codes(later, known)[:, 0]).all()


def test_the_vocabulary_does_not_depend_on_the_order_of_the_rows(frame):
    known = vocabularies(frame, ["carrier"])["carrier"]
    assert list(known) == list(vocabularies(frame[::-1], ["carrier"])["carrier"]) == ["AA", "UA"]


def test_indicators_of_what_is_unknown_are_all_zero(frame):
    known = vocabularies(frame, ["carrier"])
    np.testing.assert_array_equal(indicators(frame, known), [[0, 1], [1, 0], [0, 0], [0, 1]])


def test_log_odds_are_finite_and_odd_and_keep_missing_values():
    found = logit(np.array([0.0, 0.2, 0.5, 0.8, 1.0, np.nan]))
    assert np.isfinite(found[:5]).all()
    np.testing.assert_allclose(found[:5], -found[:5][::-1], atol=1e-12)
    assert found[1] == pytest.approx(np.log(0.25))
    assert np.isnan(found[5])


def test_rates_are_kept_one_percent_away_from_0_and_1():
    np.testing.assert_allclose(logit(np.array([0.0, 0.005, 0.01, 0.02])), -np.log([99, 99, 99, 49]))
    np.testing.assert_allclose(logit(np.array([1.0, 0.995, 0.99, 0.98])), np.log([99, 99, 99, 49]))


def test_labels_are_integers():
    assert labels(examples(2, 5), COLUMNS).dtype == np.int64


def test_scores_follow_the_key_and_keep_its_types():
    frame = examples(1, 5)
    found = scored(frame[::-1], COLUMNS, np.linspace(0, 1, 5))
    assert list(found) == [*COLUMNS.key, "score"]
    pd.testing.assert_frame_equal(found[COLUMNS.key], frame[::-1][COLUMNS.key].reset_index(drop=True))
    assert found["score"].tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_scores_are_rounded_below_the_noise_of_sums():
    sums = np.array([0.1 + 0.2, 0.3, 0.1234567890124, 0.1234567890125001, 1 - 1e-13])
    assert sums[0] != sums[1]
    assert scored(examples(1, 5), COLUMNS, sums)["score"].tolist() == [0.3, 0.3, 0.123456789012, 0.123456789013, 1]
