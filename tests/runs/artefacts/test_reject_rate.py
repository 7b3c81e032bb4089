from __future__ import annotations

import math

import pytest

from pipeline.runs.artefacts.prediction_checks import is_above


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
def test_the_rate_itself_is_allowed_and_no_rows_are_never_too_many(rejected, rows, rate):
    assert not is_above(rejected, rows, rate)
