"""The analyzer is compiled once on each machine; a compiled file that cannot be used is made again."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import pytest
import wasmtime
from zetasql.core import wasm_client

from pipeline.operate.sql.cache import MONTH
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


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def from_file(folder, engine):
    return _CompiledOnce(folder).from_file(engine, "zetasql.wasm")


def test_the_file_name_has_versions_and_platform():
    versions = [f"{name}-{metadata.version(name)}" for name in ("zetasql", "wasmtime", "tzdata")]
    assert "-".join((*versions, sys.platform, platform.machine())) == COMPILED


def test_the_service_is_opened_once_for_a_folder():
    assert open_service(ANALYZER) is open_service(ANALYZER)
    assert list(ANALYZER.glob(f"{COMPILED}-*.cwasm"))


def test_the_client_of_the_package_is_restored():
    assert wasm_client.Module is wasmtime.Module


def test_the_next_process_uses_the_compiled_file(tmp_path, engine, compiling, capsys):
    folder = tmp_path / "new" / "folder"
    assert isinstance(from_file(folder, engine), wasmtime.Module)
    assert "is compiled, once on this machine" in capsys.readouterr().err
    assert [name.startswith(COMPILED) for name in names(folder)] == [False, True]
    assert isinstance(from_file(folder, wasmtime.Engine()), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x7fELF" + b"\x00" * 100, b"\x00asm\x01\x00\x00\x00"])
@pytest.mark.parametrize("with_digest", [True, False])
def test_a_damaged_file_is_compiled_again(tmp_path, engine, compiling, content, with_digest):
    named = hashlib.sha256(content if with_digest else b"").hexdigest()[:16]
    (tmp_path / f"{COMPILED}-{named}.cwasm").write_bytes(content)
    for _ in range(2):
        from_file(tmp_path, engine)
    assert compiling == ["zetasql.wasm"]
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1000], lambda content: content[:-9] + b"x" + content[-8:]]
)
def test_a_shortened_or_changed_file_is_compiled_again(tmp_path, engine, compiling, damage):
    from_file(tmp_path, engine)
    (path,) = tmp_path.glob("*.cwasm")
    path.write_bytes(damage(path.read_bytes()))
    from_file(tmp_path, engine)
    assert len(compiling) == 2


def test_a_file_of_other_settings_is_compiled_again(tmp_path, compiling):
    config = wasmtime.Config()
    config.consume_fuel = True
    from_file(tmp_path, wasmtime.Engine(config))
    from_file(tmp_path, wasmtime.Engine())
    assert len(compiling) == 2


def test_of_two_processes_at_once_one_compiles(tmp_path, engine, compiling):
    with (tmp_path / ".lock").open("w") as lock, ThreadPoolExecutor(2) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = [pool.submit(from_file, tmp_path, engine) for _ in range(2)]
        assert compiling == []
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert all(isinstance(future.result(timeout=60), wasmtime.Module) for future in waiting)
    assert len(compiling) == 1


def test_a_folder_that_cannot_be_used_costs_time(tmp_path, engine, compiling, capsys):
    path = tmp_path / "file"
    path.write_text("no folder")
    assert isinstance(from_file(path, engine), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]
    assert f"{path}: File exists: the compiled SQL analyzer is not kept\n" in capsys.readouterr().err


def test_a_full_disk_costs_no_second_compilation(tmp_path, engine, compiling, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.operate.sql.engine.replace_file", full)
    assert isinstance(from_file(tmp_path, engine), wasmtime.Module)
    assert compiling == ["zetasql.wasm"]
    assert capsys.readouterr().err.count("\n") == 2


def test_analyzers_of_other_versions_are_removed_after_a_month(tmp_path, engine, compiling):
    for name, age in (("old", 2 * MONTH), ("new", 0)):
        path = tmp_path / f"zetasql-{name}.cwasm"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    from_file(tmp_path, engine)
    assert "zetasql-new.cwasm" in names(tmp_path)
    assert "zetasql-old.cwasm" not in names(tmp_path)
