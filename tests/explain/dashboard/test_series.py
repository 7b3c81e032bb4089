"""Series keep the numbers of rows, to four significant digits."""

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
    """Return a column as the page's script reads it: one number is repeated for every place."""
    numbers = series[name]
    return numbers if isinstance(numbers, list) else [numbers] * series["days"]


def test_series_begins_at_its_first_run_date_and_has_gaps():
    (series,), names = code([row(4, 0.75), row(1, 0.5)])
    assert series == {
        "metric": 0,
        "version": 1,
        "decimals": 4,
        "start": 1,
        "days": 4,
        "value": [5000, None, None, 7500],
    }
    assert list(names) == ["auc", "a_v1 d"]


def test_bounds_are_differences_and_texts_are_spans():
    rows = [row(0, 0.5, low=0.45, high=0.6, n=9, note=None), row(1, None, low=0.1, high=math.inf, n=9, note="why")]
    (series,), names = code(rows, bounds=("low", "high"), plain=("n",), texts=("note",))
    assert (series["low"], series["high"]) == ([-500, None], [1000, None])
    assert column_of(series, "n") == [9, 9]
    assert [(first, last, list(names)[number]) for first, last, number in series["note"]] == [(1, 1, "why")]


def test_span_ends_if_the_text_changes_or_is_missing():
    notes = ["few", "few", None, "few", "one class", "one class"]
    rows = [row(day, 0.5, note=text) for day, text in enumerate(notes)]
    (series,), names = code(rows, texts=("note",))
    spans = [(first, last, list(names)[number]) for first, last, number in series["note"]]
    assert spans == [(0, 1, "few"), (3, 3, "few"), (4, 5, "one class")]


def test_another_sql_version_makes_another_series():
    coded, _ = code([row(0, 0.5), row(1, 0.5) | {"sql_digest": "e"}])
    assert [series["start"] for series in coded] == [0, 1]
    assert coded[0]["version"] != coded[1]["version"]


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
def test_every_number_is_kept_or_missing(values):
    (series,), _ = code([row(day, value) for day, value in enumerate(values)])
    for value, number in zip(values, column_of(series, "value"), strict=True):
        if value is None or not math.isfinite(value * 10.0 ** series["decimals"]):
            assert number is None
        else:
            assert math.isclose(
                number / 10 ** series["decimals"], value, rel_tol=1e-9, abs_tol=0.51 / 10 ** series["decimals"]
            )


def test_column_of_equal_numbers_is_stored_as_one_number():
    assert shorter([3, 3, 3]) == 3
    assert shorter([None, None]) == [None, None]
    assert shorter([3, None]) == [3, None]


def test_row_without_sql_has_an_empty_version():
    assert version_of({"sql_version": None, "sql_digest": None}) == ""
    assert version_of(VERSION) == "a_v1 d"
