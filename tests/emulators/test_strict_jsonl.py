from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.emulators import strict_jsonl
from pipeline.emulators.strict_jsonl import ARROW_TYPES, BadRow, Field, read_strict

FIELDS = [Field("a", "INT64", required=False), Field("b", "STRING", required=True)]
X = [Field("x", "FLOAT64", required=False)]


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def no_look_at_rows(monkeypatch):
    """What is well-formed is read by Arrow alone."""

    def fail(*_):
        pytest.fail("rows were looked at one by one")

    monkeypatch.setattr(strict_jsonl, "_read_slowly", fail)


def read_all(path, fields):
    """Read a file in which every row fits."""
    rows = read_strict(path, fields)
    assert rows.bad == []
    return rows.table


@pytest.mark.usefixtures("no_look_at_rows")
def test_all_types_are_read_by_arrow(file):
    fields = [Field(kind.lower(), kind, required=False) for kind in ARROW_TYPES]
    row = {
        "string": "\u2028\u00e9",
        "int64": 2**60 + 1,
        "float64": 0.1,
        "bool": True,
        "date": "2013-07-01",
        "timestamp": "2013-07-01T12:00:00.000001+00:00",
        "numeric": 1.5,
    }
    table = read_all(file(json.dumps(row) + "\n" + json.dumps(dict.fromkeys(row)) + "\n"), fields)
    moment = datetime(2013, 7, 1, 12, 0, 0, 1, tzinfo=UTC)
    assert [*table.to_pylist()[0].values()] == [
        "\u2028\u00e9",
        2**60 + 1,
        0.1,
        True,
        date(2013, 7, 1),
        moment,
        Decimal("1.5"),
    ]
    assert set(table.to_pylist()[1].values()) == {None}


@pytest.mark.usefixtures("no_look_at_rows")
def test_last_line_needs_no_end_and_order_of_keys_is_free(file):
    assert read_all(file('{"b":"x","a":1}\n{"b":"y"}'), FIELDS).to_pylist() == [
        {"a": 1, "b": "x"},
        {"a": None, "b": "y"},
    ]


@pytest.mark.usefixtures("no_look_at_rows")
def test_empty_file_has_no_rows_and_all_columns(file):
    table = read_all(file("\n"), FIELDS)
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


def test_compressed_file_is_read(file):
    assert read_all(file(gzip.compress(b'{"b":"x"}\n')), FIELDS).num_rows == 1


def test_what_bigquery_converts_is_converted(file):
    path = file('{"a":"9007199254740993","b":"x"}\n\n{"a":2,"b":"y"}\n')
    assert read_all(path, FIELDS).to_pylist() == [{"a": 2**53 + 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_row_longer_than_a_block_is_read(file, monkeypatch):
    monkeypatch.setattr(strict_jsonl, "BLOCK", 1024)
    text = "x" * 5000
    assert read_all(file(f'{{"b":"y"}}\n{{"b":"{text}"}}\n'), FIELDS)["b"].to_pylist() == ["y", text]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"b":"x","c":1}', "No such field: c."),
        ('{"a":1}', "Missing required field: b."),
        ('{"b":null}', "Only optional fields can be set to NULL. Field: b; Value: NULL"),
        ('{"a":"y","b":"x"}', "Could not convert value 'string_value: \"y\"' to integer. Field: a; Value: y"),
        ('{"a":1,"b":2}', "Could not convert value to string. Field: b; Value: 2"),
        ('{"a":1,"b":"x"', "Parser terminated before end of string"),
        ('{"b":"x"}{"b":"y"}', "Parser terminated before end of string"),
        ('["x"]', "Parser terminated before end of string"),
        ('{"b":"\\ud800"}', "Parser terminated before end of string"),
        (b'{"b":"\xff"}', "Parser terminated before end of string"),
    ],
)
def test_bad_row_is_named_and_ends_the_reading(file, line, reason):
    good = b'{"b":"first"}\n\n'
    rows = read_strict(file(good + (line if isinstance(line, bytes) else line.encode()) + b"\n" + good), FIELDS)
    assert rows.bad == [BadRow(len(good), reason)]
    assert rows.number == 2


def test_bad_rows_that_may_be_are_left_out(file):
    rows = read_strict(file('{"b":"x"}\n{}\n{"b":"y"}\n{"c":1}\n{"b":"z"}\n[]\n{"b":"not read"}'), FIELDS, max_bad=2)
    assert rows.table["b"].to_pylist() == ["x", "y", "z"]
    assert [bad.position for bad in rows.bad] == [10, 23, 41]
    assert rows.number == 6


def reason_of_refusal(path):
    (bad,) = read_strict(path, X).bad
    return bad.reason


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_number_that_json_does_not_have_is_refused(file, literal):
    assert "Parser terminated" in reason_of_refusal(file(f'{{"x":1.0}}\n{{"x":{literal}}}\n'))


def test_row_over_two_lines_is_refused(file):
    assert "Parser terminated" in reason_of_refusal(file('{"x":\n1.0}\n'))


@pytest.mark.parametrize("value", ["1", '"1"', "1.0"])
def test_a_byte_order_mark_is_named_however_the_rows_are_read(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + f'{{"n": {value}}}\n{{"n": 2}}\n'.encode())
    rows = read_strict(path, [Field("n", "INT64", required=True)])
    assert [(bad.position, bad.reason) for bad in rows.bad] == [
        (0, "Parser terminated before end of string: the row begins with a byte-order mark")
    ]
