"""What is known of the emulators of a local directory: ports, addresses, and the state file."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.base.files import replace_file
from pipeline.errors import RequestError
from pipeline.project.target import LOCAL_PROJECT

HOST = "127.0.0.1"
BIGQUERY, BIGQUERY_STORAGE, STORAGE = 9050, 9060, 4443  # the default ports of the emulators' own documentation


def is_free(port: int) -> bool:
    """Return whether no process holds a port; 0 means any port and is always free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick_free() -> int:
    """Return a port that is free now; another process may take it before the caller does."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalEndpoints(_Frozen):
    """Addresses of the running emulators, and the project of everything local."""

    project: str
    bigquery: str  # REST, e.g. http://127.0.0.1:9050
    bigquery_storage: str  # gRPC of the Storage Read API, e.g. 127.0.0.1:9060
    storage: str  # e.g. http://127.0.0.1:4443


class LocalStatus(_Frozen):
    """Whether both emulators run, and their addresses if they do."""

    running: bool
    endpoints: LocalEndpoints | None = None


class ReadyFile(_Frozen):
    """Ports that the BigQuery emulator took, written by its process once it answers."""

    port: int
    grpc_port: int


class ServerRecord(_Frozen):
    """A started process; its start time tells it from a later process with the same id."""

    pid: int
    started_at: float
    port: int = 0  # 0: not known yet
    grpc_port: int = 0


NOWHERE = ServerRecord(pid=0, started_at=0.0)


class LocalState(_Frozen):
    """The processes that a local directory started, and its path: a copy of the directory started none."""

    folder: Path | None = None
    bigquery: ServerRecord | None = None
    storage: ServerRecord | None = None

    def record(self, server: str) -> ServerRecord | None:
        """Return the process of a server, `bigquery` or `storage`."""
        return {"bigquery": self.bigquery, "storage": self.storage}[server]

    def endpoints(self) -> LocalEndpoints:
        """Return the addresses at which the servers were started."""
        bigquery, storage = self.bigquery or NOWHERE, self.storage or NOWHERE
        return LocalEndpoints(
            project=LOCAL_PROJECT,
            bigquery=f"http://{HOST}:{bigquery.port}",
            bigquery_storage=f"{HOST}:{bigquery.grpc_port}",
            storage=f"http://{HOST}:{storage.port}",
        )


def read_state(path: Path) -> LocalState:
    """Return the content of a state file; a missing file, or one of another folder, is an empty state.

    Raises
    ------
    RequestError
        The file is damaged.
    """
    try:
        state = LocalState.model_validate_json(path.read_bytes())
        return state if state.folder == path.parent else LocalState()
    except FileNotFoundError:
        return LocalState()
    except ValidationError as error:
        raise RequestError(
            f"{path} cannot be read: it is not a state file of the local target",
            hint="end the emulators that still use this directory, if any, and delete the file",
        ) from error


def write_atomically(path: Path, content: BaseModel) -> None:
    """Replace a file as a whole, so that a reader sees either the old content or the new one."""
    replace_file(path, f"{content.model_dump_json()}\n".encode())
