"""The gate of a job: what a challenger has to show to take the champion's place, as job.yaml says it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from pipeline.yaml_file import Strict

Direction = Literal["higher", "lower"]
LONGEST = 10_000
"""Days of the longest window that is spoken of."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Gate(Strict):
    """Key `gate` of job.yaml.

    Parameters
    ----------
    metric
        Metric of the family by which challengers are judged.
    direction
        Which values are better; the family knows it.
    min_gain
        What the mean gain of a window has to exceed, in the metric's units.
    guard_rails
        Metrics that must not get worse, with how much worse each may get on average, in its own units.
    min_days
        Days of a window.
    max_windows
        Windows that a challenger is given beside one champion.
    error
        Probability with which a challenger that is no better may be promoted, in all of its windows together.
    """

    metric: str
    direction: Direction | None = None
    min_gain: Amount = 0.0
    guard_rails: dict[str, Amount] = {}
    min_days: int = Field(default=7, ge=2, le=365)
    max_windows: int = Field(default=28, ge=1, le=1000)
    error: float = Field(default=0.05, gt=0, lt=0.5)


class GuardRail(NamedTuple):
    """A metric that must not get worse: 1 where higher is better and -1 where lower is, and its tolerance."""

    metric: str
    sign: float
    tolerance: float


class GateRule(NamedTuple):
    """A gate whose directions are known.

    Parameters
    ----------
    sign
        1 where higher values of the metric are better, -1 where lower ones are.
    guard_rails
        The metric itself is the first, with tolerance 0.
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
        """Quantile of Student's t by which a window is judged."""
        return self._quantile(self.gate.min_days)

    def needed_days(self, difference: float, margin: float, n: int) -> int | None:
        """Return the length of a window that would show this mean gain with this spread of days.

        Parameters
        ----------
        difference, margin, n
            Mean gain of a window, its distance from the lower bound, and its days.

        Returns
        -------
        int or None
            None where the mean gain is not enough, or so little more that nobody has the days.
        """
        gain, spread = difference - self.gate.min_gain, margin / self.quantile * math.sqrt(n)
        longer = range(n + 1, LONGEST + 1)
        # The margin falls with every day, so that the first length at which it is below the gain is found by halves.
        found = bisect_right(longer, -gain, key=lambda days: -self._quantile(days) * spread / math.sqrt(days))
        return longer[found] if found < len(longer) else None

    def _quantile(self, days: int) -> float:
        from scipy import stats

        return float(stats.t.ppf(1 - self.window_error, days - 1))
