from __future__ import annotations

import json
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from pipeline.base.digests import sha256_file
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import sealed
from pipeline.models.bundle.info import RUN
from pipeline.phases.predict import predict_from_data
from pipeline.phases.predict_files import predict_from_path
from pipeline.phases.train import train_from_data, train_from_path
from pipeline.project.project import Project, read_variant
from tests.support.dummy_project import dummy_project, edit, forget_modules

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


def test_predictions_are_the_models_and_the_frame_is_unchanged(project):
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
    (tmp_path / "empty.csv").write_text("id,day,other\n")
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


def test_each_bundle_predicts_with_its_own_code(make_bundle, project, data, tmp_path):
    """Code that was imported for the first bundle of a job does not score the second."""
    first = shutil.copytree(with_code(make_bundle(), project), tmp_path / "first")
    shutil.rmtree(tmp_path / "bundle")
    second = with_code(make_bundle("self.mean * self.factor", "self.mean * self.factor * 100"), project)
    import jobs.dummy.model as imported

    for bundle, score in ((first, 1.0), (second, 100.0), (first, 1.0)):
        out = tmp_path / f"{score}-{uuid4().hex}.jsonl"
        predict_from_path(bundle, data, out)
        assert {json.loads(line)["score"] for line in out.read_text().splitlines()} == {score}
    assert sys.modules["jobs.dummy.model"] is imported
    assert sys.modules["jobs.dummy"].model is imported


def with_code(bundle: Path, project: Path) -> Path:
    """Put the job's code into a bundle, as that of a run has it."""
    (bundle / "jobs/dummy").mkdir(parents=True)
    shutil.copy(project / "jobs/dummy/model.py", bundle / "jobs/dummy/model.py")
    return listing(bundle, "jobs/dummy/model.py")


def listing(bundle: Path, *names: str) -> Path:
    content = json.loads((bundle / "bundle.json").read_text())
    for name in names:
        content["files"][name] = {"sha256": sha256_file(bundle / name), "size": (bundle / name).stat().st_size}
    (bundle / "bundle.json").write_text(json.dumps(sealed(content)))
    return bundle


@pytest.mark.parametrize("place", ["jobs.pyc", "pandas.py", "jobs/dummy/__pycache__/model.cpython-311.pyc"])
def test_unlisted_code_of_a_bundle_never_runs(make_bundle, project, data, tmp_path, place):
    bundle, trap = with_code(make_bundle(), project), tmp_path / "sprung"
    (tmp_path / "evil.py").write_text(f"open({str(trap)!r}, 'w').close()\n")
    (bundle / place).parent.mkdir(parents=True, exist_ok=True)
    if place.endswith(".pyc"):
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(tmp_path / "evil.py"), str(bundle / place), invalidation_mode=mode)
    else:
        shutil.copy(tmp_path / "evil.py", bundle / place)
    forget_modules()
    assert predict_from_path(bundle, data, tmp_path / "out.jsonl") == 2
    assert not trap.exists()


def test_texts_of_a_file_keep_their_type_of_training(project, tmp_path):
    frame = pd.DataFrame({"id": ["007", "7"], "day": ["a", "b"], "label": [0, 1]})
    frame.to_parquet(tmp_path / "train.parquet")
    train_from_path(project / "jobs/dummy/mean.yaml", tmp_path / "train.parquet", tmp_path / "bundle")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    predict_from_path(tmp_path / "bundle", tmp_path / "rows.csv", tmp_path / "out.jsonl")
    assert [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == ["007", "7"]


def test_rows_have_the_dtypes_of_the_training_rows(make_bundle, data, tmp_path):
    keeps = "self.seen = df.dtypes.astype(str).to_dict(); return df[self.columns.key].assign"
    bundle = make_bundle("return df[self.columns.key].assign", f"assert str(df['other'].dtype) == 'int64'; {keeps}")
    assert predict_from_path(bundle, data, tmp_path / "out.jsonl") == 2
    FRAME.assign(other=[1, None]).to_csv(tmp_path / "gaps.csv", index=False)
    with pytest.raises(RequestError, match=r"gaps\.csv: column other has missing values; the training data had none"):
        predict_from_path(bundle, tmp_path / "gaps.csv", tmp_path / "more.jsonl")


@pytest.fixture
def coded(make_bundle, project):
    """A bundle of a job, with its code."""
    bundle = with_code(make_bundle(), project)
    run = dict.fromkeys(RUN, "1") | {"job": "dummy"}
    content = json.loads((bundle / "bundle.json").read_text()) | {"run": run, "complete": True}
    (bundle / "bundle.json").write_text(json.dumps(sealed(content)))
    return bundle


def test_a_jobs_package_on_the_path_does_not_hide_the_bundles(coded, data, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere/jobs/dummy"
    elsewhere.mkdir(parents=True)
    (elsewhere.parent / "__init__.py").write_text("")
    (elsewhere / "__init__.py").write_text("")
    (elsewhere / "model.py").write_text("raise RuntimeError('not the code of the bundle')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    forget_modules()
    monkeypatch.delitem(sys.modules, "jobs", raising=False)
    assert predict_from_path(coded, data, tmp_path / "out.jsonl") == 2


def test_code_in_the_working_directory_never_runs(coded, data, tmp_path):
    """A bundle has a folder jobs/ as a project has; code of the working directory must not be imported."""
    trap = tmp_path / "sprung"
    for name in ("pandas.py", "joblib.py", "jobs/__init__.py"):
        (coded / name).write_text(f"open({str(trap)!r}, 'w').close()\n")
    command = ["predict", "--model", ".", "--data", data, "--out", str(tmp_path / "out.jsonl")]
    code = "import sys; sys.path[:] = [place for place in sys.path if place]; from pipeline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=coded, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not trap.exists()


def test_rows_need_no_label_and_every_part_of_their_key(coded, data, tmp_path):
    FRAME.drop(columns="label").to_csv(tmp_path / "new.csv", index=False)
    assert predict_from_path(coded, tmp_path / "new.csv", tmp_path / "out.jsonl") == 2
    FRAME.assign(day=["2013-07-01", None]).to_csv(tmp_path / "gap.csv", index=False)
    with pytest.raises(RequestError, match=r"gap\.csv: rows without day"):
        predict_from_path(coded, tmp_path / "gap.csv", tmp_path / "more.jsonl")


@pytest.mark.parametrize("out", ["", "x" * 300 + ".jsonl", "/proc/x.jsonl", "missing/out.jsonl"])
def test_an_output_that_cannot_be_written_is_one_line(coded, data, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match=r"not a \.jsonl file in a folder|cannot be written"):
        predict_from_path(coded, data, out)
