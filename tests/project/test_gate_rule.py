from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy import stats

from pipeline.base.strict_yaml import parse_yaml
from pipeline.errors import RequestError
from pipeline.project.gate_rule import GateRule, gate_rule
from pipeline.project.job_yaml import Gate, JobSpec
from pipeline.sql import Catalogue
from tests.support.integration_fixtures import ROOT, edited

GATE = Gate(metric="log_loss")


def rule(**keys):
    return GateRule.of(Gate(metric="log_loss", **keys), {"log_loss": "lower", "auc": "higher"})


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("{}", r"key gate\.metric: required, but missing"),
        ("{metric: auc, minimum: 1}", r"key gate\.minimum: not a known key"),
        ("{metric: auc, direction: up}", r"key gate\.direction: .*'higher' or 'lower'"),
        ("{metric: auc, min_days: 1}", r"key gate\.min_days: .*greater than or equal to 2"),
        ("{metric: auc, max_windows: 0}", r"key gate\.max_windows: .*greater than or equal to 1"),
        ("{metric: auc, error: 0}", r"key gate\.error: .*greater than 0"),
        ("{metric: auc, error: 0.5}", r"key gate\.error: .*less than 0\.5"),
        ("{metric: auc, min_gain: -0.1}", r"key gate\.min_gain: .*greater than or equal to 0"),
        ("{metric: auc, min_gain: .inf}", "value is malformed"),
        (
            "{metric: auc, guard_rails: {log_loss: -1}}",
            r"key gate\.guard_rails\.log_loss: .*greater than or equal to 0",
        ),
        ("{metric: auc, guard_rails: [log_loss]}", r"key gate\.guard_rails: .*dictionary"),
    ],
)
def test_invalid_gate_is_named_with_file_key_and_expectation(gate, said):
    text = (ROOT / "jobs/flight_delay/job.yaml").read_text().partition("\ngate:")[0]
    with pytest.raises(RequestError, match=f"^job.yaml: .*{said}"):
        parse_yaml(f"{text}\ngate: {gate}\n", JobSpec, origin="job.yaml")


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            Gate(metric="rmse"),
            r"key gate\.metric: the family binary_classification has no metric 'rmse' - name one of: auc,",
        ),
        (Gate(metric="count"), r"key gate\.metric: no direction is better for 'count' - name one of: auc,"),
        (
            GATE.model_copy(update={"guard_rails": {"f2": 0.0}}),
            r"key gate\.guard_rails: the family .* has no metric 'f2'",
        ),
        (Gate(metric="auc", direction="lower"), r"key gate\.direction: lower, but higher values of auc are better"),
    ],
)
def test_unknown_metric_is_refused_with_the_known_ones(job, gate, said):
    with pytest.raises(RequestError, match=said):
        gate_rule(Catalogue(ROOT), edited(job, gate=gate), gate)


def test_directions_are_those_of_the_family(job):
    gate = Gate(metric="log_loss", direction="lower", guard_rails={"auc": 0.01, "recall": 0.0})
    found = gate_rule(Catalogue(ROOT), job, gate)
    assert found.sign == -1.0
    assert [tuple(rail) for rail in found.guard_rails] == [
        ("log_loss", -1.0, 0.0),
        ("auc", 1.0, 0.01),
        ("recall", 1.0, 0.0),
    ]


def test_parameters_of_the_family_are_part_of_metric_names(job):
    assert gate_rule(Catalogue(ROOT), job, Gate(metric="lift_at_top_10_percent")).sign == 1.0
    with pytest.raises(RequestError, match="no metric 'lift_at_top_5_percent'"):
        gate_rule(Catalogue(ROOT), job, Gate(metric="lift_at_top_5_percent"))


def test_the_error_is_split_evenly_over_the_windows():
    found = rule(min_days=7, max_windows=28, error=0.05)
    assert found.window_error == pytest.approx(0.05 / 28)
    assert stats.t.sf(found.quantile, 6) == pytest.approx(0.05 / 28)


@pytest.mark.parametrize(("difference", "spread", "n"), [(0.01, 0.02, 7), (0.003, 0.02, 7), (0.01, 0.002, 3)])
def test_needed_days_are_the_fewest_that_would_show_the_gain(difference, spread, n):
    found = rule(min_days=n, min_gain=0.001)
    needed = found.needed_days(difference, found.quantile * spread / math.sqrt(n), n)

    def low(days):
        return difference - stats.t.ppf(1 - found.window_error, days - 1) * spread / math.sqrt(days)

    assert low(needed) > 0.001
    assert needed == n + 1 or low(needed - 1) <= 0.001


@pytest.mark.parametrize("difference", [0.001, -1.0, 0.0010001])
def test_no_number_of_days_would_show_what_is_not_enough(difference):
    found = rule(min_days=7, min_gain=0.001)
    assert found.needed_days(difference, 0.5, 7) is None


def test_the_gate_is_no_part_of_a_run(job):
    from pipeline.runs.identity import run_definition

    catalogue = Catalogue(ROOT)
    assert run_definition(edited(job, gate=None), catalogue) == run_definition(job, catalogue)
    assert replace(job).spec.gate is not None
