from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.errors import RequestError
from pipeline.rows.schema import TYPES, Column, Schema, arrow_type, frame_of, infer_schema, pandas_dtype

ALL = Schema.parse({name.lower(): name for name in TYPES})


def test_columns_are_read_with_type_and_mode():
    schema = Schema.parse({"id": "INT64 NOT NULL", "x": "float64"})
    assert schema.columns == (Column("id", "INT64", required=True), Column("x", "FLOAT64"))


@pytest.mark.parametrize(
    "text", ["", "INTEGER", "INT64 NULL", "INT64 NOT", "NOT NULL", "INT64 NOT NULL X", "ARRAY<INT64>"]
)
def test_unknown_types_are_refused(text):
    with pytest.raises(ValueError, match="column 'a'"):
        Schema.parse({"a": text})


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a`", "a\n", "ä", "a" * 301])
def test_names_that_bigquery_refuses_are_refused(name):
    with pytest.raises(ValueError, match="not a column's name, which has letters, digits and _, not a digit first"):
        Schema.parse({name: "INT64"})


def test_names_that_differ_only_by_case_are_refused():
    with pytest.raises(ValueError, match="'Id' and 'id': BigQuery does not tell small letters from capitals"):
        Schema.parse({"Id": "INT64", "id": "INT64"})


def test_digest_depends_on_names_types_modes_and_order():
    declared = [
        {"a": "INT64", "b": "STRING"},
        {"b": "STRING", "a": "INT64"},
        {"a": "INT64 NOT NULL", "b": "STRING"},
        {"a": "FLOAT64", "b": "STRING"},
        {"c": "INT64", "b": "STRING"},
    ]
    assert len({Schema.parse(columns).digest for columns in declared}) == len(declared)


def test_select_add_and_contains_work_on_names():
    schema = Schema.parse({"a": "INT64", "b": "STRING"})
    assert schema.select(["b", "a"]).names == ["b", "a"]
    assert (schema + Schema.parse({"c": "BOOL"})).names == ["a", "b", "c"]
    assert "b" in schema
    assert "c" not in schema
    assert all(column.required for column in schema.required().columns)


def test_arrow_tables_become_frames_with_the_same_dtypes():
    values = {"int64": 2**53 + 1, "float64": 0.1, "string": "x", "bool": True, "date": date(1, 1, 1)}
    values |= {"timestamp": datetime(2013, 7, 1, tzinfo=UTC), "numeric": Decimal("1.5")}
    table = pa.table({n: pa.array([values[n], None], arrow_type(n.upper())) for n in ALL.names})
    frame = frame_of(table)
    assert frame["int64"].tolist() == [2**53 + 1, pd.NA]
    for name in ("int64", "float64", "string", "bool", "date", "timestamp"):
        assert frame[name].dtype == pandas_dtype(name.upper()), name


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "NUMERIC"])
def test_types_are_inferred_from_dtypes(kind):
    frame = pd.DataFrame({"a": pd.Series([None], dtype=pandas_dtype(kind))})
    assert infer_schema(frame) == Schema.parse({"a": kind})


def test_types_are_inferred_from_plain_pandas():
    frame = pd.DataFrame({"i": [1], "f": [0.5], "b": [True], "s": ["x"], "t": pd.to_datetime(["2013-07-01"])})
    kinds = [column.type for column in infer_schema(frame).columns]
    assert kinds == ["INT64", "FLOAT64", "BOOL", "STRING", "TIMESTAMP"]


def test_inferred_names_are_checked():
    with pytest.raises(RequestError, match="column 'a b'"):
        infer_schema(pd.DataFrame({"a b": [1]}))


@pytest.mark.parametrize(
    ("other", "exactly", "of_kinds"),
    [
        ({"i": "INT64", "t": "TIMESTAMP"}, "", ""),
        ({"i": "INT64 NOT NULL", "t": "TIMESTAMP"}, "", ""),
        ({"i": "NUMERIC", "t": "DATE"}, "i INT64 where the statement returns i NUMERIC", ""),
        *(
            (other, said, said)
            for other, said in [
                ({"i": "STRING", "t": "TIMESTAMP"}, "i INT64 where the statement returns i STRING"),
                ({"t": "TIMESTAMP", "i": "INT64"}, "i INT64 where the statement returns t TIMESTAMP"),
                ({"i": "INT64"}, "t TIMESTAMP where the statement returns no more columns"),
                (
                    {"i": "INT64", "t": "TIMESTAMP", "more": "BOOL"},
                    "no more columns where the statement returns more BOOL",
                ),
            ]
        ),
    ],
)
def test_the_first_difference_of_a_header_is_described(other, exactly, of_kinds):
    declared, returned = Schema.parse({"i": "INT64", "t": "TIMESTAMP"}), Schema.parse(other)
    assert declared.difference(returned).removeprefix("the header declares ") == exactly
    assert declared.difference(returned, are_kinds_enough=True).removeprefix("the header declares ") == of_kinds
