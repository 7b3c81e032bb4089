"""The command line against emulators of its own: it names datasets and bucket by itself, so they are not shared."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipeline.cli.app import run
from tests.support.integration_fixtures import COMMAND, ROOT


@dataclass(frozen=True)
class Done:
    """The output of a command, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong; progress may stand before it."""
        lines = self.err.splitlines()
        assert [line for line in lines if line.startswith("error:")] == lines[-1:], self.err
        assert "Traceback" not in self.err
        return lines[-1]


def run_process(*arguments: str, command: list[str] = COMMAND) -> Done:
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def process() -> Callable[..., Done]:
    """Run the command line as a process of its own."""
    return run_process


@pytest.fixture(scope="session")
def loaded_dir(emulators_dir: Path, fixtures_folder: Path) -> Path:
    """A local directory with the tiny sources, loaded by the command line."""
    folder = str(fixtures_folder)
    done = run_process("sources", "load", "flight_delay", "--from", folder, "--local-dir", str(emulators_dir))
    assert (done.code, done.out.split(":")[0]) == (0, "flight_delay sources loaded"), done.err
    return emulators_dir


@pytest.fixture(scope="session")
def quick_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one more job, flight_quick: the flights with two rates as variants, which fit in no time."""
    root = tmp_path_factory.mktemp("project")
    for name in ("jobs", "sql", "udf"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder, own = root / "jobs" / "flight_delay", root / "jobs" / "flight_quick"
    own.mkdir()
    for variant in ("carrier_hour_rate", "constant_rate"):
        shutil.copy(folder / f"{variant}.yaml", own)
    spec = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    spec |= {"variants": ["carrier_hour_rate"], "baselines": ["constant_rate"]}
    (own / "job.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return root


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command line in this process, which is faster; the emulators' address is put back afterwards."""
    for name in ("BIGQUERY_EMULATOR_HOST", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.chdir(ROOT)
    # what a command as a task of Cloud Run takes over
    for module, names in {
        logging: ("lastResort", "raiseExceptions"),
        sys: ("unraisablehook", "stdout", "stderr"),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    def call(*arguments: str) -> Done:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call
