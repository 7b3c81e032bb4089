"""Both variants keep the contract of a model and find the known effects."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from jobs.flight_delay.day_effect import WEIGHTS
from jobs.flight_delay.features import PLAN, RATES
from jobs.flight_delay.model import marginal
from pipeline.base.strict_yaml import read_yaml
from pipeline.model_config import ModelConfig
from pipeline.models.interface import make_model
from tests.jobs.flight_delay.frames import CITY, COLUMNS, examples
from tests.support.integration_fixtures import ROOT

CATEGORIES = ("carrier", "origin", "dest")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Limit fits to one thread: small fits are slow on a busy machine if threads wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def train():
    return examples()


@pytest.fixture(scope="module")
def later():
    return examples(30, seed=1)


@pytest.fixture(scope="module", params=["gradient_boosting", "logistic_regression"])
def config(request):
    return read_yaml(ROOT / "jobs" / "flight_delay" / f"{request.param}.yaml", ModelConfig)


@pytest.fixture(scope="module")
def fitted(config, train):
    return make_model(config).fit(train)


def auc(model, frame):
    return roc_auc_score(frame["label"].astype(int), model.predict(frame)["score"])


def mean_score(model, frame):
    return model.predict(frame)["score"].mean()


def test_predictions_are_the_key_and_probabilities(fitted, later):
    found = fitted.predict(later)
    assert list(found) == [*COLUMNS.key, "score"]
    pd.testing.assert_frame_equal(found[COLUMNS.key], later[COLUMNS.key])
    assert found["score"].between(0, 1, inclusive="neither").all()


def test_late_evenings_and_days_after_humid_nights_are_found(fitted, later):
    assert auc(fitted, later) > 0.75
    hour = pd.array([21] * len(later), dtype="Int64")
    assert mean_score(fitted, later.assign(departure_hour=hour)) > mean_score(fitted, later) + 0.1
    humid, dry = (mean_score(fitted, later.assign(city_humid=value)) for value in (0.9, 0.1))
    assert humid > dry


def test_the_scores_are_as_high_as_the_late_rate(fitted, later):
    assert mean_score(fitted, later) == pytest.approx(later["label"].mean(), abs=0.05)


def test_a_fit_on_shuffled_labels_finds_nothing(config, train, later):
    shuffled = train["label"].sample(frac=1, random_state=0, ignore_index=True)
    assert abs(auc(make_model(config).fit(train.assign(label=shuffled)), later) - 0.5) < 0.1


def test_the_label_and_columns_of_the_engine_are_no_features(fitted, later):
    without = later.drop(columns="label")
    extended = later.assign(
        label=pd.array([1] * len(later), dtype="Int64"), _shard=0, example_as_of=pd.Timestamp.now("UTC")
    )
    pd.testing.assert_frame_equal(fitted.predict(without), fitted.predict(extended))


def test_the_same_rows_give_the_same_scores(config, fitted, train, later):
    again = make_model(config).fit(train.copy())
    pd.testing.assert_frame_equal(again.predict(later), fitted.predict(later), check_exact=True)


def test_a_score_does_not_depend_on_the_other_rows_of_its_shard(fitted, later):
    whole = fitted.predict(later)["score"].to_numpy()
    shards = [fitted.predict(later.iloc[start::3])["score"].to_numpy() for start in range(3)]
    np.testing.assert_allclose(
        np.concatenate(shards), np.concatenate([whole[start::3] for start in range(3)]), atol=2e-12
    )


def test_the_caller_keeps_its_frame(config):
    train, later = examples(), examples(5, seed=1)
    make_model(config).fit(train).predict(later)
    pd.testing.assert_frame_equal(train, examples())
    pd.testing.assert_frame_equal(later, examples(5, seed=1))


@pytest.mark.parametrize("name", CATEGORIES)
def test_a_value_that_was_never_seen_gets_a_score(fitted, later, name):
    unseen = later.assign(**{name: pd.array(["???"] * len(later), dtype="string")})
    assert fitted.predict(unseen)["score"].between(0, 1).all()


@pytest.mark.parametrize("names", [("aircraft_year",), RATES, CITY, (*PLAN, *RATES, *CITY)])
def test_missing_values_get_a_score(fitted, later, names):
    missing = later.assign(**{name: later[name].where(later[name].isna()) for name in names})
    assert missing[list(names)].isna().all(axis=None)
    assert fitted.predict(missing)["score"].between(0, 1).all()


def test_the_first_day_of_the_data_has_no_rates_and_is_enough(config, later):
    first = examples(1, 30).assign(**dict.fromkeys((*RATES, *CITY), np.nan))
    assert make_model(config).fit(first).predict(later)["score"].between(0, 1).all()


def test_a_fitted_model_survives_pickling(fitted, later):
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(fitted)).predict(later), fitted.predict(later))  # noqa: S301


def test_probability_is_the_mean_over_possible_days():
    class Echo:
        def predict_proba(self, x):
            return np.column_stack([1 - x[:, -1], x[:, -1]])

    effects = np.array([[0.2] * len(WEIGHTS), np.linspace(0, 1, len(WEIGHTS))])
    np.testing.assert_allclose(marginal(Echo(), np.zeros((2, 1)), effects), [0.2, 0.5])
