"""Predictions of a run in Cloud Storage: shard files, a marker for each, and the manifest of a complete set."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from pipeline.digests import sha256_file, unique_name
from pipeline.manifest import Manifest, ShardFile
from pipeline.ndjson import write_jsonl
from pipeline.runs import Run

SHARD_MARKER = re.compile(r"/shard-\d{5}-of-\d{5}\.json$")
"""End of the address of the object that commits a shard."""


def prediction_folder(run: Run, variant: str, model_id: str) -> str:
    """Return the address of the folder of one model's predictions."""
    return f"{run.folder('predictions')}/{variant.replace('@', '-')}/{model_id}"


def commit_shard(run: Run, folder: str, shard: int, predictions: pd.DataFrame) -> ShardFile:
    """Write one shard, upload it whole under a name of this attempt, and commit it by a marker that is made once.

    Returns
    -------
    ShardFile
        The committed file: that of the winner when another process was faster.
    """
    schema, store = run.job.prediction_schema, run.session.store
    stem = f"shard-{shard:05d}-of-{run.job.spec.predictions.shards:05d}"
    with tempfile.TemporaryDirectory(prefix="shard-") as name:
        path = Path(name) / f"{stem}.jsonl"
        rows = write_jsonl(predictions, schema, path)
        stored = store.put_file(path, f"{folder}/{unique_name(stem)}.jsonl")
        file = ShardFile(
            shard=shard,
            uri=stored.uri,
            rows=rows,
            size=stored.size,
            crc32c=stored.crc32c,
            generation=stored.generation,
            sha256=sha256_file(path),
            schema_digest=schema.digest,
        )
    return ShardFile(**store.put_json_once(asdict(file), f"{folder}/{stem}.json"))


def commit_manifest(run: Run, folder: str, model_id: str, variant: str, files: Sequence[ShardFile]) -> Manifest:
    """Create the manifest of a complete set, or return the one that was there first."""
    manifest = Manifest(run.run_id, model_id, variant, tuple(files))
    return Manifest.from_json(run.session.store.put_json_once(manifest.as_json(), f"{folder}/manifest.json"))


def committed_manifest(run: Run, folder: str) -> Manifest | None:
    """Return the manifest in a folder, or None."""
    found = run.session.store.read_json(f"{folder}/manifest.json")
    return Manifest.from_json(found) if found else None


def committed_shards(run: Run) -> dict[str, int]:
    """Return how many shards are committed in each folder of a run's predictions."""
    uris = (item.uri for item in run.session.store.list(f"{run.folder('predictions')}/"))
    return dict(Counter(uri.rpartition("/")[0] for uri in uris if SHARD_MARKER.search(uri)))


def committed_manifests(run: Run) -> list[Manifest]:
    """Return the manifests of all complete sets of predictions of a run."""
    store = run.session.store
    found = [item.uri for item in store.list(f"{run.folder('predictions')}/") if item.uri.endswith("/manifest.json")]
    return [Manifest.from_json(store.read_json(uri)) for uri in found]
