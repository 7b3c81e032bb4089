from __future__ import annotations

import json
import random
import re
import subprocess
import sys

import numpy as np
import pytest

from pipeline.errors import RequestError
from pipeline.model_config import Columns, ModelConfig
from pipeline.models.interface import code_of, make_model, repeatable
from pipeline.project.project import Project
from tests.support.dummy_project import dummy_project


@pytest.fixture(autouse=True)
def project(tmp_path):
    with dummy_project(tmp_path):
        yield Project.open(tmp_path)


def config(**params):
    return ModelConfig(model="jobs.dummy.model:Mean", params=params, columns=Columns(key=["id"]))


def test_class_gets_columns_and_parameters():
    model = make_model(config(factor=3.0))
    assert (model.factor, model.columns.key) == (3.0, ["id"])


def test_unknown_parameter_names_class_and_parameter():
    with pytest.raises(RequestError, match=r"jobs\.dummy\.model:Mean: .*'depth'"):
        make_model(config(depth=1))


def test_value_that_the_class_refuses_is_a_request_error():
    with pytest.raises(RequestError, match="factor is negative - fix params"):
        make_model(config(factor=-1.0))


def test_missing_class_is_a_request_error():
    with pytest.raises(RequestError, match="has no Median"):
        make_model(config().model_copy(update={"model": "jobs.dummy.model:Median"}))


class Silent(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (SystemExit(0), "Mean: fit raised SystemExit: 0 "),
        (Silent(), "Mean: fit raised Silent: [a Silent whose text cannot be shown] "),
    ],
)
def test_whatever_a_models_code_raises_is_a_request_error(raised, said):
    with pytest.raises(RequestError, match=re.escape(said)), code_of("Mean", "fit"):
        raise raised


def test_every_blas_has_one_thread_even_one_that_is_loaded_later():
    """scipy brings a BLAS of its own: a model that imports it while it is fitted would have it with all threads."""
    code = """
import threadpoolctl
from pipeline.models.interface import repeatable
with repeatable():
    import scipy.linalg
    print([lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    assert len(found) >= 2
    assert set(found) == {1}


def test_global_generators_are_seeded_and_restored():
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002, S311
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    drawn = []
    for _ in range(2):
        with repeatable():
            drawn.append((random.random(), np.random.rand()))  # noqa: NPY002, S311
    assert drawn[0] == drawn[1]
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002, S311
