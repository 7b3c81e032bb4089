from __future__ import annotations

import pytest

from pipeline.emulators.state import LocalEndpoints, LocalState, ServerRecord, read_state, write_atomically
from pipeline.errors import RequestError

STATE = LocalState(
    bigquery=ServerRecord(pid=1, started_at=2.5, port=9050, grpc_port=9060),
    storage=ServerRecord(pid=3, started_at=4.5, port=4443),
)


def test_state_is_read_as_it_was_written(tmp_path):
    state = STATE.model_copy(update={"folder": tmp_path})
    write_atomically(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_missing_state_is_empty(tmp_path):
    assert read_state(tmp_path / "state.json") == LocalState()


def test_failed_write_keeps_the_old_state(tmp_path, monkeypatch):
    state = STATE.model_copy(update={"folder": tmp_path})
    write_atomically(tmp_path / "state.json", state)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_atomically(tmp_path / "state.json", LocalState())
    assert read_state(tmp_path / "state.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"bigquery": {"pid": "x"}}', '{"other": 1}', "\0\0"])
def test_damaged_state_is_refused(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(RequestError, match=r"state\.json cannot be read"):
        read_state(tmp_path / "state.json")


def test_endpoints_name_scheme_and_port():
    assert STATE.endpoints() == LocalEndpoints(
        project="pipeline-local",
        bigquery="http://127.0.0.1:9050",
        bigquery_storage="127.0.0.1:9060",
        storage="http://127.0.0.1:4443",
    )
