from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess

import pandas as pd
import pytest

from pipeline.base.progress import LineReporter
from pipeline.model_config import ModelConfig
from pipeline.project import code
from pipeline.project.code import (
    commit_name,
    digest_of_code,
    git_commit,
    library_versions,
    why_git_refuses,
    why_no_commit,
)
from pipeline.project.project import Job, Project, Variant
from pipeline.runs.session import Session
from tests.support.dummy_project import offline_target
from tests.support.programs import program

MODEL = "jobs/job/model.py"


@pytest.fixture
def job(tmp_path):
    (tmp_path / "jobs" / "job").mkdir(parents=True)
    (tmp_path / MODEL).write_text("x = 1\n")
    return tmp_path


def code_digest(folder):
    variant = Variant("mean", folder / "mean.yaml", ModelConfig(model="jobs.job.model:Mean", columns={"key": ["id"]}))
    return digest_of_code(Job("job", folder / "jobs" / "job", None, (variant,)))


def test_versions_are_those_installed():
    assert library_versions()["pandas"] == pd.__version__
    assert set(library_versions()) == {"python", *code.NUMERIC_LIBRARIES}


def test_code_digest_is_the_same_in_another_folder(job, tmp_path_factory):
    other = shutil.copytree(job, tmp_path_factory.mktemp("other") / "copy")
    assert code_digest(other) == code_digest(job)


def test_code_digest_changes_with_pythons_version(job, monkeypatch):
    before = code_digest(job)
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert code_digest(job) != before


@pytest.mark.parametrize("changed", ["NUMERIC_LIBRARIES", "ENGINE_CONTRACT"])
def test_code_digest_changes_with_libraries_and_contract(job, monkeypatch, changed):
    before = code_digest(job)
    monkeypatch.setattr(code, "library_versions", lambda _: {"numpy": "0"})
    if changed == "ENGINE_CONTRACT":
        monkeypatch.undo()
        monkeypatch.setattr(code, "ENGINE_CONTRACT", 999)
    assert code_digest(job) != before


def git(folder, *arguments):
    options = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    command = [program("git"), "-C", str(folder), *options, *arguments]
    subprocess.run(command, check=True, capture_output=True)


def committed(folder):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")


def test_commit_and_changed_files_of_a_checkout_are_told(job):
    committed(job)
    commit, dirty = git_commit(job)
    assert (len(commit), dirty) == (40, False)
    git_commit.cache_clear()
    (job / MODEL).write_text("x = 3\n")
    assert git_commit(job) == (commit, True)


@pytest.mark.parametrize(
    ("name", "is_dirty"),
    [
        *((name, True) for name in ("jobs/job/new.py", "jobs/job/codes.csv", "sql/job/new_v1.sql", "udf/new.sql")),
        *((name, False) for name in ("notes.txt", "data/rows.jsonl", "jobs/job/__pycache__/model.pyc", "jobs/ignored")),
    ],
)
def test_untracked_files_of_a_job_make_a_commit_dirty(job, name, is_dirty):
    (job / ".gitignore").write_text("ignored\n")
    committed(job)
    assert git_commit(job)[1] is False
    git_commit.cache_clear()
    (job / name).parent.mkdir(parents=True, exist_ok=True)
    (job / name).touch()
    assert git_commit(job)[1] is is_dirty


@pytest.mark.parametrize("question", ["status", "ls-files"])
def test_a_git_that_does_not_list_files_has_not_said_that_none_differ(job, monkeypatch, question):
    committed(job)
    ask = code._git
    monkeypatch.setattr(code, "_git", lambda root, *words: None if words[0] == question else ask(root, *words))
    commit, dirty = git_commit(job)
    assert (len(commit), dirty) == (40, True)


def test_a_git_that_refuses_is_told_apart_from_no_checkout(job, monkeypatch):
    assert why_git_refuses(job) == ""
    why_git_refuses.cache_clear()
    git(job, "init", "-q")
    assert why_git_refuses(job) == ""  # it has no commit yet, and says so
    why_git_refuses.cache_clear()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "git says: detected dubious ownership in repository" in why_git_refuses(job)


def test_a_git_that_refuses_is_told_once_for_a_session(job, monkeypatch):
    committed(job)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    lines = []
    session = Session.open(Project(job), offline_target(), LineReporter(lines.append))
    assert (session.commit, session.commit) == (None, None)
    (line,) = lines
    assert line.startswith("warning: the git commit is unknown: git says: detected dubious ownership")


def test_a_commit_from_which_files_differed_says_so():
    assert [commit_name("abc", dirty=dirty) for dirty in (False, None, True)] == ["abc", "abc", "abc-dirty"]
    assert commit_name(None, dirty=None) is None


def test_outside_a_checkout_there_is_no_commit(job):
    assert git_commit(job) == (None, None)
    assert why_no_commit(job) == f"{job} is not a git checkout"


def test_without_git_there_is_no_commit(job, monkeypatch):
    (job / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert git_commit(job) == (None, None)
    assert why_no_commit(job) == "git is not installed"


def test_a_checkout_without_a_commit_has_none(job):
    git(job, "init", "-q")
    assert git_commit(job) == (None, None)
    assert why_no_commit(job).startswith("git says: ")


def test_a_git_that_does_not_answer_is_not_waited_for(job, monkeypatch):
    (job / ".git").mkdir()
    slow = job / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=os.pathsep)
    monkeypatch.setattr(code, "GIT_SECONDS", 0.2)
    assert git_commit(job) == (None, None)
    assert why_no_commit(job) == "git does not answer (TimeoutExpired)"


def test_enclosing_checkout_without_the_folder_has_no_commit(job):
    git(job, "init", "-q")
    git(job, "add", ".")
    git(job, "commit", "-qm", "first")
    for name in ("held", "apart"):
        (job / name).mkdir()
        (job / name / "x.py").touch()
    git(job, "add", "held")
    git(job, "commit", "-qm", "second")
    assert git_commit(job / "held") == git_commit(job)
    assert git_commit(job / "apart") == (None, None)
    assert re.match("git says: .*apart", why_no_commit(job / "apart"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{'0a' * 20}\n", ("0a" * 20, False)),
        (f"{'0a' * 20}-dirty\n", ("0a" * 20, True)),
        ("unknown\n", (None, None)),
        ("", (None, None)),
    ],
)
def test_an_image_says_in_a_file_of_which_commit_it_is(tmp_path, monkeypatch, text, found):
    monkeypatch.setattr("pipeline.project.code._git", lambda *_: None)
    assert git_commit(tmp_path / "nothing") == (None, None)
    (tmp_path / "COMMIT").write_text(text)
    assert git_commit(tmp_path) == found
