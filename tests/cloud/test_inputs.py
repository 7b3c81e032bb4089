from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cloud.inputs import read_input
from pipeline.errors import RequestError
from pipeline.rows.schema import Schema, pandas_dtype

SCHEMA = Schema.parse({"id": "STRING", "n": "INT64", "day": "DATE", "at": "TIMESTAMP", "x": "FLOAT64", "ok": "BOOL"})
CSV = """\
at,day,id,n,ok,x,unused
2013-07-01T04:00:00Z,0001-01-01,007,9007199254740993,true,0.1,1
,,NA,,,NA,2
"""


@pytest.fixture
def csv(tmp_path) -> str:
    (tmp_path / "a.csv").write_text(CSV)
    return str(tmp_path / "a.csv")


def test_csv_with_a_schema_keeps_every_value(csv):
    frame = read_input(csv, schema=SCHEMA)
    assert frame["id"].tolist() == ["007", "NA"]
    assert frame["n"].tolist() == [9007199254740993, pd.NA]
    assert frame["day"].tolist() == [date(1, 1, 1), pd.NA]
    assert frame["at"].iloc[0] == pd.Timestamp("2013-07-01T04:00:00Z")
    assert frame["ok"].tolist() == [True, pd.NA]
    assert frame["x"].iloc[0] == 0.1
    assert frame.isna().iloc[1].tolist() == [False, True, True, True, True, True]


def test_csv_without_a_schema_has_all_columns(csv):
    assert list(read_input(csv)) == "at day id n ok x unused".split()


def test_empty_csv_text_is_missing(tmp_path):
    (tmp_path / "a.csv").write_text("id,n\n,1\n")
    assert read_input(str(tmp_path / "a.csv"), schema=SCHEMA.select(["id"]))["id"].isna().all()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_gives_the_same_frame(csv, tmp_path, ending):
    frame = read_input(csv, schema=SCHEMA)
    path = tmp_path / f"b.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.astype({"day": "string"}).to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
    pd.testing.assert_frame_equal(read_input(str(path), schema=SCHEMA), frame)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_files_without_a_schema_have_the_dtypes_of_bigquery(tmp_path, ending):
    frame = pd.DataFrame({"n": pd.array([2**53 + 1, None], dtype="Int64"), "s": ["x", None], "b": [True, None]})
    path = tmp_path / f"a.{ending}"
    frame.to_parquet(path) if ending == "parquet" else frame.to_json(path, orient="records", lines=True)
    found = read_input(str(path))
    assert found.dtypes[["n", "s"]].tolist() == [pd.Int64Dtype(), pandas_dtype("STRING")]
    assert found["n"].tolist() == [2**53 + 1, pd.NA]


def test_dates_of_a_parquet_file_keep_their_type(tmp_path):
    frame = pd.DataFrame({"day": pd.Series([date(1, 1, 1)], dtype=pandas_dtype("DATE"))})
    frame.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_input(str(tmp_path / "a.parquet")), frame)


def test_ending_may_be_in_capitals(csv):
    path = Path(csv).rename(Path(csv).with_name("A.CSV"))
    assert len(read_input(str(path))) == 2


@pytest.mark.parametrize("name", ["none.csv", "none.jsonl", "none.parquet"])
def test_missing_file_is_a_request_error(tmp_path, name):
    with pytest.raises(RequestError, match=f"{name}: cannot be read .* check the path"):
        read_input(str(tmp_path / name))


@pytest.mark.parametrize("name", ["broken.jsonl", "broken.parquet", "broken.csv"])
def test_broken_file_is_a_request_error(tmp_path, name):
    (tmp_path / name).write_bytes(b'\xff\xfe{"a"\n')
    with pytest.raises(RequestError, match=f"{name}: cannot be read"):
        read_input(str(tmp_path / name))


def test_folder_is_a_request_error(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(RequestError, match="cannot be read"):
        read_input(str(tmp_path / "a.csv"))


def test_unknown_format_names_the_known_ones():
    with pytest.raises(RequestError, match=r"a\.xlsx: not one of \.csv, \.jsonl, \.json, \.parquet"):
        read_input("a.xlsx")


def test_wrong_type_names_file_and_column(csv):
    with pytest.raises(RequestError, match=r"a\.csv: column id does not hold DATE"):
        read_input(csv, schema=Schema.parse({"id": "DATE"}))


def test_number_column_with_words_is_a_request_error(csv):
    with pytest.raises(RequestError, match=r"a\.csv"):
        read_input(csv, schema=Schema.parse({"day": "INT64"}))


@pytest.mark.parametrize("place", ["bq://project-x.data.t", "gs://bucket/a.csv"])
def test_places_in_the_cloud_need_a_target(place):
    with pytest.raises(RequestError, match="needs a target"):
        read_input(place)


def test_what_is_wrong_with_an_object_is_said_of_its_address(make_session, tmp_path):
    store = make_session().store
    (tmp_path / "labels.csv").write_text("id\n1\n")
    uri = store.uri("inputs", "labels.csv")
    store.put_file(tmp_path / "labels.csv", uri)
    with pytest.raises(RequestError, match=f"^{uri}: "):
        read_input(uri, store=store, schema=Schema.parse({"id": "INT64", "origin": "STRING"}))


def test_a_column_that_stands_twice_in_a_csv_file_is_refused(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(RequestError, match=r"twice\.csv: cannot be read \(the column a comes twice\)"):
        read_input(str(path))


def test_empty_json_lines_has_the_declared_columns(tmp_path):
    path = tmp_path / "none.jsonl"
    path.write_text("")
    frame = read_input(str(path), schema=Schema.parse({"a": "DATE NOT NULL", "b": "INT64"}))
    assert (list(frame.columns), len(frame)) == (["a", "b"], 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,c\n1,2,3\n4\n", "Expected 3 columns, got 1"),
        ("a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        ("a,b\n1,2,\n", "Expected 2 columns, got 3"),
    ],
)
def test_rows_with_another_number_of_fields_are_refused(tmp_path, text, said):
    """pandas fills the first, and takes the first field of the others for an index."""
    (tmp_path / "cut.csv").write_text(text)
    with pytest.raises(RequestError, match=rf"cut\.csv: cannot be read \(.*{said}"):
        read_input(str(tmp_path / "cut.csv"))


def test_types_that_change_far_down_are_no_ragged_rows(tmp_path):
    rows = "".join(f"{number},x\n" for number in range(300_000))
    (tmp_path / "long.csv").write_text(f'a,b\n{rows}text,"two\nlines"\n')
    schema = Schema.parse({"a": "STRING", "b": "STRING"})
    assert len(read_input(str(tmp_path / "long.csv"), schema=schema)) == 300_001


@pytest.mark.parametrize("schema", [None, Schema.parse({"id": "INT64", "name": "STRING"})])
def test_a_byte_order_mark_of_a_csv_file_is_left_out_and_others_are_named(tmp_path, schema):
    path, text = tmp_path / "a.csv", 'id,name\n1,"x"\n'
    path.write_text(text, encoding="utf-8-sig")
    assert list(read_input(str(path), schema=schema).columns) == ["id", "name"]
    path.write_text(text, encoding="utf-16")
    with pytest.raises(RequestError, match=r"a\.csv: .*byte-order mark is that of UTF-16 - save it as UTF-8"):
        read_input(str(path), schema=schema)
