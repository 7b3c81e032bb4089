from __future__ import annotations

import json
import math
import re
import struct
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipeline.errors import CheckError, RequestError
from pipeline.rows.cast import cast_frame
from pipeline.rows.jsonl import read_jsonl, write_jsonl
from pipeline.rows.schema import TYPES, Schema
from tests.support.matrices import drawn

VALUES = {
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "FLOAT64": st.floats(allow_nan=False, allow_infinity=False),
    "STRING": st.text(st.characters(exclude_categories=["Cs"])),
    "BOOL": st.booleans(),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(timezones=st.just(UTC)),
    "NUMERIC": st.decimals(-(10**28), 10**28, places=9),
}
ALL = Schema.parse({kind.lower(): kind for kind in VALUES})
ROWS = st.lists(st.fixed_dictionaries({kind.lower(): st.none() | values for kind, values in VALUES.items()}))
shared_folder = drawn(60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def frame_of_rows(rows, schema=ALL):
    return cast_frame(pd.DataFrame(rows, columns=schema.names, dtype=object), schema, origin="test")


def write(tmp_path, values, kind):
    schema = Schema.parse({"a": kind})
    write_jsonl(pd.DataFrame({"a": pd.Series(values, dtype=object)}), schema, tmp_path / "a.jsonl")
    return (tmp_path / "a.jsonl").read_text(encoding="utf-8")


@shared_folder
@given(ROWS)
def test_written_rows_are_read_back_unchanged(tmp_path, rows):
    path, frame = tmp_path / "rows.jsonl", frame_of_rows(rows)
    assert write_jsonl(frame, ALL, path) == len(rows)
    found = read_jsonl(path)
    if rows:
        pd.testing.assert_frame_equal(cast_frame(found, ALL, origin="test"), frame, check_exact=True)
    else:
        assert path.read_bytes() == b""
        assert found.empty


@shared_folder
@given(st.lists(VALUES["FLOAT64"], min_size=1))
def test_doubles_are_bit_exact_for_every_json_reader(tmp_path, values):
    lines = write(tmp_path, values, "FLOAT64").splitlines()
    bits = [struct.pack("<d", float(json.loads(line)["a"])) for line in lines]
    assert bits == [struct.pack("<d", value) for value in values]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("INT64", 2**53 - 1, "9007199254740991"),
        ("INT64", 2**53, '"9007199254740992"'),
        ("INT64", 2**53 + 1, '"9007199254740993"'),
        ("INT64", -(2**63), '"-9223372036854775808"'),
        ("DATE", date(1, 1, 1), '"0001-01-01"'),
        ("DATE", date(9999, 12, 31), '"9999-12-31"'),
        ("TIMESTAMP", datetime(2013, 7, 1, 4, tzinfo=UTC), '"2013-07-01T04:00:00.000000Z"'),
        ("BOOL", True, "true"),
        ("NUMERIC", "0.1", '"0.100000000"'),
        ("STRING", 'a"\u2028\n', '"a\\"\u2028\\n"'),
    ],
)
def test_values_are_written_as_bigquery_reads_them(tmp_path, kind, value, text):
    assert write(tmp_path, [value], kind) == f'{{"a":{text}}}\n'


def test_column_with_a_large_integer_is_text(tmp_path):
    assert write(tmp_path, [7, None, 2**60], "INT64") == '{"a":"7"}\n{"a":null}\n{"a":"1152921504606846976"}\n'


def test_unicode_line_separators_do_not_split_a_row(tmp_path):
    write(tmp_path, ["a\u2028b\u2029c\x85d", "x"], "STRING")
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == 2
    assert read_jsonl(tmp_path / "a.jsonl")["a"].tolist() == ["a\u2028b\u2029c\x85d", "x"]


@pytest.mark.parametrize("kind", TYPES)
def test_missing_values_are_null(tmp_path, kind):
    assert write(tmp_path, [None, None], kind) == '{"a":null}\n{"a":null}\n'


