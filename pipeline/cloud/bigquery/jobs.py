"""Lists recent BigQuery jobs, and adds up what this process has spent on jobs."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from google.cloud import bigquery

from pipeline.cloud.retries import call

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
    listed = call(
        "listing BigQuery jobs",
        lambda **options: list(client.list_jobs(all_users=True, max_results=MOST_JOBS, **options)),
        min_creation_time=since,
    )
    newest: dict[str, Job] = {}  # by step, newest first
    for job in sorted(listed, key=lambda job: job.created, reverse=True):
        if job.job_id.startswith(prefix):
            newest.setdefault(ATTEMPT.sub("", job.job_id), job)
    running = tuple(job.job_id for job in newest.values() if job.state != "DONE")
    failures = (
        f"{job.job_id}: {' '.join(str(job.error_result.get('message', '')).split())}"
        for job in newest.values()
        if job.error_result
    )
    return RecentJobs(running, next(failures, ""))


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
