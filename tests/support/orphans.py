"""End the emulators of a process that died: a killed test run leaves none behind.

Emulators live on after the command that started them, as users want. Those of a test run must not. So a run starts a
watcher, a small process in a session of its own, which neither Ctrl-C nor a kill of the run reaches. When the run has
ended, in whatever way, the watcher kills the emulators whose command line names a folder of the run. It needs nothing
of the emulators, so it works for the one that is a Go binary, too.

It asks for its parent's id instead of waiting for the end of a pipe, because forked processes of tests hold pipes open.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PROGRAMS = ("pipeline.emulators", "fake-gcs-server", "tests.faults.zygote", "pipeline.cli")
"""Emulators, and what may start them: a part of the command line."""

POLL_SECONDS = 0.5

QUIET_SECONDS = 3.0
"""The watcher ends after so many seconds without a process: a command of a killed test may still start emulators."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Watch this process, be it the only one, the controller of pytest-xdist or one of its workers."""
    end_with_this_process(session.config._tmp_path_factory.getbasetemp())


def end_with_this_process(folder: Path) -> int:
    """Start a watcher that kills the emulators below a folder when this process has ended, and return its id."""
    streams = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    # isolated (-I), and without the variables by which coverage watches child processes
    command = [sys.executable, "-I", __file__, str(os.getpid()), str(folder.resolve())]
    return os.posix_spawn(command[0], command, {"PATH": os.defpath}, file_actions=streams, setsid=True)


def watch(parent: int, folder: str) -> None:
    """Wait until this process has another parent, then kill the programs that name the folder."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    last = time.monotonic()
    while time.monotonic() - last < QUIET_SECONDS:
        if kill_programs(folder):
            last = time.monotonic()
        time.sleep(POLL_SECONDS)


def kill_programs(folder: str) -> int:
    """Kill the emulators, and what may start them, whose command line names a path below a folder; return how many."""
    import psutil

    killed = 0
    for process in psutil.process_iter(["cmdline", "status"]):
        line = "\0".join(process.info["cmdline"] or [])
        if f"{folder}/" not in line or not any(program in line for program in PROGRAMS):
            continue
        if process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                killed += 1
    return killed


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2])
