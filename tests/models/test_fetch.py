from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import SCORES, read_info, sealed
from pipeline.models.fetch import fetch_verified, load_model
from pipeline.phases.train import train_from_path
from pipeline.project.project import Project
from pipeline.runs.artefacts.models import TrainedModel, committed_info, read_score_reference
from tests.support.dummy_project import dummy_project, offline_target


@pytest.fixture
def store():
    return Store(offline_target())


@pytest.fixture
def bundle(tmp_path):
    pd.DataFrame({"id": [1, 2], "day": [1, 1], "label": [0, 1]}).to_csv(tmp_path / "train.csv", index=False)
    with dummy_project(tmp_path / "project") as root:
        Project.open(root)
        train_from_path(root / "jobs/dummy/mean.yaml", str(tmp_path / "train.csv"), tmp_path / "bundle")
        yield tmp_path / "bundle"


def test_of_a_local_folder_only_listed_files_are_taken(bundle, store, tmp_path):
    (bundle / "jobs").mkdir()
    (bundle / "jobs" / "evil.py").write_text("")
    (bundle / "pandas").symlink_to(tmp_path)
    info = fetch_verified(str(bundle), store, tmp_path / "copy")
    found = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*")}
    assert found == {"bundle.json", *info.files}


def test_a_missing_file_of_a_local_folder_is_named_where_it_was(bundle, store, tmp_path):
    (bundle / "variant.yaml").unlink()
    with pytest.raises(CheckError, match=f"^{bundle}/variant.yaml: missing or not the file that bundle.json lists"):
        fetch_verified(str(bundle), store, tmp_path / "copy")


def test_model_of_a_local_folder_knows_its_variant_and_id(bundle, store):
    loaded = load_model(str(bundle), store)
    assert loaded.variant.startswith("mean@")
    assert len(loaded.model_id) == 16
    assert loaded.model.mean == 0.5


def test_damaged_local_folder_is_refused(bundle, store):
    (bundle / "model.joblib").write_bytes(b"x")
    with pytest.raises(CheckError):
        load_model(str(bundle), store)


def test_folder_without_a_bundle_is_a_request_error(store, tmp_path):
    with pytest.raises(RequestError, match="no model bundle here"):
        load_model(str(tmp_path), store)


class CopyStore:
    """A store whose objects are the files of one folder."""

    def __init__(self, folder):
        self.folder = folder

    def download(self, uri, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return shutil.copy(self.folder / uri.removeprefix("gs://b/m/"), path)


@pytest.fixture
def committed(bundle):
    digest = read_info(bundle).digest
    return TrainedModel("mean@0", "0" * 16, "gs://b/m", digest, training_rows=2, data_checksum="", code_digest="")


@pytest.mark.parametrize(
    "read", [read_score_reference, lambda model, store: committed_info(model, store, store.folder / "to")]
)
def test_replaced_bundle_is_refused(bundle, committed, read):
    path = bundle / "bundle.json"
    content = json.loads(path.read_text())
    content["files"].pop(SCORES, None)  # one that has no scores of training rows is another one all the same
    path.write_text(json.dumps(sealed(content | {"commit": "another"})))
    with pytest.raises(CheckError, match="gs://b/m: not the bundle that was committed - train again: pipeline run"):
        read(committed, CopyStore(bundle))
