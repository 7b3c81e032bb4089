"""Statements one after the other: the next may read what one makes; a mistake is named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import Finding, Rejected
from pipeline.operate.sql.types import KINDS
from pipeline.rows.schema import Column
from pipeline.sql import TableName
from tests.operate.sql.conftest import ANALYZER, COLUMNS, TABLE, statement

OTHER, VIEW, TWICE = (TableName("pipeline-local", "ml", name) for name in ("other", "view", "twice_0a54d823"))
SELECT = "SELECT id, day\nFROM `{items}`\n"
FUNCTION = "CREATE OR REPLACE FUNCTION `{f}`(x INT64) RETURNS FLOAT64 AS (x * 2.0)"


def rejected(analyzer, *args, **kwargs) -> Finding:
    with pytest.raises(Rejected) as caught:
        analyzer.analyze(statement(*args, **kwargs))
    assert str(caught.value) == str(caught.value.finding)
    return caught.value.finding


def test_columns_of_a_result_are_typed(analyzer):
    schema = analyzer.analyze(
        statement("SELECT *, id / 2 AS half, id > 1 AS b, CAST(1 AS NUMERIC) AS n FROM `{i}`", i=TABLE)
    )
    assert [(column.name, column.type) for column in schema.columns] == [
        *[(column.name, column.type) for column in COLUMNS.columns],
        ("half", "FLOAT64"),
        ("b", "BOOL"),
        ("n", "NUMERIC"),
    ]


@pytest.mark.parametrize(("sql", "name"), [("[1]", "ARRAY"), ("DATETIME '2024-01-01'", "DATETIME"), ("b'x'", "BYTES")])
def test_types_of_googlesql_have_names(analyzer, sql, name):
    assert analyzer.analyze(statement(f"SELECT {sql} AS x")).columns == (Column("x", name),)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_of_their_declared_types(analyzer, kind):
    assert analyzer.analyze(statement("SELECT @p AS x", parameters={"p": kind})).columns == (Column("x", kind),)
    found = analyzer.analyze(statement("SELECT x FROM UNNEST(@p) AS x", parameters={"p": [kind]}))
    assert found.columns == (Column("x", kind),)
    rows = statement("SELECT r.a AS x FROM UNNEST(@p) AS r", parameters={"p": [{"a": kind, "b": "INT64"}]})
    assert analyzer.analyze(rows).columns == (Column("x", kind),)


def test_a_table_that_a_statement_makes_can_be_read_afterwards(analyzer):
    make = statement(
        "CREATE OR REPLACE TABLE `{made}` AS\nSELECT id, name AS n FROM `{items}`", made=OTHER, items=TABLE
    )
    read = statement("SELECT * FROM `{made}`", made=OTHER)
    assert "Table not found" in rejected(analyzer, "SELECT * FROM `{made}`", made=OTHER).message
    analyzer.analyze(make)
    assert analyzer.analyze(read).names == ["id", "n"]


def test_views_and_functions_can_be_used_afterwards(analyzer):
    analyzer.analyze(statement("CREATE OR REPLACE VIEW `{v}` AS SELECT id FROM `{items}`", v=VIEW, items=TABLE))
    analyzer.analyze(statement(FUNCTION, path="udf/twice.sql", f=TWICE))
    found = analyzer.analyze(statement("SELECT `{f}`(id) AS twice FROM `{v}`", v=VIEW, f=TWICE))
    assert found.columns == (Column("twice", "FLOAT64"),)


def test_a_function_takes_a_literal(analyzer):
    analyzer.analyze(statement(FUNCTION, path="udf/twice.sql", f=TWICE))
    found = analyzer.analyze(statement("SELECT `{f}`(21) AS twice", f=TWICE))
    assert found.columns == (Column("twice", "FLOAT64"),)


def test_a_function_is_called_with_its_types(analyzer):
    analyzer.analyze(statement(FUNCTION, path="udf/twice.sql", f=TWICE))
    assert "No matching signature" in rejected(analyzer, "SELECT `{f}`(name) FROM `{i}`", i=TABLE, f=TWICE).message
    assert "No matching signature" in rejected(analyzer, "SELECT `{f}`(1, 2) FROM `{i}`", i=TABLE, f=TWICE).message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            'CREATE OR REPLACE FUNCTION `{f}`(x FLOAT64) RETURNS FLOAT64\nLANGUAGE js AS "return x"',
            "a function in js: write it in SQL",
        ),
        (
            "CREATE TEMP FUNCTION `{f}`(x INT64) AS (x + 1)",
            "a temporary function: write CREATE OR REPLACE FUNCTION, which makes a permanent one",
        ),
        (
            "CREATE OR REPLACE FUNCTION `{f}`(x ANY TYPE) RETURNS INT64 AS (1)",
            "an argument of any type: name its type",
        ),
        (
            "CREATE OR REPLACE FUNCTION `{f}`(x INT64, y ANY TYPE) AS (x)",
            "an argument of any type: name its type",
        ),
    ],
    ids=["js", "TEMP", "ANY TYPE", "second ANY TYPE"],
)
def test_an_unsuitable_function_is_refused(analyzer, body, message):
    assert rejected(analyzer, body, path="udf/twice.sql", f=TWICE) == Finding(Path("udf/twice.sql"), 5, message)
    assert "Function not found" in rejected(analyzer, "SELECT `{f}`(1)", f=TWICE).message


@pytest.mark.parametrize("path", ["a_v1.sql", "phases/udf_v1.sql", "flight_delay/udf/twice_v1.sql"])
def test_a_function_outside_of_its_folder_is_refused(analyzer, path):
    found = rejected(analyzer, FUNCTION, path=path, f=TWICE)
    assert found == Finding(Path(path), 5, "udf/ holds all functions, and nothing else")
    assert "Function not found" in rejected(analyzer, "SELECT `{f}`(1)", f=TWICE).message


@pytest.mark.parametrize(
    "body",
    [
        "SELECT id FROM `{i}`",
        "CREATE OR REPLACE TABLE `{f}` AS SELECT id FROM `{i}`",
        "CREATE OR REPLACE VIEW `{f}` AS SELECT id FROM `{i}`",
        "INSERT INTO `{i}` (id) VALUES (1)",
    ],
)
def test_udf_holds_functions_only(analyzer, body):
    tables = {name: table for name, table in (("i", TABLE), ("f", TWICE)) if f"`{{{name}}}`" in body}
    found = rejected(analyzer, body, path="udf/twice.sql", **tables)
    assert found == Finding(Path("udf/twice.sql"), 5, "udf/ holds all functions, and nothing else")
    assert "Table not found" in rejected(analyzer, "SELECT * FROM `{f}`", f=TWICE).message


def test_a_table_must_be_an_identifier_of_the_statement(analyzer):
    assert "Table not found" in rejected(analyzer, f"SELECT * FROM {TABLE.quoted}").message


def test_a_refused_statement_makes_nothing(analyzer):
    rejected(analyzer, "CREATE OR REPLACE TABLE `{made}` AS SELECT nope FROM `{items}`", made=OTHER, items=TABLE)
    assert "Table not found" in rejected(analyzer, "SELECT * FROM `{made}`", made=OTHER).message


def test_two_analyzers_share_nothing(analyzer):
    analyzer.analyze(statement("CREATE OR REPLACE TABLE `{made}` AS SELECT 1 AS x", made=OTHER))
    other = Analyzer({TABLE: COLUMNS}, ANALYZER)
    assert "Table not found" in rejected(other, "SELECT * FROM `{made}`", made=OTHER).message


def test_a_line_is_counted_from_the_top_of_the_file(analyzer):
    found = rejected(analyzer, "SELECT id,\n  day,\n  altitude\nFROM `{items}`\n", items=TABLE)
    assert (str(found.path), found.line) == ("a_v1.sql", 7)
    assert found.message == "Unrecognized name: altitude"
    assert str(found) == "a_v1.sql:7: Unrecognized name: altitude"


def test_a_mistake_at_the_end_is_in_the_last_line(analyzer):
    assert rejected(analyzer, "SELECT id\nFROM `{items}`\nWHERE\n", items=TABLE).line in (7, 8)


@pytest.mark.parametrize(
    ("inner", "outer", "path", "line"),
    [
        ("SELECT id, nope\nFROM `{items}`\n", "SELECT *\nFROM `{q}`\n", "inner_v1.sql", 5),
        ("SELECT id\nFROM `{items}`\nWHERE nope\n", "SELECT *\nFROM `{q}`\n", "inner_v1.sql", 7),
        (SELECT, "SELECT nope\nFROM `{q}`\n", "outer_v1.sql", 5),
        (SELECT, "SELECT *\nFROM `{q}`\nWHERE nope\n", "outer_v1.sql", 7),
        (SELECT, "SELECT *\nFROM (SELECT * FROM `{q}` WHERE nope)\nLIMIT 1", "outer_v1.sql", 6),
    ],
)
def test_a_mistake_in_a_nested_query_is_named_in_its_own_file(analyzer, inner, outer, path, line):
    nested = statement(inner, path="inner_v1.sql", items=TABLE)
    found = rejected(analyzer, outer, path="outer_v1.sql", q=nested)
    assert (str(found.path), found.line) == (path, line)


def test_two_nested_queries_have_their_own_lines(analyzer):
    first = statement(SELECT, path="first_v1.sql", items=TABLE)
    second = statement("SELECT id\n\n-- more\n, nope\nFROM `{items}`", path="second_v1.sql", items=TABLE)
    found = rejected(analyzer, "SELECT *\nFROM `{a}` AS a\nINNER JOIN `{b}` AS b USING (id)", a=first, b=second)
    assert (str(found.path), found.line) == ("second_v1.sql", 8)


def test_long_text_beyond_ascii_is_analyzed(analyzer):
    text = "\u00e9\u4e2d\U0001f6eb" * 20_000
    assert analyzer.analyze(statement(f"SELECT '{text}' AS x, id FROM `{{items}}`", items=TABLE)).names == ["x", "id"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("DATETIME", "DATETIME"),
        ("TIME", "TIME"),
        ("ARRAY<STRING>", "ARRAY"),
        ("STRUCT<a INT64, b ARRAY<DATE>>", "STRUCT"),
        ("JSON", "JSON"),
        ("BYTES", "BYTES"),
        ("BIGNUMERIC", "BIGNUMERIC"),
        ("GEOGRAPHY", "GEOGRAPHY"),
        ("INTERVAL", "INTERVAL"),
        ("RANGE<DATE>", "RANGE"),
        ("STRING(10)", "STRING"),
        ("NUMERIC(10, 2)", "NUMERIC"),
    ],
)
def test_a_column_may_have_any_type_of_bigquery(analyzer, kind, name):
    columns = (Column("a", "INT64"), Column("b", name))
    make = statement(f"CREATE TABLE IF NOT EXISTS `{{made}}` (a INT64, b {kind})", made=OTHER)
    assert analyzer.analyze(make).columns == columns
    assert analyzer.analyze(statement("SELECT a, b FROM `{made}`", made=OTHER)).columns == columns


def test_fields_of_a_column_are_typed(analyzer):
    analyzer.analyze(statement("CREATE TABLE `{made}` (b STRUCT<a INT64, c ARRAY<DATE>>)", made=OTHER))
    found = analyzer.analyze(statement("SELECT b.a, b.c[OFFSET(0)] AS c FROM `{made}`", made=OTHER))
    assert found.columns == (Column("a", "INT64"), Column("c", "DATE"))
    assert "Field name d does not exist" in rejected(analyzer, "SELECT b.d FROM `{made}`", made=OTHER).message


def test_a_message_is_one_line(analyzer):
    found = rejected(analyzer, "SELECT id\nFROM `{items}`\nWHERE day <= t\n", items=TABLE)
    assert found.line == 7
    assert "DATE, TIMESTAMP" in found.message
    assert "\n" not in found.message
    assert "[at " not in found.message


@pytest.mark.parametrize(
    "sql", ["SELECT a.b.c FROM `a.b.c`", "CREATE FUNCTION f(x ANY TYPE) AS (x)", "SELECT 1 -- x\n"]
)
def test_parsing_needs_no_known_tables(analyzer, sql):
    analyzer.parse(statement(sql).asset)


def unparsed(analyzer):
    with pytest.raises(Rejected) as caught:
        analyzer.parse(statement("SELECT id\nFROM `{items}`\nWERE id = 1\n", path="old_v1.sql", items=TABLE).asset)
    return caught.value.finding


def test_a_file_that_does_not_parse_is_named(analyzer):
    found = unparsed(analyzer)
    assert found.path == Path("old_v1.sql")
    assert found.message.startswith("Syntax error: ")


@pytest.mark.xfail(
    raises=AssertionError, reason="a request to parse asks for no location: every mistake is in the first line"
)
def test_a_file_that_does_not_parse_is_named_with_its_line(analyzer):
    assert unparsed(analyzer).line == 7
