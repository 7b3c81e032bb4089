"""How much data two runs had and made, with the checksums that were kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.explain.changes import Change
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.runs.artefacts.predictions import Manifest

NUMBERS = {
    "examples": "examples were not counted",
    "examples to train on": "examples were not counted",
    "examples to score": "examples were not counted",
    "training rows": "no model was committed",
    "checksum of training rows": "no model was committed",
    "predictions": "no set of predictions is complete",
    "published rows": "nothing was published",
}
"""What is compared, and what it means that a run has none."""


def data_group(pair: Pair) -> Group:
    """Compare rows of each phase, checksums of the training rows, and the files of predictions."""
    a, b = (_volumes(record) for record in pair.sides.values())
    both = [name for name in NUMBERS if name in a and name in b]
    changes = [Change(name, "changed", a[name], b[name]) for name in both if a[name] != b[name]]
    lost = [
        f"{letter}: {name}: {why}"
        for name, why in NUMBERS.items()
        for letter, has in (("A", a), ("B", b))
        if name not in has
    ]
    return Group("data", [*changes, *_files(pair)], [*lost, *_split_otherwise(pair)])


def _volumes(record: RunRecord) -> dict[str, Any]:
    counts, found = record.counts, dict[str, Any]()
    if counts:
        found["examples"] = counts.row_count
        found["examples to train on"] = counts.training_rows
        found["examples to score"] = counts.scoring_rows
    if record.models:
        models = record.models.values()
        found["training rows"] = max(model.training_rows for model in models)
        found["checksum of training rows"] = ", ".join(sorted({model.data_checksum for model in models}))
    if record.manifests:
        found["predictions"] = sum(manifest.rows for manifest in record.manifests)
    if record.published:
        found["published rows"] = sum(record.published.values())
    return found


def _files(pair: Pair) -> Iterator[Change]:
    """Return the variants of both runs whose files of predictions differ, by name."""
    for name, (a, b) in _pairs(pair).items():
        if len(a.shards) == len(b.shards) and _digests(a) != _digests(b):
            yield Change(f"predictions of {name}", "changed", note=f"{a.rows:,} and {b.rows:,} rows, other content")


def _split_otherwise(pair: Pair) -> list[str]:
    others = [name for name, (a, b) in _pairs(pair).items() if len(a.shards) != len(b.shards)]
    return [f"predictions of {name}: split into other numbers of files" for name in others]


def _pairs(pair: Pair) -> dict[str, tuple[Manifest, Manifest]]:
    a, b = ({each.variant.partition("@")[0]: each for each in record.manifests} for record in pair.sides.values())
    return {name: (a[name], b[name]) for name in sorted(a) if name in b}


def _digests(manifest: Manifest) -> list[str]:
    return [shard.sha256 for shard in sorted(manifest.shards, key=lambda shard: shard.shard)]


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
