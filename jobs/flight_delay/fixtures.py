"""A tiny, seeded data set in the schemas of the sources, with effects that a model must find.

The same flights are planned on each of forty days. Evening flights are late far more often than morning
flights, carrier AA is late more often than the others, and some days are worse than others. The data
has the edge cases of the real data: cancelled flights, unknown aircraft, a flight number with two
origins on the same day, arrivals after midnight, hours without weather, and a destination that is
missing in the table of airports.
"""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from jobs.flight_delay.sources import KEY, NEW_YORK, midnight, minutes

FIRST_DAY, LAST_DAY = dt.date(2013, 6, 1), dt.date(2013, 7, 10)
AIRCRAFT = 24
PLAN = pl.DataFrame(
    {
        "carrier": ["AA", "AA", "AA", "AA", "B6", "B6", "B6", "B6", "DL", "DL", "DL", "DL", "UA", "UA", "UA", "UA"],
        "flight": [11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34, 41, 41, 42, 43],
        "origin": "JFK LGA EWR JFK JFK JFK EWR JFK LGA JFK LGA EWR EWR LGA EWR EWR".split(),
        "dest": "LAX ORD MIA BOS SJU BOS MIA SJU ATL LAX ATL ATL ORD ORD LAX BOS".split(),
        "departure_hour": [7, 12, 18, 21, 6, 10, 19, 23, 8, 13, 17, 20, 9, 9, 18, 22],
        "departure_minute": [0, 30, 15, 45, 5, 20, 0, 59, 40, 55, 10, 0, 25, 50, 35, 30],
    }
)
AIRPORTS = pl.DataFrame(
    {
        "airport": ["ATL", "BOS", "LAX", "MIA", "ORD"],
        "name": ["Atlanta", "Boston", "Los Angeles", "Miami", "Chicago"],
        "lat": [33.64, 42.36, 33.94, 25.79, 41.98],
        "lon": [-84.43, -71.01, -118.41, -80.29, -87.90],
        "alt": [1026, 19, 126, 8, 668],
        "tzone": [NEW_YORK, NEW_YORK, "America/Los_Angeles", NEW_YORK, "America/Chicago"],
    }
)
MILES = {"ATL": 760, "BOS": 190, "LAX": 2470, "MIA": 1090, "ORD": 730, "SJU": 1600}


def tail(number: pl.Expr) -> pl.Expr:
    """Return the tail number of an aircraft."""
    return pl.format("N{}XX", number + 100)


def plans(rng: np.random.Generator) -> pl.DataFrame:
    """Return the planned flights of every day, shape (flights, columns); one in thirty has no aircraft."""
    days = pl.DataFrame({"flight_date": pl.date_range(FIRST_DAY, LAST_DAY, eager=True)})
    flights = days.join(PLAN, how="cross")
    clock = pl.datetime(
        *(pl.col("flight_date").dt.year(), pl.col("flight_date").dt.month(), pl.col("flight_date").dt.day()),
        *("departure_hour", "departure_minute"),
        time_zone=NEW_YORK,
    )
    aircraft = pl.Series(rng.integers(AIRCRAFT, size=flights.height))
    unassigned = pl.Series(rng.random(flights.height) < 1 / 30)
    return flights.with_columns(
        tailnum=pl.when(~unassigned).then(tail(pl.lit(aircraft))),
        distance=pl.col("dest").replace_strict(MILES, return_dtype=pl.Int64),
        scheduled_departure=clock.dt.convert_time_zone("UTC"),
        known_at=midnight("flight_date"),
    ).with_columns(scheduled_arrival=pl.col("scheduled_departure") + minutes(50 + pl.col("distance") // 8))


def results(flights: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return outcomes of flights that were not cancelled, shape (outcomes, columns); one in twenty-five was."""
    size = flights.height
    day_effect = np.repeat(rng.normal(scale=0.7, size=size // PLAN.height), PLAN.height)
    evening, slow = flights["departure_hour"].to_numpy() >= 17, (flights["carrier"] == "AA").to_numpy()
    late = rng.random(size) < 1 / (1 + np.exp(2.8 - 3.2 * evening - 1.2 * slow - day_effect))
    arr_delay = np.where(late, 16 + rng.exponential(40, size).astype(int), rng.integers(-25, 16, size))
    outcome = flights.with_columns(arr_delay=arr_delay, dep_delay=arr_delay - rng.integers(-10, 15, size))
    arrived = outcome.with_columns(arrived_at=pl.col("scheduled_arrival") + minutes(pl.col("arr_delay")))
    return arrived.filter(pl.Series(rng.random(size) >= 1 / 25)).select(
        *KEY, "dep_delay", "arr_delay", "arrived_at", known_at="arrived_at"
    )


def observations(rng: np.random.Generator) -> pl.DataFrame:
    """Return hourly weather without effect on delays, shape (hours, columns); one hour in twenty is missing."""
    start, end = (dt.datetime.combine(day, dt.time(), dt.UTC) for day in (FIRST_DAY, LAST_DAY + dt.timedelta(days=1)))
    hours = pl.DataFrame({"observed_at": pl.datetime_range(start, end, "1h", time_unit="us", eager=True)})
    grid = pl.DataFrame({"origin": ["EWR", "JFK", "LGA"]}).join(hours, how="cross")
    uniform = {
        "temp": (50, 90),
        "dewp": (40, 70),
        "humid": (30, 100),
        "wind_dir": (0, 360),
        "wind_speed": (0, 25),
        "wind_gust": (15, 40),
        "precip": (0, 0.2),
        "pressure": (1000, 1030),
        "visib": (2, 10),
    }
    readings = {name: rng.uniform(low, high, grid.height).round(2) for name, (low, high) in uniform.items()}
    measured = grid.with_columns(**{name: pl.Series(values) for name, values in readings.items()}).with_columns(
        pl.col("wind_dir").cast(pl.Int64),
        pl.when(pl.col("wind_speed") > 12).then("wind_gust"),
        known_at=pl.col("observed_at") + pl.duration(hours=1),
    )
    return measured.filter(pl.Series(rng.random(grid.height) >= 1 / 20))


def register(rng: np.random.Generator) -> pl.DataFrame:
    """Return the registered aircraft, three of four, shape (aircraft, columns)."""
    size = AIRCRAFT * 3 // 4
    return pl.DataFrame({"number": np.arange(size)}).select(
        tailnum=tail(pl.col("number")),
        year=pl.Series(rng.integers(1990, 2013, size)),
        type=pl.lit("Fixed wing multi engine"),
        manufacturer=pl.lit("BOEING"),
        model=pl.lit("737-800"),
        engines=pl.lit(2),
        seats=pl.Series(rng.choice([55, 140, 180, 300], size)),
        engine=pl.lit("Turbo-fan"),
    )


def write_fixtures(out_dir: Path, seed: int) -> None:
    """Write each source table as `<source>.jsonl`; the same seed gives the same bytes.

    Parameters
    ----------
    out_dir
        Folder of the files; created when it does not exist.
    seed
        Seed of all random numbers.
    """
    rng = np.random.default_rng(seed)
    flights = plans(rng)
    tables = {
        "flights_schedule": flights.select(
            *(*KEY, "dest", "tailnum", "scheduled_departure", "scheduled_arrival", "distance"),
            *("departure_hour", "departure_minute", "known_at"),
        ),
        "flight_outcomes": results(flights, rng),
        "weather": observations(rng),
        "planes": register(rng),
        "airports": AIRPORTS,
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.write_ndjson(out_dir / f"{name}.jsonl")
