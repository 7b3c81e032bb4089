"""The dialect of the analyzer: features that BigQuery documents pass, others of GoogleSQL do not."""

from __future__ import annotations

import pytest

from pipeline.operate.sql.cache import Rejected
from pipeline.operate.sql.dialect import bigquery_options
from pipeline.sql import TableName
from tests.operate.sql.conftest import TABLE, statement

OTHER = TableName("pipeline-local", "ml", "other")

OFFERED = {
    "QUALIFY": "SELECT id FROM `{i}` WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY day ORDER BY t) = 1",
    "named window": "SELECT SUM(id) OVER w FROM `{i}` WINDOW w AS (PARTITION BY day ORDER BY id)",
    "range of a frame": "SELECT SUM(id) OVER (ORDER BY id RANGE BETWEEN 28 PRECEDING AND 1 PRECEDING) FROM `{i}`",
    "GROUPING SETS": "SELECT day, GROUPING(name), COUNT(*) FROM `{i}` GROUP BY GROUPING SETS ((day), (day, name))",
    "ROLLUP": "SELECT day, COUNT(*) FROM `{i}` GROUP BY ROLLUP (day)",
    "GROUP BY ALL": "SELECT day, COUNT(*) FROM `{i}` GROUP BY ALL",
    "UNPIVOT": "SELECT * FROM (SELECT id, score AS a, score + 1 AS b FROM `{i}`) UNPIVOT (v FOR k IN (a, b))",
    "PIVOT": "SELECT * FROM (SELECT id, name FROM `{i}`) PIVOT (COUNT(*) FOR name IN ('a', 'b'))",
    "SELECT * EXCEPT": "SELECT * EXCEPT (id) FROM `{i}`",
    "SELECT * REPLACE": "SELECT * REPLACE (id + 1 AS id) FROM `{i}`",
    "FOR SYSTEM_TIME": "SELECT id FROM `{i}` FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00+00'",
    "WITH RECURSIVE": "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 3) SELECT x FROM n",
    "NULLS LAST": "SELECT id FROM `{i}` ORDER BY day DESC NULLS LAST",
    "IS DISTINCT FROM": "SELECT id IS DISTINCT FROM 1 FROM `{i}`",
    "LIKE ANY": "SELECT name LIKE ANY ('a%', 'b%') FROM `{i}`",
    "SAFE.": "SELECT SAFE.SUBSTR(name, 0, -1) FROM `{i}`",
    "ARRAY_AGG in order": "SELECT ARRAY_AGG(name IGNORE NULLS ORDER BY id LIMIT 3) FROM `{i}`",
    "ANY_VALUE HAVING": "SELECT ANY_VALUE(name HAVING MAX id) FROM `{i}`",
    "fingerprints": "SELECT BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(id, name)))) FROM `{i}`",
    "dates": "SELECT DATE_TRUNC(day, WEEK(MONDAY)), TIMESTAMP_DIFF(t, t, MINUTE), EXTRACT(HOUR FROM t) FROM `{i}`",
    "JSON": "SELECT JSON_VALUE(PARSE_JSON(name), '$.a'), LAX_INT64(PARSE_JSON(name)) FROM `{i}`",
    "table": "CREATE TABLE IF NOT EXISTS `{o}` (a STRING NOT NULL, d DATE) PARTITION BY d CLUSTER BY a",
    "table as select": "CREATE OR REPLACE TABLE `{o}` PARTITION BY day AS SELECT * FROM `{i}`",
    "view": "CREATE OR REPLACE VIEW `{o}` AS SELECT id FROM `{i}`",
    "INSERT": "INSERT INTO `{i}` (id, day) SELECT id, day FROM `{i}`",
    "MERGE": "MERGE `{i}` AS a USING `{i}` AS b ON a.id = b.id WHEN MATCHED THEN DELETE",
}

NOT_OFFERED = {
    "pipes": "FROM `{i}` |> WHERE id > 1",
    "WITH expression": "SELECT WITH(a AS id, a + 1) FROM `{i}`",
    "MAP": "SELECT MAP_FROM_ARRAY([('a', 1)])",
    "UUID": "SELECT CAST(name AS UUID) FROM `{i}`",
    "INT32": "SELECT CAST(id AS INT32) FROM `{i}`",
    "UINT64": "SELECT CAST(id AS UINT64) FROM `{i}`",
    "FLOAT": "SELECT CAST(id AS FLOAT) FROM `{i}`",
    "DOUBLE": "SELECT CAST(id AS DOUBLE) FROM `{i}`",
    "INTEGER in a cast": "SELECT CAST(id AS INTEGER) FROM `{i}`",
    "lateral alias": "SELECT id AS a, a + 1 AS b FROM `{i}`",
    "GRAPH_TABLE": "SELECT * FROM GRAPH_TABLE(g MATCH (n) RETURN n.id)",
    "ARRAY_ZIP": "SELECT ARRAY_ZIP([1], [2])",
    "ZEROIFNULL": "SELECT ZEROIFNULL(id) FROM `{i}`",
    "lambda": "SELECT ARRAY_FILTER([id], x -> x > 0) FROM `{i}`",
    "proto": "SELECT ENUM_VALUE_DESCRIPTOR_PROTO(name) FROM `{i}`",
    "chained call": "SELECT (name).LENGTH() FROM `{i}`",
    "THEN RETURN": "INSERT INTO `{i}` (id) VALUES (1) THEN RETURN id",
    "CHECK": "CREATE TABLE `{o}` (a INT64, CHECK (a > 0))",
    "generated column": "CREATE TABLE `{o}` (a INT64, b INT64 AS (a + 1))",
    "aggregate function": "CREATE AGGREGATE FUNCTION `{o}`(x INT64) AS (SUM(x))",
}

