"""Jobs of BigQuery as they are listed: which run, and which failed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from google.cloud import bigquery

from pipeline.cloud.retries import CALL_TIMEOUT, NO_RETRY, cloud_errors, with_retries

MOST_JOBS = 1000
"""Jobs of the project that are looked through, newest first."""

ATTEMPT = re.compile(r"-a\d+$")

Job = Any  # the client's classes of jobs have no public common one


@dataclass(frozen=True)
class RecentJobs:
    """Jobs of one run.

    Parameters
    ----------
    running
        Ids of jobs that wait or run.
    failure
        Id and words of the last job that failed and was not repeated with success, or an empty text.
    """

    running: tuple[str, ...] = ()
    failure: str = ""


def recent_jobs(client: bigquery.Client, prefix: str, since: datetime) -> RecentJobs:
    """Look through the jobs of everybody since a moment whose id begins with `prefix`.

    Of each step the newest attempt counts.
    """
    with cloud_errors("listing BigQuery jobs"):
        found = with_retries(
            lambda: list(
                client.list_jobs(
                    all_users=True,
                    max_results=MOST_JOBS,
                    min_creation_time=since,
                    timeout=CALL_TIMEOUT,
                    retry=NO_RETRY,
                )
            )
        )
    newest = _newest_attempts(job for job in found if job.job_id.startswith(prefix))
    return RecentJobs(tuple(job.job_id for job in newest if job.state != "DONE"), _last_failure(newest))


def _newest_attempts(jobs: Iterable[Job]) -> list[Job]:
    """Return the newest job of each step, newest first."""
    steps: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: job.created, reverse=True):
        steps.setdefault(ATTEMPT.sub("", job.job_id), job)
    return list(steps.values())


def _last_failure(jobs: Iterable[Job]) -> str:
    failed = next((job for job in jobs if job.error_result), None)
    return f"{failed.job_id}: {' '.join(str(failed.error_result.get('message', '')).split())}" if failed else ""


class Spent(NamedTuple):
    """What one job took.

    Parameters
    ----------
    statement
        Name of the asset that was sent.
    size
        Bytes billed.
    slot_ms
        Slot time in milliseconds.
    """

    statement: str
    size: int
    slot_ms: int


@dataclass
class Spending(threading.local):
    """Jobs of one thread: run dates that run side by side do not pay for each other.

    Attributes
    ----------
    jobs
        Ids of the jobs so far that wrote something.
    open
        What jobs took that nobody has written down yet.
    """

    jobs: list[str] = field(default_factory=list)
    open: list[Spent] = field(default_factory=list)

    def take(self) -> list[Spent]:
        """Return what is not written down yet, to write it down: each job is counted once."""
        taken, self.open = self.open, []
        return taken
