"""The interface of a model class, and the context in which its code runs."""

from __future__ import annotations

import importlib
import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipeline.errors import PipelineError, RequestError, quoted
from pipeline.model_config import ModelConfig
from pipeline.project.imports import import_object

SEEDS = {"random": 0, "numpy": 0}
"""Seeds of the global random generators while a model's code runs."""


class Model(Protocol):
    """A model class of a job: created with `columns` and the variant's parameters, fitted once, pickled.

    A model must not change the frames that it is given: other variants use the same ones. A method
    `save_id_maps(folder)` is optional; it writes id<->index tables with `write_id_map`.
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
        raise RequestError(f"{config.model}: {error}", hint="fix params in the variant's YAML") from error
    return model


@contextmanager
def code_of(name: str, method: str) -> Iterator[None]:
    """Turn an error of a model's own code into one line with the file and line that raised it.

    Raises
    ------
    RequestError
        The code raised an error, or tried to end the process.
    """
    try:
        yield
    except PipelineError:
        raise
    except (Exception, SystemExit) as error:  # a library may exit with code 0 before the work is done
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{name}: {method} raised {type(error).__name__}: {quoted(error)} ({frame.filename}:{frame.lineno})"
        hint = "fix the model or its data; pipeline --verbose shows the traceback"
        raise RequestError(what, hint=hint) from error


@contextmanager
def repeatable() -> Iterator[None]:
    """Make the results of a model's code reproducible: global generators are seeded, sums have one order.

    The order of sums in BLAS depends on its number of threads, so it gets one. OpenMP keeps its threads: scikit-learn's
    trees do not depend on them.
    """
    # Only loaded libraries are limited, and scipy has a separate BLAS, which a model may load while it runs.
    importlib.import_module("scipy.linalg")
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is meant
    random.seed(SEEDS["random"])
    np.random.seed(SEEDS["numpy"])  # noqa: NPY002
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
