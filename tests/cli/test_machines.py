"""The command line on machines with other habits: folders with odd names, a strict umask, another time zone."""

from __future__ import annotations

import json
import os
import stat
import subprocess

import pytest

from tests.cli.parcels import LAST, write_project, write_sources
from tests.support.integration_fixtures import COMMAND, ROOT


@pytest.fixture
def command(tmp_path):
    """Run a command in a folder with blanks and umlauts, with umask 077, in India; its emulators are ended."""
    folder = tmp_path / "Größe & Übung (1)"
    root = write_project(folder / "my project")
    where = ["--local-dir", str(folder / "lokaler Zustand")]
    environment = os.environ | {"TZ": "Asia/Kolkata", "PYTHONPATH": str(ROOT)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *arguments, *where]
        options = {"cwd": root, "env": environment, "umask": 0o077}
        done = subprocess.run(command, **options, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done

    yield call, folder
    call("local", "down")


@pytest.mark.long
def test_run_works_in_odd_folder_umask_and_time_zone(command):
    call, folder = command
    sources = write_sources(folder / "Pakete für März")
    call("sources", "load", "parcels", "--from", str(sources))
    done = json.loads(call("run", "parcels", "--run-date", str(LAST), "--json").stdout)
    assert (done["status"], done["run_date"], done["rows"]["load"]) == ("done", str(LAST), 100)
    made = [path for path in (folder / "lokaler Zustand").rglob("*") if not path.is_symlink()]
    assert [path for path in made if path.is_file()]
    assert [str(path) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
