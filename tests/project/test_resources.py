from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.project.resources import PhaseResources, Resources, Schedule


def test_every_phase_has_defaults_that_fit_cloud_run():
    spec = Resources()
    assert (spec.train.cpu, spec.train.memory, spec.train.timeout_minutes) == (4, "16Gi", 240)
    assert (spec.load.cpu, spec.load.memory, spec.load.retries) == (1, "2Gi", 3)
    assert spec.predict.tasks is None


def test_what_is_left_out_of_a_phase_keeps_its_default():
    spec = Resources.model_validate({"train": {"timeout_minutes": 60}, "predict": {"tasks": 5}})
    assert (spec.train.cpu, spec.train.memory, spec.train.timeout_minutes) == (4, "16Gi", 60)
    assert (spec.predict.cpu, spec.predict.tasks) == (2, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpu": 3},
        {"cpu": 1, "memory": "8Gi"},
        {"cpu": 8, "memory": "2Gi"},
        {"memory": "256Mi"},
        {"memory": "2GB"},
        {"timeout_minutes": 0},
        {"timeout_minutes": 1441},
        {"retries": 11},
        {"tasks": 2},
    ],
)
def test_what_cloud_run_would_refuse_is_refused(wrong):
    with pytest.raises(ValidationError):
        PhaseResources.model_validate(wrong)


@pytest.mark.parametrize("daily_at", ["4:00", "24:00", "04:60", "0 4 * * *", "04:00:00"])
def test_a_time_is_written_with_four_digits(daily_at):
    with pytest.raises(ValidationError):
        Schedule(daily_at=daily_at)
