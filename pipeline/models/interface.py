"""The interface of a model class, and the calls of its methods."""

from __future__ import annotations

from typing import Any, Protocol, Self

import pandas as pd

from pipeline.errors import RequestError
from pipeline.model_config import ModelConfig
from pipeline.project.imports import import_object
from pipeline.project.user_code import code_of, kind_of, place_of, repeatable, wrong_result


class Model(Protocol):
    """A model class of a job: created with `columns` and the variant's parameters, fitted once, pickled.

    Each call gets a frame of its own. A method `save_id_maps(folder)` is optional; it writes id<->index tables with
    `write_id_map`.
    """

    def fit(self, df: pd.DataFrame) -> Self:
        """Fit the model and return it.

        Parameters
        ----------
        df
            Training rows, shape (rows, columns of the examples and the label), sorted by key. With
            `trains_on: scored` these are the rows to score, without a label.
        """
        ...

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for rows to score.

        Parameters
        ----------
        df
            Rows to score, shape (rows, columns of the examples), sorted by key.

        Returns
        -------
        pandas.DataFrame
            The prediction key and the columns of the prediction schema, shape (predictions, columns of a predictions
            file): one row for each row of `df`, unless the prediction key has a predicted column such as a rank.
        """
        ...


def name_of(model: object) -> str:
    """Return the import path of a model's class, `package.module:Class`, for errors."""
    kind = type(model)
    return f"{kind.__module__}:{kind.__qualname__}"


def make_model(config: ModelConfig) -> Model:
    """Return an unfitted model of a variant.

    Raises
    ------
    RequestError
        The class cannot be imported, refuses a parameter, or lacks a method.
    """
    model_class: Any = import_object(config.model)
    constructor = getattr(model_class, "__init__", None) if isinstance(model_class, type) else model_class
    with code_of(config.model, "constructor", constructor, hint="fix params in the variant's YAML"), repeatable():
        model: Model = model_class(columns=config.columns, **config.params)
    for method in ("fit", "predict"):
        if not callable(getattr(model, method, None)):
            what = f"{config.model}: {kind_of(model)} has no method {method}{place_of(None, constructor)}"
            raise RequestError(what, hint="name a class with fit and predict in the variant's YAML")
    return model


def fit_model(model: Model, df: pd.DataFrame) -> Model:
    """Return a model that is fitted on a copy of a frame.

    Parameters
    ----------
    df
        Training rows, shape (rows, columns). The copy is a whole one: pandas' copy on write does not cover
        `df["x"].values[0] = ...` of nullable integers. Arrow's columns, such as text, cost nothing.

    Raises
    ------
    RequestError
        `fit` raised an error, or returned something else than the model.
    """
    name = name_of(model)
    with code_of(name, "fit", model.fit), repeatable():
        fitted = model.fit(df.copy())
    if not isinstance(fitted, type(model)):
        raise wrong_result(name, "fit", model.fit, fitted, "the fitted model", "end fit with: return self")
    return fitted


def predictions_of(model: Model, df: pd.DataFrame) -> pd.DataFrame:
    """Return a model's predictions for a copy of a frame, shape (predictions, key and predicted columns).

    Parameters
    ----------
    df
        Rows to predict for, shape (rows, columns of the training data but the label).

    Raises
    ------
    RequestError
        `predict` raised an error, or returned something else than a frame whose columns have different names.
    """
    name = name_of(model)
    with code_of(name, "predict", model.predict), repeatable():
        predictions: Any = model.predict(df.copy())
    hint = "return a pandas DataFrame with the key columns and the predicted columns, each once"
    if not isinstance(predictions, pd.DataFrame):
        raise wrong_result(name, "predict", model.predict, predictions, "a pandas DataFrame", hint)
    doubled = predictions.columns[predictions.columns.duplicated()]
    if len(doubled):
        what = f"{name}: predict returned column {doubled[0]} twice{place_of(None, model.predict)}"
        raise RequestError(what, hint=hint)
    return predictions
