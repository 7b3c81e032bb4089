"""Jobs under ids of our own: a lost reply or a second start meets 409 and attaches to the job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.cloud import bigquery

from pipeline.errors import CloudError
from pipeline.retries import CALL_TIMEOUT, NO_RETRY, is_transient, with_retries

MAX_ATTEMPTS = 20
JOB_DEADLINE = 3600.0
"""Seconds that one BigQuery job may take."""

Submit = Callable[[str], Any]


@dataclass(frozen=True)
class Submission:
    """A job to be carried out once.

    Parameters
    ----------
    job_id
        Stem of the id; `-a<attempt>` is appended.
    submit
        Sends the job under an id and returns the client's job.
    verify
        Tells whether the effect of a finished job still stands.
    """

    job_id: str
    submit: Submit
    verify: Callable[[], bool]


def run_once(client: bigquery.Client, submission: Submission) -> Any:
    """Carry out a job once and return it, done.

    Finished attempts whose effect stands are used; the next attempt is taken after one that failed in a way that
    passes, or whose effect is gone.

    Raises
    ------
    google.api_core.exceptions.GoogleAPICallError
        The job failed for good.
    """
    last_error: BaseException | None = None
    for job_id in _attempt_ids(submission.job_id):
        job, is_new = _submit_or_attach(client, job_id, submission.submit)
        failure = with_retries(lambda job=job: _failure(job))  # type: ignore[misc]
        if failure is not None:
            # An old attempt's failure is no verdict on this one: its cause may have been mended since.
            if is_new and not is_transient(failure):
                raise failure
            last_error = failure
        elif is_new or submission.verify():
            return job
    raise CloudError(f"BigQuery job {submission.job_id}: {MAX_ATTEMPTS} attempts failed ({last_error})")


def _attempt_ids(stem: str) -> Iterator[str]:
    return (f"{stem}-a{attempt}" for attempt in range(1, MAX_ATTEMPTS + 1))


def _failure(job: Any) -> exceptions.GoogleAPICallError | None:
    """Wait for a job and return how it failed, or None; raise what kept us from its answer."""
    try:
        job.result(timeout=JOB_DEADLINE, retry=NO_RETRY)
    except exceptions.GoogleAPICallError as error:
        if not job.error_result:
            raise
        return error  # asking a failed job again never helps: the next attempt may
    return None


def _submit_or_attach(client: bigquery.Client, job_id: str, submit: Submit) -> tuple[Any, bool]:
    try:
        return with_retries(lambda: submit(job_id)), True
    except exceptions.Conflict:
        return with_retries(lambda: client.get_job(job_id, timeout=CALL_TIMEOUT, retry=NO_RETRY)), False
