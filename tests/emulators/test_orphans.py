from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.emulators import lifecycle
from tests.support import orphans
from tests.support.integration_fixtures import ROOT

SECONDS = 90.0
"""How long a busy machine may take to start emulators, and to end them."""

PLUGINS = ["-p", "tests.support.orphans", "-p", "no:cacheprovider", "-p", "no:bqemulator"]

TEST = """
import os, pathlib, time
from pipeline.emulators import lifecycle

def test_waits(tmp_path):
    lifecycle.up(tmp_path / "local")
    pathlib.Path({ready!r}).write_text(f"{{os.getpid()}} {{tmp_path}}")
    time.sleep({seconds})
"""


def emulators_below(folder: Path) -> list[psutil.Process]:
    """Return the running emulators whose command line names a folder."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        process
        for process in found
        if any(str(folder) in part for part in process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def wait_until(condition) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "victim"),
    [
        ([], "runner"),
        pytest.param(["-n1", "--max-worker-restart=0"], "runner", marks=pytest.mark.long),
        pytest.param(["-n1", "--max-worker-restart=0"], "worker", marks=pytest.mark.long),
    ],
    ids=["pytest", "controller", "worker"],
)
def test_killed_test_run_leaves_no_emulator(tmp_path, options, victim):
    ready, test = tmp_path / "ready", tmp_path / "test_waiting.py"
    test.write_text(TEST.format(ready=str(ready), seconds=2 * SECONDS))
    command = [sys.executable, "-m", "pytest", "-q", *PLUGINS, *options]
    command += [f"--rootdir={tmp_path}", f"--basetemp={tmp_path / 'base'}", "-c", os.devnull, str(test)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": "."}) as runner:
        wait_until(lambda: ready.exists() and ready.read_text())
        worker, folder = ready.read_text().split()
        assert len(emulators_below(Path(folder))) == 2
        os.kill(runner.pid if victim == "runner" else int(worker), signal.SIGKILL)
        runner.wait(timeout=SECONDS)
    wait_until(lambda: not emulators_below(Path(folder)))


def test_interrupted_test_run_leaves_no_emulator_of_a_forgetful_test(tmp_path):
    """Ctrl-C reaches the whole process group, but not the watcher, which has a session of its own."""
    code = (
        "import pathlib, sys, time; from pipeline.emulators import lifecycle; from tests.support import orphans; "
        "folder = pathlib.Path(sys.argv[1]); orphans.end_with_this_process(folder); "
        "lifecycle.up(folder / 'local'); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"up\n"
        assert len(emulators_below(tmp_path / "local")) == 2
        os.killpg(process.pid, signal.SIGINT)
    wait_until(lambda: not emulators_below(tmp_path / "local"))


def test_only_programs_of_the_folder_are_killed(tmp_path):
    """Neither a reader of the folder's files nor an emulator of another folder ends."""
    (tmp_path / "a").mkdir()
    sleep = "import time; time.sleep(60)"
    reader = subprocess.Popen([sys.executable, "-c", sleep, str(tmp_path / "a" / "log")])
    other = subprocess.Popen([sys.executable, "-c", sleep, "fake-gcs-server", str(tmp_path / "ab" / "storage")])
    own = subprocess.Popen([sys.executable, "-c", sleep, "fake-gcs-server", str(tmp_path / "a" / "storage")])
    try:
        wait_until(lambda: len(emulators_below(tmp_path)) == 3)
        assert orphans.kill_programs(str(tmp_path / "a")) == 1
        assert own.wait(timeout=SECONDS) == -signal.SIGKILL
        assert (reader.poll(), other.poll()) == (None, None)
    finally:
        for process in (reader, other, own):
            process.kill()
            process.wait()


def test_emulators_of_the_command_line_go_on(tmp_path):
    """`pipeline local up` ends, and its emulators answer on."""
    up = "from pipeline.cli import main; main()"
    subprocess.run([sys.executable, "-c", up, "local", "up", "--local-dir", str(tmp_path)], check=True, timeout=SECONDS)
    time.sleep(2 * orphans.POLL_SECONDS)
    assert lifecycle.status(tmp_path).running
    lifecycle.down(tmp_path)
