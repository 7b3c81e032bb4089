"""The analyzer is compiled once for a machine, and a compiled file that is of no use is made again."""

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
    """Stands for the 20 seconds of compiling: which files were compiled."""
    compiled = []

    def compile_tiny(engine, path):
        compiled.append(path)
        return wasmtime.Module(engine, TINY)

    monkeypatch.setattr(wasmtime.Module, "from_file", compile_tiny)
    return compiled


def test_the_file_names_the_versions_that_it_is_of():
    versions = [metadata.version(name) for name in ("zetasql", "wasmtime")]
    assert f"zetasql-{versions[0]}-wasmtime-{versions[1]}.cwasm" == COMPILED


def test_the_service_is_opened_once_for_a_folder():
    assert open_service(ANALYZER) is open_service(ANALYZER)
    assert (ANALYZER / COMPILED).is_file()


def test_the_packages_own_client_is_as_it_was():
    assert wasm_client.Module is wasmtime.Module


def test_what_is_compiled_is_kept_and_used_by_the_next(tmp_path, engine, compiling):
    path = tmp_path / "new" / "folder" / COMPILED
    assert isinstance(_CompiledOnce(path).from_file(engine, "zetasql.wasm"), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]
    assert [each.name for each in path.parent.iterdir()] == [COMPILED]
    assert isinstance(_CompiledOnce(path).from_file(wasmtime.Engine(), "zetasql.wasm"), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x7fELF" + b"\x00" * 100, b"\x00asm\x01\x00\x00\x00"])
def test_a_file_of_no_use_is_made_again(tmp_path, engine, compiling, content):
    path = tmp_path / COMPILED
    path.write_bytes(content)
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert compiling == ["zetasql.wasm"]
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert compiling == ["zetasql.wasm"]
    assert [each.name for each in tmp_path.iterdir()] == [COMPILED]


def test_a_file_that_was_cut_short_is_made_again(tmp_path, engine, compiling):
    path = tmp_path / COMPILED
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    path.write_bytes(path.read_bytes()[:-1000])
    _CompiledOnce(path).from_file(engine, "zetasql.wasm")
    assert len(compiling) == 2


def test_a_file_of_other_settings_is_made_again(tmp_path, compiling):
    path = tmp_path / COMPILED
    config = wasmtime.Config()
    config.consume_fuel = True
    _CompiledOnce(path).from_file(wasmtime.Engine(config), "zetasql.wasm")
    _CompiledOnce(path).from_file(wasmtime.Engine(), "zetasql.wasm")
    assert len(compiling) == 2
