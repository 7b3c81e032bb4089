"""Makes the matrices that the models fit from rows of the examples table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import Columns

CATEGORIES = ("carrier", "origin", "dest")
PLAN = (
    *("departure_hour", "departure_minute", "day_of_week", "scheduled_minutes", "distance", "dest_lat", "dest_lon"),
    *("aircraft_year", "aircraft_seats", "aircraft_gap_minutes", "flights_origin_hour", "flights_carrier_origin"),
)
RATES = (
    *("late_rate_carrier_origin", "late_rate_route", "late_rate_tailnum", "late_rate_carrier_hour"),
    "late_rate_flight",
)
CITY_RATES = ("city_late_rate_1d", "city_evening_late_rate_1d")
CITY = (
    *("city_flights", "city_unfinished_1d", "city_wind_west", "city_wind_south", "city_pressure_change"),
    *("city_humid", "city_dewp", "city_visib"),
)

Matrix = NDArray[np.float64]
Vocabularies = Mapping[str, list[Any]]
"""Lists, not pandas objects: these also hold caches that differ between processes, so the bytes of a model would."""


def numbers(df: pd.DataFrame, columns: Sequence[str]) -> Matrix:
    """Return columns as a float matrix, shape (num_rows, num_columns); NULL becomes NaN."""
    return df[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)


def logit(rates: Matrix) -> Matrix:
    """Return the log odds of rates, in the shape of `rates`; the rates are clipped to [0.01, 0.99] first."""
    clipped = np.clip(rates, 0.01, 0.99)
    return np.asarray(np.log(clipped / (1 - clipped)))


def vocabularies(df: pd.DataFrame, columns: Sequence[str]) -> Vocabularies:
    """Return the sorted values of each categorical column of rows, shape (num_rows, columns)."""
    return {name: sorted(df[name].dropna().unique().tolist()) for name in columns}


def codes(df: pd.DataFrame, known: Vocabularies) -> Matrix:
    """Return positions in the vocabularies, shape (num_rows, num_columns); NaN for a value that is not in them."""
    positions = np.column_stack([_positions(df[name], values) for name, values in known.items()])
    return np.where(positions < 0, np.nan, positions)


def indicators(df: pd.DataFrame, known: Vocabularies) -> Matrix:
    """Return 1 where a row has a value, shape (num_rows, num_values); an unknown value gives zeros only."""
    blocks = [_positions(df[name], values)[:, None] == np.arange(len(values)) for name, values in known.items()]
    return np.hstack(blocks).astype(np.float64)


def _positions(column: pd.Series, values: list[Any]) -> NDArray[np.int64]:
    """Return the position of each row's value, shape (num_rows,); -1 for an unknown value."""
    return np.asarray(pd.Index(values, dtype=column.dtype).get_indexer(pd.Index(column)))


def labels(df: pd.DataFrame, columns: Columns) -> NDArray[np.int64]:
    """Return the label of each row, shape (num_rows,)."""
    return df[str(columns.label)].to_numpy(dtype=np.int64)


def scored(df: pd.DataFrame, columns: Columns, scores: Matrix) -> pd.DataFrame:
    """Return the key of each row with its probability of being late.

    Probabilities are rounded, because the last bits of a sum depend on the processor.

    Parameters
    ----------
    df
        Rows that were scored, shape (num_rows, columns).
    scores
        Their probabilities, shape (num_rows,).

    Returns
    -------
    pandas.DataFrame
        The key columns and `score`, shape (num_rows, key columns + 1).
    """
    return df[columns.key].reset_index(drop=True).assign(score=scores.round(12))
