"""Lists recent BigQuery jobs, and adds up what this process has spent on jobs."""

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
"""Number of the project's jobs that are listed, newest first."""

ATTEMPT = re.compile(r"-a\d+$")

Job = Any  # the client's job classes have no public base class


@dataclass(frozen=True)
class RecentJobs:
    """Jobs of one run.

    Parameters
    ----------
    running
        Ids of pending and running jobs.
    failure
        Id and message of the last failed job that no later attempt replaced; empty without one.
    """

    running: tuple[str, ...] = ()
    failure: str = ""


def recent_jobs(client: bigquery.Client, prefix: str, since: datetime) -> RecentJobs:
    """Return the state of all users' jobs since a moment whose ids begin with `prefix`.

    The newest attempt of each step counts.
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
    """The cost of one job.

    Parameters
    ----------
    statement
        Name of the SQL asset.
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
    """Jobs of one thread, so that parallel run dates are accounted separately.

    Attributes
    ----------
    jobs
        Ids of the jobs so far that wrote rows.
    open
        Costs of jobs that are not recorded yet.
    """

    jobs: list[str] = field(default_factory=list)
    open: list[Spent] = field(default_factory=list)

    def take(self) -> list[Spent]:
        """Return the unrecorded costs and forget them, so that each job is recorded once."""
        taken, self.open = self.open, []
        return taken
