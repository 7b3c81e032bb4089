"""The places in a local directory."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RequestError

LOCK_SECONDS, POLL_SECONDS = 60.0, 0.02
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
                time.sleep(POLL_SECONDS)
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
