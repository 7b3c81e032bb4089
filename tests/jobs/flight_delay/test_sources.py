"""The real flights: keys are unique, moments are correct, and outcomes are known only after they happen."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json

import polars as pl
import pytest

from jobs.flight_delay import sources
from jobs.flight_delay.sources import (
    DAY,
    KEY,
    NEW_YORK,
    clock,
    data_folder,
    moment_near,
    outcomes,
    read_flights,
    schedule,
    weather,
    with_arrivals,
    write_sources,
)


@pytest.fixture(scope="module")
def flights():
    return with_arrivals(read_flights(data_folder()))


@pytest.fixture(scope="module")
def planned(flights):
    return schedule(flights)


@pytest.fixture(scope="module")
def landed(flights, planned):
    """Return outcomes joined with their plans."""
    return outcomes(flights).join(planned.drop("known_at"), on=KEY, validate="1:1")


def local(column):
    return pl.col(column).dt.convert_time_zone(NEW_YORK).dt


def minutes_between(earlier, later):
    return (pl.col(later) - pl.col(earlier)).dt.total_minutes()


def test_only_the_origin_makes_the_key_unique(planned):
    assert planned.height == 336_776
    assert planned.select(KEY).is_unique().all()
    assert planned.select(KEY[:3]).is_duplicated().any()


def test_only_flights_that_arrived_have_an_outcome(landed):
    assert landed.height == 327_346
    assert landed.null_count().sum_horizontal().item() == landed["tailnum"].null_count() == 0


def test_a_plan_is_known_from_the_midnight_that_starts_its_date(planned):
    known = planned.select(local("known_at").date().alias("date"), local("known_at").time().alias("time"))
    assert known["date"].equals(planned["flight_date"])
    assert known["time"].unique().to_list() == [dt.time(0)]
    assert (planned["known_at"] < planned["scheduled_departure"]).all()


def test_the_plan_reads_the_same_on_the_clocks_of_new_york(planned):
    """In summer and winter, the local hour of the departure is the hour in the timetable."""
    departure = planned.select(
        flight_date=local("scheduled_departure").date(),
        departure_hour=local("scheduled_departure").hour().cast(pl.Int64),
        departure_minute=local("scheduled_departure").minute().cast(pl.Int64),
    )
    assert departure.equals(planned.select(departure.columns))


@pytest.mark.parametrize(("date", "hours"), [("2013-03-10", 23), ("2013-07-04", 24), ("2013-11-03", 25)])
def test_a_day_is_as_long_as_the_clocks_make_it(planned, date, hours):
    starts = planned.select("flight_date", "known_at").unique().sort("flight_date")
    lengths = starts.with_columns(length=pl.col("known_at").shift(-1) - pl.col("known_at"))
    length = lengths.filter(pl.col("flight_date") == dt.date.fromisoformat(date))["length"].item()
    assert length == dt.timedelta(hours=hours)


def test_an_arrival_is_as_late_as_its_delay_says(landed):
    """Plan and outcome get their dates independently, so equal delays prove correct zones and dates."""
    delay = landed.select(minutes_between("scheduled_arrival", "arrived_at").alias("delay"))["delay"]
    assert delay.equals(landed["arr_delay"].alias("delay"))


def test_an_arrival_is_after_departure_and_flight(flights):
    arrived = flights.filter(pl.col("arr_delay").is_not_null())
    took = minutes_between("scheduled_departure", "arrived_at") - pl.col("dep_delay")
    on_ground = arrived.select((took - pl.col("air_time")).alias("minutes"))["minutes"]
    assert on_ground.min() >= 5
    assert on_ground.max() < DAY // 4


def test_an_outcome_is_known_when_it_happened(landed):
    assert landed["known_at"].equals(landed["arrived_at"].alias("known_at"))


def test_landings_after_midnight_utc_are_late_more_often(landed):
    late = landed.select(pl.col("arr_delay") > 15, after=pl.col("arrived_at").dt.date() > pl.col("flight_date"))
    rates = dict(late.group_by("after").agg(pl.col("arr_delay").mean()).iter_rows())
    assert late["after"].mean() == pytest.approx(1 / 3, abs=0.01)
    assert rates[True] > 2 * rates[False]


def test_half_of_those_that_land_after_local_midnight_are_late(landed):
    over_night = landed.filter(local("arrived_at").date() > pl.col("flight_date"))
    assert over_night.height == 26_873
    assert over_night.select((pl.col("arr_delay") > 15).mean()).item() == pytest.approx(0.51, abs=0.01)


@pytest.mark.parametrize("airport", ["SJU", "BQN", "PSE", "STT"])
def test_destinations_that_the_register_lacks_have_a_zone(flights, airport):
    there = flights.filter(pl.col("dest") == airport)
    assert there.height > 300
    assert there["tzone"].unique().to_list() == ["America/Puerto_Rico"]


def test_a_clock_reading_is_dated_across_midnight_and_zones():
    rows = pl.DataFrame(
        {
            "guess": [dt.datetime(2013, 7, 1, 3, 50, tzinfo=dt.UTC), dt.datetime(2013, 7, 1, 4, 10, tzinfo=dt.UTC)],
            "shown": [5, 2355],
            "tzone": [NEW_YORK, NEW_YORK],
        }
    )
    found = rows.select(moment=moment_near(pl.col("guess"), clock("shown"), [NEW_YORK, "America/Denver"]))
    assert found["moment"].to_list() == [
        dt.datetime(2013, 7, 1, 4, 5, tzinfo=dt.UTC),
        dt.datetime(2013, 7, 1, 3, 55, tzinfo=dt.UTC),
    ]


def test_weather_is_known_an_hour_later_and_once_an_hour():
    observed = weather(data_folder())
    assert observed.select("origin", "observed_at").is_unique().all()
    assert observed.select(minutes_between("observed_at", "known_at").unique()).to_series().to_list() == [60]


def test_the_files_have_the_declared_columns_in_their_order(job, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "read_flights", lambda folder: read_flights(folder).head(1000))
    write_sources(tmp_path)
    written = {}
    for path in tmp_path.iterdir():
        with path.open() as lines:
            written[path.stem] = list(json.loads(next(lines)))
    assert written == {name: list(source.columns) for name, source in job.spec.sources.items()}


def test_without_the_data_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="extra 'local'"):
        data_folder()
