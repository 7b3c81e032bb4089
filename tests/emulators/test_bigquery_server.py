"""Parts of the child process; the process itself is tested in test_lifecycle."""

from __future__ import annotations

import importlib.util
import sys

import duckdb
import duckdb_extension_spatial
import pytest

from pipeline.emulators.bigquery_server import WithoutPandas, link_spatial


def test_pandas_is_hidden_and_nothing_else(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [WithoutPandas(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    with pytest.raises(ModuleNotFoundError, match="pandas"):
        importlib.import_module("pandas")
    assert importlib.util.find_spec("pyarrow")


def test_extension_is_linked_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for _ in range(2):
        link_spatial(tmp_path)
    (link,) = tmp_path.rglob("spatial.duckdb_extension")
    assert link.is_symlink()
    with duckdb.connect() as connection:
        connection.execute("LOAD spatial")
        assert connection.sql("SELECT ST_AsText(ST_Point(1, 2))").fetchall() == [("POINT (1 2)",)]


def test_extension_of_another_version_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(duckdb_extension_spatial, "__path__", [str(tmp_path)])
    with pytest.raises(SystemExit, match="install the same version of both"):
        link_spatial(tmp_path)
