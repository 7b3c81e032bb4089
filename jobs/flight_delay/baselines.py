"""Baselines that a model has to beat: late rates of the training rows."""

from typing import Self

import numpy as np
import pandas as pd

from jobs.flight_delay.features import labels, scored
from pipeline import Columns

CELL = ["carrier", "departure_hour"]


class ConstantRate:
    """Scores every flight with the late rate of the training rows.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    """

    def __init__(self, *, columns: Columns) -> None:
        self.columns = columns

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the late rate.

        Parameters
        ----------
        df
            Rows with a label, shape (num_rows, columns).
        """
        self.rate = float(labels(df, self.columns).mean())
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the late rate as the score of each row.

        Parameters
        ----------
        df
            Rows to score, shape (num_rows, columns).

        Returns
        -------
        pandas.DataFrame
            The key columns and `score`, shape (num_rows, key columns + 1).
        """
        return scored(df, self.columns, np.full(len(df), self.rate))


class CarrierHourRate:
    """Scores a flight with the late rate of its carrier and departure hour, shrunk toward the overall rate.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    prior_flights
        Number of flights at the overall rate that is added to each cell, a pair of carrier and hour.
    """

    def __init__(self, *, columns: Columns, prior_flights: float = 20.0) -> None:
        self.columns = columns
        self.prior_flights = prior_flights

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the late rate of every cell.

        Parameters
        ----------
        df
            Rows with a label, shape (num_rows, columns).
        """
        late = df[CELL].assign(late=labels(df, self.columns))
        self.rate = float(late["late"].mean())
        cells = late.groupby(CELL)["late"].agg(["sum", "size"])
        rates = (cells["sum"] + self.prior_flights * self.rate) / (cells["size"] + self.prior_flights)
        # Lists and arrays: a pandas index also holds caches that differ between processes, so the model's bytes would.
        self.cells, self.rates = rates.index.tolist(), rates.to_numpy(dtype=np.float64)  # (num_cells,)
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the late rate of its cell as the score of each row.

        Parameters
        ----------
        df
            Rows to score, shape (num_rows, columns).

        Returns
        -------
        pandas.DataFrame
            The key columns and `score`, shape (num_rows, key columns + 1).
        """
        cells = pd.MultiIndex.from_tuples(self.cells, names=CELL)
        at = cells.get_indexer(pd.MultiIndex.from_frame(df[CELL]))  # (num_rows,): -1 for an unknown cell
        return scored(df, self.columns, np.where(at < 0, self.rate, self.rates[at]))
