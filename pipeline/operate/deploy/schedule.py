"""When a job runs: late enough after the moment that a run may know of; and the Cloud Scheduler job that calls it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.errors import RequestError
from pipeline.project.project import Job

LEAST = timedelta(hours=1)
"""Between the moment that a run may know of and its start: sources arrive late, and clocks differ."""


USUAL = timedelta(hours=4)


DAY = timedelta(days=1)


SOME_YEARS = [date(2026, 1, 1) + timedelta(days=day) for day in range(2 * 365)]
"""Days whose clocks are looked at: every rule for changing them is in force once."""


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
            moment = job.as_of(day)
            what = f"{job.folder / 'job.yaml'}: key schedule.daily_at: {at:%H:%M} is {gap} after {moment:%H:%M %Z}"
            raise RequestError(
                f"{what}, the moment that a run of {day} may know of", hint=f"start {LEAST} after it, or later"
            )
    return f"{at.minute} {at.hour} * * *"


def _gap(job: Job, day: date, at: time) -> timedelta:
    """Return how long after the moment of a run date the clock next shows a time."""
    moment, zone = job.as_of(day).astimezone(UTC), ZoneInfo(job.spec.time_zone)
    starts = (datetime.combine(day + ahead * DAY, at, tzinfo=zone).astimezone(UTC) for ahead in (-1, 0, 1, 2))
    return next(start - moment for start in starts if start >= moment)
