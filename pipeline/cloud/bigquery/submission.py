"""Submits jobs under our own ids: after a lost reply or a restart, 409 attaches to the existing job."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import bigquery

from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, is_transient, reason_of, with_retries

GRACE = 60.0
"""Seconds that BigQuery gets to cancel a job after its timeout: its message is better than ours."""

LONGEST_PAUSE = 5.0
"""Longest pause between two polls of a job, in seconds."""

Submit = Callable[[str], Any]


def run_once(
    client: bigquery.Client, job_id: str, submit: Submit, verify: Callable[[], bool], *, deadline: float
) -> Any:
    """Run a job once and return it when it is done.

    A finished attempt is used if its effect exists. The next attempt follows after a pause when one failed transiently,
    and at once when it was an earlier command's or its effect is gone.

    Parameters
    ----------
    job_id
        Stem of the id; `-a<attempt>` is appended.
    submit
        Sends the job under an id and returns the client's job.
    verify
        Tells whether the effect of a finished job still exists.
    deadline
        Seconds after which a running job is no longer polled.

    Raises
    ------
    google.api_core.exceptions.GoogleAPICallError
        The job failed permanently, or transiently for too long.
    """
    numbers = count(1)

    def next_attempt() -> Any:
        for number in numbers:
            job, is_new = _submit_or_attach(client, f"{job_id}-a{number}", submit)
            if job is None:
                continue
            failure = _failure(job, deadline)
            # The failure of an old attempt does not count: its cause may have been fixed since.
            if failure is not None and is_new:
                raise _AttemptFailed(failure) if is_transient(failure) else failure
            if failure is None and (is_new or verify()):
                return job
        raise AssertionError("numbers never end")

    try:
        return with_retries(next_attempt, passing=lambda error: isinstance(error, _AttemptFailed))
    except _AttemptFailed as failed:
        raise failed.failure from failed


class _AttemptFailed(Exception):
    """A new job failed transiently."""

    def __init__(self, failure: exceptions.GoogleAPICallError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _StillRunning(Exception):
    """A job is not done yet."""


def _failure(job: Any, deadline: float) -> exceptions.GoogleAPICallError | None:
    """Wait for a job and return its failure, or None; raise the errors of polling.

    The client's `result` gives each of its calls the timeout of the whole job, so a silent server would block it.
    """

    def look() -> None:
        with_retries(lambda: job.reload(timeout=CALL_TIMEOUT, retry=NO_RETRY))
        if job.state != "DONE":
            raise _StillRunning(f"job {job.job_id} still runs after {deadline:.0f} s")

    if job.state != "DONE":
        running = if_exception_type(_StillRunning)
        Retry(predicate=running, initial=0.1, maximum=LONGEST_PAUSE, timeout=deadline)(look)()
    failure: exceptions.GoogleAPICallError | None = job.exception()
    return failure


def _submit_or_attach(client: bigquery.Client, job_id: str, submit: Submit) -> tuple[Any, bool]:
    """Return the job of an id, and whether it is new; None if another account sent it.

    An account that may only run jobs sees its own jobs only, and a person may have run the same command. The next id
    is used then: every statement replaces rows, or appends only missing ones, so running it twice has one effect.
    """
    try:
        return with_retries(lambda: submit(job_id)), True
    except exceptions.Conflict:
        try:
            # BigQuery may not find the job with this id for a moment.
            seen = with_retries(
                lambda: client.get_job(job_id, timeout=CALL_TIMEOUT, retry=NO_RETRY),
                passing=lambda error: is_transient(error) or isinstance(error, exceptions.NotFound),
            )
        except exceptions.Forbidden as error:
            if reason_of(error) != "accessDenied":
                raise
            return None, False
        return seen, False
