"""Models of the probability that a flight arrives late."""

from typing import Protocol, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jobs.flight_delay.day_effect import WEIGHTS, DayEffect
from jobs.flight_delay.features import (
    CATEGORIES,
    PLAN,
    RATES,
    Matrix,
    codes,
    indicators,
    labels,
    logit,
    numbers,
    scored,
    vocabularies,
)
from pipeline import Columns

INDICATORS = ("carrier", "origin", "departure_hour", "day_of_week")


class Classifier(Protocol):
    """Interface of the classifiers that the two variants fit."""

    def predict_proba(self, x: Matrix, /) -> Matrix:
        """Return probabilities of the classes, shape (num_rows, 2)."""
        ...


def marginal(classifier: Classifier, flights: Matrix, effects: Matrix) -> Matrix:
    """Return the probability that each flight is late, averaged over the possible effects of its day.

    Parameters
    ----------
    classifier
        Takes the features of a flight and, as the last column, the effect of its day.
    flights
        Features, shape (num_rows, num_features).
    effects
        Possible effects of the day, shape (num_rows, num_nodes).

    Returns
    -------
    numpy.ndarray
        Shape (num_rows,).
    """
    given = [classifier.predict_proba(np.column_stack([flights, effect]))[:, 1] for effect in effects.T]
    return np.asarray(WEIGHTS @ given / WEIGHTS.sum())


class FlightDelay:
    """Histogram gradient boosting with native categories and missing values.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    day_effect
        Parameters of `DayEffect`.
    learning_rate, max_iter, max_leaf_nodes, min_samples_leaf, l2_regularization
        As in `sklearn.ensemble.HistGradientBoostingClassifier`.
    """

    def __init__(
        self,
        *,
        columns: Columns,
        day_effect: dict[str, float],
        learning_rate: float,
        max_iter: int,
        max_leaf_nodes: int,
        min_samples_leaf: int,
        l2_regularization: float,
    ) -> None:
        self.columns = columns
        self.day = DayEffect(**day_effect)
        self.trees = HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_iter=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            min_samples_leaf=min_samples_leaf,
            l2_regularization=l2_regularization,
            categorical_features=list(range(len(CATEGORIES))),
            monotonic_cst=[0] * len(CATEGORIES + PLAN + RATES) + [1],  # a worse day is worse for all
            early_stopping=False,
            random_state=0,
        )

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn from rows that have a label.

        Parameters
        ----------
        df
            Rows with a label, shape (num_rows, columns).
        """
        late = labels(df, self.columns)
        self.vocabularies = vocabularies(df, CATEGORIES)
        self.unknown = np.isnan(numbers(df, PLAN + RATES)).all(axis=0)
        effects = self.day.fit(df, late).realised
        self.trees.fit(np.column_stack([self._flights(df), effects]), late)
        # The number of threads is stored and never read. Without it, the model has the same bytes on any machine.
        self.trees._bin_mapper.n_threads = None  # noqa: SLF001 - no public name
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the probability that each flight is late.

        Parameters
        ----------
        df
            Rows to score, shape (num_rows, columns).

        Returns
        -------
        pandas.DataFrame
            The key columns and `score`, shape (num_rows, key columns + 1).
        """
        return scored(df, self.columns, marginal(self.trees, self._flights(df), self.day.expected(df)))

    def _flights(self, df: pd.DataFrame) -> Matrix:
        """Return codes of categories, then numbers, shape (num_rows, num_categories + num_numbers)."""
        # scikit-learn cannot bin a column of NaN only, such as the rates on the first days: use a constant instead.
        flights = np.where(self.unknown, 0.0, numbers(df, PLAN + RATES))
        return np.hstack([codes(df, self.vocabularies), flights])


class LogisticFlightDelay:
    """Logistic regression with an L2 penalty on indicators and standardised numbers.

    Parameters
    ----------
    columns
        Names of the key and label columns.
    day_effect
        Parameters of `DayEffect`.
    penalty
        Weight of the penalty: the inverse of scikit-learn's `C`.
    """

    def __init__(self, *, columns: Columns, day_effect: dict[str, float], penalty: float) -> None:
        self.columns = columns
        self.day = DayEffect(**day_effect)
        self.scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        self.regression = LogisticRegression(C=1 / penalty, solver="newton-cholesky")

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn from rows that have a label.

        Parameters
        ----------
        df
            Rows with a label, shape (num_rows, columns).
        """
        late = labels(df, self.columns)
        self.vocabularies = vocabularies(df, INDICATORS)
        self.scaler.fit(self._numbers(df))
        effects = self.day.fit(df, late).realised
        self.regression.fit(np.column_stack([self._flights(df), effects]), late)
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the probability that each flight is late.

        Parameters
        ----------
        df
            Rows to score, shape (num_rows, columns).

        Returns
        -------
        pandas.DataFrame
            The key columns and `score`, shape (num_rows, key columns + 1).
        """
        return scored(df, self.columns, marginal(self.regression, self._flights(df), self.day.expected(df)))

    def _flights(self, df: pd.DataFrame) -> Matrix:
        """Return indicators of categories, then numbers, shape (num_rows, num_features)."""
        return np.hstack([indicators(df, self.vocabularies), self.scaler.transform(self._numbers(df))])

    def _numbers(self, df: pd.DataFrame) -> Matrix:
        return np.hstack([numbers(df, PLAN), logit(numbers(df, RATES))])
