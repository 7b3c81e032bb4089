from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.sql.header import split_header

TEXT = """\
/*
description: Examples.
parameters: {as_of: TIMESTAMP, keys: [STRING], rows: [{id: INT64, x: FLOAT64}]}
identifiers: {items: table}
columns: {id: INT64 NOT NULL}
changes: {v1: first version}
*/

SELECT id /* a comment */ FROM `{items}`

"""


def test_header_and_body_are_told_apart():
    header, body, _ = split_header(TEXT, origin="x.sql")
    assert header.description == "Examples."
    assert header.parameters == {"as_of": "TIMESTAMP", "keys": ["STRING"], "rows": [{"id": "INT64", "x": "FLOAT64"}]}
    assert header.identifiers == {"items": "table"}
    assert body == "SELECT id /* a comment */ FROM `{items}`\n"


@pytest.mark.parametrize(
    "text", ["", "SELECT 1\n", "-- description: x\nSELECT 1\n", "\n" + TEXT, "/*\ndescription: x\n"]
)
def test_a_file_without_a_header_is_refused(text):
    with pytest.raises(RequestError, match=r"x\.sql:1: no comment header"):
        split_header(text, origin="x.sql")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("description: Examples.\n", "", "key description: required, but missing"),
        ("changes: {v1: first version}\n", "", "key changes: required, but missing"),
        ("{v1: first version}", "{}", "key changes"),
        ("as_of: TIMESTAMP", "as_of: DATETIME", r"key parameters\.as_of"),
        ("items: table", "items: dataset", r"key identifiers\.items"),
        ("id: INT64 NOT NULL", "id: INTEGER", "key columns"),
        ("changes:", "tests: []\nchanges:", "key tests"),
        ("{items: table}", "{items: table", r"x\.sql:\d: not valid YAML"),
    ],
)
def test_what_is_wrong_in_a_header_is_named(old, new, said):
    assert old in TEXT
    with pytest.raises(RequestError, match=f"x.sql.*{said}|{said}"):
        split_header(TEXT.replace(old, new), origin="x.sql")


def test_lines_are_counted_from_the_top_of_the_file():
    with pytest.raises(RequestError, match=r"x\.sql:3: not valid YAML"):
        split_header("/*\ndescription: x\nchanges: a: b\n*/\nSELECT 1\n", origin="x.sql")
