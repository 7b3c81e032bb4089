from __future__ import annotations

import pytest
from google.api_core import exceptions

from pipeline.cloud import retries
from pipeline.cloud.bigquery.submission import run_once
from pipeline.errors import CloudError

CONCURRENT = exceptions.BadRequest(
    "Could not serialize access to table p:d.t due to concurrent update", errors=[{"reason": "invalidQuery"}]
)
SYNTAX = exceptions.BadRequest("Syntax error", errors=[{"reason": "invalidQuery"}])
AWAY = exceptions.ServiceUnavailable("away")


class FakeJob:
    """A job of the client: `failure` is its outcome, `hiccups` are failures of asking for it, `looks` until done."""

    job_id = "s-a1"

    def __init__(self, failure: Exception | None = None, hiccups: int = 0, looks: int = 1) -> None:
        self.failure, self.hiccups, self.looks, self.asked = failure, hiccups, looks, 0

    @property
    def state(self) -> str:
        return "DONE" if self.asked >= self.hiccups + self.looks else "RUNNING"

    def reload(self, *, timeout: float, retry: object) -> None:
        assert (timeout, retry) == (retries.CALL_TIMEOUT, None)
        self.asked += 1
        if self.asked <= self.hiccups:
            raise AWAY

    def exception(self) -> Exception | None:
        assert self.state == "DONE"
        return self.failure


class FakeBigQuery:
    """The jobs of a project: those that are there, and those that submissions get in turn."""

    def __init__(self, existing: dict[str, FakeJob] | None = None, new: list[FakeJob] | None = None) -> None:
        self.jobs, self.new = dict(existing or {}), list(new or [])
        self.submitted: list[str] = []
        self.lost_replies = 0

    def get_job(self, job_id: str, **_: object) -> FakeJob:
        return self.jobs[job_id]

    def submit(self, job_id: str) -> FakeJob:
        if job_id in self.jobs:
            raise exceptions.Conflict(job_id)
        self.submitted.append(job_id)
        self.jobs[job_id] = self.new.pop(0) if self.new else FakeJob()
        if self.lost_replies:
            self.lost_replies -= 1
            raise AWAY
        return self.jobs[job_id]

    def run(self, verify=lambda: True, **options) -> FakeJob:
        return run_once(self, "s", self.submit, verify, **{"deadline": 60.0, **options})


def test_a_job_is_submitted_under_its_first_id():
    bigquery = FakeBigQuery()
    assert bigquery.run() is bigquery.jobs["s-a1"]
    assert bigquery.submitted == ["s-a1"]


def test_a_new_job_is_not_verified():
    FakeBigQuery().run(verify=lambda: pytest.fail("verified"))


def test_a_finished_job_whose_effect_stands_is_used():
    bigquery = FakeBigQuery({"s-a1": FakeJob()})
    assert bigquery.run() is bigquery.jobs["s-a1"]
    assert bigquery.submitted == []


def test_after_a_lost_reply_the_job_is_attached_to():
    bigquery = FakeBigQuery()
    bigquery.lost_replies = 1
    assert bigquery.run() is bigquery.jobs["s-a1"]
    assert bigquery.submitted == ["s-a1"]


def test_the_next_attempt_is_taken_when_the_effect_is_gone():
    bigquery = FakeBigQuery({"s-a1": FakeJob(), "s-a2": FakeJob()})
    assert bigquery.run(verify=lambda: False) is bigquery.jobs["s-a3"]
    assert bigquery.submitted == ["s-a3"]


@pytest.mark.parametrize("failure", [CONCURRENT, SYNTAX], ids=["transient", "terminal"])
def test_the_next_attempt_is_taken_after_an_old_one_that_failed(failure):
    bigquery = FakeBigQuery({"s-a1": FakeJob(failure)})
    assert bigquery.run() is bigquery.jobs["s-a2"]


