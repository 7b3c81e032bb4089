from __future__ import annotations

import os
import re
import subprocess

import pandas as pd
import pytest

from pipeline.project import code
from pipeline.project.code import commit_name, digest_of_code, git_commit, library_versions, why_no_commit
from pipeline.project.project import Job
from tests.support.programs import program


@pytest.fixture
def job(tmp_path):
    (tmp_path / "model.py").write_text("x = 1\n")
    (tmp_path / "job.yaml").write_text("a: 1\n")
    return tmp_path


def code_digest(folder):
    return digest_of_code(Job("job", folder, None, ()))


def test_versions_are_those_installed():
    assert library_versions()["pandas"] == pd.__version__
    assert set(library_versions()) == set(code.NUMERIC_LIBRARIES)


def test_code_digest_sees_every_python_file(job):
    before = code_digest(job)
    (job / "parts").mkdir()
    (job / "parts" / "more.py").write_text("")
    added = code_digest(job)
    (job / "model.py").write_text("x = 2\n")
    assert len({before, added, code_digest(job)}) == 3


def test_code_digest_does_not_see_other_files_and_newlines(job):
    before = code_digest(job)
    (job / "job.yaml").write_text("a: 2\n")
    (job / "model.py").write_bytes(b"x = 1\r\n")
    assert code_digest(job) == before


def test_code_digest_is_the_same_in_another_folder(job, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "model.py").write_text("x = 1\n")
    assert code_digest(other) == code_digest(job)


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


def test_commit_and_changed_files_of_a_checkout_are_told(job):
    git(job, "init", "-q")
    git(job, "add", ".")
    git(job, "commit", "-qm", "first")
    commit, dirty = git_commit(job)
    assert (len(commit), dirty) == (40, False)
    git_commit.cache_clear()
    (job / "model.py").write_text("x = 3\n")
    assert git_commit(job) == (commit, True)


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
