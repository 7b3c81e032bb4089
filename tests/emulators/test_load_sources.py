from __future__ import annotations

import pytest

from pipeline.emulators.load_sources import DETAILS, LoadFailed, find_files, read_files
from pipeline.emulators.strict_jsonl import Field

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


@pytest.fixture
def spoiled(root):
    """Two files: a good row and a bad one; a bad row and a good one."""
    files = {f"gs://bucket/{name}": root / "bucket" / name for name in ("first.jsonl", "second.jsonl")}
    for path, content in zip(files.values(), ('{"a": 1}\n{"a": "x"}\n', '{}\n{"a": 2}\n'), strict=True):
        path.write_text(content)
    return files


def test_bad_row_becomes_the_errors_of_the_job(spoiled):
    with pytest.raises(LoadFailed) as failed:
        read_files(spoiled, FIELDS, 0)
    result = failed.value.result
    assert result["reason"] == "invalid"
    assert result["location"] == "gs://bucket/first.jsonl"
    assert "Rows: 2; errors: 1. Please look into the errors[] collection" in result["message"]
    assert "row starting at position 9: Could not convert" in result[DETAILS][1]["message"]


def test_bad_rows_of_all_files_count_together(spoiled):
    with pytest.raises(LoadFailed, match="Rows: 3; errors: 2") as failed:
        read_files(spoiled, FIELDS, 1)
    limit, *rows = failed.value.result[DETAILS]
    assert "errors: 2; max bad: 1; error percent: 0" in limit["message"]
    assert [error["location"] for error in rows] == list(spoiled)


def test_as_many_bad_rows_as_may_be_are_left_out(spoiled):
    tables, errors = read_files(spoiled, FIELDS, 2)
    assert [tables[str(path)]["a"].to_pylist() for path in spoiled.values()] == [[1], [2]]
    assert [error["location"] for error in errors] == list(spoiled)


def test_good_file_is_read(root):
    path = root / "bucket/run/a.jsonl"
    tables, errors = read_files({"gs://bucket/run/a.jsonl": path}, FIELDS, 0)
    assert tables[str(path)]["a"].to_pylist() == [1]
    assert errors == []
