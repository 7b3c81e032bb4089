from __future__ import annotations

import pandas as pd
import pytest

from pipeline.errors import RequestError
from pipeline.models.bundle.training_data import stored_training_data
from pipeline.phases.train import train_from_data, train_from_path
from pipeline.project.project import Project, read_variant
from tests.support.bundles import read_bundle
from tests.support.dummy_project import dummy_project, edit

FRAME = pd.DataFrame({"id": [1, 2, 3, 4], "day": ["2013-07-01"] * 4, "label": [0, 1, 1, 1]})


@pytest.fixture
def project(tmp_path):
    with dummy_project(tmp_path / "project") as root:
        Project.open(root)
        yield root


@pytest.fixture
def variant_file(project):
    return project / "jobs/dummy/mean.yaml"


@pytest.fixture
def data(tmp_path) -> str:
    FRAME.to_csv(tmp_path / "train.csv", index=False)
    return str(tmp_path / "train.csv")


def test_model_is_fitted_on_a_frame_that_stays_as_it_was(variant_file):
    before = FRAME.copy(deep=True)
    model = train_from_data(read_variant(variant_file).config, FRAME)
    assert model.mean == 0.75
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize(("lost", "message"), [("id", "id"), ("label", "label"), (["id", "day"], "id, day")])
def test_columns_that_the_configuration_names_have_to_be_there(variant_file, lost, message):
    with pytest.raises(RequestError, match=f"training data: column {message} is missing"):
        train_from_data(read_variant(variant_file).config, FRAME.drop(columns=lost))


def test_weight_column_has_to_be_there(variant_file):
    edit(variant_file, "label: label", "label: label, weight: w")
    with pytest.raises(RequestError, match="column w is missing"):
        train_from_data(read_variant(variant_file).config, FRAME)


def test_no_rows_make_no_model(variant_file):
    with pytest.raises(RequestError, match="there are no rows"):
        train_from_data(read_variant(variant_file).config, FRAME.iloc[:0])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_format_makes_the_same_model(variant_file, tmp_path, ending):
    path = tmp_path / f"train.{ending}"
    write = {"csv": FRAME.to_csv, "jsonl": FRAME.to_json, "parquet": FRAME.to_parquet}[ending]
    write(path, **({"orient": "records", "lines": True} if ending == "jsonl" else {"index": False}))
    info = train_from_path(variant_file, str(path), tmp_path / "bundle")
    assert info.content["training_data"]["rows"] == 4
    assert read_bundle(tmp_path / "bundle").mean == 0.75


def test_bundle_made_without_a_job_says_so(variant_file, data, tmp_path):
    info = train_from_path(variant_file, data, tmp_path / "out" / "bundle")
    assert (info.content["complete"], info.content["run"]) == (False, {})
    assert info.content["variant"] == read_variant(variant_file).id
    assert not (tmp_path / "out" / "bundle" / "job.yaml").exists()


def test_same_data_and_configuration_make_the_same_model_id(variant_file, data, tmp_path):
    first, second = (train_from_path(variant_file, data, tmp_path / name).model_id for name in ("a", "b"))
    assert first == second


def test_an_empty_folder_is_filled(variant_file, data, tmp_path):
    (tmp_path / "bundle").mkdir()
    assert train_from_path(variant_file, data, tmp_path / "bundle").model_id


@pytest.mark.parametrize("kind", ["folder with a file", "file"])
def test_nothing_is_overwritten(variant_file, data, tmp_path, kind):
    out = tmp_path / "bundle"
    kept = out if kind == "file" else out / "kept.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(RequestError, match="bundle: is not an empty folder"):
        train_from_path(variant_file, data, out)
    assert kept.read_text() == "mine"


def test_a_failed_fit_leaves_no_bundle(variant_file, tmp_path):
    (tmp_path / "empty.csv").write_text("id,day,label\n")
    with pytest.raises(RequestError, match="there are no rows"):
        train_from_path(variant_file, str(tmp_path / "empty.csv"), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("exists", [False, True])
def test_a_model_that_cannot_be_pickled_leaves_no_bundle(variant_file, project, data, tmp_path, exists):
    model, out = project / "jobs/dummy/model.py", tmp_path / "bundle"
    edit(model, "self.columns, self.factor = columns, factor", "self.columns, self.factor = columns, lambda: 1")
    if exists:
        out.mkdir()
    said = r"variant mean: jobs\.dummy\.model:Mean: the model cannot be pickled: attribute factor \(function\)"
    with pytest.raises(RequestError, match=said):
        train_from_path(variant_file, data, out)
    assert (out.exists(), list(out.glob("*"))) == (exists, [])


def test_unknown_key_of_the_configuration_is_named(variant_file, data, tmp_path):
    edit(variant_file, "columns:", "colums: {}\ncolumns:")
    with pytest.raises(RequestError, match=r"mean\.yaml: key colums"):
        train_from_path(variant_file, data, tmp_path / "bundle")


def test_stored_rows_match_the_checksum_whatever_fit_does(variant_file, project, data, tmp_path):
    change = "df['label'].array[:] = 1; df['id'] = 7; self.mean ="
    edit(project / "jobs/dummy/model.py", "self.mean =", change)
    info = train_from_path(variant_file, data, tmp_path / "bundle")
    stored = stored_training_data(tmp_path / "bundle")
    assert stored.checksum == info.content["training_data"]["checksum"]
    assert set(stored.frame["id"]) != {7}
