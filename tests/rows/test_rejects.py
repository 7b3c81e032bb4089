from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pipeline.errors import CheckError, RequestError
from pipeline.rows.cast import cast_frame
from pipeline.rows.jsonl import read_jsonl, write_jsonl, write_rows
from pipeline.rows.rejects import split_frame, write_rejects
from pipeline.rows.schema import TYPES, Schema, pandas_dtype
from tests.rows.test_jsonl import VALUES
from tests.support.matrices import drawn

ALL = Schema.parse({kind.lower(): f"{kind} NOT NULL" for kind in VALUES})
BAD = {
    "INT64": [2**63, -(2**63) - 1, 1.5, "1.0", "x", math.inf, {}, date(2013, 7, 1)],
    "FLOAT64": ["x", "", math.inf, -math.inf, "inf", b"1", [1]],
    "STRING": ["\ud800", "a\udfffb", b"a", {"a": 1}, 0.5],
    "BOOL": ["maybe", {}, 0.5, 7],
    "DATE": ["2013-02-29", "10000-01-01", 20130701, datetime(2013, 7, 1, 5)],  # noqa: DTZ001 - what frames hold
    "TIMESTAMP": ["2013-07-01", 1372636800, "soon", ()],
    "NUMERIC": [Decimal("1.1234567891"), Decimal("1e29"), "1e50", math.inf, Decimal("Infinity"), "x", 1j],
}
BAD_ROWS = st.sampled_from([(kind.lower(), value) for kind, values in BAD.items() for value in [*values, None]])
GOOD_ROWS = st.fixed_dictionaries({kind.lower(): values for kind, values in VALUES.items()})
thorough = drawn(60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def objects(values, index=None) -> pd.Series:
    """A column of just these objects."""
    series = pd.Series([None] * len(values), dtype=object, index=index)
    for position, value in enumerate(values):
        series.iat[position] = value
    return series


def split(values, kind):
    frame = (values if isinstance(values, pd.Series) else objects(values)).to_frame("a")
    return split_frame(frame, Schema.parse({"a": kind}), origin="test")


@thorough
@given(st.lists(st.tuples(GOOD_ROWS, st.none() | BAD_ROWS), min_size=1))
def test_rows_are_split_completely_and_good_ones_survive_a_file(tmp_path, rows):
    spoiled = [row if bad is None else row | {bad[0]: bad[1]} for row, bad in rows]
    frame = pd.DataFrame({name: objects([row[name] for row in spoiled], [3] * len(rows)) for name in ALL.names})
    found = split_frame(frame, ALL, origin="test")

    assert found.rejects["line"].tolist() == [line for line, (_, bad) in enumerate(rows, start=1) if bad]
    assert found.rejects["column"].tolist() == [bad[0] for _, bad in rows if bad]
    good = [row for row, bad in rows if bad is None]
    assert len(found.rows) + len(found.rejects) == len(frame)
    expected = cast_frame(pd.DataFrame(good, columns=ALL.names, dtype=object), ALL, origin="test")
    pd.testing.assert_frame_equal(found.rows, expected, check_exact=True)

    path = tmp_path / "rows.jsonl"
    assert write_rows(found.rows, ALL, path) == path.read_bytes().count(b"\n") == len(good)
    if good:
        pd.testing.assert_frame_equal(cast_frame(read_jsonl(path), ALL, origin="test"), found.rows, check_exact=True)


# Signalling NaN is left out: pandas cannot hold it.
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=3), st.dates(), st.datetimes(),
    st.decimals(allow_nan=False), st.just({}), st.sampled_from([value for values in BAD.values() for value in values]),
)  # fmt: skip


@thorough
@given(st.sampled_from(TYPES), st.lists(ANYTHING, max_size=8))
def test_a_value_is_rejected_exactly_when_it_would_be_alone(kind, values):
    rejected = set(split(values, f"{kind} NOT NULL").rejects["line"])
    assert rejected == {n for n, v in enumerate(values, start=1) if len(split([v], f"{kind} NOT NULL").rejects)}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in BAD.items() for value in values])
