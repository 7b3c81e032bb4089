from __future__ import annotations

import json

import pandas as pd
import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.phases.predict import predict_from_data
from pipeline.phases.predict_files import predict_from_path
from pipeline.phases.train import train_from_data, train_from_path
from pipeline.project import Project, read_variant
from tests.dummy_project import dummy_project, edit

FRAME = pd.DataFrame({"id": [1, 2], "day": ["2013-07-01"] * 2, "label": [0, 1], "other": [9, 9]})


@pytest.fixture
def project(tmp_path):
    with dummy_project(tmp_path / "project") as root:
        Project.open(root)
        yield root


@pytest.fixture
def data(tmp_path) -> str:
    FRAME.to_csv(tmp_path / "data.csv", index=False)
    return str(tmp_path / "data.csv")


@pytest.fixture
def make_bundle(project, data, tmp_path):
    def make(old: str = "", new: str = ""):
        edit(project / "jobs/dummy/model.py", old, new)
        train_from_path(project / "jobs/dummy/double.yaml", data, tmp_path / "bundle")
        return tmp_path / "bundle"

    return make


def test_predictions_are_those_of_the_model_and_leave_the_frame_alone(project):
    model = train_from_data(read_variant(project / "jobs/dummy/mean.yaml").config, FRAME)
    before = FRAME.copy(deep=True)
    assert predict_from_data(model, FRAME).to_dict("list") == {
        "id": [1, 2],
        "day": ["2013-07-01"] * 2,
        "score": [0.5, 0.5],
    }
    pd.testing.assert_frame_equal(FRAME, before)


def test_a_bundle_predicts_into_json_lines(make_bundle, data, tmp_path):
    out = tmp_path / "predictions.jsonl"
    assert predict_from_path(make_bundle(), data, out) == 2
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows == [{"id": number, "day": "2013-07-01", "score": 1.0} for number in (1, 2)]


def test_no_rows_make_an_empty_file(make_bundle, tmp_path):
    (tmp_path / "empty.csv").write_text("id,day\n")
    assert predict_from_path(make_bundle(), str(tmp_path / "empty.csv"), tmp_path / "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_nothing_is_overwritten(make_bundle, data, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(RequestError, match=r"out\.jsonl: exists already"):
        predict_from_path(make_bundle(), data, out)
    assert out.read_text() == "mine"


def test_a_damaged_bundle_predicts_nothing(make_bundle, data, tmp_path):
    bundle = make_bundle()
    (bundle / "model.joblib").write_bytes(b"x")
    with pytest.raises(CheckError, match=r"model\.joblib"):
        predict_from_path(bundle, data, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_predictions_without_their_key_are_refused(make_bundle, data, tmp_path):
    bundle = make_bundle("df[self.columns.key].assign", 'df[["id"]].assign')
    with pytest.raises(CheckError, match="the model's predictions lack day"):
        predict_from_path(bundle, data, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_infinite_scores_are_refused(make_bundle, data, tmp_path):
    bundle = make_bundle("score=self.mean * self.factor", 'score=float("inf")')
    with pytest.raises(CheckError, match=r"out\.jsonl: line 1, column score: an infinite number"):
        predict_from_path(bundle, data, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
