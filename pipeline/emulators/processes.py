"""The files of a local directory, and the emulators' processes that it started."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pipeline.emulators.state import ServerRecord
from pipeline.errors import RequestError

LOCK_SECONDS, LOCK_POLL_SECONDS = 60.0, 0.02
STOP_SECONDS, POLL_SECONDS = 10.0, 0.01

CLOCK_TOLERANCE = 2.0
"""Seconds: the system's clock may be set between two reads of a start time."""

LEAST_ROOM = 16 * 1024**2
"""Free bytes of the disk that the emulators need to start."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNUSABLE = ("No space left on device", "Permission denied", "Read-only file system", "File too large", "Disk quota")

INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
MEASURING = "COVERAGE_"  # coverage sets it for the processes that a test starts


class LocalFolder:
    """A local directory, which holds everything of the local target.

    Parameters
    ----------
    path
        The directory, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state.json"  # the processes that were started
        self.ready = path / "bigquery.ready.json"  # the ports that the BigQuery emulator took
        self.tables = path / "bigquery"
        self.buckets = path / "storage"  # the BigQuery emulator reads `gs://` from here
        self.logs = path / "logs"
        self.home = path / "home"  # HOME of the emulators
        self.temporary = path / "tmp"  # on the file system of `buckets`, so that an object can be renamed into it

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.tables, self.buckets, self.logs, self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def check_room(self) -> None:
        """Check that the disk has room: with a full disk the emulators answer with errors that look transient.

        Raises
        ------
        OSError
            Less than `LEAST_ROOM` bytes are free.
        """
        if shutil.disk_usage(self.path).free < LEAST_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that lets one process at a time start or stop emulators here; it ends with its process.

        Raises
        ------
        RequestError
            Another process holds it for more than `LOCK_SECONDS`.
        """
        with (self.path / "lock").open("w") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    message = f"another command has been starting or stopping the emulators in {self.path} for too long"
                    raise RequestError(message, hint="check whether a command hangs, and end it")
                time.sleep(LOCK_POLL_SECONDS)
            yield

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Turn errors of the file system into one line.

        Raises
        ------
        RequestError
            The directory cannot be written, or the disk is full.
        """
        try:
            yield
        except OSError as error:
            message = f"cannot use {self.path} as local directory: {error.strerror or error}"
            room = "free some space or " if error.errno in NO_ROOM else ""
            raise RequestError(message, hint=f"{room}give another --local-dir") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def environment(folder: LocalFolder) -> dict[str, str]:
    """Return a child's environment: its own HOME, and no proxies and no settings of the user or of other emulators."""
    inherited = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(MEASURING)}
    own = {"HOME": str(folder.home), "TMPDIR": str(folder.temporary), "TZ": "UTC"}
    return {**inherited, **own, "PYTHONPATH": str(Path(__file__).parents[2])}


def start(command: list[str], folder: LocalFolder, log: Path) -> ServerRecord:
    """Start a process in its own session; the log of the previous one is kept as `*.previous.log`."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # not subprocess.Popen: it warns when it is deleted while its process runs, and ours outlives the command
    pid = os.posix_spawn(command[0], command, environment(folder), file_actions=streams, setsid=True)
    return ServerRecord(pid=pid, started_at=psutil.Process(pid).create_time())


def is_alive(record: ServerRecord | None) -> bool:
    """Return whether this process still runs, and not a later one with its id."""
    return record is not None and _find(record) is not None


def _find(record: ServerRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        if abs(process.create_time() - record.started_at) > CLOCK_TOLERANCE:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:  # it ended, and its parent, maybe this process, has not waited
            with suppress(ChildProcessError):
                os.waitpid(record.pid, os.WNOHANG)
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def listens(record: ServerRecord, port: int) -> bool:
    """Return whether this process, and not a faster one, holds a port."""
    process = _find(record)
    try:
        connections = process.net_connections("tcp") if process else []
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def stop(records: Iterable[ServerRecord | None], seconds: float = STOP_SECONDS) -> bool:
    """End processes, by SIGTERM and then by SIGKILL, and return whether one of them ran.

    Parameters
    ----------
    seconds
        Time to wait after each signal.
    """
    running = [record for record in records if record and _find(record)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in filter(None, map(_find, running)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)  # psutil checks again whether the id has a new owner
        deadline = time.monotonic() + seconds
        # not psutil.wait_procs: it waits for zombies, and in a container their new parent may never reap them
        while any(map(_find, running)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    return bool(running)
