from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.digests import sha256_file
from pipeline.errors import RequestError
from pipeline.models.bundle import NO_JOB, SCORES, TrainingData, frame_checksum, training_data, write_bundle
from pipeline.models.interface import make_model
from tests.models.bundle.conftest import FRAME, ORIGIN
from tests.support.bundles import read_bundle


def test_bundle_holds_everything_that_reproduces_the_model(made):
    folder, info = made
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "model.joblib",
        "bundle.json",
        "variant.yaml",
        "job.yaml",
        "training.parquet",
        "jobs/dummy/job.yaml",
        "jobs/dummy/model.py",
        "udf/half.sql",
        "sql/dummy/preprocess/examples_v1.sql",
    }
    assert set(info.content["files"]) == found - {"bundle.json"}
    assert info.content["complete"]
    assert (info.content["commit"], info.content["dirty"]) == ("abc", True)
    columns = {"id": "INT64", "day": "STRING", "label": "INT64"}
    dtypes = {"id": "int64", "day": "str", "label": "int64"}
    assert info.content["training_data"] == {
        "rows": 2, "checksum": frame_checksum(FRAME), "columns": columns, "dtypes": dtypes, "stored": True
    }  # fmt: skip


def test_listed_files_have_their_size_and_sha256(made):
    folder, info = made
    for name, file in info.content["files"].items():
        assert file == {"sha256": sha256_file(folder / name), "size": (folder / name).stat().st_size}


def test_large_training_frames_are_left_out(job, tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "FRAME_LIMIT", 10)
    info = write_bundle(tmp_path / "b", object(), job.variants[0], TrainingData.of(FRAME), NO_JOB)
    assert not (tmp_path / "b" / "training.parquet").exists()
    assert not info.content["training_data"]["stored"]


def test_model_made_without_a_job_says_so(job, tmp_path):
    info = write_bundle(tmp_path / "b", object(), job.variants[0], TrainingData.of(FRAME), NO_JOB)
    assert not info.content["complete"]


def test_id_maps_of_a_model_are_part_of_the_bundle(job, tmp_path):
    info = write_bundle(tmp_path / "b", WithIdMaps(), job.variants[0], TrainingData.of(FRAME), NO_JOB)
    assert "id_maps/items.jsonl" in info.content["files"]


class WithIdMaps:
    def save_id_maps(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "items.jsonl").write_text('{"id":"a","index":0}\n')


def test_model_id_depends_on_model_config_data_and_code_only(job, tmp_path):
    def model_id(name, model="m", variant=job.variants[0], frame=FRAME, **changed):
        origin = replace(ORIGIN, **changed)
        return write_bundle(tmp_path / name, model, variant, TrainingData.of(frame), origin).model_id

    same = [
        model_id("a"),
        model_id("b"),
        model_id("c", commit=("def", False)),
        model_id("d", run=ORIGIN.run | {"run_id": "other"}),
    ]
    other = [
        model_id("e", model="n"),
        model_id("f", variant=job.variants[1]),
        model_id("g", frame=FRAME.assign(label=1)),
        model_id("h", code="other"),
    ]
    assert len(set(same)) == 1
    assert len({same[0], *other}) == 5


def test_training_scores_are_listed_and_keep_the_model_id(job, made, tmp_path):
    variant, (_, plain) = job.variants[0], made
    model = make_model(variant.config).fit(FRAME)
    folder = tmp_path / "scored"

    def scores():
        model.mean = -1.0  # as a model that keeps what it was asked
        return [{"feature": "score", "number": 0.5, "n": 2}]

    info = write_bundle(folder, model, variant, TrainingData.of(FRAME), ORIGIN, scores=scores)
    assert json.loads((folder / SCORES).read_text()) == {"feature": "score", "number": 0.5, "n": 2}
    assert SCORES in info.content["files"]
    assert SCORES not in plain.content["files"]
    assert info.model_id == plain.model_id
    assert read_bundle(folder).mean == 0.5


class Holds:
    """A model that holds a thing."""

    def __init__(self, thing):
        self.fine, self.thing = 1, thing


class Changed:
    def __reduce__(self):
        return dict, ()


class Refuses:
    @classmethod
    def made(cls):
        made = cls()
        made.weights = 1
        return made

    def __setstate__(self, state):
        raise KeyError("weights")


class Named:
    def __init__(self, name):
        self.name = name

    def save_id_maps(self, folder):
        folder.mkdir()
        (folder / self.name).write_text("")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            Holds(lambda x: x),
            r"Holds: the model cannot be pickled: attribute thing \(function\): .*test_write.py:\d+\)",
        ),
        (Holds(Holds(threading.Lock())), r"cannot be pickled: attribute thing\.thing \(_thread\.lock\): TypeError"),
        (Changed(), r"Changed: the pickled model is loaded as dict"),
        (
            Holds(Refuses.made()),
            r"Holds: the pickled model cannot be loaded: KeyError: 'weights' \(.*test_write.py:\d+\)",
        ),
        (Named("a-b.jsonl"), r"Named: save_id_maps wrote a-b\.jsonl \(.*test_write.py:\d+\)"),
        (Named("no/folder.jsonl"), r"Named: save_id_maps raised FileNotFoundError: .*test_write.py:\d+\)"),
    ],
    ids=["lambda", "nested lock", "another object", "setstate", "name of an id map", "save_id_maps raises"],
)
def test_a_model_that_a_bundle_cannot_hold_is_explained(job, tmp_path, model, said):
    with pytest.raises(RequestError, match=said):
        write_bundle(tmp_path / "b", model, job.variants[0], TrainingData.of(FRAME), NO_JOB)
    assert not (tmp_path / "b" / "bundle.json").exists()