@pytest.mark.parametrize("kind", TYPES)
def test_required_columns_refuse_missing_values(tmp_path, kind):
    with pytest.raises(CheckError, match=r"a\.jsonl: line 1, column a: a missing value"):
        write(tmp_path, [None], f"{kind} NOT NULL")
    assert not (tmp_path / "a.jsonl").exists()


def test_nan_is_a_missing_value(tmp_path):
    assert write(tmp_path, [0.5, math.nan], "FLOAT64") == '{"a":0.5}\n{"a":null}\n'
    with pytest.raises(CheckError, match=r"1 of 2 rows .* line 2, column a: a missing value \(nan\)"):
        write(tmp_path, [0.5, math.nan], "FLOAT64 NOT NULL")


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_numbers_are_refused(tmp_path, value):
    with pytest.raises(CheckError, match=r"line 1, column a: an infinite number"):
        write(tmp_path, [value], "FLOAT64")


@pytest.mark.parametrize("kind", TYPES)
def test_empty_frames_make_empty_files_whatever_their_dtypes(tmp_path, kind):
    assert write(tmp_path, [], f"{kind} NOT NULL") == ""


def test_half_a_character_is_refused_in_one_line(tmp_path):
    with pytest.raises(CheckError, match=r"line 1, column a: holds half a character .* \('\\ud800'\)"):
        write(tmp_path, ["\ud800"], "STRING")


def test_only_the_columns_of_the_schema_are_written_in_its_order(tmp_path):
    frame = pd.DataFrame({"x": [1], "b": [2], "a": [3]}, index=[9])
    write_jsonl(frame, Schema.parse({"a": "INT64", "b": "INT64"}), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == '{"a":3,"b":2}\n'


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
        return read_jsonl(tmp_path / "in.jsonl")

    return reading


def test_big_integers_stay_exact_beside_nulls(read):
    assert read('{"a":9007199254740993}\n{"a":null}\n{}\n')["a"].tolist() == [9007199254740993, pd.NA, pd.NA]


def test_numbers_in_quotes_stay_text(read):
    assert read('{"a":"007"}\n')["a"].tolist() == ["007"]


def test_late_fractions_and_late_columns_are_seen(read):
    frame = read('{"a":1}\n' * 2000 + '{"a":0.5,"b":"x"}\n')
    assert frame["a"].iloc[-1] == 0.5
    assert frame["b"].isna().sum() == 2000


@pytest.mark.parametrize(
    "text", ["no json\n", '{"a":1}\n{"a":\n', "[1]\n", '{"a":NaN}\n', '{"a":18446744073709551616}\n']
)
def test_invalid_json_lines_is_a_request_error_with_the_file(read, text):
    with pytest.raises(RequestError, match=r"in\.jsonl: cannot be read as JSON Lines"):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":1}\n{"a":NaN}\n', "line 2: NaN is not a JSON number"),
        ('{"a":1}\n\n{"a":1, "b":"a", "a":2}\n', "line 3: the name a comes twice"),
        ('{"a":{"b":1,"b":2}}\n', "line 1: the name b comes twice"),
        ('{"a":1}\n{"a":\n', "line 2: Expecting value"),
    ],
)
def test_the_line_that_is_wrong_is_named(read, text, said):
    with pytest.raises(RequestError, match=re.escape(said)):
        read(text)


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(read):
    assert read('\ufeff{"a":1}\n')["a"].tolist() == [1]


def test_names_in_texts_are_no_names(read):
    assert read('{"a":"\\"a\\":1", "b":1}\n{"a":"x", "b":"text beside a number"}\n').shape == (2, 2)


@pytest.mark.parametrize("text", ["", "\n", " \r\n"])
def test_a_file_without_a_line_has_no_rows(read, text):
    assert len(read(text)) == 0


def test_marks_inside_a_file_and_of_other_encodings_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\xef\xbb\xbf{"a": 2}\n')
    with pytest.raises(RequestError, match=r"a\.jsonl: .*line 2: a byte-order mark inside the file"):
        read_jsonl(path)
    path.write_bytes('{"a": 1}\n'.encode("utf-16"))
    with pytest.raises(RequestError, match=r"a\.jsonl: .* byte-order mark is that of UTF-16 - save it as UTF-8"):
        read_jsonl(path)
