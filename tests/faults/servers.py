"""Emulators on copies of a saved state, a new pair for each point."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.emulators import processes
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.servers import Answer, BigQueryServer, Server, StorageServer
from pipeline.emulators.state import ServerRecord
from pipeline.project.target import Endpoints, Target, local_target

START_SECONDS = 30.0


class Servers:
    """Starts emulators on folders; the BigQuery emulator is forked from a process that has imported it.

    Parameters
    ----------
    parsed
        File of the texts that this process parses at its start; the first emulator writes it.
    """

    def __init__(self, parsed: Path) -> None:
        self._parsed = parsed
        self._zygote: subprocess.Popen[str] | None = None

    def restart_zygote(self) -> None:
        """Restart the process, so that it knows every text that an emulator has parsed."""
        self.close()
        command = [sys.executable, "-m", "tests.faults.zygote", str(self._parsed)]
        self._zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self) -> None:
        """End the process that forks."""
        if self._zygote:
            assert self._zygote.stdin
            assert self._zygote.stdout
            self._zygote.stdin.close()
            self._zygote.wait(timeout=60)  # it may be writing down what it parsed
            self._zygote.stdout.close()
            self._zygote = None

    @contextmanager
    def at(self, path: Path, *, keep: bool = False) -> Iterator[Target]:
        """Serve the state of a folder until the block ends; without `keep`, the emulators need not write it."""
        folder = LocalFolder(path)
        folder.make()
        storage, bigquery = StorageServer(folder), BigQueryServer(folder)
        records = [storage.start(None, anywhere=True), self._fork(folder)]
        try:
            located = [_wait(server, record) for server, record in zip((storage, bigquery), records, strict=True)]
            yield local_target(_endpoints(*located))
        finally:
            processes.stop(records, seconds=processes.STOP_SECONDS if keep else 0)
            while any(map(processes.is_alive, records)):
                time.sleep(0.005)

    def _fork(self, folder: LocalFolder) -> ServerRecord:
        folder.ready.unlink(missing_ok=True)
        asked = {
            "data": folder.tables,
            "buckets": folder.buckets,
            "ready_file": folder.ready,
            "home": folder.home,
            "log": folder.logs / "bigquery.log",
        }
        if self._zygote is None:
            self.restart_zygote()
        assert self._zygote
        assert self._zygote.stdin
        assert self._zygote.stdout
        print(json.dumps({name: str(place) for name, place in asked.items()}), file=self._zygote.stdin, flush=True)
        pid = int(self._zygote.stdout.readline())
        return ServerRecord(pid=pid, started_at=psutil.Process(pid).create_time())


def copy_state(saved: Path, path: Path) -> None:
    """Copy a saved state to a folder that emulators may change, with extended attributes: metadata of objects."""
    shutil.rmtree(path, ignore_errors=True)
    left_out = ("logs", "*.ready.json", "home", "tmp")
    if sys.platform != "darwin":
        shutil.copytree(saved, path, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
        return
    subprocess.run(["/bin/cp", "-Rp", saved, path], check=True)  # Python copies no attributes on macOS
    for copied in [copied for pattern in left_out for copied in path.glob(pattern)]:
        shutil.rmtree(copied) if copied.is_dir() else copied.unlink()


def _wait(server: Server, record: ServerRecord) -> ServerRecord:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        located = server.locate(record)
        if located and server.probe(located) is Answer.READY:
            return located
        if not processes.is_alive(record):
            raise RuntimeError(f"{server.title} ended: {server.log.read_text()[-2000:]}")
        time.sleep(0.01)
    raise RuntimeError(f"{server.title} does not answer")


def _endpoints(storage: ServerRecord, bigquery: ServerRecord) -> Endpoints:
    return Endpoints(
        bigquery=f"http://127.0.0.1:{bigquery.port}",
        bigquery_storage=f"127.0.0.1:{bigquery.grpc_port}",
        storage=f"http://127.0.0.1:{storage.port}",
    )
