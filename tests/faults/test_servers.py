from __future__ import annotations

import sys

import pytest

from tests.faults.servers import copy_state


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_copied_state_has_objects_and_tables_only(tmp_path, monkeypatch, platform):
    saved, path = tmp_path / "saved", tmp_path / "live"
    for name in (
        "storage/bucket/object",
        "bigquery/tables.duckdb",
        "logs/storage.log",
        "home/x",
        "tmp/x",
        "a.ready.json",
    ):
        (saved / name).parent.mkdir(parents=True, exist_ok=True)
        (saved / name).write_text(name)
    (path / "older").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        copy_state(saved, path)
    files = {file.relative_to(path).as_posix(): file.read_text() for file in path.rglob("*") if file.is_file()}
    assert files == {name: name for name in ("storage/bucket/object", "bigquery/tables.duckdb")}
    assert not any((path / name).exists() for name in ("logs", "home", "tmp", "older"))
