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


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("plan STRING", "[yes, no]", ""),
        ("plan STRING", "[007, 12:30]", ""),
        ("plan STRING", "[true, false]", "column plan is STRING, and True is not text: put it in quotes"),
        ("plan STRING", "[10115, 20095]", "column plan is STRING, and 10115 is not text: put it in quotes"),
        ("plan BOOL", "[yes, no]", "column plan is BOOL, and yes is not true or false"),
        ("plan INT64", "[010]", "column plan is INT64, and 010 is not a number"),
        ("plan FLOAT64", "[1e-3, 2]", ""),
        ("other STRING", "[yes, no]", "YAML 1.1 and YAML 1.2 read yes differently: .*put it in quotes"),
    ],
)
def test_accepted_values_are_of_the_type_of_their_column(column, values, said):
    name, kind = column.split()
    checks = f"columns: {{{name}: {kind}}}\nchecks: [{{accepted_values: {{column: plan, values: {values}}}}}]\n"
    text = TEXT.replace("columns: {id: INT64 NOT NULL}\n", checks)
    if not said:
        header, _, _ = split_header(text, origin="x.sql")
        words = values.strip("[]").split(", ")
        assert header.checks[0].accepted_values.accepted == ([0.001, 2] if kind == "FLOAT64" else words)
        return
    with pytest.raises(RequestError, match=rf"^x\.sql: .*accepted_values: {said}"):
        split_header(text, origin="x.sql")
