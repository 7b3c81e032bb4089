"""What the engine asks of a model class."""

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
"""Of the global random generators, for models that ask these."""


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


@contextmanager
def code_of(name: str, method: str) -> Iterator[None]:
    """Report what a model's own code raises in one line, with the place where it was raised."""
    try:
        yield
    except PipelineError:
        raise
    except (Exception, SystemExit) as error:  # a library may end the process, with code 0: nothing would have been done
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{name}: {method} raised {type(error).__name__}: {quoted(error)} ({frame.filename}:{frame.lineno})"
        hint = "mend the model or its data; pipeline --verbose shows the traceback"
        raise RequestError(what, hint=hint) from error


@contextmanager
def repeatable() -> Iterator[None]:
    """Make what a model's code computes the same again: global generators are seeded, sums have one order.

    BLAS adds in another order with another number of threads; it gets one. Threads of OpenMP stay: scikit-learn's
    trees do not depend on them.
    """
    # Only libraries that are loaded are limited: scipy brings a BLAS of its own, which a model may load while it runs.
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