def test_one_bad_value_among_good_ones_is_found(kind, value):
    good = {"STRING": "x", "BOOL": True, "DATE": "2013-07-01", "TIMESTAMP": "2013-07-01T00:00:00Z"}.get(kind, 7)
    found = split([good, good, value, good], kind)
    assert (len(found.rows), found.rejects["line"].tolist()) == (3, [3])
    assert found.rejects["value"].tolist() == [repr(value)]


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("FLOAT64 NOT NULL", math.nan, "a missing value"),
        ("STRING NOT NULL", None, "a missing value"),
        ("FLOAT64", -math.inf, "an infinite number"),
        ("INT64", math.inf, "an infinite number"),
        ("INT64", 1.5, "not an integer"),
        ("INT64", "1.0", "not an integer"),
        ("INT64", "x", "not an integer"),
        ("INT64", 2**63, "not within the range of INT64"),
        ("INT64", -1e300, "not within the range of INT64"),
        ("INT64", 10**400, "not within the range of INT64"),
        ("INT64", "1e3", "not an integer"),
        ("INT64", Decimal("9007199254740993.5"), "not an integer"),
        ("INT64", Decimal("1e-400"), "not an integer"),
        ("INT64", "-inf", "an infinite number"),
        ("INT64", {"a": 1}, "dict instead of INT64"),
        ("FLOAT64", "0,5", "not a number"),
        ("FLOAT64", "1e999", "not within the range of FLOAT64"),
        ("FLOAT64", -(10**400), "not within the range of FLOAT64"),
        ("FLOAT64", b"0.5", "bytes instead of FLOAT64"),
        ("NUMERIC", Decimal("0.1234567891"), "does not fit NUMERIC, which has 29 digits before the point and 9 after"),
        ("NUMERIC", 10**400, "does not fit NUMERIC, which has 29 digits before the point and 9 after"),
        ("NUMERIC", "x", "not a number"),
        ("STRING", "\ud800", "holds half a character (a lone surrogate), which UTF-8 cannot hold"),
        ("STRING", b"a", "bytes instead of STRING"),
        ("STRING", 7.0, "float instead of STRING"),
        ("BOOL", "maybe", "neither true nor false"),
        ("DATE", "2013-02-29", "not a date from 0001-01-01 to 9999-12-31"),
        ("DATE", datetime(2013, 7, 1, 5, tzinfo=UTC), "a moment that is not midnight"),
        ("DATE", 7, "int instead of DATE"),
        ("TIMESTAMP", "2013-07-01", "not a moment with a zone in the years 1 to 9999"),
    ],
)
def test_reasons_say_what_is_wrong(kind, value, reason):
    (found,) = split([value], kind).rejects["reason"]
    assert found.startswith(reason)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INT64", 2**60 + 1),
        ("INT64", str(2**60 + 1)),
        ("NUMERIC", Decimal("0.123456789")),
        ("NUMERIC", Decimal("9" * 29 + "." + "9" * 9)),
        ("NUMERIC", 2**63),
        ("STRING", "a\u2028b"),
        ("DATE", date(1, 1, 1)),
        ("DATE", date(9999, 12, 31)),
    ],
)
@pytest.mark.parametrize("beside", [None, {}], ids=["clean", "beside a reject"])
def test_what_fits_is_exact(kind, value, beside, tmp_path):
    found = split([value, beside], kind).rows
    assert found["a"].iloc[0] == (int(value) if kind == "INT64" else value)
    write_rows(found, Schema.parse({"a": kind}), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == len(found)
    again = cast_frame(read_jsonl(tmp_path / "a.jsonl"), Schema.parse({"a": kind}), origin="test")
    pd.testing.assert_frame_equal(again, found)


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP"])
@pytest.mark.parametrize("dtype", ["datetime64[us]", "declared"])
def test_moments_outside_the_calendar_are_rejected(kind, dtype):
    moments = np.array(["2013-07-01", "2013-07-01", "2013-07-01"], dtype="datetime64[us]")
    moments += np.array([0, 3652425, -1000000], dtype="timedelta64[D]")
    series = pd.Series(moments)
    if dtype == "declared":
        series = series.dt.tz_localize("UTC") if kind == "TIMESTAMP" else days(moments)
    found = split(series, kind)
    assert (len(found.rows), found.rejects["line"].tolist()) == (1, [2, 3])
    assert "12013" in found.rejects["value"][0]


def days(moments) -> pd.Series:
    import pyarrow as pa

    numbers = pa.array(moments.astype("datetime64[D]").astype("int32")).cast(pa.date32())
    return pd.Series(pd.arrays.ArrowExtensionArray(numbers), dtype=pandas_dtype("DATE"))


def test_columns_full_of_rejects_are_told_apart_too():
    assert len(split(pd.Series(np.arange(5000) + 0.5), "INT64").rejects) == 5000
    assert len(split(pd.Series(np.arange(5000) + 0.5), "STRING").rejects) == 5000
    assert len(split(pd.Series(np.arange(5000)), "DATE").rejects) == 5000


def test_the_first_wrong_column_counts():
    frame = pd.DataFrame({"b": [math.inf, 1.0], "a": [None, "x"]})
    found = split_frame(frame, Schema.parse({"a": "STRING NOT NULL", "b": "FLOAT64"}), origin="test")
    assert found.rejects[["line", "column"]].values.tolist() == [[1, "a"]]


def test_missing_column_is_named():
    with pytest.raises(RequestError, match="model: column b is missing"):
        split_frame(pd.DataFrame({"a": [1]}), Schema.parse({"a": "INT64", "b": "INT64"}), origin="model")


def test_the_frame_is_not_changed():
    frame = pd.DataFrame({"a": objects([1, "x", None], [7, 7, 8])})
    before = frame.copy(deep=True)
    split_frame(frame, Schema.parse({"a": "INT64"}), origin="test")
    pd.testing.assert_frame_equal(frame, before)


def test_rejects_are_written_with_key_and_short_values(tmp_path):
    index = [5, 5, 5]
    frame = pd.DataFrame({"id": objects([1, "\ud800", None], index), "x": objects(["y" * 500, "0", 1.0], index)})
    schema = Schema.parse({"id": "STRING", "x": "FLOAT64"})
    path = tmp_path / "rejects.jsonl"
    write_rejects(split_frame(frame, schema, origin="test"), ["id"], "shard.jsonl", path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["key"] for line in lines] == [{"id": "1"}, {"id": "\\ud800"}]
    assert [(line["file"], line["line"], line["column"]) for line in lines] == [
        ("shard.jsonl", 1, "x"),
        ("shard.jsonl", 2, "id"),
    ]
    assert lines[0]["value"] == "'" + "y" * 199
    assert lines[1]["value"] == "'\\ud800'"


def test_files_that_may_hold_no_rejects_are_refused_whole(tmp_path):
    frame = pd.DataFrame({"a": [0.5, math.inf, math.inf]})
    said = r"2 of 3 rows do not fit, the first is a\.jsonl: line 2, column a: an infinite number \(inf\)"
    with pytest.raises(CheckError, match=said):
        write_jsonl(frame, Schema.parse({"a": "FLOAT64"}), tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []
