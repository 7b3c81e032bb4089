"""The baselines give exact rates, and the overall rate to unknown cells."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.flight_delay.baselines import CarrierHourRate, ConstantRate
from tests.jobs.flight_delay.frames import COLUMNS, examples


@pytest.fixture
def train():
    """Return four flights of AA at 7, three of them late, and one of UA at 9 in time."""
    frame = examples(1, 5)
    return frame.assign(
        carrier=pd.array(["AA", "AA", "AA", "AA", "UA"], dtype="string"),
        departure_hour=pd.array([7, 7, 7, 7, 9], dtype="Int64"),
        label=pd.array([1, 1, 1, 0, 0], dtype="Int64"),
    )


def test_the_constant_is_the_share_of_late_flights(train):
    found = ConstantRate(columns=COLUMNS).fit(train).predict(train)
    assert list(found) == [*COLUMNS.key, "score"]
    assert found["score"].tolist() == [0.6] * 5


def test_a_cell_starts_with_flights_at_the_overall_rate(train):
    found = CarrierHourRate(columns=COLUMNS, prior_flights=5).fit(train).predict(train)["score"]
    assert found.tolist() == pytest.approx([(3 + 5 * 0.6) / 9] * 4 + [(0 + 5 * 0.6) / 6])


@pytest.mark.parametrize(("carrier", "hour"), [("ZZ", 7), ("AA", 23), (None, 7), ("AA", None)])
def test_a_cell_that_was_never_seen_has_the_overall_rate(train, carrier, hour):
    model = CarrierHourRate(columns=COLUMNS).fit(train)
    changed = {
        "carrier": pd.array([carrier] * 5, dtype="string"),
        "departure_hour": pd.array([hour] * 5, dtype="Int64"),
    }
    assert model.predict(train.assign(**changed))["score"].tolist() == [0.6] * 5


@pytest.mark.parametrize("baseline", [ConstantRate, CarrierHourRate])
def test_the_caller_keeps_its_frame(train, baseline):
    before = train.copy(deep=True)
    baseline(columns=COLUMNS).fit(train).predict(train)
    pd.testing.assert_frame_equal(train, before)
