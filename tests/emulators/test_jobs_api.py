"""The layer around the emulator's application, at the running emulator, through Google's client."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, NotFound

KEPT_RESULTS = 64


INSERT = "INSERT INTO t (a) VALUES (2)"


@pytest.fixture
def job_id(run):
    """A new id, and a table of one row."""
    run("CREATE TABLE t AS SELECT 1 AS a").result(timeout=10)
    return f"query-{uuid4().hex}"


def test_query_job_of_one_id_runs_once(client, run, rows, job_id):
    run(INSERT, job_id).result(timeout=10)
    with pytest.raises(Conflict) as refused:
        run(INSERT, job_id)
    assert f"Already Exists: Job pipeline-local:US.{job_id}" in refused.value.message
    assert [error["reason"] for error in refused.value.errors] == ["duplicate"]
    assert rows() == [(1,), (2,)]
    assert client.get_job(job_id).num_dml_affected_rows == 1


def test_load_job_of_one_id_runs_once(put, load, rows):
    uri, job_id = put("r.jsonl", {"a": 1, "b": "x"}), f"load-{uuid4().hex}"
    load(uri, job_id=job_id)
    with pytest.raises(Conflict, match=f"Already Exists: Job pipeline-local:US.{job_id}"):
        load(uri, job_id=job_id)
    assert rows() == [(1, "x")]


def test_failed_job_keeps_its_id(run, job_id):
    assert run("SELECT * FROM nowhere.t", job_id).exception(timeout=10)
    with pytest.raises(Conflict):
        run("SELECT 1", job_id)


def test_dry_run_takes_no_id(run, job_id):
    run(INSERT, job_id, dry_run=True)
    run(INSERT, job_id).result(timeout=10)


def test_one_of_concurrent_submissions_runs(run, rows, job_id):
    def attempt(_):
        try:
            run(INSERT, job_id).result(timeout=30)
        except Conflict:
            return "refused"
        return "ran"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))
    assert sorted(outcomes) == ["ran", *["refused"] * 7]
    assert rows() == [(1,), (2,)]


@pytest.mark.parametrize(
    ("sql", "error", "reason"),
    [
        ("SELECT no_such_column", BadRequest, "invalidQuery"),
        ("SELEC 1", BadRequest, "invalidQuery"),
        ("SELECT * FROM nowhere.t", NotFound, "notFound"),
    ],
)
def test_failing_jobs_query_is_an_error(client, sql, error, reason):
    with pytest.raises(error) as failure:
        client.query_and_wait(sql, wait_timeout=10, retry=None, job_retry=None)
    assert failure.value.errors[0]["reason"] == reason


def test_jobs_query_that_works_returns_its_rows(client):
    rows = client.query_and_wait("SELECT 1 AS a, '\"errors\":[]' AS b", wait_timeout=10)
    assert [tuple(row) for row in rows] == [(1, '"errors":[]')]


def test_result_of_a_statement_stays_available(client, run, rows, job_id):
    run(INSERT, job_id)
    for _ in range(KEPT_RESULTS + 1):
        rows("SELECT 1")
    assert list(client.get_job(job_id).result(timeout=10)) == []


def test_compressed_request_is_understood(run, job_id, jobs_url):
    run(INSERT, job_id)
    body = {"jobReference": {"jobId": job_id}, "configuration": {"query": {"query": INSERT}}}
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (
        requests.post(jobs_url, gzip.compress(json.dumps(body).encode()), headers=headers, timeout=10).status_code
        == 409
    )


def test_job_without_an_id_gets_one(jobs_url):
    body = {"configuration": {"query": {"query": "SELECT 1"}}}
    assert requests.post(jobs_url, json=body, timeout=10).json()["jobReference"]["jobId"]


def test_body_that_is_no_json_is_a_bad_request(jobs_url):
    answer = requests.post(jobs_url, "{", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "parseError")
