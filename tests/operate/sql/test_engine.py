"""The analyzer is compiled once on each machine; a compiled file that cannot be used is made again."""

from __future__ import annotations

from importlib import metadata

import pytest
import wasmtime
from zetasql.core import wasm_client

from pipeline.operate.sql.engine import COMPILED, _CompiledOnce, open_service
from tests.operate.sql.conftest import ANALYZER

TINY = "(module)"


@pytest.fixture
def engine():
    return wasmtime.Engine()


@pytest.fixture
def compiling(monkeypatch):
    """Replaces the 20 seconds of compiling; the files that were compiled."""
    compiled = []

    def compile_tiny(engine, path):
        compiled.append(path)
        return wasmtime.Module(engine, TINY)

    monkeypatch.setattr(wasmtime.Module, "from_file", compile_tiny)
    return compiled


def test_the_file_name_has_the_versions():
    versions = [metadata.version(name) for name in ("zetasql", "wasmtime")]
    assert f"zetasql-{versions[0]}-wasmtime-{versions[1]}.cwasm" == COMPILED


def test_the_service_is_opened_once_for_a_folder():
    assert open_service(ANALYZER) is open_service(ANALYZER)
    assert (ANALYZER / COMPILED).is_file()


def test_the_client_of_the_package_is_restored():
    assert wasm_client.Module is wasmtime.Module


def test_the_next_process_uses_the_compiled_file(tmp_path, engine, compiling):
    path = tmp_path / "new" / "folder" / COMPILED
    assert isinstance(_CompiledOnce(path).from_file(engine, "zetasql.wasm"), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]
    assert [file.name for file in path.parent.iterdir()] == [COMPILED]
    assert isinstance(_CompiledOnce(path).from_file(wasmtime.Engine(), "zetasql.wasm"), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x7fELF" + b"\x00" * 100, b"\x00asm\x01\x00\x00\x00"])
def test_a_damaged_file_is_compiled_again(tmp_path, engine, compiling, content):
    path = tmp_path / COMPILED
    path.write_bytes(content)
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert compiling == ["zetasql.wasm"]
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert compiling == ["zetasql.wasm"]
    assert [file.name for file in tmp_path.iterdir()] == [COMPILED]


def test_a_shortened_file_is_compiled_again(tmp_path, engine, compiling):
    path = tmp_path / COMPILED
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    path.write_bytes(path.read_bytes()[:-1000])
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert len(compiling) == 2


def test_a_file_of_other_settings_is_compiled_again(tmp_path, compiling):
    path = tmp_path / COMPILED
    config = wasmtime.Config()
    config.consume_fuel = True
    _CompiledOnce(path).from_file(wasmtime.Engine(config), "zetasql.wasm")
    _CompiledOnce(path).from_file(wasmtime.Engine(), "zetasql.wasm")
    assert len(compiling) == 2
