from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.dates import EARLIEST, LATEST, as_of, date_range, in_both_zones, parse_date
from pipeline.errors import RequestError

DAYS = st.dates(min_value=EARLIEST, max_value=LATEST)
ZONES = st.sampled_from("UTC America/New_York Asia/Kolkata Australia/Lord_Howe Pacific/Kiritimati".split())


@given(DAYS)
def test_dates_are_read_as_they_are_written(day):
    assert parse_date(day.isoformat(), option="--run-date") == day


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2013-02-29", "2013-13-01", "01.07.2013", "2013-07-01T00:00", "20130701"]
)
def test_what_is_no_date_names_option_and_format(text):
    with pytest.raises(RequestError, match=r"--as-of .* is not a date - write YYYY-MM-DD"):
        parse_date(text, option="--as-of")


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
def test_dates_that_leave_no_room_to_reckon_are_refused(text):
    with pytest.raises(RequestError, match=f"--run-date {text} is out of range"):
        parse_date(text, option="--run-date")


@given(DAYS, ZONES)
def test_as_of_is_local_midnight(day, zone):
    moment = as_of(day, zone)
    assert (moment.date(), moment.hour, moment.minute) == (day, 0, 0)
    assert str(moment.tzinfo) == zone


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2013, 3, 10), datetime(2013, 3, 10, 5, tzinfo=UTC)),  # the clocks go forward at 02:00
        (date(2013, 3, 11), datetime(2013, 3, 11, 4, tzinfo=UTC)),
        (date(2013, 11, 3), datetime(2013, 11, 3, 4, tzinfo=UTC)),  # the clocks go back at 02:00
        (date(2013, 11, 4), datetime(2013, 11, 4, 5, tzinfo=UTC)),
    ],
)
def test_as_of_follows_daylight_saving(day, utc):
    assert as_of(day, "America/New_York").astimezone(UTC) == utc


@pytest.mark.parametrize(("day", "hours"), [(date(2013, 3, 10), 23), (date(2013, 11, 3), 25), (date(2013, 7, 1), 24)])
def test_days_have_their_real_length(day, hours):
    first, second = (as_of(d, "America/New_York").astimezone(UTC) for d in (day, day + timedelta(days=1)))
    assert second - first == timedelta(hours=hours)


def test_skipped_midnight_is_the_moment_of_the_clock_change():
    assert as_of(date(2018, 11, 4), "America/Sao_Paulo").astimezone(UTC) == datetime(2018, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (date(2013, 7, 1), datetime(2013, 7, 1, 7, 0, tzinfo=UTC)),
        (date(2013, 3, 10), datetime(2013, 3, 10, 8, 0, tzinfo=UTC)),  # the local clock says 04:00
        (date(2013, 11, 3), datetime(2013, 11, 3, 7, 0, tzinfo=UTC)),  # the local clock says 02:00
    ],
)
def test_offset_is_elapsed_time(day, utc):
    assert as_of(day, "America/New_York", 180).astimezone(UTC) == utc


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(0, 400))
def test_range_holds_every_date_once_and_both_ends(first, days):
    found = date_range(first, first + timedelta(days=days))
    assert (found[0], found[-1], len(found)) == (first, first + timedelta(days=days), days + 1)
    assert found == sorted(set(found))


def test_range_backwards_is_refused():
    with pytest.raises(RequestError, match="--from 2013-07-02 lies after --to 2013-07-01"):
        date_range(date(2013, 7, 2), date(2013, 7, 1))


def test_moments_are_shown_in_both_zones():
    moment = as_of(date(2026, 2, 1), "Asia/Tokyo")
    assert in_both_zones(moment, "Asia/Tokyo") == "2026-02-01 00:00:00 Asia/Tokyo (2026-01-31 15:00:00 UTC)"
    assert in_both_zones(moment, "UTC") == "2026-01-31 15:00:00 UTC"
