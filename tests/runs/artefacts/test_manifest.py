from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError
from pipeline.runs.artefacts.predictions import Manifest, ShardFile

SHARD = ShardFile(0, "gs://b/0.jsonl", 2, 40, "AAAAAA==", 1, "ff", "0123")
MANIFEST = Manifest("run", "model", "mean@1", (SHARD, replace(SHARD, shard=1, uri="gs://b/1.jsonl", rows=0)))


def test_manifest_survives_json():
    assert record_of(Manifest, json.loads(json.dumps(MANIFEST.as_json())), "gs://b/manifest.json") == MANIFEST


def test_rows_are_those_of_all_shards():
    assert replace(MANIFEST, shards=(SHARD, SHARD)).rows == 4


def test_only_files_with_rows_are_loaded():
    assert MANIFEST.uris == ["gs://b/0.jsonl"]


def test_rejected_rows_are_counted_and_their_files_named():
    rejecting = replace(SHARD, rejected=3, rejects="gs://b/rejects/0.jsonl")
    manifest = replace(MANIFEST, shards=(SHARD, rejecting))
    assert (manifest.rejected, manifest.rejects) == (3, ["gs://b/rejects/0.jsonl"])
    assert (MANIFEST.rejected, MANIFEST.rejects) == (0, [])


def test_manifest_without_a_field_is_refused():
    broken = MANIFEST.as_json()
    del broken["shards"][0]["sha256"]
    with pytest.raises(CheckError, match=r"gs://b/manifest.json: not what was committed there \(shards.0.sha256"):
        record_of(Manifest, broken, "gs://b/manifest.json")
