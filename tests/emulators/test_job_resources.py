"""Jobs and lists of jobs at the running emulator, through Google's client."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from google.api_core.exceptions import BadRequest, NotFound


@pytest.fixture
def submitted(run):
    """Two jobs that were done and between them one that failed, in the order of their start."""
    statements = ("CREATE TABLE t AS SELECT 1 AS a", "SELECT no_such_column FROM t", "SELECT a FROM t")
    jobs = [run(sql, f"listed-{number}-{uuid4().hex}") for number, sql in enumerate(statements)]
    assert [bool(job.exception(timeout=10)) for job in jobs] == [False, True, False]
    return jobs


def test_failed_job_stays_failed(client, submitted, jobs_url):
    failed = submitted[1]
    for _ in range(2):
        found = client.get_job(failed.job_id, timeout=10)
        assert (found.state, found.error_result) == ("DONE", failed.error_result)
        with pytest.raises(BadRequest, match="no_such_column"):
            found.result(timeout=10)
        answer = requests.get(f"{jobs_url.removesuffix('jobs')}queries/{failed.job_id}", timeout=10)
        error = answer.json()["error"]
        assert (answer.status_code, error["errors"][0]["reason"]) == (400, "invalidQuery")
        assert error["message"] == failed.error_result["message"]


def test_result_of_an_unknown_job_is_not_found(client):
    with pytest.raises(NotFound):
        client._get_query_results("unknown", retry=None, timeout=10)


def test_jobs_are_listed_newest_first_with_state_and_error(client, submitted):
    listed = list(client.list_jobs(state_filter="done", max_results=3, timeout=10))
    assert [job.job_id for job in listed] == [job.job_id for job in reversed(submitted)]
    assert {job.state for job in listed} == {"DONE"}
    assert [job.error_result for job in listed] == [None, submitted[1].error_result, None]
    assert list(client.list_jobs(state_filter="running", timeout=10)) == []
    assert list(client.list_jobs(max_results=0, timeout=10)) == []


def test_job_list_continues_when_new_jobs_come(client, submitted, run):
    pages = client.list_jobs(page_size=2, max_creation_time=submitted[2].created, timeout=10).pages
    found = [job.job_id for job in next(pages)]
    run("SELECT 1").result(timeout=10)
    found += [job.job_id for job in next(pages)]
    assert found[:3] == [job.job_id for job in reversed(submitted)]
    assert len(set(found)) == 4


def test_list_of_jobs_is_bounded_by_creation_times(client, submitted):
    def ids(first, last):
        return [job.job_id for job in client.list_jobs(min_creation_time=first, max_creation_time=last, timeout=10)]

    first, last, hour = submitted[0].created, submitted[-1].created, timedelta(hours=1)
    assert ids(first, last) == [job.job_id for job in reversed(submitted)]
    assert ids(last + hour, None) == ids(None, first - hour) == []


def test_list_of_jobs_has_the_rows_that_a_load_skipped(client, put, load):
    job = load(put("r.jsonl", {"b": "x"}, {"a": 1}), max_bad_records=1)
    (listed,) = client.list_jobs(max_results=1, timeout=10)
    assert (listed.job_id, listed.errors, listed.error_result) == (job.job_id, job.errors, None)
    assert "details" not in listed._properties["statistics"]


def test_statements_of_a_script_are_no_jobs(client, submitted):
    assert list(client.list_jobs(parent_job=submitted[0].job_id, timeout=10)) == []
