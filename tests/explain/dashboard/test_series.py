"""Rows become series and come back as they were, to four significant digits."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.dashboard.series import Names, SeriesCoder, decimals_of, shorter, version_of

FIRST = date(2024, 2, 27)
DATES = [FIRST + timedelta(days=day) for day in range(6)]
VERSION = {"sql_version": "a_v1", "sql_digest": "d"}


def code(rows, **columns):
    names = Names()
    return SeriesCoder(DATES, names).code(rows, ("metric",), ("value",), **columns), names


def row(day, value, **more):
    return {"run_date": DATES[day], "metric": "auc", "value": value, **VERSION, **more}


def column_of(series, name):
    """The column as the page's script reads it: one number stands for every place."""
    found = series[name]
    return found if isinstance(found, list) else [found] * series["days"]


def test_a_series_begins_at_its_first_run_date_and_has_gaps():
    (series,), names = code([row(4, 0.75), row(1, 0.5)])
    assert series == {
        "metric": 0,
        "version": 1,
        "decimals": 4,
        "start": 1,
        "days": 4,
        "value": [5000, None, None, 7500],
    }
    assert names.texts == ["auc", "a_v1 d"]


def test_bounds_stand_as_differences_and_texts_by_place():
    rows = [row(0, 0.5, low=0.45, high=0.6, n=9, note=None), row(1, None, low=0.1, high=math.inf, n=9, note="why")]
    (series,), names = code(rows, bounds=("low", "high"), plain=("n",), texts=("note",))
    assert (series["low"], series["high"]) == ([-500, None], [1000, None])
    assert column_of(series, "n") == [9, 9]
    assert [(first, last, names.texts[number]) for first, last, number in series["note"]] == [(1, 1, "why")]


def test_texts_are_spans_that_end_where_the_text_changes_or_a_run_date_lacks_it():
    said = ["few", "few", None, "few", "one class", "one class"]
    rows = [row(day, 0.5, note=text) for day, text in enumerate(said)]
    (series,), names = code(rows, texts=("note",))
    found = [(first, last, names.texts[number]) for first, last, number in series["note"]]
    assert found == [(0, 1, "few"), (3, 3, "few"), (4, 5, "one class")]


def test_another_sql_version_makes_another_series():
    found, _ = code([row(0, 0.5), row(1, 0.5) | {"sql_digest": "e"}])
    assert [series["start"] for series in found] == [0, 1]
    assert found[0]["version"] != found[1]["version"]


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([0.6848], 4),
        ([0.0512], 5),
        ([12.3, None, 14.0], 2),
        ([88_000.0], 0),
        ([878.0, 5.0], 0),
        ([1.0, 0.0], 3),
        ([1e-30], 15),
        ([3e-12, 5e-12], 15),
        ([1200.0, 1300.0, 0.43], 4),
        ([2.0, 1.71, 2.34], 3),
        ([50_000.0, 1e-9], 0),
        ([0.0, math.nan, None], 4),
    ],
)
def test_numbers_of_any_size_keep_four_digits(values, decimals):
    assert decimals_of(values) == decimals


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=6))
def test_whatever_a_view_holds_comes_back_or_is_missing(values):
    (series,), _ = code([row(day, value) for day, value in enumerate(values)])
    for value, found in zip(values, column_of(series, "value"), strict=True):
        if value is None or not math.isfinite(value * 10.0 ** series["decimals"]):
            assert found is None
        else:
            assert math.isclose(
                found / 10 ** series["decimals"], value, rel_tol=1e-9, abs_tol=0.51 / 10 ** series["decimals"]
            )


def test_a_column_of_one_number_is_one_number_but_missing_ones_stay_apart():
    assert shorter([3, 3, 3]) == 3
    assert shorter([None, None]) == [None, None]
    assert shorter([3, None]) == [3, None]


def test_a_row_without_sql_names_none():
    assert version_of({"sql_version": None, "sql_digest": None}) == ""
    assert version_of(VERSION) == "a_v1 d"
