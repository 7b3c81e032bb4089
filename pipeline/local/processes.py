"""Processes that outlive the command that started them, and that are ended by id and start time, never by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.local.folder import LocalFolder
from pipeline.local.state import ServerRecord

CLOCK_TOLERANCE = 2.0  # seconds: the system's clock may be set between two looks at a start time
STOP_SECONDS, POLL_SECONDS = 10.0, 0.01
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
MEASURING = "COVERAGE_"  # set by coverage for the processes that a test starts


def environment(folder: LocalFolder) -> dict[str, str]:
    """Build a child's environment: no proxies, no settings of the user or of other emulators, and a HOME of its own."""
    inherited = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(MEASURING)}
    own = {"HOME": str(folder.home), "TMPDIR": str(folder.temporary), "TZ": "UTC"}
    return {**inherited, **own, "PYTHONPATH": str(Path(__file__).parents[2])}


def start(command: list[str], folder: LocalFolder, log: Path) -> ServerRecord:
    """Start a process in a session of its own; the log of the one before it is kept beside its own."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # subprocess.Popen warns when it is forgotten while its process runs, which is what we want of ours
    pid = os.posix_spawn(command[0], command, environment(folder), file_actions=streams, setsid=True)
    return ServerRecord(pid=pid, started_at=psutil.Process(pid).create_time())


def is_alive(record: ServerRecord | None) -> bool:
    """Tell whether this very process still runs."""
    return record is not None and _find(record) is not None


def _find(record: ServerRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.started_at) > CLOCK_TOLERANCE:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:  # it ended, and its parent, which may be us, did not look yet
            with suppress(ChildProcessError):
                os.waitpid(record.pid, os.WNOHANG)
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def listens(record: ServerRecord, port: int) -> bool:
    """Tell whether this process, and not another that was quicker, holds a port."""
    process = _find(record)
    try:
        connections = process.net_connections("tcp") if process else []
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def stop(records: Iterable[ServerRecord | None], seconds: float = STOP_SECONDS) -> bool:
    """End processes, gently and then not; return whether one of them ran."""
    running = [record for record in records if record and _find(record)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in filter(None, map(_find, running)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)  # psutil looks once more whether the id has a new owner
        deadline = time.monotonic() + seconds
        # not psutil.wait_procs: that waits for zombies, and in a container their new parent may never look at them
        while any(map(_find, running)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    return bool(running)
