from __future__ import annotations

import json
import pickle
import platform
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.base.digests import full_digest_json
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import TrainingData, load_verified, read_info, sealed, using_code, write_bundle
from pipeline.models.interface import make_model
from pipeline.project.code import project_files
from pipeline.sql import Catalogue
from tests.models.bundle.conftest import FRAME, ORIGIN, WritesAFile
from tests.support.bundles import read_bundle
from tests.support.dummy_project import FILES as PROJECT
from tests.support.dummy_project import forget_modules

MADE = replace(ORIGIN, files={"jobs/dummy/model.py": PROJECT["jobs/dummy/model.py"].encode()})
"""With the code of the model, as a run has it."""


def test_bundle_read_back_predicts_the_same(made):
    folder, info = made
    found = read_info(folder)
    model, config = load_verified(folder, found)
    assert model.predict(FRAME)["score"].tolist() == [0.5, 0.5]
    assert (found.model_id, found.digest) == (info.model_id, info.digest)
    assert config.model == "jobs.dummy.model:Mean"


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


@pytest.mark.parametrize("name", ["model.joblib", "variant.yaml"])
def test_files_that_are_not_listed_are_not_loaded(trapped, name):
    folder, trap = trapped
    rewrite(folder, lambda content: content["files"].pop(name))
    with pytest.raises(CheckError, match="missing or not the file"):
        read_bundle(folder)
    assert not trap.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("files"),
        lambda content: content.pop("run"),
        lambda content: content.pop("libraries"),
        lambda content: content.update(files={"model.joblib": "x"}),
        lambda content: content["files"].update({"../elsewhere": {}}),
        lambda content: content["files"].update({"/etc/passwd": {}}),
        lambda content: content["files"].update({"/etc/passwd": {"sha256": "0" * 64, "size": 1}}),
        lambda content: content["files"].update({"a/../../b": {"sha256": "0" * 64, "size": 1}}),
        lambda content: content["run"].pop("as_of"),
        lambda content: content["training_data"].pop("columns"),
        lambda content: content.pop("commit"),
        lambda content: content.update(more=1),
        lambda content: content["files"].update({"x" * 300: {"sha256": "0" * 64, "size": 1}}),
        lambda content: content["training_data"]["columns"].update(id="FOO"),
        lambda content: content["training_data"].update(dtypes={}),
    ],
)
def test_damaged_list_of_files_is_refused(trapped, change):
    folder, trap = trapped
    rewrite(folder, change)
    with pytest.raises(CheckError, match=r"bundle\.json is damaged"):
        read_bundle(folder)
    assert not trap.exists()


@pytest.mark.parametrize("at", range(0, 3000, 97))
def test_a_bit_of_bundle_json_that_turned_is_refused(trapped, at):
    folder, trap = trapped
    content = bytearray((folder / "bundle.json").read_bytes())
    content[at % len(content)] ^= 4
    if json_of(content) == json_of((folder / "bundle.json").read_bytes()):
        pytest.skip("the bit is one of spaces between values")
    (folder / "bundle.json").write_bytes(content)
    with pytest.raises((CheckError, RequestError)):
        read_bundle(folder)
    assert not trap.exists()


def json_of(content: bytes):
    try:
        return json.loads(content)
    except ValueError:
        return None


def rewrite(folder: Path, change) -> None:
    content = json.loads((folder / "bundle.json").read_text())
    change(content)
    (folder / "bundle.json").write_text(json.dumps(sealed(content)))


def test_bundles_own_code_serves_where_the_project_is_not_there(job, tmp_path):
    folder = tmp_path / "elsewhere"
    write_bundle(folder, make_model(job.variants[0].config).fit(FRAME), job.variants[0], TrainingData.of(FRAME), MADE)
    sys.path.remove(str(job.folder.parents[1]))
    forget_modules()
    with pytest.raises(RequestError, match=r"no module named|No module named"):
        read_bundle(folder)
    with using_code(folder):
        assert read_bundle(folder).predict(FRAME)["score"].tolist() == [0.5, 0.5]
    assert str(folder) not in sys.path


