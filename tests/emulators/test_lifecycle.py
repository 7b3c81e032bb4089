"""The life of the emulators, with real processes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import psutil
import pytest

from pipeline.emulators import lifecycle, processes, startup, state
from pipeline.emulators import lifecycle as extra
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.servers import BigQueryServer, StorageServer
from pipeline.emulators.state import LocalState, ReadyFile, ServerRecord, read_state, write_atomically
from pipeline.errors import CloudError, RequestError

START_SECONDS = 10.0
UP = "import pathlib, sys; from pipeline.emulators import lifecycle; print(lifecycle.up(pathlib.Path(sys.argv[1])))"


@pytest.fixture
def local_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "local"
    if (tmp_path / "local" / "state.json").exists():
        lifecycle.down(tmp_path / "local")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of emulators that run before and after each test that asks for it."""
    local_dir = tmp_path_factory.mktemp("running") / "local"
    lifecycle.up(local_dir)
    yield local_dir
    lifecycle.down(local_dir)


def state_of(local_dir: Path) -> LocalState:
    return read_state(local_dir / "state.json")


def processes_of(local_dir: Path) -> list[psutil.Process]:
    """All processes that name the directory, whether our state knows them or not."""
    found = (process for process in psutil.process_iter(["cmdline", "status"]) if process.info["cmdline"])
    live = (process for process in found if process.info["status"] != psutil.STATUS_ZOMBIE)
    return [process for process in live if any(str(local_dir) in part for part in process.info["cmdline"])]


