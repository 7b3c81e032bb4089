"""A proxy in front of the emulators that counts the calls of a run and makes faults happen."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import grpc

from pipeline.project.target import Endpoints
from tests.faults.faults import GRPC_KINDS, Fault, Plan, kind_of

HANG_SECONDS, DELAY_SECONDS, UPSTREAM_SECONDS, POLL_SECONDS = 30.0, 0.3, 60.0, 0.01
GRPC_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""Codes of statuses over gRPC; all others are UNAVAILABLE."""

READ_SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "accept-encoding"}


class Proxy:
    """Proxy between a run and the emulators.

    Parameters
    ----------
    endpoints
        Addresses of the emulators.
    plan
        Faults by call.
    victim
        Returns the id of the process that `kill` and `term` end.
    """

    def __init__(self, endpoints: Endpoints, plan: Plan, victim: Callable[[], int]) -> None:
        self.plan, self._victim, self._lock = plan, victim, threading.Lock()
        self._servers = [_http_server(self, url) for url in (endpoints.bigquery, endpoints.storage)]
        self._grpc, grpc_port = _grpc_server(self, endpoints.bigquery_storage)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        self._grpc.start()
        bigquery, storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        self.endpoints = Endpoints(bigquery=bigquery, storage=storage, bigquery_storage=f"127.0.0.1:{grpc_port}")

    def close(self) -> None:
        """Stop the servers of the proxy."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._grpc.stop(None)

    def next_fault(self, kind: str) -> Fault | None:
        """Count a call and return its fault, or None."""
        with self._lock:
            return self.plan.next_fault(kind)

    def end_victim(self, fault: Fault) -> None:
        """End the caller before it gets the reply."""
        os.kill(self._victim(), signal.SIGKILL if fault.action == "kill" else signal.SIGTERM)
        time.sleep(HANG_SECONDS if fault.action == "kill" else DELAY_SECONDS)


class Reply:
    """Reply of an emulator."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


def _http_server(proxy: Proxy, upstream: str) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"place": proxy, "upstream": urlsplit(upstream).netloc})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    place: Proxy
    upstream: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are separate writes

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def handle_one_request(self) -> None:
        """Answer a request; a closed connection is no error."""
        try:
            super().handle_one_request()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.place.next_fault(kind_of(self.command, self.path))
        if fault is None or fault.action == "delay":
            time.sleep(DELAY_SECONDS if fault else 0)
            self._send(self._forward(body))
            return
        reply = self._forward(flipped(body) if fault.action == "flip_request" else body) if fault.carried_out else None
        self._strike(fault, body, reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that the library calls

    def _strike(self, fault: Fault, body: bytes, reply: Reply | None) -> None:
        if fault.action in ("kill", "term"):
            self.place.end_victim(fault)
        elif fault.action == "hang":
            time.sleep(HANG_SECONDS)
        elif fault.action == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault.action != "drop":
            self._send(*_answer_of(fault, body, reply))
        if fault.action in ("kill", "term", "hang", "reset", "drop", "truncate"):
            self._close()

    def _forward(self, body: bytes) -> Reply:
        connection = HTTPConnection(self.upstream, timeout=UPSTREAM_SECONDS)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(self.command, self.path, body or None, headers | {"Content-Length": str(len(body))})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Reply(answer.status, answer.getheaders(), content)

    def _send(self, reply: Reply, keep: int | None = None) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[:keep])

    def _close(self) -> None:
        self.close_connection = True
        self.connection.close()


def _answer_of(fault: Fault, body: bytes, reply: Reply | None) -> tuple[Reply, int | None]:
    """Return the reply to send and the number of its bytes to send, None for all."""
    if fault.action == "status":
        return error_reply(fault), None
    if fault.action == "backend_error":
        return failed_job(fault, body, reply), None
    assert reply
    if fault.action == "truncate":
        return reply, len(reply.body) // 2
    if fault.action == "flip_reply":
        return Reply(reply.status, reply.headers, flipped(reply.body)), None
    assert fault.action == "flip_request"
    return reply, None


def flipped(body: bytes) -> bytes:
    """Return bytes with one bit in the middle flipped."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body


def error_reply(fault: Fault) -> Reply:
    """Return an error as Google's services send it, or as a load balancer in front of them does."""
    if not fault.reason:
        return Reply(fault.status, [("Content-Type", "text/html")], b"<html>error</html>")
    error = {"reason": fault.reason, "message": fault.message, "domain": "global"}
    content = {"error": {"code": fault.status, "message": error["message"], "errors": [error]}}
    return Reply(fault.status, [("Content-Type", "application/json")], json.dumps(content).encode())


def failed_job(fault: Fault, body: bytes, reply: Reply | None) -> Reply:
    """Return a reply in which the submitted job has failed with a transient error."""
    job = json.loads(reply.body if reply else body)
    error = {"reason": fault.reason or "backendError", "message": fault.message, "location": "US"}
    job["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}
    return Reply(200, [("Content-Type", "application/json")], json.dumps(job).encode())


def _grpc_server(proxy: Proxy, upstream: str) -> tuple[grpc.Server, int]:
    channel = grpc.insecure_channel(upstream, options=[("grpc.max_receive_message_length", -1)])

    def read_rows(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        messages = list(channel.unary_stream(f"/{READ_SERVICE}/ReadRows")(request, timeout=UPSTREAM_SECONDS))
        fault = _grpc_fault(proxy, "ReadRows", context)
        if fault and fault.action == "truncate":
            yield from messages[:-1]
            context.abort(grpc.StatusCode.UNAVAILABLE, "a fault of the tests")
        yield from messages

    def create_session(request: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-goog")]
        call = channel.unary_unary(f"/{READ_SERVICE}/CreateReadSession")
        answer: bytes = call(request, timeout=UPSTREAM_SECONDS, metadata=metadata)
        _grpc_fault(proxy, "CreateReadSession", context)
        return answer

    handlers = {
        "ReadRows": grpc.unary_stream_rpc_method_handler(read_rows),
        "CreateReadSession": grpc.unary_unary_rpc_method_handler(create_session),
    }
    assert set(handlers) == set(GRPC_KINDS)
    options = [("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(READ_SERVICE, handlers)])
    return server, server.add_insecure_port("127.0.0.1:0")


def _grpc_fault(proxy: Proxy, kind: str, context: grpc.ServicerContext) -> Fault | None:
    """Make a fault happen to a call that only reads, so before and after the call are equal for the server."""
    fault = proxy.next_fault(kind)
    match fault.action if fault else "":
        case "kill" | "term":
            assert fault
            proxy.end_victim(fault)
        case "delay":
            time.sleep(DELAY_SECONDS)
        case "hang":
            time.sleep(HANG_SECONDS)
        case "drop" | "status":
            assert fault
            context.abort(GRPC_CODES.get(fault.status, grpc.StatusCode.UNAVAILABLE), fault.message)
    return fault
