"""How many rows two runs read and wrote, checksums of these rows, and their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.explain.changes import Change
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.project.project import variant_name

NUMBERS = {
    "examples": "examples were not counted",
    "examples to train on": "examples were not counted",
    "examples to score": "examples were not counted",
    "training rows": "no model was committed",
    "checksum of training rows": "no model was committed",
    "predictions": "no set of predictions is complete",
    "published rows": "nothing was published",
}
"""What is compared, and why a run can lack it."""


def data_group(pair: Pair) -> Group:
    """Compare rows of each phase, checksums of the training rows, and the files of predictions."""
    a, b = (_numbers(record) for record in pair.sides.values())
    both = [name for name in NUMBERS if name in a and name in b]
    changes = [Change(name, "changed", a[name], b[name]) for name in both if a[name] != b[name]]
    not_compared = [
        f"{letter}: {name}: {reason}"
        for name, reason in NUMBERS.items()
        for letter, numbers in (("A", a), ("B", b))
        if name not in numbers
    ]
    manifests = [{variant_name(item.variant): item for item in record.manifests} for record in pair.sides.values()]
    for name in sorted(manifests[0].keys() & manifests[1].keys()):
        first, second = (side[name] for side in manifests)
        if len(first.shards) != len(second.shards):
            not_compared.append(f"predictions of {name}: split into different numbers of files")
            continue
        digests = [{shard.shard: shard.sha256 for shard in manifest.shards} for manifest in (first, second)]
        if digests[0] != digests[1]:
            note = f"{first.rows:,} and {second.rows:,} rows, different content"
            changes.append(Change(f"predictions of {name}", "changed", note=note))
    return Group("data", changes, not_compared)


def _numbers(record: RunRecord) -> dict[str, Any]:
    counts, numbers = record.counts, dict[str, Any]()
    if counts:
        numbers["examples"] = counts.row_count
        numbers["examples to train on"] = counts.training_rows
        numbers["examples to score"] = counts.scoring_rows
    if record.models:
        models = record.models.values()
        numbers["training rows"] = max(model.training_rows for model in models)
        numbers["checksum of training rows"] = ", ".join(sorted({model.data_checksum for model in models}))
    if record.manifests:
        numbers["predictions"] = sum(manifest.rows for manifest in record.manifests)
    if record.published:
        numbers["published rows"] = sum(record.published.values())
    return numbers


@dataclass(frozen=True)
class MetricLine:
    """One overall metric of one variant.

    Parameters
    ----------
    a, b
        Values in the latest evaluation of each run; None without a value.
    difference
        b - a.
    only
        `A` or `B` if only one of the runs has the variant.
    """

    variant: str
    metric: str
    a: float | None
    b: float | None
    difference: float | None
    only: str | None = None


@dataclass(frozen=True)
class MetricsCompared:
    """Metrics of both runs, and which run has none."""

    lines: Sequence[MetricLine]
    not_compared: Sequence[str]


def metrics_of(pair: Pair, headline: Sequence[str]) -> MetricsCompared:
    """Compare the headline metrics of each variant by name, or all metrics if a job has no headline."""
    a, b = (
        {(variant_name(row["variant"]), row["metric"]): row["value"] for row in record.metrics}
        for record in pair.sides.values()
    )
    not_compared = [f"{letter}: not evaluated yet" for letter, values in (("A", a), ("B", b)) if not values]
    keys = {(name, metric) for name, metric in {**a, **b} if metric in (headline or [metric])}
    ordered = sorted(keys, key=lambda key: (key[0], headline.index(key[1]) if headline else 0, key[1]))
    lines = []
    for name, metric in ordered:
        old, new = a.get((name, metric)), b.get((name, metric))
        difference = None if old is None or new is None else new - old
        letters = [letter for letter, record in pair.sides.items() if name in record.variants]
        lines.append(MetricLine(name, metric, old, new, difference, letters[0] if len(letters) == 1 else None))
    return MetricsCompared(lines, not_compared)
