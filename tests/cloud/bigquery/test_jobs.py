from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from google.api_core.exceptions import BadRequest, Forbidden

from pipeline.cloud.bigquery.jobs import MOST_JOBS, RecentJobs, recent_jobs
from pipeline.errors import PermissionMissing

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def client(make_empty_session):
    return make_empty_session().warehouse._client


@pytest.fixture
def run_id():
    return f"r{uuid4().hex[:8]}"


def submit(client, job_id, sql):
    client.query(sql, job_id=job_id, job_retry=None, timeout=20).result(timeout=20)


def seen(client, run_id):
    return recent_jobs(client, f"{run_id}-", datetime.now(UTC) - timedelta(hours=1))


def test_last_failure_is_reported_until_a_later_success(client, run_id):
    assert seen(client, run_id) == RecentJobs()
    submit(client, f"{run_id}-good-a1", "SELECT 1")
    assert seen(client, run_id) == RecentJobs()
    for step in ("one", "two"):
        with pytest.raises(BadRequest):
            submit(client, f"{run_id}-{step}-a1", f"SELECT ERROR('bad {step}')")
    assert seen(client, run_id).failure.startswith(f"{run_id}-two-a1: ")
    assert "bad two" in seen(client, run_id).failure
    submit(client, f"{run_id}-two-a2", "SELECT 1")
    assert "bad one" in seen(client, run_id).failure
    assert seen(client, f"{run_id}x") == RecentJobs()


def job(job_id, minute, *, state="DONE", error=None):
    return SimpleNamespace(
        job_id=job_id, created=NOW + timedelta(minutes=minute), state=state, error_result=error, location="US"
    )


class Listing:
    """A client that lists these jobs; the emulator has none that run, for it answers when they are done."""

    def __init__(self, *jobs):
        self.jobs, self.asked = jobs, {}

    def list_jobs(self, **asked):
        self.asked = asked
        return iter(self.jobs)


def test_newest_attempt_of_each_running_step_is_named():
    failed = {"message": "it\n broke"}
    client = Listing(
        job("r-a-a1", 0, error=failed),
        job("r-a-a2", 1, state="RUNNING"),
        job("r-b-a1", 2, state="PENDING"),
        job("other-a1", 3, state="RUNNING"),
        job("r-c-a1", 0, error=failed),
    )
    assert recent_jobs(client, "r-", NOW) == RecentJobs(("r-b-a1", "r-a-a2"), "r-c-a1: it broke")
    assert {key: client.asked[key] for key in ("all_users", "max_results", "min_creation_time")} == {
        "all_users": True,
        "max_results": MOST_JOBS,
        "min_creation_time": NOW,
    }
    assert client.asked["timeout"] > 0


def test_who_may_not_see_the_jobs_of_others_is_told_the_role():
    client = Listing()
    client.list_jobs = lambda **_: (_ for _ in ()).throw(Forbidden("User lacks bigquery.jobs.listAll permission"))
    with pytest.raises(PermissionMissing, match=r"grant roles/bigquery.resourceViewer for bigquery.jobs.listAll"):
        recent_jobs(client, "r-", NOW)
