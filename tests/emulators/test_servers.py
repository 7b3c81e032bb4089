from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline.emulators import servers, state
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.servers import Answer, BigQueryServer, StorageServer
from pipeline.emulators.state import ServerRecord

RECORD = ServerRecord(pid=1, started_at=0.0)


class Broken(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)

    def log_message(self, *_):
        """Keep the terminal clean."""


def test_server_that_answers_500_does_not_answer(tmp_path):
    with HTTPServer((state.HOST, 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        record = RECORD.model_copy(update={"port": server.server_address[1]})
        assert BigQueryServer(LocalFolder(tmp_path)).probe(record) is Answer.NONE
        server.shutdown()


def test_slow_server_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "PROBE_SECONDS", 0.05)
    with socket.create_server((state.HOST, 0)) as silent:
        record = RECORD.model_copy(update={"port": silent.getsockname()[1]})
        assert StorageServer(LocalFolder(tmp_path)).probe(record) is Answer.BUSY


def test_port_without_a_server_does_not_answer(tmp_path):
    record = RECORD.model_copy(update={"port": state.pick_free()})
    assert StorageServer(LocalFolder(tmp_path)).probe(record) is Answer.NONE


@pytest.mark.parametrize("content", [None, "", "{"])
def test_ports_are_unknown_until_the_process_wrote_them(tmp_path, content):
    folder = LocalFolder(tmp_path)
    if content is not None:
        folder.ready.write_text(content)
    assert BigQueryServer(folder).locate(RECORD) is None
    folder.ready.write_text('{"port": 5, "grpc_port": 6}')
    assert BigQueryServer(folder).locate(RECORD) == RECORD.model_copy(update={"port": 5, "grpc_port": 6})
