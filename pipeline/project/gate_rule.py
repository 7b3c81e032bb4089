"""The rule of a job's gate: what a challenger must show to replace the champion."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.project.job_yaml import Gate
from pipeline.project.metric_spec import MetricSpec
from pipeline.project.project import Job
from pipeline.sql import Catalogue

LONGEST = 10_000
"""Longest window that `needed_days` returns, in days."""


class GuardRail(NamedTuple):
    """A metric that must not get worse: its sign (1 if higher is better, otherwise -1) and its tolerance."""

    metric: str
    sign: float
    tolerance: float


class GateRule(NamedTuple):
    """A gate with the directions of its metrics.

    Parameters
    ----------
    sign
        1 if higher values of the metric are better, otherwise -1.
    guard_rails
        The first is the metric itself, with tolerance 0.
    """

    gate: Gate
    sign: float
    guard_rails: Sequence[GuardRail]

    @classmethod
    def of(cls, gate: Gate, better: Mapping[str, str]) -> GateRule:
        """Return the rule of a gate; `better` holds `higher` or `lower` for each of its metrics."""
        signs = {metric: 1.0 if better[metric] == "higher" else -1.0 for metric in (gate.metric, *gate.guard_rails)}
        rails = {gate.metric: 0.0} | gate.guard_rails
        return cls(gate, signs[gate.metric], [GuardRail(metric, signs[metric], most) for metric, most in rails.items()])

    @property
    def window_error(self) -> float:
        """Probability of a false promotion in one window: the error is split evenly over the windows (Bonferroni)."""
        return self.gate.error / self.gate.max_windows

    @property
    def quantile(self) -> float:
        """Quantile of Student's t with which a window is judged."""
        return self._quantile(self.gate.min_days)

    def needed_days(self, difference: float, margin: float, n: int) -> int | None:
        """Return the length in days of a window that would show this mean gain with this spread between days.

        Parameters
        ----------
        difference, margin, n
            Mean gain of a window and its distance from the lower bound, in the metric's units; its number of days.

        Returns
        -------
        int or None
            None if the mean gain is too small, or would take more than `LONGEST` days to show.
        """
        gain, spread = difference - self.gate.min_gain, margin / self.quantile * math.sqrt(n)
        longer = range(n + 1, LONGEST + 1)
        # The margin falls with every day, so bisection finds the first length at which it is below the gain.
        found = bisect_right(longer, -gain, key=lambda days: -self._quantile(days) * spread / math.sqrt(days))
        return longer[found] if found < len(longer) else None

    def _quantile(self, days: int) -> float:
        from scipy.special import stdtrit  # stats.t.ppf is the same function; importing scipy.stats takes a second

        return float(stdtrit(days - 1, 1 - self.window_error))


def gate_rule(catalogue: Catalogue, job: Job, gate: Gate) -> GateRule:
    """Return the rule of a job's gate.

    Raises
    ------
    RequestError
        The gate names a metric that the family does not compute, a metric without a better direction, or the wrong
        direction.
    """
    spec = MetricSpec.of(job)
    better = spec.metrics(catalogue.get(spec.asset))
    known = [name for name, direction in better.items() if direction != "neither"]
    for key, metric in [("metric", gate.metric), *(("guard_rails", name) for name in gate.guard_rails)]:
        if metric not in known:
            has = f"the family {spec.family} has no metric" if metric not in better else "no direction is better for"
            raise job.error(f"gate.{key}", f"{has} {metric!r}", f"name one of: {', '.join(known)}")
    if gate.direction not in (None, better[gate.metric]):
        what = f"{gate.direction}, but {better[gate.metric]} values of {gate.metric} are better"
        raise job.error("gate.direction", what, "remove the key: the family knows the direction")
    return GateRule.of(gate, better)
