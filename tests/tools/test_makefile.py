"""Targets on machines that lack something or whose folders have odd names; nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import program

ROOT = Path(__file__).resolve().parents[2]
NO_PYTHON = "make: no Python 3.11 or newer found: install python3 (with venv)"


@pytest.fixture
def machine(tmp_path):
    """A folder for the programs of a machine that has none but a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to(program("sh"))
    return folder


def add_python(machine: Path, name: str, text: str) -> None:
    path = machine / name
    path.write_text(f"#!{program('sh')}\n{text}\n")
    path.chmod(0o755)


def make(machine: Path, target: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [program("make"), "--no-print-directory", target]
    environment = {"PATH": str(machine)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_missing_python_is_named_in_one_line(machine, target):
    done = make(machine, target)
    line, of_make = done.stderr.splitlines()
    assert (done.returncode, done.stdout, line) == (2, "", NO_PYTHON)
    assert of_make.startswith("make: ***")


def test_a_python_that_is_too_old_or_lacks_venv_is_as_none(machine):
    add_python(machine, "python3", "exit 1")
    done = make(machine, "demo")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, NO_PYTHON)


def test_a_folder_with_blanks_and_umlauts_is_no_obstacle(machine, tmp_path):
    folder = tmp_path / "Größe & Übung (1)"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    add_python(machine, "python3", '[ "$1" = -c ] || echo "$PWD: $*"')
    done = make(machine, "local", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder}: tools/install.py local\n", "")
