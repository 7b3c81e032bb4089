"""Load jobs at the running emulator, through Google's client."""

from __future__ import annotations

from decimal import Decimal

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery

GOOD = {"a": 1, "b": "x"}


def test_output_rows_are_those_of_this_job_not_of_the_table(put, load, rows):
    first = load(put("one.jsonl", GOOD, {"a": 2, "b": "y"}), put("two.jsonl", {"b": "z"}))
    second = load(put("three.jsonl", {"a": 9, "b": "w"}))
    assert (first.output_rows, first.input_files) == (3, 2)
    assert (second.output_rows, second.input_files) == (1, 1)
    assert first.input_file_bytes > second.input_file_bytes > 0
    assert sorted(b for _, b in rows()) == ["w", "x", "y", "z"]


def test_every_type_arrives_as_it_was_written(put, load, rows):
    columns = "i INT64, f FLOAT64, s STRING, b BOOL, d DATE, t TIMESTAMP, n NUMERIC"
    row = {
        "i": 2**60 + 1,
        "f": 0.1,
        "s": "\u2028\u00e9",
        "b": True,
        "d": "2013-07-01",
        "t": "2013-07-01T04:00:00.000001Z",
        "n": 1.5,
    }
    load(put("r.jsonl", row, dict.fromkeys(row), {"i": str(2**60 + 1)}), columns=columns)
    sql = "SELECT CAST(i AS STRING), f, s, b, CAST(d AS STRING), UNIX_MICROS(t), n FROM t WHERE f IS NOT NULL"
    assert rows(sql) == [(str(2**60 + 1), 0.1, "\u2028\u00e9", True, "2013-07-01", 1372651200000001, Decimal("1.5"))]
    assert rows("SELECT COUNT(*), COUNT(i), MIN(i) FROM t") == [(3, 2, 2**60 + 1)]


MORE = "Please look into the errors[] collection for more details."
BAD_ROWS = {
    "unknown field": ({"a": 1, "b": "x", "c": 2}, "No such field: c."),
    "missing required field": ({"a": 1}, "Missing required field: b."),
    "null in a required field": ({"b": None}, "Only optional fields can be set to NULL. Field: b; Value: NULL"),
    "string for a number": (
        {"a": "y", "b": "x"},
        "Could not convert value 'string_value: \"y\"' to integer. Field: a; Value: y",
    ),
    "number for a string": ({"a": 1, "b": 3}, "Could not convert value to string. Field: b; Value: 3"),
    "literal NaN": ('{"a": NaN, "b": "x"}', "Parser terminated before end of string"),
    "cut off": ('{"a": 1, "b": ', "Parser terminated before end of string"),
}


@pytest.mark.parametrize("disposition", ["WRITE_APPEND", "WRITE_TRUNCATE"])
@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_one_bad_row_changes_nothing_and_is_named(put, load, rows, bad, reason, disposition):
    load(put("before.jsonl", {"a": 0, "b": "before"}))
    good, spoiled = put("good.jsonl", GOOD), put("spoiled.jsonl", GOOD, bad)
    job = load(good, spoiled, write_disposition=disposition)
    counts = "giving up. Rows: 3; errors: 1"
    assert [error["message"].removeprefix("Error while reading data, error message: ") for error in job.errors] == [
        f"JSON table encountered too many errors, {counts}. {MORE} File: {spoiled}",
        f"JSON processing encountered too many errors, {counts}; max bad: 0; error percent: 0",
        f"JSON parsing error in row starting at position 19: {reason} File: {spoiled}",
    ]
    assert job.error_result == job.errors[0]
    assert job.error_result["location"] == spoiled
    assert rows() == [(0, "before")]


def test_bad_rows_up_to_max_bad_records_are_skipped_and_listed(put, load, client, rows):
    uri = put("r.jsonl", GOOD, {"a": 2}, {"a": 3, "b": "y"}, {"c": 1}, {"a": 5, "b": "z"})
    job = load(uri, max_bad_records=2)
    for found in (job, client.get_job(job.job_id, timeout=10)):
        assert found.error_result is None
        assert found.output_rows == 3
        assert found._properties["statistics"]["load"]["badRecords"] == "2"
        assert [(error["reason"], error["location"]) for error in found.errors] == [("invalid", uri)] * 2
        assert "position 19: Missing required field: b." in found.errors[0]["message"]
        assert "No such field: c." in found.errors[1]["message"]
    assert job.result(timeout=10) is job
    assert [number for number, _ in rows()] == [1, 3, 5]


