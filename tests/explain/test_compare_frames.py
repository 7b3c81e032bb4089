from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RequestError
from pipeline.explain.compare_frames import compare_frames
from tests.support.matrices import drawn

KEY = ["day", "name"]
DTYPES = {"day": "date32[day][pyarrow]", "name": "string", "i": "Int64", "f": "float64", "s": "string", "b": "boolean"}
CELLS = {
    "day": st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 3)),
    "name": st.none() | st.text("ab", max_size=1),
    "i": st.none() | st.sampled_from([0, 1, 2**63 - 1, -(2**63)]),
    "f": st.none() | st.sampled_from([0.5, -1e308, 1e308, float("inf")]),
    "s": st.none() | st.text("ab", max_size=1),
    "b": st.none() | st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), max_size=8, unique_by=lambda row: (row["day"], row["name"]))


def typed(rows) -> pd.DataFrame:
    return pd.DataFrame({n: pd.Series([r[n] for r in rows], dtype=object).astype(t) for n, t in DTYPES.items()})


def by_key(rows):
    return {(row["day"], row["name"]): row for row in rows}


def keys(frame) -> set:
    plain = frame[KEY].astype(object)
    columns = plain.where(plain.notna(), None).to_dict("list")
    return set(zip(*columns.values(), strict=True))


@drawn(60)
@given(ROWS, ROWS, st.randoms())
def test_difference_equals_a_loop_over_rows(rows_a, rows_b, random):
    a, b = by_key(rows_a), by_key(rows_b)
    difference = compare_frames(typed(rows_a), typed(random.sample(rows_b, len(rows_b))), KEY)
    both = a.keys() & b.keys()
    assert keys(difference.only_a) == a.keys() - b.keys()
    assert keys(difference.only_b) == b.keys() - a.keys()
    assert difference.common == len(both)
    assert difference.changed == sum(a[key] != b[key] for key in both)
    expected = {name: {key for key in both if a[key][name] != b[key][name]} for name in "ifsb"}
    assert {name: keys(column.keys) for name, column in difference.columns.items()} == {
        n: k for n, k in expected.items() if k
    }
    assert difference.same == (a == b)
    for name, column in difference.columns.items():
        pairs = [(a[key][name], b[key][name]) for key in expected[name]]
        numbers = [(x, y) for x, y in pairs if name in "if" and x is not None and y is not None]
        assert column.largest == max((abs(x - y) for x, y in numbers), default=None)


@drawn(20)
@given(ROWS, ROWS)
def test_swapped_frames_mirror_the_difference(rows_a, rows_b):
    there = compare_frames(typed(rows_a), typed(rows_b), KEY)
    back = compare_frames(typed(rows_b), typed(rows_a), KEY)
    pd.testing.assert_frame_equal(there.only_a, back.only_b)
    assert (there.common, there.changed) == (back.common, back.changed)
    assert {n: (c.count, c.largest) for n, c in there.columns.items()} == {
        n: (c.count, c.largest) for n, c in back.columns.items()
    }


def test_differing_values_follow_the_order_of_the_first_frame():
    a = pd.DataFrame({"id": [3, 1, 2], "x": [1.0, 2.0, None], "t": ["p", None, "r"]})
    b = pd.DataFrame({"id": [1, 2, 3], "x": [2.0, None, 4.5], "t": ["q", "r", "p"]})
    difference = compare_frames(a, b, ["id"])
    assert (difference.common, difference.changed, difference.same) == (3, 2, False)
    x, t = difference.columns["x"], difference.columns["t"]
    assert (x.keys["id"].tolist(), x.a.tolist(), x.b.tolist(), x.largest) == ([3], [1.0], [4.5], 3.5)
    assert (t.keys["id"].tolist(), t.b.tolist(), t.count, t.largest) == ([1], ["q"], 1, None)


def test_columns_and_types_that_differ_are_named():
    a = pd.DataFrame({"id": [1, 2], "x": [1, 2], "old": 0, "s": ["1", "2"]})
    b = pd.DataFrame({"id": [1, 2], "x": [1.0, 2.5], "new": 0, "s": [1, 3]})
    difference = compare_frames(a, b, ["id"])
    assert (list(difference.columns_only_a), list(difference.columns_only_b)) == (["old"], ["new"])
    assert difference.types == {"x": ("int64", "float64"), "s": ("str", "int64")}
    assert {name: column.count for name, column in difference.columns.items()} == {"x": 1, "s": 1}
    assert difference.columns["x"].largest == 0.5
    assert not compare_frames(a, a.assign(x=[1.0, 2.0]), ["id"]).same


def test_keys_of_other_types_are_compared_as_texts():
    difference = compare_frames(pd.DataFrame({"id": [1, 2]}), pd.DataFrame({"id": ["2", "3"]}), ["id"])
    assert (difference.common, difference.only_a["id"].tolist(), difference.only_b["id"].tolist()) == (1, [1], ["3"])


def test_doubled_keys_are_counted_and_not_paired():
    a = pd.DataFrame({"id": [1, 1, 2], "x": [1, 2, 3]})
    difference = compare_frames(a, a, ["id"])
    assert (difference.common, difference.changed, difference.doubled_a, difference.doubled_b, difference.same) == (
        1,
        0,
        2,
        2,
        False,
    )


def test_decimals_and_moments_are_compared_exactly():
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    a = pd.DataFrame({"id": [1, 2], "d": [Decimal("1.10"), None], "t": [moment, moment]})
    b = a.assign(d=[Decimal("1.35"), None], t=[moment, moment.replace(microsecond=1)])
    difference = compare_frames(a, b, ["id"])
    assert difference.columns["d"].largest == pytest.approx(0.25)
    assert (difference.columns["t"].count, difference.columns["t"].largest) == (1, None)


def test_largest_difference_of_64_bit_integers_is_exact():
    a = pd.DataFrame({"id": [1], "x": pd.array([2**63 - 1], dtype="Int64")})
    b = pd.DataFrame({"id": [1], "x": pd.array([-(2**63)], dtype="Int64")})
    assert compare_frames(a, b, ["id"]).columns["x"].largest == 2**64 - 1


def test_any_name_of_a_column_works():
    a = pd.DataFrame({"a": [1, 2], "b": [1, 2], "index": [1, 2]})
    difference = compare_frames(a, a.assign(index=[1, 3]), ["b", "a"])
    assert (difference.common, list(difference.columns)) == (2, ["index"])


def test_frames_without_rows():
    empty = pd.DataFrame({"id": pd.array([], dtype="Int64"), "x": pd.array([], dtype="float64")})
    assert compare_frames(empty, empty, ["id"]).same
    full = pd.DataFrame({"id": pd.array([1], dtype="Int64"), "x": [1.0]})
    assert len(compare_frames(full, empty, ["id"]).only_a) == 1


def test_key_that_is_not_a_column_is_refused():
    with pytest.raises(RequestError, match="no column nope"):
        compare_frames(pd.DataFrame({"id": [1]}), pd.DataFrame({"id": [1]}), ["nope"])


def test_neither_frame_is_changed():
    a, b = pd.DataFrame({"id": [1, 2], "x": [1, 2]}, index=[5, 5]), pd.DataFrame({"id": [2], "x": [9]})
    before = a.copy(), b.copy()
    compare_frames(a, b, ["id"])
    pd.testing.assert_frame_equal(a, before[0])
    pd.testing.assert_frame_equal(b, before[1])
