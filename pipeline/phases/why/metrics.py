"""The headline metrics of two runs: A, B, and by how much B differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.phases.why.group import Pair
from pipeline.phases.why.record import RunRecord


@dataclass(frozen=True)
class MetricLine:
    """One metric of one variant, overall.

    Parameters
    ----------
    a, b
        Values in the latest evaluation of either run; None where there is no value.
    difference
        b - a.
    only
        `A` or `B` where only one of the runs has the variant.
    """

    variant: str
    metric: str
    a: float | None
    b: float | None
    difference: float | None
    only: str | None = None


@dataclass(frozen=True)
class MetricsCompared:
    """Metrics of both runs, and what is not there."""

    lines: Sequence[MetricLine]
    lost: Sequence[str]


def metrics_of(pair: Pair, headline: Sequence[str]) -> MetricsCompared:
    """Compare the headline metrics of each variant by name; all metrics where a job names none."""
    a, b = (_values(record) for record in pair.sides.values())
    lost = [f"{letter}: not evaluated yet" for letter, found in (("A", a), ("B", b)) if not found]
    known = {(name, metric) for name, metric in {**a, **b} if metric in (headline or [metric])}
    ordered = sorted(known, key=lambda each: (each[0], headline.index(each[1]) if headline else 0, each[1]))
    return MetricsCompared([_line(pair, name, metric, a, b) for name, metric in ordered], lost)


Values = dict[tuple[str, str], float | None]


def _values(record: RunRecord) -> Values:
    return {(row["variant"].partition("@")[0], row["metric"]): row["value"] for row in record.metrics}


def _line(pair: Pair, name: str, metric: str, a: Values, b: Values) -> MetricLine:
    old, new = a.get((name, metric)), b.get((name, metric))
    gap = None if old is None or new is None else new - old
    has = [letter for letter, record in pair.sides.items() if name in record.variants]
    return MetricLine(name, metric, old, new, gap, has[0] if len(has) == 1 else None)
