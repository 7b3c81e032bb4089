"""How long retries last, at a clock that is moved by hand."""

from __future__ import annotations

import time

import pytest
import requests.exceptions
from google.api_core import exceptions

from pipeline.cloud import retries
from pipeline.cloud.retries import with_retries


class Clock:
    """A clock that only sleeping and working move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Job:
    """Works for a while before each answer; the first ones are failures."""

    def __init__(self, clock: Clock, seconds: float, *failures: Exception) -> None:
        self.clock, self.seconds, self.failures, self.calls = clock, seconds, list(failures), 0

    def __call__(self) -> str:
        self.calls += 1
        self.clock.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(retries, "monotonic", clock)
    return clock


LOST = requests.exceptions.ConnectionError("reset by peer")
AWAY = exceptions.ServiceUnavailable("away")


@pytest.mark.parametrize("failure", [LOST, AWAY], ids=["lost", "away"])
def test_call_that_fails_after_an_hour_is_repeated(clock, failure):
    job = Job(clock, 3600.0, failure)
    assert (with_retries(job), job.calls) == ("done", 2)


def test_a_server_that_stays_away_is_given_up_after_its_deadline(clock):
    started, job = clock(), Job(clock, 0.0, *[LOST] * 999)
    with pytest.raises(requests.exceptions.ConnectionError):
        with_retries(job)
    assert retries.UNREACHABLE_DEADLINE <= clock() - started < retries.UNREACHABLE_DEADLINE + 10


def test_failures_that_pass_are_given_up_after_theirs(clock):
    started, job = clock(), Job(clock, 0.0, *[AWAY] * 999)
    with pytest.raises(exceptions.ServiceUnavailable):
        with_retries(job)
    assert retries.TRANSIENT_DEADLINE <= clock() - started < retries.TRANSIENT_DEADLINE + 10
