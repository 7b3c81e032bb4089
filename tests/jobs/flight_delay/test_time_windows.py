"""The windows of the job's SQL, on hand-written flights: a value on each side of each boundary.

Clock times are those of New York; `after` adds a microsecond to a moment, the smallest possible delay.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipeline.operate.sources import load_sources
from pipeline.runs.job_statements import QueryScope, job_query
from tests.support.integration_fixtures import with_history_days

NEW_YORK = ZoneInfo("America/New_York")
SUMMER, WINTER = date(2013, 7, 5), date(2013, 1, 15)
DAY, YESTERDAY = SUMMER, SUMMER - timedelta(days=1)
LATE, IN_TIME = 16, 15
"""Minutes of delay on both sides of `late_minutes`."""

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def at(day, hour=0, minute=0):
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


def after(moment):
    return moment + timedelta(microseconds=1)


def ago(days, day=DAY):
    return day - timedelta(days=days)


def flight(day, number=1, *, hour=12, minute=0, landed=None, delay=LATE, **changes):
    """Return a plan and its outcome, known at the landing; the outcome is None if the flight never lands."""
    key = {"flight_date": day, "carrier": "AA", "flight": number, "origin": "JFK"}
    leaves = at(day, hour, minute)
    plan = {"dest": "LAX", "tailnum": None, "scheduled_departure": leaves, "scheduled_arrival": leaves, "distance": 1}
    clock = {"departure_hour": hour, "departure_minute": minute, "known_at": at(day)}
    outcome = {"dep_delay": delay, "arr_delay": delay, "arrived_at": landed, "known_at": landed}
    planned = key | plan | clock | changes
    return planned, {name: planned[name] for name in key} | outcome if landed else None


def observation(known_at, **values):
    return {"origin": "JFK", "observed_at": known_at, "known_at": known_at} | dict.fromkeys(WEATHER) | values


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture
def ask(session, job, tmp_path):
    """Return a function that loads flights and weather and runs a query of the job: rows by date and flight."""

    def run(step, flights, weather=(), *, run_date=DAY, as_of=None, history_days=90):
        outcomes = [outcome for _, outcome in flights if outcome]
        plans = [plan for plan, _ in flights]
        tables = {
            "flights_schedule": plans,
            "flight_outcomes": outcomes,
            "weather": weather,
            "planes": [],
            "airports": [],
        }
        for name, rows in tables.items():
            text = "".join(json.dumps(row, default=lambda value: value.isoformat()) + "\n" for row in rows)
            (tmp_path / f"{name}.jsonl").write_text(text)
        load_sources(session, job, tmp_path)
        asked = QueryScope(run_date, ago(history_days, run_date), run_date, as_of or job.as_of(run_date))
        statement = job_query(session, with_history_days(job, history_days), step, asked)
        rows = session.warehouse.rows(statement)
        found = {(row["flight_date"], row["flight"]): row for row in rows}
        assert len(found) == len(rows)
        return found

    return run


@pytest.fixture
def examples(ask, job):
    def run(*args, **options):
        return ask(job.spec.examples, *args, **options)

    return run


@pytest.fixture
def labels(ask, job):
    def run(*args, **options):
        found = ask(job.spec.labels, *args, **options)
        return {key: row["label"] for key, row in found.items()}

    return run


def test_rates_are_over_the_28_days_before_a_row(examples):
    known = ago(29)
    days = [ago(number) for number in (29, 28, 1, 0)]  # few rows: a frame of 28 rows would reach further
    flights = [flight(day) for day in days[1:]] + [flight(day, 2) for day in days[1:]]
    found = examples([flight(known, landed=at(known, 20)), flight(known, 2, landed=at(known, 20), delay=0), *flights])
    assert [found[day, 1]["late_rate"] for day in days] == [None, 0.5, 0.5, None]
    assert [found[day, 1]["late_rate_flight"] for day in days] == [None, 11 / 21, 11 / 21, None]
    assert [found[day, 2]["late_rate_flight"] for day in days] == [None, 10 / 21, 10 / 21, None]


def test_each_rate_counts_the_flights_of_its_own_group(examples):
    landed, other = at(YESTERDAY, 20), {"origin": "EWR", "dest": "BOS", "tailnum": "N2"}
    flown = [
        flight(YESTERDAY, 1, landed=landed, tailnum="N1"),
        flight(ago(2), 1, landed=landed, delay=0, carrier="ZZ", dest="MIA"),
    ]
    shared = {
        "late_rate_carrier_origin": flight(DAY, 11, hour=7, **other | {"origin": "JFK"}),
        "late_rate_route": flight(DAY, 12, hour=7, carrier="BB", tailnum="N3"),
        "late_rate_tailnum": flight(DAY, 13, hour=7, **other | {"tailnum": "N1", "dest": "LAX"}),
        "late_rate_carrier_hour": flight(DAY, 14, **other),
        "late_rate_flight": flight(DAY, 1, hour=7, **other),
    }
    found = examples([*flown, *shared.values()])
    for name, (plan, _) in shared.items():
        rates = {rate: found[DAY, plan["flight"]][rate] for rate in shared}
        assert rates == dict.fromkeys(shared, 0.5) | {name: 11 / 21}


def test_the_first_row_of_the_history_sees_all_its_28_days(examples):
    flights = [flight(ago(31), landed=at(ago(29), 1)), flight(ago(2)), flight(ago(1)), flight(DAY)]
    found = examples(flights, history_days=1)
    assert {day: row["late_rate"] for (day, _), row in found.items()} == {ago(1): 1.0, DAY: None}


@pytest.mark.parametrize("day", [SUMMER, WINTER])
@pytest.mark.parametrize("known", ["at midnight", "after midnight"])
def test_an_outcome_counts_from_the_next_midnight_in_new_york(examples, day, known):
    before, midnight = ago(2, day), at(ago(1, day))
    landed = midnight if known == "at midnight" else after(midnight)
    found = examples([flight(before, landed=landed), flight(ago(1, day)), flight(day)], run_date=day)
    seen = 1.0 if known == "at midnight" else None
    assert [found[date, 1]["late_rate"] for date in (before, ago(1, day), day)] == [None, seen, 1.0]
    assert [found[date, 1]["city_late_rate_1d"] for date in (ago(1, day), day)] == [seen, None if seen else 1.0]
    assert found[ago(1, day), 1]["city_unfinished_1d"] == (0.0 if seen else 1.0)


def test_flights_that_have_not_landed_by_midnight_are_unfinished(examples):
    landed = {1: at(YESTERDAY, 13), 2: at(DAY), 3: after(at(DAY)), 4: None}
    flights = [flight(YESTERDAY, number, landed=moment) for number, moment in landed.items()]
    found = examples([*flights, flight(DAY)])[DAY, 1]
    assert (found["city_unfinished_1d"], found["late_rate"], found["city_flights"]) == (0.5, 1.0, 1)


def test_later_knowledge_is_in_no_feature_and_no_label(examples, labels):
    as_of = at(YESTERDAY, 23)  # before midnight, because outcomes after midnight are excluded by their day, too
    flights = [
        flight(YESTERDAY, 1, landed=as_of, delay=0),
        flight(YESTERDAY, 2, landed=after(as_of)),
        flight(DAY, 3, known_at=as_of),
        flight(DAY, 4, known_at=after(as_of)),
    ]
    weather = [observation(as_of, humid=10.0), observation(after(as_of), humid=20.0)]
    found = examples(flights, weather, as_of=as_of)
    assert sorted(found) == [(YESTERDAY, 1), (YESTERDAY, 2), (DAY, 3)]
    row = found[DAY, 3]
    names = ("late_rate", "city_late_rate_1d", "city_unfinished_1d", "city_humid")
    assert [row[name] for name in names] == [0.0, 0.0, 0.5, 10.0]
    assert labels(flights, as_of=as_of) == {(YESTERDAY, 1): 0}


def test_labels_are_of_the_requested_dates(labels):
    flights = [flight(ago(number), landed=at(ago(number), 13)) for number in (-1, 0, 1, 2, 3)]
    assert sorted(labels(flights, history_days=2, as_of=at(ago(-2)))) == [(ago(2), 1), (ago(1), 1), (DAY, 1)]


def test_features_and_labels_have_the_same_lateness(examples, labels):
    flights = [flight(YESTERDAY, number, landed=at(YESTERDAY, 13), delay=number) for number in (IN_TIME, LATE)]
    days = [flight(DAY, number) for number in (IN_TIME, LATE)]
    found = examples(flights + days)
    assert [found[DAY, number]["late_rate_flight"] for number in (IN_TIME, LATE)] == [10 / 21, 11 / 21]
    assert labels(flights) == {(YESTERDAY, IN_TIME): 0, (YESTERDAY, LATE): 1}


def test_the_evening_starts_at_17_and_yesterday_is_one_day(examples):
    late, landed = {15: LATE, 16: LATE, 17: LATE, 18: 0}, at(YESTERDAY, 23)
    flights = [flight(YESTERDAY, hour, hour=hour, landed=landed, delay=delay) for hour, delay in late.items()]
    older = [flight(ago(2), hour, hour=hour, landed=at(ago(2), 23), delay=0) for hour in late]
    found = examples([*flights, *older, flight(DAY)])[DAY, 1]
    assert (found["city_late_rate_1d"], found["city_evening_late_rate_1d"]) == (0.75, 0.5)


def test_the_gap_between_flights_of_an_aircraft_has_a_limit(examples):
    leaves = {
        number: at(ago(4), 6) + timedelta(minutes=minutes) for number, minutes in enumerate((0, 1439, 2879, 4320))
    }
    known = {"tailnum": "N1", "known_at": at(ago(4))}
    flights = [flight(ago(4), number, scheduled_departure=moment, **known) for number, moment in leaves.items()]
    unknown = [flight(day, 9) for day in (YESTERDAY, DAY)]
    others = [flight(YESTERDAY, 8, tailnum="N2"), flight(DAY, 8, tailnum="N2", minute=1)]
    found = examples([*flights, *unknown, *others])
    gaps = {number: row["aircraft_gap_minutes"] for (_, number), row in sorted(found.items())}
    assert gaps == {0: 1440, 1: 1439, 2: 1440, 3: 1440, 8: 1440, 9: None}


@pytest.mark.parametrize("day", [SUMMER, WINTER])
def test_weather_is_that_of_the_evening_before_in_new_york(examples, day):
    nine, midnight = at(ago(1, day), 21), at(day)
    moments = {nine: 1.0, after(nine): 10.0, midnight: 100.0, after(midnight): 1000.0, at(ago(1, day)): 10_000.0}
    weather = [observation(moment, humid=value, dewp=value, visib=value) for moment, value in moments.items()]
    found = examples([flight(day)], weather, run_date=day)[day, 1]
    assert [found[name] for name in ("city_humid", "city_dewp", "city_visib")] == [55.0] * 3


def test_the_pressure_change_is_from_the_afternoon_to_the_night(examples):
    first, last = at(YESTERDAY, 15), at(YESTERDAY, 18)
    moments = {first: 900.0, after(first): 1001.0, last: 1003.0, after(last): 800.0}
    evening = {at(YESTERDAY, 21): 700.0, after(at(YESTERDAY, 21)): 1010.0, at(DAY): 1014.0}
    weather = [observation(moment, pressure=value) for moment, value in (moments | evening).items()]
    assert examples([flight(DAY)], weather)[DAY, 1]["city_pressure_change"] == 10.0


def test_wind_is_the_mean_vector_of_the_evening(examples):
    winds = [(270, 8.0), (180, 4.0), (None, 40.0), (0, 0.0)]
    weather = [
        observation(at(YESTERDAY, 22, minute), wind_dir=direction, wind_speed=speed)
        for minute, (direction, speed) in enumerate(winds)
    ]
    weather.append(observation(at(YESTERDAY, 21), wind_dir=225, wind_speed=99.0))
    found = examples([flight(DAY)], weather)[DAY, 1]
    assert (found["city_wind_west"], found["city_wind_south"]) == (2.0, 1.0)