def test_one_bad_row_more_than_max_bad_records_changes_nothing(put, load, rows):
    load(put("before.jsonl", GOOD))
    first, second = put("first.jsonl", GOOD, {"a": 2}), put("second.jsonl", GOOD, {"c": 1}, GOOD)
    job = load(first, second, max_bad_records=1)
    counts = "giving up. Rows: 4; errors: 2"
    assert [error["message"].removeprefix("Error while reading data, error message: ") for error in job.errors] == [
        f"JSON table encountered too many errors, {counts}. {MORE} File: {second}",
        f"JSON processing encountered too many errors, {counts}; max bad: 1; error percent: 0",
        f"JSON parsing error in row starting at position 19: Missing required field: b. File: {first}",
        f"JSON parsing error in row starting at position 19: No such field: c. File: {second}",
    ]
    assert rows() == [(1, "x")]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_outside_json_are_refused_for_float64(put, load, literal):
    job = load(put("r.jsonl", f'{{"x": {literal}}}'), columns="x FLOAT64")
    assert "Rows: 1; errors: 1" in job.error_result["message"]


def test_failed_load_into_a_new_table_makes_no_table(client, dataset, put, load):
    load(put("r.jsonl", {"a": 1}))
    with pytest.raises(NotFound):
        client.get_table(f"{dataset}.t")


def test_failure_is_raised_by_the_client_as_bad_request(put, load):
    with pytest.raises(BadRequest, match="No such field: c"):
        load(put("r.jsonl", {"c": 1})).result()


def test_truncate_replaces_rows(put, load, rows):
    load(put("one.jsonl", GOOD))
    assert load(put("two.jsonl", {"a": 5, "b": "new"}), write_disposition="WRITE_TRUNCATE").output_rows == 1
    assert rows() == [(5, "new")]


def test_truncate_brings_its_schema(client, dataset, put, load, rows):
    load(put("one.jsonl", GOOD))
    load(put("two.jsonl", {"c": 1.5}), columns="c FLOAT64", write_disposition="WRITE_TRUNCATE")
    assert [(field.name, field.field_type) for field in client.get_table(f"{dataset}.t").schema] == [("c", "FLOAT64")]
    assert rows() == [(1.5,)]


def test_load_without_schema_is_checked_against_the_table(put, load, client, dataset):
    load(put("one.jsonl", GOOD))
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    job = client.load_table_from_uri(put("two.jsonl", {"c": 1}), f"{dataset}.t", job_config=config)
    assert "No such field: c" in str(job.exception(timeout=10))


def test_write_empty_refuses_a_table_with_rows(put, load):
    load(put("one.jsonl", GOOD))
    with pytest.raises(Conflict, match="Already Exists: Table pipeline-local:"):
        load(put("two.jsonl", GOOD), write_disposition="WRITE_EMPTY").result()


def test_missing_file_and_missing_dataset_are_not_found(put, load, client):
    uri = put("one.jsonl", GOOD)
    with pytest.raises(NotFound, match=f"Not found: URI {uri}x"):
        load(uri, f"{uri}x").result()
    with pytest.raises(NotFound, match="Not found: Dataset pipeline-local:nowhere"):
        client.load_table_from_uri(uri, "nowhere.t").result(timeout=10)


@pytest.mark.parametrize("uri", ["s3://bucket/name", "gs://pipeline-local/../../state.json"])
def test_what_is_not_in_a_bucket_is_refused(load, uri):
    assert "must be a Google Cloud Storage location" in load(uri).error_result["message"]


def test_star_finds_files_of_a_prefix(put, load):
    uri = put("part-1.jsonl", GOOD)
    put("deeper/part-2.jsonl", GOOD)
    put("other.jsonl", GOOD)
    assert load(uri.replace("part-1", "*part-*")).output_rows == 2


def test_empty_file_loads_no_rows(put, load, rows):
    assert load(put("empty.jsonl")).output_rows == 0
    assert rows() == []


def test_other_columns_are_left_to_the_emulator(put, load, rows):
    job = load(put("r.jsonl", {"d": "2013-07-01T00:00:00"}), columns="d DATETIME")
    assert job.output_rows == 1
    assert rows("SELECT CAST(d AS STRING) FROM t") == [("2013-07-01 00:00:00",)]


def test_failure_inside_the_emulator_rolls_everything_back(put, load, rows):
    load(put("one.jsonl", {"d": "2013-07-01T00:00:00"}), columns="d DATETIME")
    good, bad = put("two.jsonl", {"d": "2014-07-01T00:00:00"}), put("three.jsonl", {"d": "no time"})
    job = load(good, bad, columns="d DATETIME", write_disposition="WRITE_TRUNCATE")
    assert job.error_result["reason"] == "invalid"
    assert rows("SELECT EXTRACT(YEAR FROM d) FROM t") == [(2013,)]


def test_table_made_by_a_rolled_back_load_is_forgotten(client, dataset, put, load, rows):
    load(put("bad.jsonl", {"d": "no time"}), columns="d DATETIME")
    with pytest.raises(NotFound):
        client.get_table(f"{dataset}.t")
    assert load(put("good.jsonl", GOOD)).output_rows == 1
    assert rows() == [(1, "x")]
