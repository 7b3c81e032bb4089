from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.operate.deploy.schedule import cron_of
from pipeline.project.resources import Schedule
from tests.support.integration_fixtures import edited


def at(job, daily_at=None, *, zone="America/New_York", offset=0):
    changes = {"time_zone": zone, "as_of_offset_minutes": offset, "schedule": Schedule(daily_at=daily_at)}
    return cron_of(edited(job, **changes))


@pytest.mark.parametrize(
    ("daily_at", "offset", "cron"),
    [
        ("04:00", 0, "0 4 * * *"),
        ("01:00", 0, "0 1 * * *"),
        ("23:59", 0, "59 23 * * *"),
        (None, 0, "0 4 * * *"),
        (None, 6 * 60, "0 10 * * *"),
        (None, 22 * 60, "0 2 * * *"),  # of the day after
        ("00:30", 23 * 60 + 30, "30 0 * * *"),
    ],
)
def test_a_start_an_hour_after_as_of_is_accepted(job, daily_at, offset, cron):
    assert at(job, daily_at, zone="UTC", offset=offset) == cron


@pytest.mark.parametrize(
    ("daily_at", "offset", "message"),
    [
        ("00:00", 0, "00:00 is 0:00:00 after 00:00 UTC"),
        ("00:59", 0, "00:59 is 0:59:00 after 00:00 UTC, the latest moment whose data a run of 2026-01-01 may use"),
        ("10:30", 10 * 60, "10:30 is 0:30:00 after 10:00 UTC"),
        ("00:29", 23 * 60 + 30, "00:29 is 0:59:00 after 23:30 UTC"),
    ],
)
def test_an_earlier_start_is_refused_with_the_reason(job, daily_at, offset, message):
    with pytest.raises(RequestError, match=f"key schedule.daily_at: {message}"):
        at(job, daily_at, zone="UTC", offset=offset)


def test_the_start_is_checked_when_clocks_go_forward(job):
    """At 02:00 clocks go to 03:00: 03:15 is then 15 minutes after an offset of two hours, not 75."""
    assert at(job, "03:15", zone="UTC", offset=120) == "15 3 * * *"
    with pytest.raises(
        RequestError, match="03:15 is 0:15:00 after 03:00 EDT, the latest moment whose data a run of 2026-03-08"
    ):
        at(job, "03:15", offset=120)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "UTC"])
def test_the_default_start_is_accepted_in_every_zone(job, zone):
    assert at(job, zone=zone) == "0 4 * * *"
