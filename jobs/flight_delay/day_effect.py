"""Predicts the late rate of a whole day from what is known at midnight.

Weather and the state of the network decide most about delays, and all flights of a day share them. A
single model of flights would treat the conditions of some hundred days as a hundred thousand
independent examples and overfit. So there are two models: a flight model learns how a flight fares on
a day with a given late rate. The model in this module has one example per day and predicts the
distribution of that rate.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jobs.flight_delay.features import CITY, CITY_RATES, Matrix, logit, numbers

PRIOR_FLIGHTS = 9.0  # a day with few labels is shrunk toward the mean of all days
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


class DayEffect:
    """Gaussian process over days; the effect of a day is the log odds of its late rate.

    The kernel has a linear trend in the conditions and a smooth part that makes similar days alike.
    Conditions and effects are in units of their standard deviation over the training days.

    Parameters
    ----------
    length
        Length scale of the smooth part, in standard deviations of the conditions.
    variance
        Variance of the smooth part.
    trend
        Variance of the slope of each condition.
    noise
        Variance that the conditions do not explain.
    """

    def __init__(self, *, length: float, variance: float, trend: float, noise: float) -> None:
        smooth = ConstantKernel(variance) * RBF(length)
        linear = ConstantKernel(trend) * DotProduct(sigma_0=0.1)
        self.process = GaussianProcessRegressor(smooth + linear + WhiteKernel(noise), optimizer=None)
        self.scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())

    def fit(self, df: pd.DataFrame, late: NDArray[np.int64]) -> Self:
        """Learn from the labelled rows of one or more days.

        Parameters
        ----------
        df
            Rows with a label, shape (num_rows, columns).
        late
            Their labels, shape (num_rows,).
        """
        _, first, day = np.unique(df["flight_date"].astype(str), return_index=True, return_inverse=True)
        late_flights, flights = np.bincount(day, weights=late), np.bincount(day)
        effects = logit((late_flights + PRIOR_FLIGHTS * late.mean()) / (flights + PRIOR_FLIGHTS))  # (num_days,)
        self.mean, self.scale = effects.mean(), effects.std() or 1.0
        conditions = self.scaler.fit_transform(self._conditions(df.iloc[first]))  # (num_days, num_conditions)
        self.process.fit(conditions, (effects - self.mean) / self.scale)
        self.realised = effects[day]  # (num_rows,): the effect of the day of each training row
        return self

    def expected(self, df: pd.DataFrame) -> Matrix:
        """Return possible effects of the day of each row; their mean, weighted by `WEIGHTS`, is an expectation.

        Parameters
        ----------
        df
            Rows to score, shape (num_rows, columns).

        Returns
        -------
        numpy.ndarray
            Log odds, shape (num_rows, num_nodes).
        """
        conditions, row = np.unique(self.scaler.transform(self._conditions(df)), axis=0, return_inverse=True)
        mean, deviation = self.process.predict(conditions, return_std=True)
        effects = self.mean + self.scale * (mean[:, None] + deviation[:, None] * NODES)
        return np.asarray(effects[row.ravel()])

    def _conditions(self, df: pd.DataFrame) -> Matrix:
        return np.hstack([logit(numbers(df, CITY_RATES)), numbers(df, CITY)])