def test_the_next_attempt_is_taken_after_a_transient_failure():
    bigquery = FakeBigQuery(new=[FakeJob(CONCURRENT), FakeJob(CONCURRENT)])
    assert bigquery.run() is bigquery.jobs["s-a3"]
    assert bigquery.submitted == ["s-a1", "s-a2", "s-a3"]
    assert [bigquery.jobs[job_id].asked for job_id in bigquery.submitted] == [1, 1, 1]


def refused(reason: str) -> exceptions.Forbidden:
    return exceptions.Forbidden("Permission bigquery.jobs.get denied", errors=[{"reason": reason}])


def test_a_job_that_another_account_has_sent_is_left_to_it(monkeypatch):
    bigquery = FakeBigQuery({"s-a1": FakeJob()})
    monkeypatch.setattr(bigquery, "get_job", lambda *_, **__: (_ for _ in ()).throw(refused("accessDenied")))
    assert bigquery.run() is bigquery.jobs["s-a2"]
    assert bigquery.submitted == ["s-a2"]


def test_another_refusal_of_a_look_is_an_error(monkeypatch):
    bigquery = FakeBigQuery({"s-a1": FakeJob()})
    monkeypatch.setattr(bigquery, "get_job", lambda *_, **__: (_ for _ in ()).throw(refused("quotaExceeded")))
    with pytest.raises(exceptions.Forbidden):
        bigquery.run()
    assert bigquery.submitted == []


def test_a_terminal_failure_is_raised_and_not_tried_again():
    bigquery = FakeBigQuery(new=[FakeJob(SYNTAX)])
    with pytest.raises(exceptions.BadRequest, match="Syntax error"):
        bigquery.run()
    assert bigquery.submitted == ["s-a1"]


def test_a_service_that_is_away_while_a_job_runs_is_asked_again():
    bigquery = FakeBigQuery(new=[FakeJob(hiccups=1)])
    assert bigquery.run() is bigquery.jobs["s-a1"]
    assert bigquery.jobs["s-a1"].asked == 2


def test_a_job_that_runs_is_looked_at_until_it_is_done():
    bigquery = FakeBigQuery(new=[FakeJob(looks=3)])
    assert bigquery.run().asked == 3


def test_a_job_that_is_done_at_once_is_not_looked_at():
    bigquery = FakeBigQuery(new=[FakeJob(looks=0)])
    assert bigquery.run().asked == 0


def test_a_job_that_runs_for_too_long_is_an_error_that_names_it():
    bigquery = FakeBigQuery(new=[FakeJob(looks=1000)])
    words = r"publishing: job s-a1 still runs after 0 s - run the same command again"
    with pytest.raises(CloudError, match=words), retries.cloud_errors("publishing"):
        bigquery.run(deadline=0.3)


def test_a_submission_that_is_refused_is_raised():
    def refuse(_: str) -> FakeJob:
        raise exceptions.Forbidden("no")

    with pytest.raises(exceptions.Forbidden):
        run_once(FakeBigQuery(), "s", refuse, lambda: True, deadline=60.0)


def test_attempts_end_after_a_while_and_the_last_failure_is_said(monkeypatch):
    monkeypatch.setattr(retries, "TRANSIENT_DEADLINE", 0.3)
    bigquery = FakeBigQuery(new=[FakeJob(CONCURRENT) for _ in range(20)])
    with pytest.raises(exceptions.BadRequest, match="Could not serialize access"):
        bigquery.run()
    assert 1 < len(bigquery.submitted) < 20


def test_failed_attempts_of_earlier_commands_use_nothing_up():
    bigquery = FakeBigQuery({f"s-a{number}": FakeJob(CONCURRENT) for number in range(1, 51)})
    assert bigquery.run() is bigquery.jobs["s-a51"]


def test_a_job_whose_id_is_taken_may_be_unknown_for_a_moment():
    bigquery = FakeBigQuery({"s-a1": FakeJob()})
    answers = iter([exceptions.NotFound("not yet"), None])
    known = bigquery.get_job

    def get_job(job_id: str, **options: object) -> FakeJob:
        if error := next(answers):
            raise error
        return known(job_id, **options)

    bigquery.get_job = get_job
    assert bigquery.run() is bigquery.jobs["s-a1"]
