"""The refactoring guard: the numbers of the tiny run are pinned, and a broken model must be found.

After an intended change of the numbers, pin the numbers that the failing test prints.
"""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.preprocess import preprocess_run
from pipeline.phases.run import run_job
from pipeline.phases.train import train_from_data
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.opening import open_run
from tests.support.integration_fixtures import reader

DAY = date(2013, 7, 5)
PINNED = {
    "gradient_boosting": {"auc": 0.6964285714285714, "log_loss": 0.6639453297896064},
    "logistic_regression": {"auc": 0.7678571428571429, "log_loss": 0.6153745177238698},
    "constant_rate": {"auc": 0.5, "log_loss": 0.7466356437575995},
    "carrier_hour_rate": {"auc": 0.8035714285714286, "log_loss": 0.6260952619988659},
}
TOLERANCE = 1e-4  # the libraries are locked, but the order of sums depends on the processor


def measured(rows) -> dict[str, dict[str, float]]:
    """Return the overall AUC and log loss of each variant, by its name."""
    numbers: dict[str, dict[str, float]] = {}
    for row in rows:
        if not row["slice_name"] and row["metric"] in ("auc", "log_loss"):
            numbers.setdefault(row["variant"].split("@")[0], {})[row["metric"]] = row["value"]
    return numbers


def deviations(found, pinned=PINNED, tolerance=TOLERANCE) -> list[str]:
    """Return a line for each number that differs from the pinned one."""
    lines = [f"{name} is not pinned" for name in found if name not in pinned]
    for name, metrics in pinned.items():
        for metric, expected in metrics.items():
            value = found.get(name, {}).get(metric)
            if value is None or abs(value - expected) > tolerance:
                lines.append(f"{name} {metric}: {value} instead of {expected}")
    return lines


@pytest.fixture(scope="module")
def run(session, job):
    run_job(session, job, DAY)
    return open_run(session, job, DAY)


@pytest.fixture(scope="module")
def frames(session, job, run):
    """Return rows to train on and rows to score."""
    table, columns = preprocess_run(run).table, examples_columns(session, job)
    return tuple(
        session.warehouse.read_frame(table, columns, where=where, order_by=job.spec.prediction_key)
        for where in ("_trains", "_scores")
    )


@pytest.fixture(scope="module")
def labels_file(session, run, tmp_path_factory):
    path = tmp_path_factory.mktemp("guard") / "labels.csv"
    rows = reader(session)(
        "SELECT flight_date, carrier, flight, origin, IF(arr_delay > 15, 1, 0) AS label FROM ml.flight_outcomes"
        f" WHERE flight_date = '{DAY}'"
    )
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def judge(session, job, frames, labels_file, tmp_path):
    """Return a function that fits a variant on changed frames and measures it with the SQL of a run."""

    def numbers(name, change=lambda train, score: (train, score)):
        train, score = change(*(frame.copy() for frame in frames))
        variant = next(variant for variant in job.variants if variant.name == name)
        path = tmp_path / f"{name}.csv"
        train_from_data(variant.config, train).predict(score).to_csv(path, index=False)
        return measured(evaluate_from_path(session, job, str(path), str(labels_file), name=name))

    return numbers


def shuffle_labels(train, score):
    shuffled = train["label"].sample(frac=1, random_state=1).to_numpy()
    return train.assign(label=pd.array(shuffled, dtype="Int64")), score


def drop_the_hour(train, score):
    return train.assign(departure_hour=12), score.assign(departure_hour=12)


def test_the_tiny_run_gives_the_pinned_numbers(session, job, run):
    evaluations = evaluate_job(session, job, DAY + timedelta(days=job.spec.labels.delay_days))
    found = measured(next(item.metrics for item in evaluations if item.run_date == DAY))
    assert deviations(found) == [], f"pin these numbers if the change is intended: {found}"
    assert set(found) == set(job.spec.all_variants)


@pytest.mark.parametrize("name", PINNED)
def test_the_same_model_fitted_by_hand_passes(judge, name):
    assert deviations(judge(name), {name: PINNED[name]}) == []


@pytest.mark.parametrize("broken", [shuffle_labels, drop_the_hour])
@pytest.mark.parametrize("name", ["gradient_boosting", "logistic_regression", "carrier_hour_rate"])
def test_a_broken_model_is_found(judge, name, broken):
    assert deviations(judge(name, broken), {name: PINNED[name]}, tolerance=10 * TOLERANCE) != []


def test_a_missing_variant_and_an_unknown_one_are_found():
    assert deviations({}) != []
    assert deviations({**PINNED, "new": {"auc": 1.0, "log_loss": 0.0}}) == ["new is not pinned"]
    assert deviations(PINNED) == []
