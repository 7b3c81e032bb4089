from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from pipeline.errors import RequestError
from pipeline.operate.deploy import folder
from pipeline.operate.deploy.folder import write_deployment
from tests.operate.deploy.golden_files import deployment


@pytest.fixture(scope="module")
def flights():
    return deployment("flight_delay")


def names(path):
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def test_the_script_can_be_executed(flights, tmp_path):
    written = write_deployment(flights, tmp_path / "out")
    assert names(tmp_path / "out") == written
    assert (tmp_path / "out" / "deploy.sh").stat().st_mode & 0o111
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_earlier_deployment_is_replaced(flights, tmp_path):
    out = tmp_path / "out"
    written = write_deployment(flights, out)
    (out / "run_jobs" / "old_phase.yaml").write_text("left over")
    (out / "workflow.yaml").write_text("changed by hand")
    assert write_deployment(flights, out) == names(out) == written
    assert "changed by hand" not in (out / "workflow.yaml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(flights, tmp_path):
    (tmp_path / "out").mkdir()
    assert "deploy.sh" in write_deployment(flights, tmp_path / "out")


def test_a_failed_write_keeps_the_earlier_deployment(flights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_deployment(flights, out)
    (out / "note").write_text("kept")

    def half(new, content):
        new.mkdir()
        (new / "README.md").write_text(content["README.md"])
        raise OSError("disk full")

    monkeypatch.setattr(folder, "_write", half)
    with pytest.raises(OSError, match="disk full"):
        write_deployment(flights, out)
    assert (out / "note").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_with_other_files_is_left_alone(flights, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"holds other files and no deployment\.json"):
        write_deployment(flights, tmp_path)
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize(
    "mark", ['{"name": "a package"}', "[]", "no JSON", "\udcff", '{"job": "flight_delay"}', '{"job": "item_recommend"}']
)
def test_a_folder_of_another_program_or_job_is_left_alone(flights, tmp_path, mark):
    ours = {"target": "", "image": "", "code digest": ""}
    text = json.dumps(json.loads(mark) | ours) if "item" in mark else mark
    (tmp_path / folder.MARK).write_bytes(text.encode(errors="surrogateescape"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match="is not of flight_delay"):
        write_deployment(flights, tmp_path)
    assert names(tmp_path) == [folder.MARK, "notes.txt"]


def test_labels_that_look_like_numbers_are_quoted(flights, tmp_path):
    labels = {"a": "1e3", "b": "0899", "c": "12345", "d": "0o7", "e": "0x1f", "f": "1_0", "g": "no"}
    labelled = replace(flights, target=flights.target.model_copy(update={"labels": labels}))
    write_deployment(labelled, tmp_path / "out")
    text = (tmp_path / "out/run_jobs/train.yaml").read_text()
    assert yaml.safe_load(text)["metadata"]["labels"].items() >= labels.items()
    for name in "abcdefg":
        assert f"{name}: '{labels[name]}'" in text


def test_a_file_a_link_or_a_missing_parent_is_refused(flights, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for place, message in (("file", "not a folder"), ("link", "not a folder"), ("no/out", "there is no folder")):
        with pytest.raises(RequestError, match=message):
            write_deployment(flights, tmp_path / place)
