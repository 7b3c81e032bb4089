"""When a job runs: late enough after the moment that a run may know of; and the Cloud Scheduler job that calls it."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.dates import as_of
from pipeline.deploy import names
from pipeline.errors import RequestError
from pipeline.project import Job

if TYPE_CHECKING:
    from pipeline.deploy.deployment import Deployment

LEAST = timedelta(hours=1)
"""Between the moment that a run may know of and its start: sources arrive late, and clocks differ."""

USUAL = timedelta(hours=4)
DAY = timedelta(days=1)

SOME_YEARS = [date(2026, 1, 1) + timedelta(days=day) for day in range(2 * 365)]
"""Days whose clocks are looked at: every rule for changing them is in force once."""

BODY = '{"argument": "{}"}'
"""What is sent each time: a schedule knows no date, so the phases find out themselves which are due."""


def cron_of(job: Job) -> str:
    """Return when a job runs, in the five fields of cron, by the clock of its zone.

    Raises
    ------
    RequestError
        That is less than an hour after the moment that a run may know of, on some day.
    """
    asked, offset = job.spec.schedule.daily_at, timedelta(minutes=job.spec.as_of_offset_minutes)
    at = time.fromisoformat(asked) if asked else (datetime.min.replace(tzinfo=UTC) + offset + USUAL).time()
    for day in SOME_YEARS:
        gap = _gap(job, day, at)
        if gap < LEAST:
            moment = _moment(job, day)
            what = f"{job.folder / 'job.yaml'}: key schedule.daily_at: {at:%H:%M} is {gap} after {moment:%H:%M %Z}"
            raise RequestError(
                f"{what}, the moment that a run of {day} may know of", hint=f"start {LEAST} after it, or later"
            )
    return f"{at.minute} {at.hour} * * *"


def _gap(job: Job, day: date, at: time) -> timedelta:
    """Return how long after the moment of a run date the clock next shows a time."""
    moment, zone = _moment(job, day).astimezone(UTC), ZoneInfo(job.spec.time_zone)
    starts = (datetime.combine(day + ahead * DAY, at, tzinfo=zone).astimezone(UTC) for ahead in (-1, 0, 1, 2))
    return next(start - moment for start in starts if start >= moment)


def _moment(job: Job, day: date) -> datetime:
    return as_of(day, job.spec.time_zone, job.spec.as_of_offset_minutes)


def scheduler_job(deployment: Deployment) -> dict[str, Any]:
    """Return the Cloud Scheduler job that starts the workflow.

    Fields: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs. The workflow's execution
    is made with an OAuth token, as Google's APIs want it; an OIDC token is for services of one's own.
    """
    target = deployment.target
    parent = f"projects/{target.project}/locations/{target.region}"
    name = deployment.name(names.WORKFLOW)
    return {
        "name": f"{parent}/jobs/{deployment.name('nightly')}",
        "description": f"Starts the phases of {deployment.job.name}; they find the run dates that are due.",
        "schedule": deployment.cron,
        "timeZone": deployment.job.spec.time_zone,
        "attemptDeadline": "180s",
        "retryConfig": {"retryCount": 3, "minBackoffDuration": "60s", "maxBackoffDuration": "600s"},
        "httpTarget": {
            "uri": f"https://workflowexecutions.googleapis.com/v1/{parent}/workflows/{name}/executions",
            "httpMethod": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": base64.b64encode(BODY.encode()).decode(),
            "oauthToken": {
                "serviceAccountEmail": deployment.emails[names.SCHEDULER],
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            },
        },
    }
