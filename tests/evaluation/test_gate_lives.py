"""Many simulated challengers: the gate's SQL decides each as scipy does, and rarely wrongly; a small `make lives`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.gate_lives import NOISES, differences, promotions, rule_of

LIVES = 60
RULE = rule_of(max_windows=8)


@pytest.fixture(scope="module")
def lives(make_empty_session):
    """Challengers that are equal, better and worse by two standard errors: differences, and who was promoted when."""
    rng = np.random.default_rng(5)
    noises = [NOISES["normal"], NOISES["heavy tails (t, 3 degrees of freedom)"]]
    days = [differences(rng, noise, RULE, LIVES, gain) for gain in (0.0, 2.0, -2.0) for noise in noises]
    every = np.concatenate(days)  # every: (lives of all, days)
    return every, promotions(make_empty_session(), RULE, every)


def test_every_life_is_decided_as_by_scipy(lives):
    days, promoted = lives
    windows = -days.reshape(len(days), RULE.gate.max_windows, RULE.gate.min_days)
    p_values = stats.ttest_1samp(windows, 0.0, axis=2, alternative="greater").pvalue  # (lives, windows)
    passes = p_values < RULE.window_error
    expected = {life: int(np.argmax(row)) + 1 for life, row in enumerate(passes) if row.any()}
    assert promoted == expected


def test_rates_of_promotion_of_equal_better_and_worse(lives):
    _, promoted = lives
    count = np.bincount([life // (2 * LIVES) for life in promoted], minlength=3) / (2 * LIVES)
    equal, better, worse = count
    assert equal <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / (2 * LIVES))
    assert better > 0.5
    assert worse == 0