def test_a_bundle_that_is_loaded_with_other_versions_says_so(made):
    folder, warned = made[0], []
    load_verified(folder, read_info(folder), warned.append)
    assert warned == []
    assert read_info(folder).content["libraries"]["python"] == platform.python_version()
    rewrite(folder, lambda content: content["libraries"].update(numpy="1.0", python="3.9.1"))
    load_verified(folder, read_info(folder), warned.append)
    others = f"numpy==1.0 (here {metadata.version('numpy')}), python==3.9.1 (here {platform.python_version()})"
    said = f"trained with {others}: its predictions may differ; install these versions, or train again"
    assert [line.partition(": ")[2] for line in warned] == [said]
    with pytest.warns(UserWarning, match=r"trained with numpy==1\.0"):
        load_verified(folder, read_info(folder))


def test_bundles_hold_modules_of_other_jobs_and_data_files(job, tmp_path, monkeypatch):
    """A package `jobs` with a start of its own, a module directly in jobs/, and data next to a module."""
    root, folder = job.folder.parents[1], tmp_path / "elsewhere"
    files = {
        "jobs/__init__.py": "START = 1.0\n",
        "jobs/common.py": "from jobs import START\nfrom jobs.other.codes import HALF\nSUM = START + HALF\n",
        "jobs/other/codes.py": "from pathlib import Path\n"
        "HALF = float(Path(__file__).with_name('half.txt').read_text())\n",
        "jobs/other/half.txt": "0.5",
        "jobs/dummy/model.py": "from jobs.common import SUM\n"
        + PROJECT["jobs/dummy/model.py"].replace(
            "score=self.mean * self.factor", "score=self.mean * self.factor + SUM"
        ),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.delitem(sys.modules, "jobs", raising=False)  # other tests imported the package of this repository
    held = project_files(job, Catalogue(root), [])
    assert files.keys() <= held.keys()
    model = make_model(job.variants[0].config).fit(FRAME)
    write_bundle(folder, model, job.variants[0], TrainingData.of(FRAME), replace(ORIGIN, files=held))
    (root / "jobs/other/half.txt").write_text("100.0")
    (root / "jobs/common.py").write_text("SUM = 1000.0\n")
    names = ("jobs", "jobs.common", "jobs.other", "jobs.other.codes")
    try:
        with using_code(folder):
            assert read_bundle(folder).predict(FRAME)["score"].tolist() == [2.0, 2.0]
        assert sys.modules["jobs.common"].__file__ == str(root / "jobs/common.py")
    finally:
        for name in names:
            sys.modules.pop(name, None)


def test_missing_module_is_named_with_where_it_was(made, monkeypatch):
    monkeypatch.setattr("joblib.load", fails(ModuleNotFoundError("No module named 'jobs.dummy'", name="jobs.dummy")))
    with pytest.raises(RequestError, match=r"jobs.dummy.model:Mean: .* - put the module jobs.dummy .*from commit abc"):
        read_bundle(made[0])


def test_missing_library_is_named_with_its_version(job, tmp_path, monkeypatch):
    folder, version = tmp_path / "b", metadata.version("scikit-learn")
    write_bundle(folder, object(), job.variants[0], TrainingData.of(FRAME), replace(ORIGIN, modules={"sklearn.base"}))
    monkeypatch.setattr("joblib.load", fails(ModuleNotFoundError("No module named 'sklearn'", name="sklearn")))
    with pytest.raises(RequestError, match=f"No module named 'sklearn' .*- install scikit-learn=={version}$"):
        read_bundle(folder)


def test_pickle_of_other_versions_names_those_that_differ(made, monkeypatch):
    rewrite(made[0], lambda content: content["libraries"].update(numpy="1.0"))
    monkeypatch.setattr("joblib.load", fails(ValueError("incompatible dtype")))
    here = metadata.version("numpy")
    with pytest.raises(RequestError, match=rf"incompatible dtype .*- install numpy==1.0 \(here {here}\)$"):
        read_bundle(made[0])


def fails(error: Exception):
    def load(path):
        raise error

    return load


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema_version": 1}', '{"schema_version": 3}', "{}"])
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
    assert read_info(folder).digest == info.digest == full_digest_json(dict(info.content))


@pytest.mark.parametrize("model", ['"\\ud800"', "[" * 100_000, "[" * 990 + "]" * 990])
def test_json_that_nobody_writes_is_one_line(made, model):
    folder, _ = made
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(text.replace('"jobs.dummy.model:Mean"', model))
    with pytest.raises((CheckError, RequestError), match=r"bundle\.json is damaged|no model bundle here"):
        read_bundle(folder)
