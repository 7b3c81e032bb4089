from __future__ import annotations

import pytest

from pipeline.local.load_sources import DETAILS, LoadFailed, find_files, read_file
from pipeline.local.strict_ndjson import Field

FIELDS = [Field("a", "INT64", required=True)]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "bucket" / "run" / "deep").mkdir(parents=True)
    for name in ("run/b.jsonl", "run/a.jsonl", "run/deep/c.jsonl", "run/a.txt"):
        (tmp_path / "bucket" / name).write_text('{"a": 1}\n')
    return tmp_path


def test_files_come_in_the_order_of_their_uris(root):
    uris = ["gs://bucket/run/b.jsonl", "gs://bucket/run/a.jsonl"]
    assert list(find_files(uris, root).items()) == [
        (uris[0], root / "bucket/run/b.jsonl"),
        (uris[1], root / "bucket/run/a.jsonl"),
    ]


def test_star_stands_for_any_characters_and_nothing_else_does(root):
    assert list(find_files(["gs://bucket/run/*.jsonl"], root)) == [
        "gs://bucket/run/a.jsonl",
        "gs://bucket/run/b.jsonl",
        "gs://bucket/run/deep/c.jsonl",
    ]
    with pytest.raises(LoadFailed, match="Not found: URI"):
        find_files(["gs://bucket/run/?.jsonl"], root)


@pytest.mark.parametrize("uri", ["gs://bucket/run", "gs://bucket/none", "gs://none/a", "gs://bucket/none*"])
def test_what_is_no_object_is_not_found(root, uri):
    with pytest.raises(LoadFailed) as failed:
        find_files([uri], root)
    assert failed.value.result == {"reason": "notFound", "message": f"Not found: URI {uri}", "location": uri}


@pytest.mark.parametrize("uri", ["/etc/passwd", "s3://bucket/a", "gs://bucket/../bucket/run/a.jsonl"])
def test_what_is_not_in_a_bucket_is_invalid(root, uri):
    with pytest.raises(LoadFailed, match="must be a Google Cloud Storage location"):
        find_files([uri], root)


def test_bad_row_becomes_the_errors_of_the_job(root):
    path = root / "bucket" / "bad.jsonl"
    path.write_text('{"a": 1}\n{"a": "x"}\n')
    with pytest.raises(LoadFailed) as failed:
        read_file("gs://bucket/bad.jsonl", path, FIELDS)
    result = failed.value.result
    assert result["reason"] == "invalid"
    assert result["location"] == "gs://bucket/bad.jsonl"
    assert "Rows: 2; errors: 1. Please look into the errors[] collection" in result["message"]
    assert "row starting at position 9: Could not convert" in result[DETAILS][1]["message"]


def test_good_file_is_read(root):
    assert read_file("gs://bucket/run/a.jsonl", root / "bucket/run/a.jsonl", FIELDS)["a"].to_pylist() == [1]
