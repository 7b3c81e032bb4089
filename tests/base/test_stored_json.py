from __future__ import annotations

from dataclasses import asdict

import pytest

from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError
from pipeline.runs.artefacts.predictions import Manifest, ShardFile
from pipeline.runs.claims import Claim

CLAIM = {
    "run_id": "j-2013-07-05-0123456789",
    "generation": 1,
    "definition": "0123",
    "defines": {"shards": 2, "variants": ["a@1"]},
    "snapshot_at": "2013-07-05T00:00:00+00:00",
    "champion": None,
}
URI = "gs://b/j/000001.json"


def test_a_record_is_read_as_what_wrote_it():
    assert record_of(Claim, CLAIM, URI) == Claim(**CLAIM)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "Input should be an object"),
        ([], "Input should be an object"),
        ({}, "run_id: Field required"),
        (CLAIM | {"generation": "1"}, "generation: Input should be a valid integer"),
        (CLAIM | {"generation": 1.5}, "generation: Input should be a valid integer"),
        (CLAIM | {"snapshot_at": 7}, "snapshot_at: Input should be a valid string"),
        (CLAIM | {"schema_version": 2}, "schema_version: Unexpected keyword argument"),
    ],
)
def test_anything_else_is_refused_with_address_and_key(value, said):
    with pytest.raises(CheckError) as refused:
        record_of(Claim, value, URI)
    assert str(refused.value).startswith(f"{URI}: not what was committed there ({said}")
    assert str(refused.value).endswith("restore it, or remove it and run the same command again")


def test_a_part_of_a_record_is_named_with_its_number():
    shard = ShardFile(0, "gs://b/0.jsonl", 2, 40, "AAAAAA==", 1, "ff", "0123")
    value = asdict(Manifest("run", "model", "mean@1", (shard, shard)))
    del value["shards"][1]["crc32c"]
    with pytest.raises(CheckError, match=r"shards\.1\.crc32c: Field required"):
        record_of(Manifest, value, URI)
