from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from pipeline.emulators import processes
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.state import ServerRecord

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def record_of(process, shift=0.0):
    return ServerRecord(pid=process.pid, started_at=psutil.Process(process.pid).create_time() + shift)


def test_process_id_with_a_new_owner_is_never_signalled(sleeper):
    other = record_of(sleeper, shift=-60.0)
    assert not processes.is_alive(other)
    assert processes.stop([other, None]) is False
    assert sleeper.poll() is None


def test_stop_ends_our_process_and_says_so(sleeper):
    assert processes.stop([record_of(sleeper)]) is True
    assert sleeper.wait(timeout=5) in (0, -signal.SIGTERM)  # psutil may have been told the status first


def test_process_that_ignores_sigterm_is_killed():
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        record = record_of(process)
        assert processes.stop([record], seconds=0.2) is True
        assert not processes.is_alive(record)


def test_ended_process_is_not_alive_and_no_zombie(tmp_path):
    folder = LocalFolder(tmp_path)
    folder.make()
    record = processes.start([shutil.which("true")], folder, folder.logs / "true.log")
    while processes.is_alive(record):
        pass
    assert not psutil.pid_exists(record.pid)


def test_listens_asks_for_the_holder_of_the_port(sleeper):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert processes.listens(record_of(psutil.Process()), port)
        assert not processes.listens(record_of(sleeper), port)
        assert not processes.listens(record_of(sleeper, shift=-60.0), port)


def test_environment_is_small_and_points_into_the_folder(tmp_path, monkeypatch):
    for name in ("BQEMU_REST_PORT", "HTTPS_PROXY", "GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        monkeypatch.setenv(name, "x")
    found = processes.environment(LocalFolder(tmp_path))
    assert {name for name in found if not name.startswith("COVERAGE_")} <= {
        *processes.INHERITED,
        "HOME",
        "TMPDIR",
        "TZ",
        "PYTHONPATH",
    }
    assert (found["HOME"], found["TMPDIR"]) == (f"{tmp_path}/home", f"{tmp_path}/tmp")
