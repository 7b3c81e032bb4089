"""Google's analyzer, compiled once on each machine: it is WebAssembly, which takes some 35 s of CPU to compile.

Faster compilers lose more than they save: the engine's Winch compiles in a fifth of the time, but the code takes three
times as long for the statements, and so does that of Cranelift without optimization.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import hashlib
import platform
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import wasmtime
import zetasql.types as z
from zetasql.core import wasm_client
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import AnalyzeResponse, ParseResponse

from pipeline.base.files import replace_file
from pipeline.operate.sql.cache import MONTH, VERSIONS
from pipeline.operate.sql.cost import node_of

COMPILED = f"{VERSIONS}-{sys.platform}-{platform.machine()}"
"""Start of the name of the compiled file; the rest is a digest of its content."""


@cache
def open_service(cache_dir: Path) -> Service:
    """Return the analyzer; its compiled form is kept in a folder for the next process."""
    return Service(cache_dir)


atexit.register(open_service.cache_clear)  # its objects are freed by functions that are gone when Python ends


class Service(ZetaSqlLocalService):  # type: ignore[misc] # no annotations in this package
    """The package's service, which also accepts tables and functions as stored messages."""

    def __init__(self, cache_dir: Path) -> None:
        self.wasm_client = _Client(cache_dir)

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
        return node_of(answer.resolved_statement)

    def syntax(self, request: z.ParseRequest) -> Any:
        """Return the syntax tree of a statement.

        Raises
        ------
        zetasql.core.exceptions.ServerError
            It does not parse.
        """
        answer = self.wasm_client.call_grpc_func("ZetaSqlLocalService_Parse", request.to_proto(), ParseResponse)
        return node_of(answer.parsed_statement)


class _CompiledOnce:
    """Replaces `wasmtime.Module` in the client, which compiles its file."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir

    def from_file(self, engine: wasmtime.Engine, path: Path) -> wasmtime.Module:
        """Return the module of a file; of two processes that need it at once, one compiles."""
        module = None
        try:
            self._cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            module = self._kept(engine)
            if module is None:
                with (self._cache_dir / ".lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    module = self._kept(engine)
                    if module is None:
                        module = _compile(engine, path)
                        self._keep(module)
        except OSError as error:
            sys.stderr.write(f"{self._cache_dir}: {error.strerror}: the compiled SQL analyzer is not kept\n")
        return module or _compile(engine, path)

    def _kept(self, engine: wasmtime.Engine) -> wasmtime.Module | None:
        """Return the module that was compiled before; a damaged file or one of another processor is removed."""
        for compiled in self._cache_dir.glob(f"{COMPILED}-*.cwasm"):
            if compiled == self._path(compiled.read_bytes()):
                with suppress(wasmtime.WasmtimeError):
                    return wasmtime.Module.deserialize_file(engine, str(compiled))
            compiled.unlink(missing_ok=True)
        return None

    def _keep(self, module: wasmtime.Module) -> None:
        content = module.serialize()
        replace_file(self._path(content), content)
        for other in self._cache_dir.glob("*.cwasm"):
            if time.time() - other.stat().st_mtime > MONTH:
                other.unlink(missing_ok=True)

    def _path(self, content: bytes | bytearray) -> Path:
        return self._cache_dir / f"{COMPILED}-{hashlib.sha256(content).hexdigest()[:16]}.cwasm"


def _compile(engine: wasmtime.Engine, path: Path) -> wasmtime.Module:
    sys.stderr.write("Google's SQL analyzer is compiled, once on this machine: some 20 s on two cores\n")
    return wasmtime.Module.from_file(engine, path)


class _Client(wasm_client.WasmClient):  # type: ignore[misc] # no annotations in this package
    """The package's client, with a module that is compiled once, and memory that is copied as a block."""

    def __init__(self, cache_dir: Path) -> None:
        original = wasm_client.Module
        wasm_client.Module = _CompiledOnce(cache_dir)
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
