"""What the engine asks of a model class."""

from __future__ import annotations

from typing import Any, Protocol, Self

import pandas as pd

from pipeline.errors import RequestError
from pipeline.imports import import_object
from pipeline.model_config import ModelConfig


class Model(Protocol):
    """A model: fitted on a frame, predicting for another; it never changes its caller's frame."""

    def fit(self, df: pd.DataFrame) -> Self:
        """Fit on training rows and return itself."""
        ...

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the prediction key and the columns of the prediction schema, one row a prediction."""
        ...


def make_model(config: ModelConfig) -> Model:
    """Return an unfitted model of a variant.

    Raises
    ------
    RequestError
        The class cannot be imported or refuses a parameter.
    """
    model_class: Any = import_object(config.model)
    try:
        model: Model = model_class(columns=config.columns, **config.params)
    except (TypeError, ValueError) as error:
        raise RequestError(f"{config.model}: {error}", hint="mend params in the variant's YAML") from error
    return model
