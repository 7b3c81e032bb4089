"""Google's analyzer, compiled once for a machine: it is WebAssembly, and compiling it takes some 20 seconds of CPU."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import wasmtime
from zetasql.core import wasm_client
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi import get_wasm_path

COMPILED = f"zetasql-{metadata.version('zetasql')}-wasmtime-{metadata.version('wasmtime')}.cwasm"


@cache
def open_service(cache_dir: Path) -> ZetaSqlLocalService:
    """Return the analyzer; its compiled form is kept in a folder and used by the next process."""
    service = ZetaSqlLocalService.__new__(ZetaSqlLocalService)
    service.wasm_client = _Client(cache_dir / COMPILED)
    return service


class _CompiledOnce:
    """Stands for `wasmtime.Module` where the client compiles its file."""

    def __init__(self, compiled: Path) -> None:
        self._compiled = compiled

    def from_file(self, engine: wasmtime.Engine, path: Path) -> wasmtime.Module:
        """Return the module of a file."""
        if self._compiled.is_file():
            try:
                return wasmtime.Module.deserialize_file(engine, str(self._compiled))
            except wasmtime.WasmtimeError:
                self._compiled.unlink(missing_ok=True)  # of another processor or cut short: made again
        module = wasmtime.Module.from_file(engine, path)
        self._compiled.parent.mkdir(parents=True, exist_ok=True)
        partial = self._compiled.with_suffix(f".{uuid4().hex}")
        partial.write_bytes(module.serialize())
        partial.replace(self._compiled)
        return module


class _Client(wasm_client.WasmClient):  # type: ignore[misc] # no annotations in this package
    """The package's client with a module that is compiled once, and memory that is copied at once."""

    def __init__(self, compiled: Path) -> None:
        original = wasm_client.Module
        wasm_client.Module = _CompiledOnce(compiled)
        try:
            super().__init__(str(get_wasm_path()))
        finally:
            wasm_client.Module = original

    def write_bytes(self, ptr: int, data: bytes) -> None:
        """Copy bytes into the module's memory."""
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        """Copy bytes out of the module's memory."""
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        memory: Any = self.memory
        return ctypes.addressof(memory.data_ptr().contents) + ptr
