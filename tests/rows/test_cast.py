from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.rows.cast import cast_frame
from pipeline.rows.schema import TYPES, Schema, pandas_dtype

ALL = Schema.parse({name.lower(): name for name in TYPES})


def cast(values, kind: str, dtype=None) -> pd.Series:
    series = pd.Series(values, dtype=dtype, name="a")
    return cast_frame(series.to_frame(), Schema.parse({"a": kind}), origin="data.csv")["a"]


def refused(values, kind: str, dtype=None) -> str:
    with pytest.raises(RequestError, match=f"data.csv: column a does not hold {kind}") as caught:
        cast(values, kind, dtype)
    return str(caught.value)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("values", [[], [None, None], [float("nan"), None], [pd.NaT]], ids=str)
def test_columns_without_values_get_the_declared_type(kind, values):
    series = cast(values, kind)
    assert series.dtype == pandas_dtype(kind)
    assert series.isna().tolist() == [True] * len(values)


@pytest.mark.parametrize("kind", TYPES)
def test_a_cast_column_is_cast_again_without_change(kind):
    text = {"BOOL": "true", "DATE": "2013-07-01", "TIMESTAMP": "2013-07-01T00:00:00Z"}.get(kind, "7")
    once = cast([text, None], kind)
    pd.testing.assert_series_equal(cast(once, kind), once)
    assert once.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "values",
    [
        ["0001-01-01", "9999-12-31", None],
        [date(1, 1, 1), date(9999, 12, 31), None],
        pd.Series(["0001-01-01", "9999-12-31", pd.NA], dtype="string"),
    ],
    ids=["text", "objects", "nullable text"],
)
def test_dates_hold_the_whole_calendar(values):
    found = cast(values, "DATE")
    assert found.tolist()[:2] == [date(1, 1, 1), date(9999, 12, 31)]
    assert found.isna().tolist() == [False, False, True]


def test_dates_come_from_midnights_of_pandas():
    assert cast(pd.to_datetime(["2013-07-01", None]), "DATE").tolist() == [date(2013, 7, 1), pd.NA]


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2013-07-01 05:00"]),
        pd.to_datetime(["2013-07-01"]).tz_localize("America/New_York"),
        [datetime(2013, 7, 1, 5)],  # noqa: DTZ001 - what frames hold
    ],
    ids=["naive", "midnight elsewhere", "objects"],
)
def test_moments_are_no_dates(values):
    assert "not midnight" in refused(values, "DATE")


@pytest.mark.parametrize("value", ["01.07.2013", "2013-02-29", "x", 20130701, 1.5, True])
def test_other_values_are_no_dates(value):
    refused([value], "DATE")


@pytest.mark.parametrize(
    "values",
    [
        ["2013-07-01T04:00:00Z"],
        ["2013-07-01 00:00:00-04:00"],
        [datetime(2013, 7, 1, tzinfo=timezone(timedelta(hours=-4)))],
        pd.to_datetime(["2013-07-01"]).tz_localize("America/New_York"),
        pd.to_datetime(["2013-07-01T04:00:00.000000000"]).as_unit("ns"),
    ],
    ids=["utc", "offset", "objects", "zone", "naive is utc"],
)
def test_timestamps_become_moments_in_utc(values):
    assert cast(values, "TIMESTAMP").tolist() == [pd.Timestamp("2013-07-01T04:00:00Z")]


def test_timestamps_hold_all_years_to_the_microsecond():
    texts = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
    found = cast(texts, "TIMESTAMP")
    assert found.dt.year.tolist() == [1, 9999]
    assert found.dt.microsecond.tolist() == [0, 999999]


@pytest.mark.parametrize("value", ["2013-07-01 00:00:00", "2013-07-01", "soon", 1372636800, 1.5])
def test_moments_without_zone_or_unit_are_refused(value):
    refused([value], "TIMESTAMP")


@pytest.mark.parametrize("value", ["1.5", 1.5, Decimal("1.5")])
def test_numeric_is_exact(value):
    assert cast([value], "NUMERIC").tolist() == [Decimal("1.500000000")]


@pytest.mark.parametrize("value", ["1.1234567891", "1e50", "x", Decimal("1e30")])
def test_numeric_refuses_what_it_would_round(value):
    refused([value], "NUMERIC")


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_integers_stay_exact_beside_missing_ones(values):
    for given_as in (pd.Series(values, dtype=object), pd.Series([v if v is None else str(v) for v in values])):
        assert [None if v is pd.NA else v for v in cast(given_as, "INT64").tolist()] == values


def test_whole_floats_become_integers_and_nan_becomes_null():
    found = cast([1.0, float("nan"), -(2.0**60)], "INT64")
    assert found.tolist() == [1, pd.NA, -(2**60)]


@pytest.mark.parametrize("value", [1.5, "1.5", "x", 1e300, float("inf"), 2**63, date(2013, 7, 1)])
def test_what_is_no_integer_is_refused_without_a_warning(value):
    refused([value, None], "INT64")


def test_unsigned_integers_beyond_int64_are_refused():
    refused(np.array([2**63], dtype="uint64"), "INT64")


def test_missing_doubles_are_nan():
    assert cast(pd.array([1.5, None], dtype="Float64"), "FLOAT64").isna().tolist() == [False, True]
    refused(["much"], "FLOAT64")


@given(st.lists(st.floats(allow_nan=False)))
def test_doubles_survive_as_text(values):
    assert cast([repr(value) for value in values], "FLOAT64").tolist() == values


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["true", "False", None], [True, False, pd.NA]),
        ([1, 0], [True, False]),
        ([True, None], [True, pd.NA]),
        ([1.0, float("nan")], [True, pd.NA]),
    ],
)
def test_booleans_come_from_text_and_from_zero_and_one(values, expected):
    assert cast(values, "BOOL").tolist() == expected


@pytest.mark.parametrize("value", ["maybe", 2, 0.5])
def test_what_is_no_boolean_is_refused(value):
    refused([value], "BOOL")


def test_text_comes_from_text_categories_and_integers():
    assert cast(["007", "NA", ""], "STRING").tolist() == ["007", "NA", ""]
    assert cast(pd.Categorical(["b", None]), "STRING").tolist() == ["b", pd.NA]
    assert cast([7], "STRING").tolist() == ["7"]


def test_floats_are_no_text_because_ids_would_get_a_fraction():
    refused([7, None], "STRING")


def test_cast_returns_declared_columns_and_keeps_the_frame():
    frame = pd.DataFrame({"x": ["1"], "b": ["2"], "a": ["3"]}, index=[5])
    before = frame.copy(deep=True)
    found = cast_frame(frame, Schema.parse({"a": "INT64", "b": "FLOAT64"}), origin="f")
    assert (list(found), found.index.tolist()) == (["a", "b"], [5])
    pd.testing.assert_frame_equal(frame, before)


def test_every_missing_column_is_named():
    with pytest.raises(RequestError, match="bq://t: column b, c is missing"):
        cast_frame(pd.DataFrame({"a": [1]}), Schema.parse({"a": "INT64", "b": "INT64", "c": "INT64"}), origin="bq://t")
