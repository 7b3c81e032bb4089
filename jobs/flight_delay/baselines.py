"""What a model has to beat: rates without a model."""

from typing import Self

import numpy as np
import pandas as pd

from jobs.flight_delay.features import labels, scored
from pipeline import Columns

CELL = ["carrier", "departure_hour"]


class ConstantRate:
    """The share of late flights in the training window, for every flight.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    """

    def __init__(self, *, columns: Columns) -> None:
        self.columns = columns

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the rate."""
        self.rate = float(labels(df, self.columns).mean())
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """The key of each row with the rate as `score`."""
        return scored(df, self.columns, np.full(len(df), self.rate))


class CarrierHourRate:
    """The share of late flights of the same carrier and hour, shrunk toward the share of all.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    prior_flights
        Number of flights at the overall rate that each cell starts with.
    """

    def __init__(self, *, columns: Columns, prior_flights: float = 20.0) -> None:
        self.columns = columns
        self.prior_flights = prior_flights

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the rate of every cell."""
        late = df[CELL].assign(late=labels(df, self.columns))
        self.rate = float(late["late"].mean())
        cells = late.groupby(CELL)["late"].agg(["sum", "size"])
        rates = (cells["sum"] + self.prior_flights * self.rate) / (cells["size"] + self.prior_flights)
        # plain values: what pandas keeps beside them differs from process to process, and so would the model's bytes
        self.cells, self.rates = rates.index.tolist(), rates.to_numpy(dtype=np.float64)  # (num_cells,)
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """The key of each row with the rate of its cell as `score`."""
        cells = pd.MultiIndex.from_tuples(self.cells, names=CELL)
        at = cells.get_indexer(pd.MultiIndex.from_frame(df[CELL]))  # (num_rows,): -1 where a cell is not known
        return scored(df, self.columns, np.where(at < 0, self.rate, self.rates[at]))
