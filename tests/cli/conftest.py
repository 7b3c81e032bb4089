"""The command line against emulators of its own: it names datasets and bucket by itself, so they are not shared."""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipeline.cli.app import run
from pipeline.cli.cloud_run.log import LogHandler
from tests.support.dummy_project import edit
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
def prepare() -> Callable[..., Done]:
    """Run the command line in this process, for fixtures of modules and of the session."""

    def call(*arguments: str) -> Done:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with as_a_command(), redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
        return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))

    return call


@pytest.fixture(scope="session")
def loaded_dir(prepare: Callable[..., Done], emulators_dir: Path, fixtures_folder: Path) -> Path:
    """A local directory with the tiny sources, loaded by the command line."""
    folder = str(fixtures_folder)
    done = prepare("sources", "load", "flight_delay", "--from", folder, "--local-dir", str(emulators_dir))
    assert (done.code, done.out.split(":")[0]) == (0, "flight_delay sources loaded"), done.err
    return emulators_dir


@pytest.fixture(scope="session")
def quick_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two more jobs of the flights, whose variants are rates, which fit in no time.

    flight_quick has one variant and one baseline, flight_pair has a challenger, too.
    """
    root = tmp_path_factory.mktemp("project")
    for name in ("jobs", "sql", "udf"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "jobs" / "flight_delay"
    spec = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    for job, variants in {
        "flight_quick": ["carrier_hour_rate"],
        "flight_pair": ["carrier_hour_rate", "smooth_rate"],
    }.items():
        own = root / "jobs" / job
        own.mkdir()
        changes = {"variants": variants, "baselines": ["constant_rate"]}
        (own / "job.yaml").write_text(yaml.safe_dump(spec | changes), encoding="utf-8")
        for variant in (*variants, "constant_rate"):
            source = folder / f"{'carrier_hour_rate' if variant == 'smooth_rate' else variant}.yaml"
            shutil.copy(source, own / f"{variant}.yaml")
    smooth = root / "jobs" / "flight_pair" / "smooth_rate.yaml"
    edit(smooth, "prior_flights: ", "prior_flights: 1")
    return root


@contextmanager
def as_a_command() -> Iterator[None]:
    """Prepare this process for the command line; what a command changes is put back afterwards."""
    root = logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY", ""))
        patch.chdir(ROOT)
        # what a command as a task of Cloud Run takes over
        for module, names in {
            logging: ("lastResort", "raiseExceptions"),
            sys: ("unraisablehook", "stdout", "stderr"),
        }.items():
            for name in names:
                patch.setattr(module, name, getattr(module, name))
        patch.setattr(threading, "excepthook", threading.excepthook)
        patch.setattr(logging, "captureWarnings", lambda **_: None)  # pytest has them
        yield
    for handler in [handler for handler in root.handlers if isinstance(handler, LogHandler)]:
        root.removeHandler(handler)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Run the command line in this process, which is faster; the emulators' address is put back afterwards."""

    def call(*arguments: str) -> Done:
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    with as_a_command():
        yield call
