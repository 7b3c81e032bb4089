"""The time of day at which a deployed job starts: late enough after the latest moment whose data a run may use."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.project.project import Job

LEAST = timedelta(hours=1)
"""Least time between a run's `as_of` and its start: sources arrive late, and clocks differ."""

USUAL = timedelta(hours=4)
DAY = timedelta(days=1)

SOME_YEARS = [date(2026, 1, 1) + timedelta(days=day) for day in range(2 * 365)]
"""Days that are checked; every rule for changing clocks applies at least once in them."""


def cron_of(job: Job) -> str:
    """Return when a job starts every day: the five fields of cron, in the job's time zone.

    Raises
    ------
    RequestError
        On some day the start is less than an hour after the run's `as_of`.
    """
    asked, offset = job.spec.schedule.daily_at, timedelta(minutes=job.spec.as_of_offset_minutes)
    at = time.fromisoformat(asked) if asked else (datetime.min.replace(tzinfo=UTC) + offset + USUAL).time()
    for day in SOME_YEARS:
        gap = _gap(job, day, at)
        if gap < LEAST:
            moment = job.as_of(day)
            what = f"{at:%H:%M} is {gap} after {moment:%H:%M %Z}, the latest moment whose data a run of {day} may use"
            raise job.error("schedule.daily_at", what, f"start at least {LEAST} after it")
    return f"{at.minute} {at.hour} * * *"


def _gap(job: Job, day: date, at: time) -> timedelta:
    """Return the time from a run's `as_of` to the next moment at which the clock shows `at`."""
    moment, zone = job.as_of(day).astimezone(UTC), ZoneInfo(job.spec.time_zone)
    starts = (datetime.combine(day + ahead * DAY, at, tzinfo=zone).astimezone(UTC) for ahead in (-1, 0, 1, 2))
    return next(start - moment for start in starts if start >= moment)
