"""How much data two runs had and made, with the checksums that were kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.compare.values import Change
from pipeline.manifest import Manifest
from pipeline.phases.why.group import Group, Pair
from pipeline.phases.why.record import RunRecord

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
