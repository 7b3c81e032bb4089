"""A proxy in the environment: calls to the emulators of this machine go past it."""

from __future__ import annotations

import pytest

from pipeline.cli.app import run
from pipeline.project.target import local_target
from pipeline.rows.schema import Schema
from tests.support.integration_fixtures import reader

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def proxy(monkeypatch):
    """A proxy that does not answer, for every address: nothing says that loopback goes past it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, NOWHERE)
        monkeypatch.setenv(name.upper(), NOWHERE)
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.0)


def test_every_client_goes_past_a_proxy(endpoints, connect, tmp_path):
    session = connect(local_target(endpoints))
    session.warehouse.tables.create_datasets()
    session.store.create_bucket()
    (tmp_path / "rows.csv").write_text("x\n1\n")
    address = session.store.uri("proxies", "rows.csv")
    session.store.put_file(tmp_path / "rows.csv", address)
    assert session.store.read_bytes(address) == b"x\n1\n"
    table = session.target.table("behind_a_proxy")
    reader(session)(f"CREATE OR REPLACE TABLE `{table}` AS SELECT 1 AS x")
    frame = session.warehouse.read_frame(table, Schema.parse({"x": "INT64"}), order_by=["x"])
    assert frame["x"].tolist() == [1]


def test_emulators_are_found_past_a_proxy(emulators_dir, capsys):
    assert run(["local", "status", "--local-dir", str(emulators_dir)]) == 0
    assert "local target is up" in capsys.readouterr().out
