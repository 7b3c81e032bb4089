"""Examples with labels, in the types that the engine passes to a model."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.model_config import Columns

COLUMNS = Columns(key=["flight_date", "carrier", "flight", "origin"], label="label")
INTEGERS = {
    "day_of_week": (1, 8),
    "departure_minute": (0, 60),
    "scheduled_minutes": (60, 400),
    "distance": (100, 2500),
    "aircraft_year": (1985, 2013),
    "aircraft_seats": (50, 400),
    "aircraft_gap_minutes": (30, 1440),
    "flights_origin_hour": (1, 38),
    "flights_carrier_origin": (1, 140),
}
FLOATS = ("dest_lat", "dest_lon", "late_rate")
RATES = tuple(f"late_rate_{name}" for name in ("carrier_origin", "route", "tailnum", "carrier_hour", "flight"))
CITY = (
    *("city_flights", "city_late_rate_1d", "city_evening_late_rate_1d", "city_unfinished_1d", "city_wind_west"),
    *("city_wind_south", "city_pressure_change", "city_humid", "city_dewp", "city_visib"),
)


def examples(num_days: int = 60, per_day: int = 40, seed: int = 0) -> pd.DataFrame:
    """Return examples, shape (num_days * per_day, columns): late in the evening and after humid nights."""
    rng = np.random.default_rng(seed)
    size, day = num_days * per_day, np.repeat(np.arange(num_days), per_day)
    city = {name: rng.random(num_days)[day] for name in CITY}
    hour = rng.integers(5, 24, size)
    odds = np.exp(-2.5 + 2.5 * (hour >= 17) + 3.0 * (city["city_humid"] - 0.5))
    dates = [dt.date(2013, 5, 1) + dt.timedelta(days=int(number)) for number in range(num_days)]
    integers = {name: rng.integers(low, high, size) for name, (low, high) in INTEGERS.items()}
    return pd.DataFrame(
        {
            "flight_date": pd.Series(pa.array(dates), dtype=pd.ArrowDtype(pa.date32()))
            .iloc[day]
            .reset_index(drop=True),
            "carrier": pd.array(rng.choice(["AA", "B6", "UA"], size), dtype="string"),
            "flight": pd.array(np.arange(size) % per_day, dtype="Int64"),
            "origin": pd.array(rng.choice(["EWR", "JFK", "LGA"], size), dtype="string"),
            "dest": pd.array(rng.choice(["BOS", "LAX", "SJU"], size), dtype="string"),
            "departure_hour": pd.array(hour, dtype="Int64"),
            **{name: pd.array(values, dtype="Int64") for name, values in integers.items()},
            **{name: rng.random(size) for name in (*FLOATS, *RATES)},
            **city,
            "city_flights": pd.array(np.full(size, per_day), dtype="Int64"),
            "label": pd.array((rng.random(size) < odds / (1 + odds)).astype(int), dtype="Int64"),
        }
    )
