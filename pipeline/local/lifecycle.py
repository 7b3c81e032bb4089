"""Bring the local target up, end it, and tell whether it runs."""

from __future__ import annotations

from pathlib import Path

from pipeline.local.extra import require_local_extra
from pipeline.local.state import LocalEndpoints, LocalState, LocalStatus, read_state

__all__ = ["LocalEndpoints", "LocalStatus", "down", "status", "up"]


def up(local_dir: Path) -> LocalEndpoints:
    """Start the embedded emulators, unless they run, and return where they answer.

    Parameters
    ----------
    local_dir
        Directory of their tables, buckets, logs and state; made if missing.

    Raises
    ------
    RequestError
        The directory cannot be used, another process holds it, or the `local` extra is not installed.
    CloudError
        An emulator ends at its start, or does not answer in time.
    """
    require_local_extra()
    from pipeline.local.folder import LocalFolder
    from pipeline.local.servers import endpoints_of
    from pipeline.local.startup import Startup

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
    """End the emulators that this directory started, and no other process.

    Returns
    -------
    bool
        Whether one of them ran.
    """
    require_local_extra()
    from pipeline.local import processes
    from pipeline.local.folder import LocalFolder

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
    """Tell whether both emulators of a directory run and answer."""
    require_local_extra()
    from pipeline.local.folder import LocalFolder
    from pipeline.local.servers import endpoints_of

    folder = LocalFolder(local_dir.resolve())
    with folder.usable():
        endpoints = endpoints_of(folder, read_state(folder.state))
    return LocalStatus(running=endpoints is not None, endpoints=endpoints)
