"""Google's analyzer, compiled once on each machine: it is WebAssembly, which takes some 20 s of CPU to compile."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import wasmtime
import zetasql.types as z
from zetasql.core import wasm_client
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import parse_proto
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import AnalyzeResponse

from pipeline.base.atomic_file import replace_file

COMPILED = f"zetasql-{metadata.version('zetasql')}-wasmtime-{metadata.version('wasmtime')}.cwasm"


@cache
def open_service(cache_dir: Path) -> Service:
    """Return the analyzer; its compiled form is kept in a folder for the next process."""
    return Service(cache_dir / COMPILED)


class Service(ZetaSqlLocalService):  # type: ignore[misc] # no annotations in this package
    """The package's service, which also accepts tables and functions as stored messages."""

    def __init__(self, compiled: Path) -> None:
        self.wasm_client = _Client(compiled)

    def resolve(self, request: z.AnalyzeRequest, *, tables: Iterable[bytes], functions: Iterable[bytes]) -> Any:
        """Return a resolved statement.

        Parameters
        ----------
        tables, functions
            Messages that are added to the request's catalogue.

        Raises
        ------
        zetasql.core.exceptions.ServerError
            The analyzer refuses the statement.
        """
        message = request.to_proto()
        for table in tables:
            message.simple_catalog.table.add().ParseFromString(table)
        for function in functions:
            message.simple_catalog.custom_function.add().ParseFromString(function)
        answer = self.wasm_client.call_grpc_func("ZetaSqlLocalService_Analyze", message, AnalyzeResponse)
        return parse_proto(answer).as_type(z.AnalyzeResponse).resolved_statement


class _CompiledOnce:
    """Replaces `wasmtime.Module` in the client, which compiles its file."""

    def __init__(self, compiled: Path) -> None:
        self._compiled = compiled

    def from_file(self, engine: wasmtime.Engine, path: Path) -> wasmtime.Module:
        """Return the module of a file."""
        if self._compiled.is_file():
            try:
                return wasmtime.Module.deserialize_file(engine, str(self._compiled))
            except wasmtime.WasmtimeError:
                self._compiled.unlink(missing_ok=True)  # of another processor, or damaged: compile again
        module = wasmtime.Module.from_file(engine, path)
        self._compiled.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._compiled, module.serialize())
        return module


class _Client(wasm_client.WasmClient):  # type: ignore[misc] # no annotations in this package
    """The package's client, with a module that is compiled once, and memory that is copied as a block."""

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