def run_up(local_dir: Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", UP, str(local_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def test_up_status_down(local_dir, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("BQEMU_PERSISTENCE_MODE", "ephemeral")  # a setting of another emulator
    bystander = subprocess.Popen(["sleep", "60"])
    assert lifecycle.status(local_dir) == lifecycle.LocalStatus(running=False)
    assert not local_dir.exists()

    started = time.monotonic()
    endpoints = lifecycle.up(local_dir)
    assert time.monotonic() - started < START_SECONDS
    pids = {process.pid for process in processes_of(local_dir)}
    assert lifecycle.up(local_dir) == endpoints
    assert {process.pid for process in processes_of(local_dir)} == pids
    assert len(pids) == 2
    assert lifecycle.status(local_dir) == lifecycle.LocalStatus(running=True, endpoints=endpoints)
    assert endpoints.project == "pipeline-local"
    assert (local_dir / "bigquery" / "bqemulator.duckdb").exists()

    assert lifecycle.down(local_dir) is True
    assert processes_of(local_dir) == []
    assert lifecycle.down(local_dir) is False
    assert lifecycle.status(local_dir) == lifecycle.LocalStatus(running=False)
    assert list(home.iterdir()) == []
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def described(blob):
    """What Cloud Storage says of an object."""
    return (blob.generation, blob.time_created, blob.crc32c, blob.content_type, blob.metadata, blob.md5_hash)


def test_killed_servers_keep_table_job_and_object(running, bigquery_at, storage_at):
    local_dir, endpoints = running, lifecycle.up(running)
    client, bucket = bigquery_at(endpoints), storage_at(endpoints).create_bucket("kept-objects")
    client.create_dataset("ml")
    job = client.query("CREATE TABLE ml.t AS SELECT 1 AS a", job_id="made-before", job_retry=None)
    job.result(timeout=10)
    failed = client.query("SELECT no_such_column", job_id="failed-before", job_retry=None)
    assert failed.exception(timeout=10)
    blob = bucket.blob("folder/object.jsonl")
    blob.metadata = {"rows": "1"}
    blob.upload_from_string('{"a": 1}\n', content_type="application/x-ndjson", timeout=10)
    before = described(blob)

    killed = state_of(local_dir)
    os.kill(killed.bigquery.pid, signal.SIGKILL)
    assert lifecycle.up(local_dir) == endpoints
    assert state_of(local_dir).storage == killed.storage
    assert [tuple(row) for row in client.list_rows("ml.t")] == [(1,)]
    assert client.get_job("made-before").state == "DONE"
    assert list(client.get_job("made-before").result(timeout=10)) == []
    assert client.get_job("failed-before").error_result == failed.error_result
    assert [job.error_result for job in client.list_jobs(timeout=10)] == [failed.error_result, None]

    os.kill(killed.storage.pid, signal.SIGKILL)
    assert lifecycle.up(local_dir) == endpoints
    blob = bucket.get_blob("folder/object.jsonl")
    assert described(blob) == before
    assert blob.download_as_bytes(timeout=10) == b'{"a": 1}\n'
    (generation, *_) = before
    blob.upload_from_string(b"new", timeout=10)
    assert blob.generation > generation


def test_concurrent_commands_start_one_set(local_dir):
    command = [
        sys.executable,
        "-c",
        f"import sys, pipeline.emulators.startup; sys.stdin.readline(); {UP}",
        str(local_dir),
    ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    commands = [subprocess.Popen(command, **pipes) for _ in range(3)]
    time.sleep(1)  # until all have imported what they need and wait
    for waiting in commands:
        waiting.stdin.write("go\n")
        waiting.stdin.flush()
    answers = [waiting.communicate(timeout=30) for waiting in commands]
    assert [waiting.returncode for waiting in commands] == [0, 0, 0], answers
    assert len(set(answers)) == 1
    assert len(processes_of(local_dir)) == 2


def test_default_ports_are_used_when_free(local_dir, monkeypatch):
    free = state.pick_free()
    monkeypatch.setattr(state, "BIGQUERY", free)
    with socket.create_server((state.HOST, 0)) as one, socket.create_server((state.HOST, 0)) as two:
        taken = [one.getsockname()[1], two.getsockname()[1]]
        monkeypatch.setattr(state, "BIGQUERY_STORAGE", taken[0])
        monkeypatch.setattr(state, "STORAGE", taken[1])
        endpoints = lifecycle.up(local_dir)
    assert endpoints.bigquery == f"http://127.0.0.1:{free}"
    assert not {endpoints.bigquery_storage.split(":")[1], endpoints.storage.split(":")[-1]} & {
        str(port) for port in taken
    }


class Quicker(BaseHTTPRequestHandler):
    """A stranger that has the port and would answer well."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Keep the terminal clean."""


def test_port_that_another_process_took_is_given_up(local_dir, monkeypatch):
    with HTTPServer((state.HOST, 0), Quicker) as quicker:
        threading.Thread(target=quicker.serve_forever, daemon=True).start()
        monkeypatch.setattr(state, "STORAGE", quicker.server_address[1])
        monkeypatch.setattr(state, "is_free", lambda _: True)
        assert not lifecycle.up(local_dir).storage.endswith(f":{state.STORAGE}")
        quicker.shutdown()


def test_busy_emulator_is_not_restarted(running):
    local_dir, endpoints = running, lifecycle.up(running)
    record = state_of(local_dir).bigquery
    os.kill(record.pid, signal.SIGSTOP)
    threading.Timer(2.5, os.kill, (record.pid, signal.SIGCONT)).start()
    assert lifecycle.up(local_dir) == endpoints
    assert state_of(local_dir).bigquery == record


def test_emulator_that_hangs_is_named_with_its_process(running, monkeypatch):
    local_dir = running
    record = state_of(local_dir).bigquery
    monkeypatch.setattr("pipeline.emulators.servers.BUSY_SECONDS", 0.5)
    os.kill(record.pid, signal.SIGSTOP)
    try:
        with pytest.raises(CloudError, match=rf"\(process {record.pid}\) has not answered for 0 s - end it"):
            lifecycle.up(local_dir)
    finally:
        os.kill(record.pid, signal.SIGCONT)


def test_copied_directory_leaves_the_original_servers_alone(running, tmp_path):
    local_dir, endpoints = running, lifecycle.up(running)
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(local_dir / "state.json", copy)
    assert not lifecycle.status(copy).running
    assert not lifecycle.down(copy)
    assert lifecycle.status(local_dir).endpoints == endpoints


def test_full_disk_is_said_at_once(local_dir, monkeypatch):
    monkeypatch.setattr("pipeline.emulators.processes.LEAST_ROOM", 2**62)
    with pytest.raises(RequestError, match=r"No space left on device - free some space or give another --local-dir"):
        lifecycle.up(local_dir)


def test_emulator_left_behind_while_starting_is_adopted(local_dir):
    folder = LocalFolder(local_dir)
    folder.make()
    record = BigQueryServer(folder).start(None, anywhere=False)
    write_atomically(folder.state, LocalState(folder=folder.path, bigquery=record))
    lifecycle.up(local_dir)
    assert state_of(local_dir).bigquery.pid == record.pid


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_process_that_refuses_requests_is_replaced(local_dir, stranger):
    folder = LocalFolder(local_dir)
    folder.make()
    record = ServerRecord(pid=stranger.pid, started_at=psutil.Process(stranger.pid).create_time())
    write_atomically(folder.state, LocalState(folder=folder.path, bigquery=record))
    write_atomically(folder.ready, ReadyFile(port=state.pick_free(), grpc_port=state.pick_free()))
    lifecycle.up(local_dir)
    assert not processes.is_alive(record)
    assert state_of(local_dir).bigquery.pid != record.pid


@pytest.mark.long
def test_process_that_starts_for_too_long_is_replaced(local_dir, stranger, monkeypatch):
    folder = LocalFolder(local_dir)
    folder.make()
    record = ServerRecord(pid=stranger.pid, started_at=psutil.Process(stranger.pid).create_time())
    write_atomically(folder.state, LocalState(folder=folder.path, bigquery=record))
    now = time.time() + startup.START_SECONDS
    monkeypatch.setattr(startup.time, "time", lambda: now)
    lifecycle.up(local_dir)
    assert not processes.is_alive(record)


@pytest.mark.parametrize("make", ["file", "below a file", "proc"])
def test_unusable_directory_is_a_request_error(tmp_path, make):
    (tmp_path / "file").touch()
    path = {"file": tmp_path / "file", "below a file": tmp_path / "file" / "local", "proc": Path("/proc/local")}[make]
    with pytest.raises(RequestError, match=f"cannot use {path} as local directory: .* - give another --local-dir"):
        lifecycle.up(path)


@pytest.mark.parametrize(
    ("limit", "where"), [(0, "as local directory"), (4096, "the BigQuery emulator cannot work in")]
)
def test_full_directory_is_a_request_error(local_dir, limit, where):
    """A limit on the size of files is what a test can set without being root; a full disk is reported like it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # it writes files, too
    run = run_up(local_dir, env=env, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    last = run.stderr.splitlines()[-1]
    assert last.startswith("pipeline.errors.RequestError:")
    assert where in last
    assert "File too large" in last
    assert processes_of(local_dir) == []


def test_damaged_state_is_named_and_nothing_starts(local_dir):
    local_dir.mkdir()
    (local_dir / "state.json").write_text("{")
    for command in (lifecycle.up, lifecycle.down, lifecycle.status):
        with pytest.raises(RequestError, match=r"state\.json cannot be read"):
            command(local_dir)
    (local_dir / "state.json").unlink()
    assert processes_of(local_dir) == []


def test_missing_extra_is_named(local_dir, monkeypatch):
    monkeypatch.setattr(extra, "PACKAGES", ("bqemulator", "not_installed"))
    with pytest.raises(RequestError, match=r"the embedded emulators are not installed - install the `local` extra"):
        lifecycle.up(local_dir)


def test_emulator_that_dies_while_starting_is_quoted(local_dir):
    LocalFolder(local_dir).make()
    (local_dir / "bigquery" / "bqemulator.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(CloudError, match="not a valid DuckDB database file") as failure:
        lifecycle.up(local_dir)
    assert str(failure.value).endswith(f"see {local_dir}/logs/bigquery.log")
    assert processes_of(local_dir) == []


def test_tables_in_use_name_the_other_process(local_dir):
    LocalFolder(local_dir).make()
    in_use = f"the tables in {local_dir} are in use by process {os.getpid()}"
    with duckdb.connect(str(local_dir / "bigquery" / "bqemulator.duckdb")), pytest.raises(RequestError, match=in_use):
        lifecycle.up(local_dir)


def test_emulator_that_never_answers_is_ended(local_dir, monkeypatch):
    monkeypatch.setattr(startup, "START_SECONDS", 0.1)
    with pytest.raises(CloudError, match=r"the BigQuery emulator does not answer after 0 s - see .*bigquery\.log"):
        lifecycle.up(local_dir)
    assert processes_of(local_dir) == []


def test_interrupted_start_leaves_nothing_running(local_dir, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(StorageServer, "locate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.up(local_dir)
    assert processes_of(local_dir) == []


def test_log_of_the_last_run_is_kept(local_dir):
    folder = LocalFolder(local_dir)
    folder.make()
    log = folder.logs / "echo.log"
    for word in ("first", "second"):
        record = processes.start(["/bin/echo", word], folder, log)
        while processes.is_alive(record):
            time.sleep(0.01)
    assert (log.read_text(), log.with_suffix(".previous.log").read_text()) == ("second\n", "first\n")
