from __future__ import annotations

import decimal
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import RequestError
from pipeline.model_config import Columns, ModelConfig
from pipeline.models.interface import fit_model, make_model, predictions_of
from pipeline.project.project import Project
from pipeline.project.user_code import code_of, of_variant, repeatable
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


def test_unknown_parameter_names_class_parameter_and_line():
    with pytest.raises(RequestError, match=r"jobs\.dummy\.model:Mean: .*'depth' \(/.*jobs/dummy/model\.py:4\) - fix"):
        make_model(config(depth=1))


def test_value_that_the_class_refuses_is_a_request_error():
    with pytest.raises(RequestError, match=r"factor is negative \(/.*jobs/dummy/model\.py:6\) - fix params"):
        make_model(config(factor=-1.0))


def test_missing_class_is_a_request_error():
    with pytest.raises(RequestError, match="has no Median"):
        make_model(config().model_copy(update={"model": "jobs.dummy.model:Median"}))


def test_an_object_without_fit_is_not_a_model(project):
    (project.root / "jobs/dummy/other.py").write_text("def Made(*, columns):\n    return []\n")
    with pytest.raises(RequestError, match=r"jobs\.dummy\.other:Made: list has no method fit \(/.*other\.py:1\)"):
        make_model(config().model_copy(update={"model": "jobs.dummy.other:Made"}))


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


class Odd:
    """A model whose methods do what a test says."""

    def __init__(self, fit=None, predict=None):
        self._fit, self._predict = fit, predict

    def fit(self, df):
        return self._fit(self, df)

    def predict(self, df):
        return self._predict(df)


FRAME = pd.DataFrame(
    {
        "id": pd.array([1, 2, 3], "Int64"),
        "x": [0.5, 1.5, 2.5],
        "flag": pd.array([True, None, False], "boolean"),
        "text": pd.array(["a", "b", None], pd.StringDtype()),
    }
)
HERE = rf"\({re.escape(__file__)}:\d+\)"


def test_the_users_own_line_is_named_not_that_of_a_library():
    model = Odd(predict=lambda df: df["no such column"])
    line = test_the_users_own_line_is_named_not_that_of_a_library.__code__.co_firstlineno + 1
    with pytest.raises(RequestError) as refused, of_variant("slow"):
        predictions_of(model, FRAME)
    said = (
        f"variant slow: {__name__}:Odd: predict raised KeyError: 'no such column' ({__file__}:{line}) - fix the model"
    )
    assert said in str(refused.value)


def test_a_full_disk_is_not_the_models_fault():
    with pytest.raises(OSError, match="full"), code_of("Mean", "fit"):
        raise OSError(28, "full")


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        (None, "None"),
        (FRAME, r"pandas\.DataFrame of shape \(3, 4\)"),
        ({"coefficients": 1}, "dict"),
        (random.Random(), r"random\.Random"),  # noqa: S311
    ],
)
def test_fit_has_to_return_the_model(returned, kind):
    said = f"Odd: fit returned {kind}, not the fitted model {HERE} - end fit with: return self"
    with pytest.raises(RequestError, match=said):
        fit_model(Odd(fit=lambda *_: returned), FRAME)


@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        (None, "None"),
        (np.zeros(3), r"numpy\.ndarray of shape \(3,\)"),
        (FRAME["x"], r"pandas\.Series of shape \(3,\)"),
        ({"score": [1]}, "dict"),
        ([0.5], "list"),
    ],
)
def test_predict_has_to_return_a_frame(returned, kind):
    said = f"Odd: predict returned {kind}, not a pandas DataFrame {HERE} - return a pandas DataFrame with the key"
    with pytest.raises(RequestError, match=said):
        predictions_of(Odd(predict=lambda _: returned), FRAME)


def test_a_column_that_predict_returns_twice_is_named():
    with pytest.raises(RequestError, match=f"predict returned column x twice {HERE}"):
        predictions_of(Odd(predict=lambda df: pd.concat([df, df[["x"]]], axis=1)), FRAME)


def overwrite(frame, name):
    frame.loc[0, name] = frame[name].iloc[2]


WAYS = {
    "loc": overwrite,
    "column": lambda frame, _: frame.insert(0, "new", 1),
    "drop": lambda frame, name: frame.drop(columns=name, inplace=True),
    "sort": lambda frame, name: frame.sort_values(name, ascending=False, inplace=True),
    "names": lambda frame, _: setattr(frame, "columns", list("abcd")),
    "array": lambda frame, name: frame[name].array.__setitem__(0, frame[name].array[2]),
    "values": lambda frame, name: frame[name].values.__setitem__(0, frame[name].iloc[2]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FRAME.columns)
def test_each_call_gets_a_frame_of_its_own(way, name):
    def change(frame):
        warnings.simplefilter("ignore")  # inplace is deprecated
        try:
            WAYS[way](frame, name)
        except ValueError:  # pandas refuses it
            assert way == "values"

    shared = FRAME.copy()
    fit_model(Odd(fit=lambda model, df: change(df) or model), shared)
    predictions_of(Odd(predict=lambda df: change(df) or df), shared)
    pd.testing.assert_frame_equal(shared, FRAME)


def settings():
    return (
        np.geterr(),
        list(warnings.filters),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        dict(os.environ),
        os.getcwd(),  # noqa: PTH109
        decimal.getcontext().prec,
        pd.get_option("display.max_rows"),
    )


def change_settings():
    np.seterr(all="raise")
    warnings.simplefilter("error")
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    os.environ["ADDED_BY_A_MODEL"] = "1"
    del os.environ["HOME"]
    os.chdir(tempfile.gettempdir())
    decimal.getcontext().prec = 3
    pd.set_option("display.max_rows", 3)


@pytest.mark.parametrize("fails", [False, True])
def test_settings_of_the_process_are_restored(fails, monkeypatch):
    monkeypatch.setenv("HOME", "/home/a")

    def fit(model, df):
        change_settings()
        return None if fails else model

    before = settings()
    try:
        fit_model(Odd(fit=fit), FRAME)
    except RequestError:
        assert fails
    assert settings() == before


def test_settings_of_a_module_that_is_imported_are_restored(project):
    code = "import numpy as np, warnings, os\nnp.seterr(all='raise')\nwarnings.simplefilter('error')\nos.chdir('/')\n"
    model = project.root / "jobs/dummy/model.py"
    model.write_text(code + model.read_text())
    before = settings()
    make_model(config())
    assert settings() == before


def test_every_blas_has_one_thread_even_one_that_is_loaded_later():
    """scipy brings a BLAS of its own: a model that imports it while it is fitted would have it with all threads."""
    code = """
import threadpoolctl
from pipeline.project.user_code import repeatable
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
        with code_of("Mean", "fit"), repeatable():
            drawn.append((random.random(), np.random.rand()))  # noqa: NPY002, S311
    assert drawn[0] == drawn[1]
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002, S311