STATEMENTS = {
    "DROP": "DROP TABLE `{i}`",
    "TRUNCATE": "TRUNCATE TABLE `{i}`",
    "DELETE": "DELETE FROM `{i}` WHERE TRUE",
    "UPDATE": "UPDATE `{i}` SET id = 1 WHERE TRUE",
    "ALTER": "ALTER TABLE `{i}` ADD COLUMN x INT64",
    "EXPORT": "EXPORT DATA OPTIONS (uri = 'gs://x/*') AS SELECT id FROM `{i}`",
    "GRANT": "GRANT `roles/bigquery.dataViewer` ON TABLE `{i}` TO 'user:a@b.c'",
    "CALL": "CALL `{i}`(1)",
    "ASSERT": "ASSERT (SELECT COUNT(*) FROM `{i}`) > 0",
    "EXECUTE IMMEDIATE": "EXECUTE IMMEDIATE 'SELECT 1 FROM `{i}`'",
    "materialized view": "CREATE MATERIALIZED VIEW `{o}` AS SELECT id FROM `{i}`",
    "BEGIN": "BEGIN TRANSACTION",
}
"""Kinds of statements that the pipeline never sends, though BigQuery has most of them."""


def rendered(sql):
    return statement(sql, **{name: table for name, table in (("i", TABLE), ("o", OTHER)) if f"`{{{name}}}`" in sql})


@pytest.mark.parametrize("sql", OFFERED.values(), ids=OFFERED)
def test_features_of_bigquery_pass(analyzer, sql):
    analyzer.analyze(rendered(sql))


@pytest.mark.parametrize("sql", NOT_OFFERED.values(), ids=NOT_OFFERED)
def test_other_features_of_googlesql_are_refused(analyzer, sql):
    with pytest.raises(Rejected):
        analyzer.analyze(rendered(sql))


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS)
def test_other_kinds_of_statements_are_refused(analyzer, sql):
    with pytest.raises(Rejected, match=r"not supported|Syntax error"):
        analyzer.analyze(rendered(sql))


def test_every_feature_is_named_once():
    names = [feature.name for feature in bigquery_options().enabled_language_features]
    assert len(names) == len(set(names)) > 60


ACCEPTED_THOUGH_BIGQUERY_REFUSES = {
    "INSERT OR IGNORE": (
        "INSERT OR IGNORE INTO `{i}` (id) SELECT id FROM `{i}`",
        "BigQuery's INSERT has no mode; the analyzer has no feature that switches it off",
    ),
    "ASSERT_ROWS_MODIFIED": (
        "INSERT INTO `{i}` (id) SELECT id FROM `{i}` ASSERT_ROWS_MODIFIED 1",
        "BigQuery's DML has no such clause; the analyzer has no feature that switches it off",
    ),
    "partition by text": (
        "CREATE TABLE `{o}` (a STRING) PARTITION BY a",
        "which types partition a table is left to the engine",
    ),
    "five clusters": (
        "CREATE TABLE `{o}` (a INT64, b INT64, c INT64, d INT64, e INT64) CLUSTER BY a, b, c, d, e",
        "how many columns cluster a table is left to the engine",
    ),
    "unknown option": (
        "CREATE TABLE `{o}` (a INT64) OPTIONS (colour = 'blue')",
        "names of options are left to the engine",
    ),
    "enforced primary key": (
        "CREATE TABLE `{o}` (a INT64, PRIMARY KEY (a))",
        "that keys are not enforced in BigQuery is left to the engine",
    ),
    "PERCENTILE_CONT without OVER": (
        "SELECT PERCENTILE_CONT(score, 0.5) FROM `{i}`",
        "GoogleSQL has it as an aggregate, BigQuery with OVER only",
    ),
}


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(sql, marks=pytest.mark.xfail(raises=pytest.fail.Exception, reason=reason), id=name)
        for name, (sql, reason) in ACCEPTED_THOUGH_BIGQUERY_REFUSES.items()
    ],
)
def test_faults_that_only_bigquery_finds(analyzer, sql):
    with pytest.raises(Rejected):
        analyzer.analyze(rendered(sql))
