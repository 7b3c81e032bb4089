"""What kind of day it will be.

Most of what decides whether a flight is late is shared by all flights of its day: weather and the
state of the network. A flight model that sees conditions of the day beside features of the flight
takes a hundred days for a hundred thousand examples and overfits to them. So the two are split: a
flight model learns how a flight fares on a day with a given late rate, and the model here, with one
example per day, predicts the distribution of that rate from what is known at midnight.
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

PRIOR_FLIGHTS = 9.0  # a day with few labels is drawn toward the mean of all days
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)


class DayEffect:
    """Gaussian process over days; the effect of a day is the log odds of its late rate.

    A linear trend in the conditions, and a smooth part that brings together days that resemble each
    other. Everything is in units of the standard deviation over the training days.

    Parameters
    ----------
    length
        Distance over which days resemble each other, in standard deviations of the conditions.
    variance
        Of the smooth part.
    trend
        Variance of the slope of each condition.
    noise
        Variance of what the conditions do not tell.
    """

    def __init__(self, *, length: float, variance: float, trend: float, noise: float) -> None:
        smooth = ConstantKernel(variance) * RBF(length)
        linear = ConstantKernel(trend) * DotProduct(sigma_0=0.1)
        self.process = GaussianProcessRegressor(smooth + linear + WhiteKernel(noise), optimizer=None)
        self.scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())

    def fit(self, df: pd.DataFrame, late: NDArray[np.int64]) -> Self:
        """Learn from labelled rows, which may be of any number of days."""
        _, first, day = np.unique(df["flight_date"].astype(str), return_index=True, return_inverse=True)
        late_flights, flights = np.bincount(day, weights=late), np.bincount(day)
        effects = logit((late_flights + PRIOR_FLIGHTS * late.mean()) / (flights + PRIOR_FLIGHTS))  # (num_days,)
        self.mean, self.scale = effects.mean(), effects.std() or 1.0
        conditions = self.scaler.fit_transform(self._conditions(df.iloc[first]))  # (num_days, num_conditions)
        self.process.fit(conditions, (effects - self.mean) / self.scale)
        self.realised = effects[day]  # (num_rows,): the effect of each training row's own day
        return self

    def expected(self, df: pd.DataFrame) -> Matrix:
        """Effects of shape (num_rows, num_nodes) whose weighted mean over `WEIGHTS` is an expectation."""
        conditions, row = np.unique(self.scaler.transform(self._conditions(df)), axis=0, return_inverse=True)
        mean, deviation = self.process.predict(conditions, return_std=True)
        effects = self.mean + self.scale * (mean[:, None] + deviation[:, None] * NODES)
        return np.asarray(effects[row.ravel()])

    def _conditions(self, df: pd.DataFrame) -> Matrix:
        return np.hstack([logit(numbers(df, CITY_RATES)), numbers(df, CITY)])
