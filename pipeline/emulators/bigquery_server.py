"""The process of the BigQuery emulator: `python -m pipeline.emulators.bigquery_server`.

`servers` starts it. It writes its ports to a file once it answers, and ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pipeline.emulators.state import ReadyFile, is_free, write_atomically

if TYPE_CHECKING:
    from bqemulator.config import Settings
    from bqemulator.server import EmulatorServer


class WithoutPandas(MetaPathFinder):
    """Hides pandas, which the emulator does not need: libraries import it if they find it, which takes a second."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return None, which leaves a module to other finders.

        Raises
        ------
        ModuleNotFoundError
            The module is pandas.
        """
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
        return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", required=True)
    parser.add_argument("--port", type=int, required=True, help="taken if free; 0 takes any")
    parser.add_argument("--grpc-port", type=int, required=True)
    for name in ("data", "buckets", "ready-file"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args(arguments)
    os.chdir(Path.home())  # independent of the folder of the command
    sys.meta_path.insert(0, WithoutPandas())
    link_spatial(Path.home())
    asyncio.run(_serve(options))


def link_spatial(home: Path) -> None:
    """Link DuckDB's spatial extension from its package into a HOME, where the emulator would download it; it has 80 MB.

    Raises
    ------
    SystemExit
        The package has no file for the installed DuckDB.
    """
    import duckdb
    import duckdb_extension_spatial

    with duckdb.connect() as connection:
        (version, *_) = connection.sql("PRAGMA version").fetchall()[0]
        (platform,) = connection.sql("PRAGMA platform").fetchall()[0]
    package = Path(duckdb_extension_spatial.__path__[0])
    source = package / "extensions" / version / "spatial.duckdb_extension"
    if not source.is_file():
        raise SystemExit(f"duckdb-extension-spatial has no file for DuckDB {version}: install the same version of both")
    link = home / ".duckdb" / "extensions" / version / platform / source.name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(source)


def collect_rarely() -> None:
    """Make Python's garbage collection rarer.

    Each statement makes trees of many objects, and each makes Python scan all existing objects several times: that took
    half of the time of a long statement. Objects that exist now are never scanned again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _serve(options: argparse.Namespace) -> None:
    from bqemulator.config import LogFormat, LogLevel
    from bqemulator.observability.logging_ import configure_logging

    configure_logging(level=LogLevel.WARNING, fmt=LogFormat.JSON)  # before its modules log that they are imported
    from pipeline.emulators.emulator import assemble

    server = assemble(settings_of(options))
    collect_rarely()
    await answer(server, options.ready_file)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the emulator's settings, with free ports in place of those that are taken."""
    from bqemulator.config import LogLevel, PersistenceMode, Settings

    return Settings(
        rest_port=options.port if is_free(options.port) else 0,
        grpc_port=options.grpc_port if is_free(options.grpc_port) else 0,
        default_project_id=options.project,
        persistence_mode=PersistenceMode.PERSISTENT,
        data_dir=options.data,
        gcs_local_root=options.buckets,
        enable_format_extensions=False,
        metrics_enabled=False,
        log_level=LogLevel.WARNING,
    )


async def answer(server: EmulatorServer, ready_file: Path) -> None:
    """Answer requests until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.start()
    write_atomically(ready_file, ReadyFile(port=server.rest_port, grpc_port=server.grpc_port))
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    main()
