"""Values of parameters: each declared type takes its own values, and no others."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sql.header import INT64, fits

DAY = date(2013, 7, 1)
MOMENT = datetime(2013, 7, 1, 12, tzinfo=UTC)
NAIVE = MOMENT.replace(tzinfo=None)
ABROAD = MOMENT.astimezone(timezone(timedelta(hours=-4)))
LOWEST, HIGHEST = -(2**63), 2**63 - 1
STRUCT = {"name": "STRING", "n": "INT64", "at": "DATE"}

VALUES = {
    "INT64": [0, -7, LOWEST, HIGHEST, np.int64(3), np.uint8(3)],
    "FLOAT64": [0, -7, 0.5, 1e308, float("inf"), float("nan"), Decimal("0.5"), np.float64(0.5), np.int64(3)],
    "NUMERIC": [0, 0.5, Decimal("1.500"), Decimal(3)],
    "BOOL": [True, False],
    "STRING": ["", "fifteen", "15", "true", "\u00e9\n'`"],
    "DATE": [DAY, date.min, date.max],
    "TIMESTAMP": [MOMENT, ABROAD, pd.Timestamp(MOMENT)],
}

OTHERS = {
    "INT64": [True, False, 1.0, 0.5, "1", Decimal(1), HIGHEST + 1, LOWEST - 1, 10**30, np.float64(1), np.bool_(1), DAY],
    "FLOAT64": [True, False, "0.5", "nan", 1j, np.bool_(1), DAY, [0.5], {}],
    "NUMERIC": [True, False, "0.5", 1j, DAY, [Decimal(1)]],
    "BOOL": [0, 1, 0.0, "true", "", np.int64(1), [True]],
    "STRING": [1, True, 0.5, DAY, MOMENT, b"x", ["x"], {"x": "x"}, object()],
    "DATE": [MOMENT, NAIVE, pd.Timestamp(MOMENT), "2013-07-01", 20130701, time(12), timedelta(1), [DAY]],
    "TIMESTAMP": [NAIVE, pd.Timestamp(NAIVE), DAY, "2013-07-01 12:00:00+00", 1372680000, 0.5, [MOMENT]],
}


def pairs(table):
    return [(kind, value) for kind, values in table.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), pairs(VALUES))
def test_a_value_is_of_its_type(kind, value):
    assert fits(value, kind)
    assert fits([value], [kind])
    assert fits([{"a": value}], [{"a": kind}])


@pytest.mark.parametrize(("kind", "value"), pairs(OTHERS))
def test_a_value_of_another_type_is_not(kind, value):
    assert not fits(value, kind)
    assert not fits([value], [kind])
    assert not fits([*VALUES[kind], value], [kind])
    assert not fits([{"a": value}], [{"a": kind}])


@pytest.mark.parametrize("kind", [*VALUES, ["INT64"], [STRUCT]])
def test_null_is_of_any_type(kind):
    assert fits(None, kind)


@given(st.integers())
def test_whole_numbers_have_64_bits(value):
    assert fits(value, "INT64") == (LOWEST <= value <= HIGHEST)
    assert (INT64.start, INT64[-1]) == (LOWEST, HIGHEST)


@pytest.mark.parametrize("kind", ["INT64", "FLOAT64", "NUMERIC"])
def test_a_truth_is_no_number_and_a_number_is_no_truth(kind):
    truth, number = True, 1
    assert not fits(truth, kind)
    assert not fits(number, "BOOL")


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ([], ["INT64"]),
        ((), ["INT64"]),
        ([1, 2], ["INT64"]),
        ((1, 2), ["INT64"]),
        ([1, None], ["INT64"]),
        ([], [STRUCT]),
        ([{"name": "x", "n": 1, "at": DAY}], [STRUCT]),
        (({"name": "x", "n": 1, "at": DAY}, {"name": None, "n": None, "at": None}), [STRUCT]),
        ([{"name": "x"}], [STRUCT]),
        ([{}], [STRUCT]),
        ([None], [STRUCT]),
        ([MappingProxyType({"name": "x", "n": 1, "at": DAY})], [STRUCT]),
    ],
)
def test_arrays_and_structs_hold_their_types(value, declared):
    assert fits(value, declared)


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        (1, ["INT64"]),
        ("abc", ["STRING"]),
        (b"abc", ["INT64"]),
        ({1, 2}, ["INT64"]),
        ({"a": 1}, ["STRING"]),
        (range(3), ["INT64"]),
        (iter([1]), ["INT64"]),
        ([1, "2"], ["INT64"]),
        ([[1]], ["INT64"]),
        ([True], ["INT64"]),
        ([NAIVE], ["TIMESTAMP"]),
        ({"name": "x", "n": 1, "at": DAY}, [STRUCT]),
        ([("x", 1, DAY)], [STRUCT]),
        (["x"], [STRUCT]),
        ([{"name": "x", "n": "1", "at": DAY}], [STRUCT]),
        ([{"name": "x", "n": 1, "at": MOMENT}], [STRUCT]),
        ([{"name": "x", "n": 1, "at": DAY}, {"name": 1}], [STRUCT]),
        ([{"name": ["x"]}], [STRUCT]),
    ],
)
def test_what_is_nested_is_looked_at(value, declared):
    assert not fits(value, declared)


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        pytest.param(value, kind, marks=pytest.mark.xfail(raises=AssertionError, reason=reason), id=name)
        for name, value, kind, reason in [
            ("NaN", Decimal("NaN"), "NUMERIC", "NUMERIC has no NaN"),
            ("infinity", float("inf"), "NUMERIC", "NUMERIC has no infinity"),
            ("digits", Decimal(10) ** 29, "NUMERIC", "NUMERIC has 29 digits before the point"),
            ("scale", Decimal("1e-10"), "NUMERIC", "NUMERIC has 9 digits behind the point"),
            ("float", 10**400, "FLOAT64", "no double is as large"),
            ("fraction", Fraction(1, 3), "NUMERIC", "the client cannot write it"),
            ("surrogate", "\ud800", "STRING", "BigQuery's text is UTF-8, which has none"),
        ]
    ],
)
def test_what_slips_through(value, declared):
    assert not fits(value, declared)


def test_a_field_that_is_not_declared_is_refused():
    assert not fits([{"nmae": "x"}], [STRUCT])
