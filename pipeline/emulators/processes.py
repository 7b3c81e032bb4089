"""The places in a local directory."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.emulators.state import ServerRecord
from pipeline.errors import RequestError

LOCK_SECONDS, LOCK_POLL_SECONDS = 60.0, 0.02


LEAST_ROOM = 16 * 1024**2


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


UNUSABLE = ("No space left on device", "Permission denied", "Read-only file system", "File too large", "Disk quota")


@dataclass(frozen=True)
class LocalFolder:
    """A local directory; nothing of the local target lies anywhere else."""

    path: Path

    @property
    def state(self) -> Path:
        """Which processes were started."""
        return self.path / "state.json"

    @property
    def ready(self) -> Path:
        """Which ports the BigQuery emulator took."""
        return self.path / "bigquery.ready.json"

    @property
    def tables(self) -> Path:
        """Tables of the BigQuery emulator."""
        return self.path / "bigquery"

    @property
    def buckets(self) -> Path:
        """Folders of buckets: where the storage emulator writes and the BigQuery emulator resolves `gs://`."""
        return self.path / "storage"

    @property
    def logs(self) -> Path:
        """What the emulators say."""
        return self.path / "logs"

    @property
    def home(self) -> Path:
        """HOME of the emulators."""
        return self.path / "home"

    @property
    def temporary(self) -> Path:
        """Temporary files of the emulators: on the same file system, so that an object is renamed into its place."""
        return self.path / "tmp"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.tables, self.buckets, self.logs, self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def check_room(self) -> None:
        """Refuse a full disk: the emulators would answer everything with errors that seem to pass."""
        if shutil.disk_usage(self.path).free < LEAST_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time start or end emulators here; the lock falls with the process that holds it."""
        with (self.path / "lock").open("w") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    what = f"another command has been starting or ending the emulators in {self.path} for too long"
                    raise RequestError(what, hint="see whether one hangs, and end it")
                time.sleep(LOCK_POLL_SECONDS)
            yield

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Report a directory that cannot be written to, or has no room left, in one line."""
        try:
            yield
        except OSError as error:
            what = f"cannot use {self.path} as local directory: {error.strerror or error}"
            room = "free some space or " if error.errno in NO_ROOM else ""
            raise RequestError(what, hint=f"{room}give another --local-dir") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
