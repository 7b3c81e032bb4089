"""A missing program gives one line; in continuous integration it is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import program
from tools.programs import find_program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def outside(monkeypatch):
    """Run outside of continuous integration, without WITHOUT."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("WITHOUT", raising=False)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.programs", *arguments]
    environment = os.environ | variables
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("outside")
def test_a_missing_program_is_one_line_and_no_failure():
    done = run("no-such-linter", "Dockerfile")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no-such-linter: not installed on this machine, skipped\n"


@pytest.mark.usefixtures("outside")
def test_missing_program_fails_in_ci_unless_named():
    done = run("no-such-linter", CI="true")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("no-such-linter: not installed, and required with CI=true")
    assert run("no-such-linter", CI="true", WITHOUT="chromium").returncode == 1
    assert run("no-such-linter", CI="true", WITHOUT="chromium no-such-linter").returncode == 0


@pytest.mark.usefixtures("outside")
def test_its_exit_code_is_that_of_the_program():
    assert run("python", "-c", "raise SystemExit(3)").returncode == 3


def test_program_of_the_environment_comes_first(tmp_path, monkeypatch):
    for name in ("python", "only-here"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("python") == str(Path(sys.executable).parent / "python")
    assert find_program("only-here") == str(tmp_path / "only-here")


@pytest.mark.usefixtures("outside")
def test_tests_skip_without_a_program_and_fail_in_ci(monkeypatch):
    with pytest.raises(pytest.skip.Exception, match="no-such-linter is not installed on this machine"):
        program("no-such-linter")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-linter is not installed, and CI=true requires it"):
        program("no-such-linter")
