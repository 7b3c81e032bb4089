"""Bytes, slot time and the limit of bytes: from sizes of columns, as BigQuery's client sees them."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError, InternalServerError, NotFound
from google.cloud import bigquery

from pipeline.base.pricing import LEAST
from pipeline.emulators.scanned_bytes import reads_of

ROWS = """
    SELECT 1 AS whole, 0.5 AS share, TRUE AS is_open, NUMERIC '1.5' AS price, DATE '2013-07-01' AS day,
      TIMESTAMP '2013-07-01 04:00:00+00' AS seen, 'Zürich' AS word, b'abc' AS raw, [1, 2, 3] AS list
    UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, []
"""
SIZES = {"whole": 8, "share": 8, "is_open": 1, "price": 16, "day": 8, "seen": 8, "word": 2 + 7, "raw": 2 + 3}


@pytest.fixture(scope="module")
def table(client):
    dataset = client.create_dataset("billed").dataset_id
    client.query_and_wait(f"CREATE TABLE {dataset}.t AS {ROWS}")
    client.query_and_wait(f"CREATE VIEW {dataset}.v AS SELECT whole, word FROM {dataset}.t")
    return f"{dataset}.t"


def dry(client, sql):
    config = bigquery.QueryJobConfig(dry_run=True)
    return client.query(sql, job_config=config).total_bytes_processed


@pytest.mark.parametrize("column", SIZES)
def test_column_has_the_size_of_its_type(client, table, column):
    assert dry(client, f"SELECT {column} FROM {table}") == SIZES[column]


def test_array_has_the_size_of_its_values(client, table):
    assert dry(client, f"SELECT ARRAY_LENGTH(list) FROM {table}") == 24


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT COUNT(*) FROM billed.t", []),
        ("SELECT whole FROM billed.t WHERE word = 'x'", ["whole", "word"]),
        ("SELECT a.whole FROM billed.t AS a JOIN billed.t AS b USING (day)", ["whole", "day"]),
        ("SELECT whole FROM billed.v", ["whole", "word"]),
        ("CREATE OR REPLACE TABLE billed.new AS SELECT day FROM billed.t", ["day"]),
        ("INSERT INTO billed.t (whole) SELECT 1", []),
        ("CREATE TABLE billed.other (whole INT64)", []),
    ],
)
def test_columns_that_a_statement_names_are_processed(client, table, sql, columns):
    assert dry(client, sql) == sum(SIZES[column] for column in columns)


@pytest.mark.parametrize("sql", ["SELECT * FROM billed.t", "DELETE FROM billed.t WHERE whole = 1"])
def test_star_and_update_read_whole_rows(client, table, sql):
    assert dry(client, sql) == sum(SIZES.values()) + 24


def test_new_rows_count(client, dataset):
    client.query_and_wait(f"CREATE TABLE {dataset}.t AS SELECT 'a' AS word")
    before = dry(client, f"SELECT word FROM {dataset}.t")
    client.query_and_wait(f"INSERT INTO {dataset}.t (word) VALUES ('bcd')")
    assert (before, dry(client, f"SELECT word FROM {dataset}.t")) == (3, 8)


@pytest.mark.parametrize(
    "sql", ["SELECT a FROM billed.nowhere", "CREATE TABLE billed.x AS SELECT a FROM billed.nowhere"]
)
def test_dry_run_of_a_missing_table_is_not_found(client, table, sql):
    with pytest.raises(NotFound, match=r"Not found: Table .*billed\.nowhere"):
        dry(client, sql)


@pytest.mark.parametrize("options", ["", " CLUSTER BY nothing", "\nPARTITION BY day\nCLUSTER BY nothing"])
@pytest.mark.parametrize(
    "query", ["SELECT nothing, day FROM billed.t", "WITH a AS (SELECT nothing FROM billed.t) SELECT * FROM a;"]
)
def test_dry_run_of_a_new_table_checks_its_query(client, table, options, query):
    with pytest.raises(BadRequest, match="nothing"):
        dry(client, f"CREATE OR REPLACE TABLE `billed.new`{options} AS\n{query}")


def test_finished_job_has_bytes_and_slot_time(client, table):
    job = client.query(f"SELECT whole FROM {table}")
    job.result()
    assert (job.total_bytes_processed, job.total_bytes_billed) == (8, LEAST)
    assert job.slot_millis >= 0
    again = client.get_job(job.job_id, location="US")
    assert (again.total_bytes_billed, again.slot_millis) == (LEAST, job.slot_millis)


def test_job_above_its_limit_fails_as_in_bigquery(client, table):
    config = bigquery.QueryJobConfig(maximum_bytes_billed=LEAST - 1)
    job = client.query(f"SELECT whole FROM {table}", job_config=config)
    # Google's client does not know the reason and takes it for a failure of the server
    with pytest.raises(InternalServerError, match=f"limit for bytes billed: {LEAST - 1}. {LEAST} or higher required"):
        job.result()
    assert job.error_result["reason"] == "bytesBilledLimitExceeded"
    config.maximum_bytes_billed = LEAST
    assert list(client.query(f"SELECT whole FROM {table} WHERE whole IS NOT NULL", job_config=config))


def test_job_above_its_limit_changes_nothing(client, table):
    config = bigquery.QueryJobConfig(maximum_bytes_billed=1)
    with pytest.raises(GoogleAPICallError, match="bytes billed: 1"):
        client.query(f"DELETE FROM {table} WHERE TRUE", job_config=config).result()
    assert [row.n for row in client.query_and_wait(f"SELECT COUNT(*) AS n FROM {table}")] == [2]


def test_jobs_query_is_limited_too(local_target, table):
    url = f"{local_target.bigquery}/bigquery/v2/projects/{local_target.project}/queries"
    body = {"query": f"SELECT whole FROM {table}", "useLegacySql": False, "maximumBytesBilled": "1"}
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with pytest.raises(HTTPError, match="400") as caught:
        urlopen(request, timeout=20)  # noqa: S310
    with caught.value as answer:  # an error of urllib holds the connection; left open, it warns from Python 3.14 on
        assert json.load(answer)["error"]["errors"][0]["reason"] == "bytesBilledLimitExceeded"


@pytest.mark.parametrize(
    ("sql", "tables", "whole"),
    [
        ("SELECT a FROM `q.d.t`", {"q.d.t"}, set()),
        ("WITH c AS (SELECT * FROM d.t) SELECT a FROM c JOIN d.u USING (k)", {"p.d.t", "p.d.u"}, {"p.d.t"}),
        ("SELECT u.* FROM d.t, d.u", {"p.d.t", "p.d.u"}, {"p.d.t", "p.d.u"}),
        ("MERGE d.t USING (SELECT a FROM d.s) ON FALSE WHEN MATCHED THEN DELETE", {"p.d.t", "p.d.s"}, {"p.d.t"}),
        ("DELETE d.t WHERE a = 1", {"p.d.t"}, {"p.d.t"}),
        ("INSERT INTO d.t (a) SELECT a FROM d.s", {"p.d.s"}, set()),
        ("CREATE VIEW d.v AS SELECT a FROM d.t", set(), set()),
        ("SELECT 1; SELECT a FROM d.t", {"p.d.t"}, set()),
        ("SELECT option_name FROM d.INFORMATION_SCHEMA.TABLES", set(), set()),
        ("SELEC a FROM", set(), set()),
    ],
)
def test_tables_that_a_statement_reads(sql, tables, whole):
    found = reads_of(sql, "p").tables
    assert {".".join(read.name) for read in found} == tables
    assert {".".join(read.name) for read in found if read.is_whole} == whole
