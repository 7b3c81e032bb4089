from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.model_config import Columns, ModelConfig
from pipeline.models import make_model
from pipeline.project import Project
from tests.dummy_project import dummy_project


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
    with pytest.raises(RequestError, match="factor is negative - mend params"):
        make_model(config(factor=-1.0))


def test_missing_class_is_a_request_error():
    with pytest.raises(RequestError, match="has no Median"):
        make_model(config().model_copy(update={"model": "jobs.dummy.model:Median"}))
