from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import bundle
from pipeline.bundle import NO_JOB, BundleInfo, TrainingData, frame_checksum, read_bundle, read_info, write_bundle
from pipeline.digests import digest_json, sha256_file
from pipeline.errors import CheckError, RequestError
from pipeline.models import make_model
from pipeline.project import Project
from tests.dummy_project import dummy_project

ORIGIN = replace(
    NO_JOB,
    run={"run_id": "dummy-2013-07-01-abc"},
    sql={"dummy/preprocess/examples_v1": "SELECT 1\n"},
    sql_digests={"dummy/preprocess/examples_v1": "0123456789abcdef"},
    code="c0de",
    commit=("abc", True),
)
FRAME = pd.DataFrame({"id": [1, 2], "day": ["2013-07-01", "2013-07-01"], "label": [0, 1]})


class WritesAFile:
    """Unpickling it writes a file: proof that something was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def job(tmp_path):
    with dummy_project(tmp_path / "project") as root:
        yield Project.open(root).job("dummy")


@pytest.fixture
def made(job, tmp_path) -> tuple[Path, BundleInfo]:
    variant = job.variants[0]
    model = make_model(variant.config).fit(FRAME)
    origin = replace(ORIGIN, job_file=job.folder / "job.yaml")
    return tmp_path / "bundle", write_bundle(tmp_path / "bundle", model, variant, TrainingData.of(FRAME), origin)


@pytest.fixture
def trapped(job, tmp_path) -> tuple[Path, Path]:
    """A valid bundle whose model writes a file when it is unpickled, and that file."""
    folder, trap = tmp_path / "trapped", tmp_path / "unpickled"
    write_bundle(folder, WritesAFile(trap), job.variants[0], TrainingData.of(FRAME), replace(ORIGIN, job_file=None))
    return folder, trap


def test_bundle_holds_everything_that_reproduces_the_model(made):
    folder, info = made
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "model.joblib",
        "bundle.json",
        "variant.yaml",
        "job.yaml",
        "training.parquet",
        "sql/dummy/preprocess/examples_v1.sql",
    }
    assert set(info.content["files"]) == found - {"bundle.json"}
    assert info.content["complete"]
    assert (info.content["commit"], info.content["dirty"]) == ("abc", True)
    assert info.content["training_data"] == {"rows": 2, "checksum": frame_checksum(FRAME), "stored": True}


def test_listed_files_have_their_size_and_sha256(made):
    folder, info = made
    for name, file in info.content["files"].items():
        assert file == {"sha256": sha256_file(folder / name), "size": (folder / name).stat().st_size}


def test_bundle_read_back_predicts_the_same(made):
    folder, info = made
    model, found, config = read_bundle(folder)
    assert model.predict(FRAME)["score"].tolist() == [0.5, 0.5]
    assert (found.model_id, found.digest) == (info.model_id, info.digest)
    assert config.model == "jobs.dummy.model:Mean"


def test_training_frame_is_kept_and_comes_back(made):
    pd.testing.assert_frame_equal(pd.read_parquet(made[0] / "training.parquet"), FRAME)


def test_large_training_frames_are_left_out(job, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "TRAINING_FRAME_LIMIT", 10)
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

    same = [model_id("a"), model_id("b"), model_id("c", commit=("def", False)), model_id("d", run={"run_id": "other"})]
    other = [
        model_id("e", model="n"),
        model_id("f", variant=job.variants[1]),
        model_id("g", frame=FRAME.assign(label=1)),
        model_id("h", code="other"),
    ]
    assert len(set(same)) == 1
    assert len({same[0], *other}) == 5


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


FILES = ["model.joblib", "variant.yaml", "training.parquet", "sql/dummy/preprocess/examples_v1.sql"]


@pytest.mark.parametrize("damage", [flip, truncate, lengthen, Path.unlink], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", FILES)
def test_damaged_bundle_is_refused_before_anything_is_unpickled(trapped, name, damage):
    folder, trap = trapped
    damage(folder / name)
    with pytest.raises(CheckError, match=f"{name}: missing or not the file that bundle.json lists"):
        read_bundle(folder)
    assert not trap.exists()


def test_the_trap_works(trapped):
    folder, trap = trapped
    read_bundle(folder)
    assert trap.exists()


def test_replaced_model_is_refused_before_it_is_unpickled(trapped):
    folder, trap = trapped
    (folder / "model.joblib").write_bytes(pickle.dumps(WritesAFile(trap)))
    with pytest.raises(CheckError, match=r"model\.joblib"):
        read_bundle(folder)
    assert not trap.exists()


@pytest.mark.parametrize("name", ["model.joblib", "variant.yaml", None])
def test_files_that_are_not_listed_are_not_loaded(trapped, name):
    folder, trap = trapped
    content = json.loads((folder / "bundle.json").read_text())
    content.pop("files") if name is None else content["files"].pop(name)
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(CheckError, match="missing or not the file"):
        read_bundle(folder)
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 2}', "{}"])
def test_what_is_no_bundle_of_this_version_is_a_request_error(trapped, text):
    folder, trap = trapped
    (folder / "bundle.json").write_text(text)
    with pytest.raises(RequestError, match=r"no model bundle here|bundle of schema version"):
        read_bundle(folder)
    assert not trap.exists()


def test_missing_folder_is_a_request_error(tmp_path):
    with pytest.raises(RequestError, match="none: no model bundle here"):
        read_info(tmp_path / "none")


def test_info_has_a_digest_of_its_content(made):
    folder, info = made
    assert read_info(folder).digest == info.digest == digest_json(dict(info.content))


CELLS = {
    "i": st.none() | st.integers(-(2**63), 2**63 - 1),
    "f": st.none() | st.floats(allow_nan=False),
    "s": st.none() | st.text("abN", max_size=2),
    "b": st.none() | st.booleans(),
    "d": st.none() | st.dates(),
}
DTYPES = {"i": "Int64", "f": "float64", "s": "string", "b": "boolean", "d": "date32[day][pyarrow]"}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6)


def typed(rows) -> pd.DataFrame:
    return pd.DataFrame({n: pd.Series([r[n] for r in rows], dtype=object).astype(t) for n, t in DTYPES.items()})


@settings(deadline=None, max_examples=50)
@given(ROWS, st.randoms())
def test_checksum_does_not_depend_on_the_order_of_rows(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert frame_checksum(typed(shuffled)) == frame_checksum(typed(rows))


@settings(deadline=None, max_examples=100)
@given(ROWS, st.data())
def test_checksum_changes_with_any_cell(rows, data):
    at, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(sorted(CELLS)))
    value = data.draw(CELLS[name].filter(lambda value: value != rows[at][name]))
    changed = [row | {name: value} if index == at else row for index, row in enumerate(rows)]
    assert frame_checksum(typed(changed)) != frame_checksum(typed(rows))


def test_checksum_sees_doubled_rows_names_and_types():
    frame = pd.DataFrame({"a": [1, 2], "b": [2, 1]})
    others = [pd.concat([frame, frame]), frame.iloc[:1], frame[["b", "a"]], frame.astype("Int64"), frame.iloc[:0]]
    assert len({frame_checksum(other) for other in [frame, *others]}) == 6


def test_checksum_does_not_depend_on_the_index():
    assert frame_checksum(FRAME.set_axis([7, 9])) == frame_checksum(FRAME)


def test_scores_of_training_rows_are_listed_and_change_no_identity(job, made, tmp_path):
    variant, (_, plain) = job.variants[0], made
    model = make_model(variant.config).fit(FRAME)
    origin = replace(ORIGIN, job_file=job.folder / "job.yaml")
    folder = tmp_path / "scored"

    def scores():
        model.mean = -1.0  # as a model that keeps what it was asked
        return [{"feature": "score", "number": 0.5, "n": 2}]

    info = write_bundle(folder, model, variant, TrainingData.of(FRAME), origin, scores=scores)
    assert json.loads((folder / bundle.SCORES).read_text()) == {"feature": "score", "number": 0.5, "n": 2}
    assert bundle.SCORES in info.content["files"]
    assert bundle.SCORES not in plain.content["files"]
    assert info.model_id == plain.model_id
    assert read_bundle(folder)[0].mean == 0.5
