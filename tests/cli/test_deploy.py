"""`pipeline deploy` and `pipeline setup` as one calls them."""

from __future__ import annotations

import json
import shutil
import subprocess

from tests.operate.deploy.golden_files import IMAGE
from tests.support.integration_fixtures import ROOT
from tests.support.programs import program

TARGET = ("--target", "targets/example.yaml")


def test_deploy_prints_what_it_wrote(here, tmp_path):
    done = here("deploy", "flight_delay", *TARGET, "--image", IMAGE, "--out", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert done.out.startswith(f"flight_delay: 18 files in {tmp_path / 'out'}, nothing was sent")


def test_deploy_writes_one_json_object(here, tmp_path):
    done = here("deploy", "flight_delay", *TARGET, "--image", IMAGE, "--out", str(tmp_path / "out"), "--json")
    content = json.loads(done.out)
    assert (content["job"], content["target"], content["image"]) == ("flight_delay", "targets/example.yaml", IMAGE)
    assert "deploy.sh" in content["files"]


def test_deploy_without_a_commit_warns_in_one_line(here, quick_project, tmp_path):
    shutil.copytree(ROOT / "targets", tmp_path / "targets")
    for name in ("jobs", "sql", "udf"):
        (tmp_path / name).symlink_to(quick_project / name)
    place = ("--project-dir", str(tmp_path), "--target", str(tmp_path / "targets/example.yaml"))
    done = here("deploy", "flight_delay", *place, "--image", IMAGE, "--out", str(tmp_path / "out"))
    assert done.code == 0, done.err
    effect = "the files name no commit, and targets/example.yaml is not compared with the image"
    assert done.err == f"warning: the git commit is unknown: {tmp_path} is not a git checkout - {effect}\n"
    assert json.loads((tmp_path / "out" / "deployment.json").read_text())["commit"] == "none is known"


def test_deploy_stops_where_git_refuses_to_tell_the_commit(here, quick_project, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "targets", tmp_path / "targets")
    for name in ("jobs", "sql", "udf"):
        (tmp_path / name).symlink_to(quick_project / name)
    subprocess.run([program("git"), "-C", str(tmp_path), "init", "-q"], check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    place = ("--project-dir", str(tmp_path), "--target", str(tmp_path / "targets/example.yaml"))
    done = here("deploy", "flight_delay", *place, "--image", IMAGE, "--out", str(tmp_path / "out"))
    said = f"{tmp_path}: the commit and what it holds are unknown: git says: detected dubious ownership in repository"
    assert (done.code, done.error.startswith(f"error: {said}")) == (2, True), done.err
    assert not (tmp_path / "out").exists()


def test_deploy_refuses_the_local_target(here, tmp_path):
    done = here("deploy", "flight_delay", "--target", "local", "--image", IMAGE, "--out", str(tmp_path / "out"))
    assert (done.code, done.error) == (
        2,
        "error: --target local is this machine - name a target file in the project's folder",
    )
    assert list(tmp_path.iterdir()) == []


def test_name_too_long_for_the_disk_is_one_line(here, tmp_path):
    done = here("deploy", "flight_delay", *TARGET, "--image", IMAGE, "--out", str(tmp_path / ("n" * 300)))
    assert (done.code, "File name too long" in done.error) == (2, True)


def test_setup_makes_missing_tables_and_then_nothing(here, emulators_dir, requests_sent):
    arguments = ("setup", "flight_delay", "--local-dir", str(emulators_dir))
    done = here(*arguments)
    assert (done.code, done.out) == (0, "flight_delay: tables, functions and views exist\n"), done.err
    requests_sent.clear()
    assert here(*arguments).code == 0
    assert [sent for sent in requests_sent.jobs if "CREATE" in sent.statement] == []
