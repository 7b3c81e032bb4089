"""Statements that read more than they need are refused: a star over a source, a partition without a filter."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.operate.sql.analyzer import Analyzer
from pipeline.operate.sql.cache import Rejected
from pipeline.sql import TableName
from tests.operate.sql.conftest import ANALYZER, COLUMNS, TABLE, statement

SLICES, MADE = (TableName("pipeline-local", "ml", name) for name in ("slices", "made"))
TABLES = {"source": TABLE, "slices": SLICES, "made": MADE}
DAY = "'2024-01-01'"
EVERY_COLUMN = f"every column of the source {TABLE} is selected"
UNFILTERED = f"{SLICES} is read without a filter on its partition day"


@pytest.fixture
def analyzer():
    """An analyzer of a source and of a table that is partitioned by day; both have the same columns."""
    return Analyzer({TABLE: COLUMNS, SLICES: COLUMNS}, ANALYZER, partitions={SLICES: "day"}, sources=[TABLE])


def rendered(sql, path="a_v1.sql", **queries):
    tables = {name: table for name, table in TABLES.items() if f"`{{{name}}}`" in sql}
    return statement(sql, path=path, **tables, **queries)


def found(analyzer, sql, **queries):
    """Return the message about a statement, or None."""
    try:
        analyzer.analyze(rendered(sql, **queries))
    except Rejected as rejected:
        where = (rejected.finding.path, rejected.finding.line)
        return rejected.finding.message if where == (Path("a_v1.sql"), 5) else str(rejected)
    return None


STARRED = {
    "star": "SELECT * FROM `{source}`",
    "star EXCEPT": "SELECT * EXCEPT (id) FROM `{source}`",
    "star REPLACE": "SELECT * REPLACE (1 AS id) FROM `{source}`",
    "star and a column": "SELECT id AS first, * FROM `{source}`",
    "star of an alias": "SELECT s.* FROM `{source}` AS s",
    "star EXCEPT of an alias": "SELECT s.* EXCEPT (id) FROM `{source}` AS s",
    "alias": "SELECT * FROM `{source}` AS s",
    "join": "SELECT * FROM (SELECT 1 AS id) AS one JOIN `{source}` USING (id)",
    "star of one side of a join": "SELECT s.* FROM (SELECT 1 AS id) AS one JOIN `{source}` AS s USING (id)",
    "join in parentheses": "SELECT * FROM (`{source}` AS s JOIN (SELECT 1 AS id) AS one USING (id))",
    "comma": "SELECT * FROM UNNEST([1]) AS x, `{source}`",
    "filter": "SELECT * FROM `{source}` WHERE id = 1 LIMIT 1",
    "snapshot": "SELECT * FROM `{source}` FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00+00'",
    "in a CTE": "WITH all_of_it AS (SELECT * FROM `{source}`) SELECT id FROM all_of_it",
    "in a subquery": "SELECT id FROM (SELECT * FROM `{source}`)",
    "in a union": "SELECT id FROM (SELECT id FROM `{source}`) UNION ALL SELECT id FROM (SELECT * FROM `{source}`)",
    "in an expression": "SELECT ARRAY(SELECT AS STRUCT * FROM `{source}`) AS x",
    "UNPIVOT": "SELECT * FROM `{source}` UNPIVOT (v FOR k IN (id))",
    "table": "CREATE OR REPLACE TABLE `{made}` AS SELECT * FROM `{source}`",
    "view": "CREATE OR REPLACE VIEW `{made}` AS SELECT * FROM `{source}`",
    "INSERT": "INSERT INTO `{slices}` SELECT * FROM `{source}`",
    "beside a count": "SELECT *, COUNT(*) OVER () AS n FROM `{source}`",
}

NAMED = {
    "columns": "SELECT id, s.day FROM `{source}` AS s",
    "star of a subquery": "SELECT * FROM (SELECT id, day FROM `{source}`)",
    "star of a CTE": "WITH few AS (SELECT id, day FROM `{source}`) SELECT * FROM few",
    "star of an alias of a CTE": "WITH few AS (SELECT id, day FROM `{source}`) SELECT s.* FROM few AS s",
    "star EXCEPT of a CTE": "WITH few AS (SELECT id, day FROM `{source}`) SELECT * EXCEPT (id) FROM few",
    "star of a CTE beside a subquery": (
        "WITH few AS (SELECT id FROM `{source}`) SELECT * FROM few WHERE EXISTS (SELECT 1 FROM `{source}`)"
    ),
    "star of joined subqueries": (
        "SELECT * FROM (SELECT id FROM `{source}`) JOIN (SELECT id, day FROM `{source}`) USING (id)"
    ),
    "count": "SELECT COUNT(*) AS n FROM `{source}`",
    "product": "SELECT id * 2 AS twice FROM `{source}`",
    "text": "SELECT '*' AS star, id FROM `{source}` -- * of all",
    "star of what is no source": f"SELECT * FROM `{{slices}}` WHERE day = {DAY}",
}


@pytest.mark.parametrize("sql", STARRED.values(), ids=STARRED)
def test_a_star_over_a_source_is_refused(analyzer, sql):
    assert found(analyzer, sql) == EVERY_COLUMN


@pytest.mark.parametrize("sql", NAMED.values(), ids=NAMED)
def test_a_star_over_named_columns_is_fine(analyzer, sql):
    assert found(analyzer, sql) is None


def test_without_sources_a_star_is_fine():
    assert found(Analyzer({TABLE: COLUMNS}, ANALYZER), STARRED["star"]) is None


def test_a_wasteful_statement_makes_nothing(analyzer):
    assert found(analyzer, STARRED["table"]) == EVERY_COLUMN
    assert "Table not found" in found(analyzer, "SELECT id FROM `{made}`")


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "SELECT s FROM `{source}` AS s",
            marks=pytest.mark.xfail(raises=AssertionError, reason="a row as a value reads every column without a star"),
            id="row",
        ),
        pytest.param(
            "SELECT TO_JSON_STRING(s) AS x FROM `{source}` AS s",
            marks=pytest.mark.xfail(raises=AssertionError, reason="a row as an argument reads every column"),
            id="row as an argument",
        ),
        pytest.param(
            "CREATE OR REPLACE TABLE `{made}` COPY `{source}`",
            marks=pytest.mark.xfail(raises=AssertionError, reason="a copy holds every column without a SELECT"),
            id="copy",
        ),
    ],
)
def test_every_column_without_a_star_is_refused(analyzer, sql):
    assert found(analyzer, sql) == EVERY_COLUMN


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "WITH few AS (SELECT id FROM `{source}`) SELECT few.* FROM few JOIN `{source}` AS s USING (id)",
            marks=pytest.mark.xfail(raises=AssertionError, reason="whose star it is in a join is not looked at"),
            id="star of the other side of a join",
        ),
        pytest.param(
            "WITH few AS (SELECT id FROM `{source}`) "
            "SELECT * FROM few JOIN few AS more ON more.id IN (SELECT id FROM `{source}`)",
            marks=pytest.mark.xfail(raises=AssertionError, reason="subqueries of ON count as part of FROM"),
            id="subquery of ON",
        ),
        pytest.param(
            "SELECT EXISTS (SELECT * FROM `{source}`) AS x",
            marks=pytest.mark.xfail(raises=AssertionError, reason="EXISTS reads no column, and its star is refused"),
            id="EXISTS",
        ),
    ],
)
def test_a_star_without_waste_is_fine(analyzer, sql):
    assert found(analyzer, sql) is None


def test_a_star_in_a_nested_query_is_refused(analyzer):
    inner = rendered("SELECT *\nFROM `{source}`", path="inner_v1.sql")
    with pytest.raises(Rejected, match=EVERY_COLUMN):
        analyzer.analyze(rendered("SELECT id\nFROM `{q}`", path="outer_v1.sql", q=inner))


@pytest.mark.parametrize("inner", ["SELECT *\nFROM `{source}`", "SELECT id\nFROM `{slices}`"])
def test_waste_in_a_nested_query_is_named_in_its_own_file(analyzer, inner):
    nested = rendered(inner, path="inner_v1.sql")
    with pytest.raises(Rejected) as caught:
        analyzer.analyze(rendered("SELECT id\nFROM `{q}`", path="outer_v1.sql", q=nested))
    assert caught.value.finding.path == Path("inner_v1.sql")


WITHOUT_FILTER = {
    "none": "SELECT id FROM `{slices}`",
    "another column": "SELECT id FROM `{slices}` WHERE id = 1 AND name = 'x'",
    "in the list": f"SELECT IF(day = {DAY}, 1, 0) AS x FROM `{{slices}}`",
    "HAVING": f"SELECT day, COUNT(*) AS n FROM `{{slices}}` GROUP BY day HAVING day = {DAY}",
    "subquery": f"SELECT s.id FROM `{{source}}` AS s WHERE s.day = {DAY} AND s.id IN (SELECT id FROM `{{slices}}`)",
    "other side of a join": (
        f"SELECT s.id FROM `{{source}}` AS s JOIN `{{slices}}` AS p USING (id) WHERE s.day = {DAY}"
    ),
    "one of two": f"SELECT a.id FROM `{{slices}}` AS a JOIN `{{slices}}` AS b USING (id) WHERE a.day = {DAY}",
    "one of a union": f"SELECT id FROM `{{slices}}` WHERE day = {DAY} UNION ALL SELECT id FROM `{{slices}}`",
    "around a CTE": f"WITH c AS (SELECT id, day FROM `{{slices}}`) SELECT id FROM c WHERE day = {DAY}",
    "made into a table": "CREATE OR REPLACE TABLE `{made}` AS SELECT id FROM `{slices}`",
    "inserted into itself": "INSERT INTO `{slices}` (id) SELECT id FROM `{slices}`",
    "MERGE": "MERGE `{slices}` AS a USING `{source}` AS b ON a.id = b.id WHEN MATCHED THEN DELETE",
    "MERGE, filter on the other": (
        f"MERGE `{{slices}}` AS a USING `{{source}}` AS b ON a.id = b.id WHEN MATCHED AND b.day = {DAY} THEN DELETE"
    ),
    "MERGE, from itself": (
        f"MERGE `{{slices}}` AS a USING `{{slices}}` AS b ON a.id = b.id WHEN MATCHED AND a.day = {DAY} THEN DELETE"
    ),
    "MERGE, what is read": (
        f"MERGE `{{source}}` AS a USING `{{slices}}` AS b ON a.id = b.id WHEN MATCHED AND b.day = {DAY} THEN DELETE"
    ),
}

WITH_FILTER = {
    "equal": f"SELECT id FROM `{{slices}}` WHERE day = {DAY}",
    "span": f"SELECT id FROM `{{slices}}` WHERE id = 1 AND day BETWEEN {DAY} AND {DAY}",
    "function": f"SELECT id FROM `{{slices}}` WHERE DATE_TRUNC(day, MONTH) = {DAY}",
    "in a subquery": f"SELECT id FROM (SELECT id FROM `{{slices}}` WHERE day = {DAY})",
    "around a subquery": f"SELECT id FROM (SELECT id, day FROM `{{slices}}`) WHERE day = {DAY}",
    "in a CTE": f"WITH c AS (SELECT id FROM `{{slices}}` WHERE day = {DAY}) SELECT id FROM c",
    "in an expression": (
        f"SELECT s.id FROM `{{source}}` AS s WHERE s.id IN (SELECT id FROM `{{slices}}` WHERE day = {DAY})"
    ),
    "join": f"SELECT s.id FROM `{{source}}` AS s JOIN `{{slices}}` AS p USING (id) WHERE p.day = {DAY}",
    "made into a table": f"CREATE OR REPLACE TABLE `{{made}}` AS SELECT id FROM `{{slices}}` WHERE day = {DAY}",
    "INSERT": "INSERT INTO `{slices}` (id) SELECT id FROM `{source}`",
    "INSERT of values": "INSERT INTO `{slices}` (id) VALUES (1)",
    "MERGE": (
        "MERGE `{slices}` AS a USING (SELECT id FROM `{source}`) AS b ON FALSE "
        f"WHEN NOT MATCHED BY SOURCE AND a.day = {DAY} THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (id)"
    ),
    "MERGE, what is read": (
        f"MERGE `{{source}}` AS a USING (SELECT id FROM `{{slices}}` WHERE day = {DAY}) AS b ON a.id = b.id "
        "WHEN MATCHED THEN DELETE"
    ),
    "view": "CREATE OR REPLACE VIEW `{made}` AS SELECT id, day FROM `{slices}`",
    "what is not partitioned": "SELECT id FROM `{source}`",
}


@pytest.mark.parametrize("sql", WITHOUT_FILTER.values(), ids=WITHOUT_FILTER)
def test_a_partitioned_table_without_a_filter_is_refused(analyzer, sql):
    assert found(analyzer, sql) == UNFILTERED


@pytest.mark.parametrize("sql", WITH_FILTER.values(), ids=WITH_FILTER)
def test_a_filter_on_the_partition_is_enough(analyzer, sql):
    assert found(analyzer, sql) is None


def test_a_filter_is_a_parameter(analyzer):
    read = statement("SELECT id FROM `{s}` WHERE day = @day", parameters={"day": "DATE"}, s=SLICES)
    assert analyzer.analyze(read).names == ["id"]


@pytest.mark.parametrize(
    ("make", "partition", "other"),
    [
        ("CREATE TABLE IF NOT EXISTS `{made}` (id INT64, d DATE, t TIMESTAMP) PARTITION BY d", "d", "t"),
        ("CREATE TABLE IF NOT EXISTS `{made}` (id INT64, d DATE, t TIMESTAMP) PARTITION BY DATE(t)", "t", "d"),
        ("CREATE OR REPLACE TABLE `{made}` PARTITION BY d AS SELECT id, day AS d, t FROM `{source}`", "d", "t"),
        (f"CREATE OR REPLACE VIEW `{{made}}` AS SELECT id, day, t FROM `{{slices}}` WHERE day >= {DAY}", "day", "t"),
        ("CREATE OR REPLACE VIEW `{made}` AS SELECT id, day, t FROM `{slices}`", "day", "t"),
        ("CREATE OR REPLACE VIEW `{made}` AS WITH c AS (SELECT * FROM `{slices}`) SELECT * FROM c", "day", "t"),
    ],
)
def test_a_made_table_or_view_has_a_partition(analyzer, make, partition, other):
    assert found(analyzer, make) is None
    message = f"{MADE} is read without a filter on its partition {partition}"
    assert found(analyzer, "SELECT id FROM `{made}`") == message
    assert found(analyzer, f"SELECT id FROM `{{made}}` WHERE {other} > {DAY}") == message
    assert found(analyzer, f"SELECT id FROM `{{made}}` WHERE {partition} > {DAY}") is None


@pytest.mark.parametrize(
    "make",
    [
        "CREATE TABLE IF NOT EXISTS `{made}` (id INT64, day DATE) CLUSTER BY day",
        "CREATE OR REPLACE TABLE `{made}` AS SELECT id, day FROM `{source}`",
        "CREATE OR REPLACE VIEW `{made}` AS SELECT id, day FROM `{source}`",
    ],
)
def test_a_table_without_a_partition_needs_no_filter(analyzer, make):
    assert found(analyzer, make) is None
    assert found(analyzer, "SELECT id FROM `{made}`") is None


def test_a_view_of_a_view_is_partitioned(analyzer):
    outer = TableName("pipeline-local", "ml", "outer")
    analyzer.analyze(statement("CREATE VIEW `{made}` AS SELECT id, day FROM `{slices}`", made=MADE, slices=SLICES))
    analyzer.analyze(statement("CREATE VIEW `{outer}` AS SELECT day FROM `{made}`", outer=outer, made=MADE))
    with pytest.raises(Rejected, match="outer is read without a filter on its partition day"):
        analyzer.analyze(statement("SELECT day FROM `{outer}`", outer=outer))


@pytest.mark.xfail(raises=AssertionError, reason="a view without the partition under its own name needs no filter")
@pytest.mark.parametrize("columns", ["id", "id, day AS d", "id, DATE_TRUNC(day, MONTH) AS day_of_month"])
def test_a_view_that_hides_the_partition_is_read_whole(analyzer, columns):
    assert found(analyzer, f"CREATE OR REPLACE VIEW `{{made}}` AS SELECT {columns} FROM `{{slices}}`") is None
    assert found(analyzer, "SELECT id FROM `{made}`") is not None


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(text, marks=pytest.mark.xfail(raises=AssertionError, reason=reason), id=name)
        for name, text, reason in [
            ("OR", f"day = {DAY} OR id = 1", "a filter that names the partition counts, whatever it says"),
            ("itself", "day = day", "a filter that names the partition counts, whatever it says"),
            ("IS NOT NULL", "day IS NOT NULL", "a filter that names the partition counts, whatever it says"),
            ("subquery", "day = (SELECT MAX(day) FROM `{source}`)", "BigQuery prunes by constants, not by a subquery"),
            ("QUALIFY", f"TRUE QUALIFY day = {DAY} AND COUNT(*) OVER () > 1", "QUALIFY is after the table was read"),
        ]
    ],
)
def test_a_filter_that_prunes_nothing_is_refused(analyzer, condition):
    assert found(analyzer, f"SELECT id FROM `{{slices}}` WHERE {condition}") == UNFILTERED


@pytest.mark.xfail(raises=AssertionError, reason="a condition of ON does not count, though BigQuery prunes by it")
@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT s.id FROM `{{source}}` AS s JOIN `{{slices}}` AS p ON s.id = p.id AND p.day = {DAY}",
        f"MERGE `{{slices}}` AS a USING `{{source}}` AS b ON a.id = b.id AND a.day = {DAY} WHEN MATCHED THEN DELETE",
    ],
    ids=["JOIN", "MERGE"],
)
def test_a_filter_of_a_join_is_enough(analyzer, sql):
    assert found(analyzer, sql) is None


def test_a_missing_filter_in_the_project_is_found(broken):
    name = "sql/phases/published_v1.sql"
    path, checked = broken(name, "\nGROUP BY", " OR TRUE\nGROUP BY")
    assert checked.findings == []  # the partition is named
    text = path.read_text()
    where = text[text.index("WHERE") : text.index("GROUP BY")]
    _, checked = broken(name, where, "WHERE @first_date <= @last_date\n")
    assert len(checked.findings) == 1
    line = text[: text.index("*/")].count("\n") + 2
    assert str(checked.findings[0]).startswith(f"{path}:{line}: pipeline-local.ml.flight_delay__predictions")
    assert checked.findings[0].message.endswith(" is read without a filter on its partition run_date")


def test_a_star_in_the_project_is_found(broken):
    path, checked = broken("sql/phases/source_range_v1.sql", "FROM `{source}`", "FROM (SELECT * FROM `{source}`)")
    assert str(path) in {str(finding.path) for finding in checked.findings}
    assert any(
        "every column of the source pipeline-local.ml.flight_outcomes is" in finding.message
        for finding in checked.findings
    )
