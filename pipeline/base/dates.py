"""Run dates, and the moment up to which a run may know."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.errors import RequestError

WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

EARLIEST, LATEST = date(1900, 1, 1), date(9000, 12, 31)
"""Bounds of run dates, so that days counted from one, such as the first of the history, are dates, too."""


def is_date(text: str) -> bool:
    """Tell whether text is a calendar date, YYYY-MM-DD."""
    try:
        return bool(WRITTEN.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def parse_date(text: str, *, option: str) -> date:
    """Return the calendar date YYYY-MM-DD that an option of the command line holds.

    Raises
    ------
    RequestError
        The text is not a date, or is out of range; the message names the option.
    """
    if not is_date(text):
        raise RequestError(f"{option} {text!r} is not a date", hint="write YYYY-MM-DD, e.g. 2013-07-01")
    day = date.fromisoformat(text)
    if not EARLIEST <= day <= LATEST:
        raise RequestError(f"{option} {text} is out of range", hint=f"name a date from {EARLIEST} to {LATEST}")
    return day


def as_of(run_date: date, time_zone: str, offset_minutes: int = 0) -> datetime:
    """Return midnight of `run_date` in `time_zone` plus the job's offset, an aware datetime.

    The offset is elapsed time, as `TIMESTAMP_ADD` adds it: a change of clocks does not change its length.
    """
    midnight = datetime.combine(run_date, time(), tzinfo=ZoneInfo(time_zone))
    return (midnight.astimezone(UTC) + timedelta(minutes=offset_minutes)).astimezone(midnight.tzinfo)


def date_range(first: date, last: date) -> list[date]:
    """Return every date from `first` to `last`, both included.

    Raises
    ------
    RequestError
        `last` lies before `first`.
    """
    if last < first:
        raise RequestError(f"--from {first} lies after --to {last}", hint="swap them")
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def in_both_zones(moment: datetime, time_zone: str) -> str:
    """Return a moment as text, in a zone and in UTC."""
    local, utc = (moment.astimezone(ZoneInfo(name)).replace(tzinfo=None) for name in (time_zone, "UTC"))
    return f"{local} UTC" if time_zone == "UTC" else f"{local} {time_zone} ({utc} UTC)"
