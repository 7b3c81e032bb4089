from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.bundle import TrainingData, frame_checksum, stored_training_data, training_data
from pipeline.rows.schema import pandas_dtype
from tests.models.bundle.conftest import FRAME
from tests.support.matrices import drawn


def test_training_frame_is_kept_and_comes_back(made):
    pd.testing.assert_frame_equal(pd.read_parquet(made[0] / "training.parquet"), FRAME)


CELLS = {
    "i": st.none() | st.integers(-(2**63), 2**63 - 1),
    "f": st.none() | st.floats(allow_nan=False),
    "s": st.none() | st.text("abN", max_size=2),
    "b": st.none() | st.booleans(),
    "d": st.none() | st.dates(),
}
DTYPES = {"i": "Int64", "f": "float64", "s": "string", "b": "boolean", "d": "date32[day][pyarrow]"}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6)


def typed(rows) -> pd.DataFrame:
    return pd.DataFrame({n: pd.Series([r[n] for r in rows], dtype=object).astype(t) for n, t in DTYPES.items()})


@drawn(50)
@given(ROWS)
def test_kept_frame_has_the_checksum_of_the_first(rows):
    frame = typed(rows)
    frame["m"] = pd.Series([Decimal("1.5")] * len(rows), dtype=pandas_dtype("NUMERIC"))
    frame["t"] = pd.Series([pd.Timestamp("2013-07-01", tz="UTC")] * len(rows), dtype=pandas_dtype("TIMESTAMP"))
    with tempfile.TemporaryDirectory() as name:
        TrainingData.of(frame).write(Path(name))
        found = stored_training_data(Path(name))
    assert found.checksum == frame_checksum(frame)
    assert list(found.frame.dtypes) == list(frame.dtypes)


def test_kept_frame_of_a_file_has_the_types_of_the_first(tmp_path):
    frame = pd.DataFrame({"i": [1, 2], "f": [1.5, None], "s": ["a", None], "b": [True, False]})
    TrainingData.of(frame).write(tmp_path)
    assert stored_training_data(tmp_path).checksum == frame_checksum(frame)


def test_a_frame_that_is_too_large_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "FRAME_LIMIT", 10)
    TrainingData.of(FRAME).write(tmp_path)
    assert stored_training_data(tmp_path) is None


@drawn(50)
@given(ROWS, st.randoms())
def test_checksum_does_not_depend_on_the_order_of_rows(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert frame_checksum(typed(shuffled)) == frame_checksum(typed(rows))


@drawn(100)
@given(ROWS, st.data())
def test_checksum_changes_with_any_cell(rows, data):
    at, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(sorted(CELLS)))
    value = data.draw(CELLS[name].filter(lambda value: value != rows[at][name]))
    changed = [row | {name: value} if index == at else row for index, row in enumerate(rows)]
    assert frame_checksum(typed(changed)) != frame_checksum(typed(rows))


def test_checksum_sees_doubled_rows_names_and_types():
    frame = pd.DataFrame({"a": [1, 2], "b": [2, 1]})
    others = [pd.concat([frame, frame]), frame.iloc[:1], frame[["b", "a"]], frame.astype("Int64"), frame.iloc[:0]]
    assert len({frame_checksum(other) for other in [frame, *others]}) == 6


def test_checksum_does_not_depend_on_the_index():
    assert frame_checksum(FRAME.set_axis([7, 9])) == frame_checksum(FRAME)
